package report

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"strings"

	"go.temporal.io/sdk/client"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/internal/runs"
	"github.com/dpaflow/dpaflow/workflows"
)

// State is how a run stands by its own word: as the answer to the query "status" or to an update, as its
// result, or as the details of its failure. All but Raw are nil but one, which the JSON's form decides.
type State struct {
	Raw     json.RawMessage
	Runbook *workflows.RunbookResult // a runbook, under way or ended
	Step    *workflows.StepResult    // a step of a runbook
	Run     *workflows.Status        // a plan or a model, mostly under way
	Ended   *RunResult               // a plan or a model that has ended with outputs
	Scene   *SceneState              // a timed scene, under way or ended
}

// RunResult is the result of a plan or of a model.
type RunResult struct {
	workflows.PlanResult
	ModelID string                  `json:"modelId"`
	Nodes   []activities.NodeOutput `json:"nodes"`
}

func (s *State) UnmarshalJSON(data []byte) error {
	*s = State{Raw: bytes.Clone(data)}
	var form struct {
		ID         *string         `json:"id"`
		Steps      json.RawMessage `json:"steps"`
		Phase      string          `json:"phase"`
		InstanceID string          `json:"instanceId"`
		SceneName  string          `json:"sceneName"`
	}
	if json.Unmarshal(data, &form) != nil {
		return nil // the details of InvalidInput, which its message has as well
	}
	switch {
	case form.SceneName != "":
		return json.Unmarshal(data, &s.Scene)
	case form.Steps != nil:
		return json.Unmarshal(data, &s.Runbook)
	case form.ID != nil:
		return json.Unmarshal(data, &s.Step)
	case form.Phase != "":
		return json.Unmarshal(data, &s.Run)
	case form.InstanceID != "":
		return json.Unmarshal(data, &s.Ended)
	}
	return nil
}

// MarshalJSON writes what the run answered, as it was.
func (s State) MarshalJSON() ([]byte, error) {
	if s.Raw == nil {
		return []byte("null"), nil
	}
	return s.Raw, nil
}

// Known reports whether anything is.
func (s State) Known() bool {
	return s.Runbook != nil || s.Step != nil || s.Run != nil || s.Ended != nil || s.Scene != nil
}

// Fill writes the rows into a table.
func (s State) Fill(t table.Writer) { FillRows(t, s.Rows()) }

// Rows are what a state says of a plan, a model, a scene or a step, each with its name; of runbooks there are none.
func (s State) Rows() [][2]string {
	switch {
	case s.Run != nil:
		return statusRows(*s.Run)
	case s.Step != nil:
		return [][2]string{
			{"Step", Step{StepResult: *s.Step}.Label()}, {"Status", s.Step.Status}, {"Reason", s.Step.Reason}, {"Plan", s.Step.PlanID},
			{"Model", s.Step.ModelID}, {"Instance", s.Step.InstanceID}, {"Answered by", Joined(", ", strings.Join(s.Step.Approvals, ", "), s.Step.AnsweredBy)},
			{"Started", At(s.Step.StartedAt)}, {"Finished", At(s.Step.FinishedAt)},
		}
	case s.Ended != nil:
		return s.Ended.rows()
	case s.Scene != nil:
		return s.Scene.rows()
	}
	return nil
}

func statusRows(s workflows.Status) [][2]string {
	return append([][2]string{
		{"Plan", s.PlanID}, {"Model", s.ModelID}, {"Phase", string(s.Phase)}, {"Instance", s.InstanceID}, {"Status", s.Status},
		{"Observed by", s.ObservedBy}, {"Reason", s.Reason}, {"The platform says", s.Hint}, {"Started", At(&s.StartedAt)},
		{"Triggered", At(s.TriggeredAt)}, {"Last news", At(s.LastNewsAt)}, {"Finished", At(s.FinishedAt)},
		{"Gives up", At(&s.Deadline)},
	}, record(s.Notes, s.Actions)...)
}

func record(notes []workflows.Note, actions []workflows.Action) (rows [][2]string) {
	for _, note := range notes {
		rows = append(rows, [2]string{"Note " + At(&note.At), note.Text})
	}
	for _, action := range actions {
		what := Joined(" ", action.Name, action.By, "("+cmp.Or(action.Subject, "name not checked")+")", action.Comment)
		rows = append(rows, [2]string{"Action " + At(&action.At), what})
	}
	return rows
}

func (r *RunResult) rows() [][2]string {
	rows := [][2]string{
		{"Plan", r.PlanID}, {"Model", r.ModelID}, {"Instance", r.InstanceID}, {"Status", r.Status + " (" + r.ObservedBy + ")"},
		{"Triggered", At(&r.TriggeredAt)}, {"Finished", At(&r.FinishedAt)},
	}
	for _, model := range r.Outputs {
		for _, node := range model.Nodes {
			rows = append(rows, [2]string{model.ModelName + " / " + node.Name, node.Result})
		}
	}
	for _, node := range r.Nodes {
		rows = append(rows, [2]string{node.Name, node.Result})
	}
	return rows
}

// Query asks a run where it stands; of its latest if runID is empty.
func Query(ctx context.Context, c client.Client, workflowID, runID string) (now State, err error) {
	err = runs.Query(ctx, c, workflowID, runID, &now)
	return now, err
}
