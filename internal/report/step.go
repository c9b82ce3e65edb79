package report

import (
	"encoding/json"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/workflows"
)

// shownItems is how many items are named.
const shownItems = 5

// Step is a step as a line of its own: of the runbook itself, or of one inside it.
type Step struct {
	workflows.StepResult
	Around string // the path of the runbook that it belongs to, such as verify/; empty for the outermost
}

// Path names the step for commands, such as verify/business.
func (s Step) Path() string { return s.Around + s.ID }

// Label names the step for people, and for commands.
func (s Step) Label() string {
	if s.Name == "" || s.Name == s.ID {
		return s.Path()
	}
	return s.Name + " (" + s.Path() + ")"
}

// Word is the step's status, or where its run stands if that is not simply that its instance runs.
func (s Step) Word() string {
	switch workflows.Phase(s.Phase) {
	case "", workflows.PhaseWaiting, workflows.PhaseEnded:
		return s.Status
	}
	if s.Status != workflows.StatusRunning {
		return s.Status
	}
	return s.Phase
}

// Trouble names the items that somebody should know of, by their values.
func (s Step) Trouble() string {
	var named []string
	more := 0
	for _, item := range s.Items {
		line := Step{StepResult: item}
		if word := line.Word(); item.Status == workflows.StatusFailed || item.Status == workflows.StatusAborted || word != item.Status {
			if len(named) == shownItems {
				more++
				continue
			}
			named = append(named, Value(item.Item)+" "+word)
		}
	}
	if more > 0 {
		named = append(named, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(named, ", ")
}

// Value is the value that an item is for.
func Value(item json.RawMessage) string {
	var written string
	if json.Unmarshal(item, &written) != nil {
		written = string(item)
	}
	return Clip(Clean(written))
}

// Tally counts the items that have ended well, and otherwise.
func (s Step) Tally() (done, failed int) {
	for _, item := range s.Items {
		switch item.Status {
		case workflows.StatusSuccess, workflows.StatusSkipped:
			done++
		case workflows.StatusFailed, workflows.StatusAborted:
			failed++
		}
	}
	return done, failed
}

// Note is what else there is to know of a step.
func (s Step) Note() string {
	var notes []string
	if s.Attempts > 1 {
		notes = append(notes, fmt.Sprintf("attempt %d", s.Attempts))
	}
	if s.NotBefore != nil {
		notes = append(notes, "again at "+At(s.NotBefore))
	}
	if s.Rounds > 0 && s.Status != workflows.StatusSuccess {
		notes = append(notes, fmt.Sprintf("round %d", s.Rounds+1))
	}
	if s.Runbook != nil && s.Runbook.Lock.Waits() {
		notes = append(notes, s.Runbook.Lock.String())
	}
	if s.Resumed {
		notes = append(notes, "ended in the earlier run")
	}
	if s.Rollback != nil {
		notes = append(notes, Joined(" ", "rollback", s.Rollback.Status, s.Rollback.InstanceID, s.Rollback.Reason))
	}
	if len(s.Approvals) > 0 {
		notes = append(notes, "approved by "+strings.Join(s.Approvals, ", "))
	}
	if s.AnsweredBy != "" {
		notes = append(notes, "answered by "+s.AnsweredBy)
	}
	switch {
	case s.Question == nil || s.Status != workflows.StatusRunning:
	case s.Question.Fields != nil:
		notes = append(notes, "waits for an answer: "+s.Question.Message)
	default:
		notes = append(notes, "waits for approval: "+s.Question.Message)
	}
	for _, why := range []string{s.Trouble(), s.Doubt, s.Reason} {
		if why != "" {
			notes = append(notes, why)
		}
	}
	if params, err := json.Marshal(s.Params); err == nil && s.Params != nil {
		notes = append(notes, string(params))
	}
	return strings.Join(notes, "; ")
}

// EachStep visits all steps and items, those of runbooks inside too, each with how it is named for people.
func EachStep(steps []workflows.StepResult, visit func(step Step, label string)) {
	var each func(steps []workflows.StepResult, around string)
	each = func(steps []workflows.StepResult, around string) {
		for _, step := range steps {
			line := Step{step, around}
			label := line.Label()
			if step.Item != nil {
				label += " " + Value(step.Item)
			}
			visit(line, label)
			if step.Runbook != nil {
				each(step.Runbook.Steps, line.Path()+"/")
			}
			each(step.Items, around)
		}
	}
	each(steps, "")
}

// EarlierOf are the executions before the last attempt: attempts, and rollbacks of them.
func EarlierOf(step workflows.StepResult) iter.Seq2[string, *engine.Execution] {
	return func(yield func(string, *engine.Execution) bool) {
		attempts := 0
		for i := range step.Earlier {
			what := "rollback"
			if !step.Earlier[i].Undoing {
				attempts++
				what = "attempt " + strconv.Itoa(attempts)
			}
			if !yield(what, &step.Earlier[i]) {
				return
			}
		}
	}
}

// Lasted is how long an execution took; empty if it has not ended.
func Lasted(x *engine.Execution) string {
	if x.FinishedAt == nil {
		return ""
	}
	return Took(x.StartedAt, x.FinishedAt, time.Time{})
}
