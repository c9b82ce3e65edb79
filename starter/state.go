package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/workflows"
)

// state is what a run tells of itself: as the answer to the query "status" or to an update, as its
// result, or as the details of its failure. All but raw are nil but one, which the JSON's form decides.
type state struct {
	raw   json.RawMessage
	book  *workflows.RunbookResult // a runbook, under way or ended
	step  *workflows.StepResult    // a step of a runbook
	run   *workflows.Status        // a plan or a model, mostly under way
	ended *runResult               // a plan or a model that has ended with outputs
	scene *sceneState              // a timed scene, under way or ended
}

// runResult is the result of a plan or of a model.
type runResult struct {
	workflows.PlanResult
	ModelID string                  `json:"modelId"`
	Nodes   []activities.NodeOutput `json:"nodes"`
}

func (s *state) UnmarshalJSON(data []byte) error {
	*s = state{raw: bytes.Clone(data)}
	var form struct {
		ID         *string         `json:"id"`
		Steps      json.RawMessage `json:"steps"`
		Phase      string          `json:"phase"`
		InstanceID string          `json:"instanceId"`
		SceneName  string          `json:"sceneName"`
	}
	if json.Unmarshal(data, &form) != nil {
		return nil // the details of InvalidInput, which its message tells as well
	}
	switch {
	case form.SceneName != "":
		return json.Unmarshal(data, &s.scene)
	case form.Steps != nil:
		return json.Unmarshal(data, &s.book)
	case form.ID != nil:
		return json.Unmarshal(data, &s.step)
	case form.Phase != "":
		return json.Unmarshal(data, &s.run)
	case form.InstanceID != "":
		return json.Unmarshal(data, &s.ended)
	}
	return nil
}

// MarshalJSON writes what the run told, as it was.
func (s state) MarshalJSON() ([]byte, error) {
	if s.raw == nil {
		return []byte("null"), nil
	}
	return s.raw, nil
}

func (s state) known() bool {
	return s.book != nil || s.step != nil || s.run != nil || s.ended != nil || s.scene != nil
}

// show prints the state of a run.
func (a *app) show(workflowID string, s state) error {
	if s.book == nil || a.json {
		return a.print(s.raw, s.fill)
	}
	view := &bookView{id: workflowID, result: *s.book}
	_, err := fmt.Fprintln(a.out, strings.Join(view.lines(time.Now(), columnsOf(a.out), 0), "\n"))
	return err
}

// fill writes what a state tells of a plan, a model or a step; of others nothing.
func (s state) fill(t table.Writer) {
	switch {
	case s.run != nil:
		fillStatus(t, *s.run)
	case s.step != nil:
		fillRows(t, [][2]string{
			{"Step", stepLine{StepResult: *s.step}.label()}, {"Status", s.step.Status}, {"Reason", s.step.Reason}, {"Plan", s.step.PlanID},
			{"Model", s.step.ModelID}, {"Instance", s.step.InstanceID}, {"Approved by", strings.Join(s.step.Approvals, ", ")},
			{"Started", at(s.step.StartedAt)}, {"Finished", at(s.step.FinishedAt)},
		})
	case s.ended != nil:
		fillEnded(t, s.ended)
	case s.scene != nil:
		s.scene.fill(t)
	}
}

func fillStatus(t table.Writer, s workflows.Status) {
	fillRows(t, [][2]string{
		{"Plan", s.PlanID}, {"Model", s.ModelID}, {"Phase", string(s.Phase)}, {"Instance", s.InstanceID}, {"Status", s.Status},
		{"Observed by", s.ObservedBy}, {"Reason", s.Reason}, {"The platform says", s.Hint}, {"Started", at(&s.StartedAt)},
		{"Triggered", at(s.TriggeredAt)}, {"Last news", at(s.LastNewsAt)}, {"Finished", at(s.FinishedAt)},
		{"Gives up", at(&s.Deadline)},
	})
	fillRecord(t, s.Notes, s.Actions)
}

func fillRecord(t table.Writer, notes []workflows.Note, actions []workflows.Action) {
	for _, note := range notes {
		t.AppendRow(table.Row{"Note " + at(&note.At), note.Text})
	}
	for _, action := range actions {
		t.AppendRow(table.Row{"Action " + at(&action.At), joined(" ", action.Name, action.By, "("+orElse(action.Subject, "name not checked")+")", action.Comment)})
	}
}

func fillEnded(t table.Writer, r *runResult) {
	fillRows(t, [][2]string{
		{"Plan", r.PlanID}, {"Model", r.ModelID}, {"Instance", r.InstanceID}, {"Status", r.Status + " (" + r.ObservedBy + ")"},
		{"Triggered", at(&r.TriggeredAt)}, {"Finished", at(&r.FinishedAt)},
	})
	for _, model := range r.Outputs {
		for _, node := range model.Nodes {
			t.AppendRow(table.Row{model.ModelName + " / " + node.Name, node.Result})
		}
	}
	for _, node := range r.Nodes {
		t.AppendRow(table.Row{node.Name, node.Result})
	}
}
