package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/runbook"
)

// maxRows is how many steps the Temporal UI is shown: what it shows is written anew at every event.
const maxRows = 200

// show puts the steps where the Temporal UI shows them, and what the run asks a person for where it is found.
func (r *runbookRun) show() {
	r.shown = runbookMarkdown(r.engine.Result(), workflow.Now(r.ctx))
	r.all.show()
	attention := r.engine.Attention()
	asks := attention == IndexedPaused || attention == IndexedApproval || r.attention == IndexedPaused || r.attention == IndexedApproval
	if attention == r.attention {
		return
	}
	if asks && !r.all.indexed() && r.facts == nil {
		var a *activities.Activities
		r.facts = readQuickly(r.kept, a.DpaHasSearchAttributes, struct{}{})
	}
	if asks && r.learning() {
		return
	}
	if r.attention = attention; asks && r.all.indexed() {
		r.all.index(nil)
	}
}

// learning tells whether the worker is being asked for the search attributes, which nobody knows of before the first
// trigger.
func (r *runbookRun) learning() bool { return r.facts != nil && !r.learnt }

// learn takes in the worker's answer.
func (r *runbookRun) learn() {
	if r.learning() && r.facts.done() {
		r.learnt = true
		if err := r.facts.get(&r.all.attributes); err != nil {
			workflow.GetLogger(r.ctx).Warn("whether the namespace has the search attributes is not known", "error", err)
		}
	}
}

func runbookMarkdown(result RunbookResult, now time.Time) string {
	var text strings.Builder
	fmt.Fprintf(&text, "**%s** %s", cell(result.Name), result.Status)
	if result.Reason != "" {
		fmt.Fprintf(&text, " — %s", cell(result.Reason))
	}
	if result.Lock.Waits() {
		fmt.Fprintf(&text, " — %s", cell(result.Lock.String()))
	}
	text.WriteString("\n\n| Step | Status | Instance | Took | |\n|---|---|---|---|---|\n")
	left := maxRows
	rows(&text, "", result.Steps, now, &left)
	if left == 0 {
		text.WriteString("| … |  |  |  |  |\n")
	}
	for i, note := range result.Notes {
		if i == 0 {
			text.WriteString("\n")
		}
		fmt.Fprintf(&text, "- %s %s: %s\n", note.At.UTC().Format(time.RFC3339), cell(note.Step), cell(note.Text))
	}
	return text.String()
}

func rows(text *strings.Builder, path string, steps []StepResult, now time.Time, left *int) {
	for i := range steps {
		if *left == 0 {
			return
		}
		*left--
		step := &steps[i]
		end := now
		if step.FinishedAt != nil {
			end = *step.FinishedAt
		}
		status := step.Status
		if status == StatusRunning && step.Phase != "" {
			status = step.Phase
		}
		name := path + step.ID
		if step.Name != "" {
			name = step.Name + " (" + name + ")"
		}
		// The em space keeps the UI from taking the next column for part of the word.
		fmt.Fprintf(text, "| %s\u2003 | %s\u2003 | %s | %s | %s |\n", cell(name), status, cell(instances(step)), since(step.StartedAt, end), cell(remark(step)))
		if step.Runbook != nil {
			rows(text, path+step.ID+"/", step.Runbook.Steps, now, left)
		}
		for k := range step.Items {
			if item := &step.Items[k]; item.Runbook != nil {
				rows(text, path+item.ID+"/", item.Runbook.Steps, now, left)
			}
		}
	}
}

// instances names a step's instance, or says how far its items are.
func instances(step *StepResult) string {
	if len(step.Items) == 0 {
		return step.InstanceID
	}
	done := 0
	for i := range step.Items {
		if step.Items[i].Status == StatusSuccess {
			done++
		}
	}
	return fmt.Sprintf("%d of %d", done, len(step.Items))
}

// remark is what else there is to know of a step.
func remark(step *StepResult) string {
	switch {
	case step.Runbook != nil && step.Runbook.Lock.Waits():
		return step.Runbook.Lock.String()
	case step.Rollback != nil:
		return "rollback " + step.Rollback.Status + " " + step.Rollback.Reason
	case step.Status == StatusRunning && step.Question != nil && step.Question.Fields != nil:
		return "waits for an answer: " + step.Question.Message
	case step.Status == StatusRunning && step.Question != nil:
		return fmt.Sprintf("waits for approval: %s (%d of %d)", step.Question.Message, len(step.Approvals), step.Question.Quorum)
	case step.Doubt != "":
		return step.Doubt
	case step.Status == runbook.StatusRunning && step.Until != nil:
		return "until " + step.Until.UTC().Format(time.RFC3339)
	case step.NotBefore != nil:
		return "again at " + step.NotBefore.UTC().Format(time.RFC3339)
	}
	return step.Reason
}
