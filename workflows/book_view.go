package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/runbook"
)

// scope is what expressions know at this moment.
func (b *book) scope() runbook.Scope {
	steps := make(map[string]runbook.Result, len(b.result.Steps))
	for i := range b.result.Steps {
		steps[b.result.Steps[i].ID] = b.known(i)
	}
	return runbook.Scope{Vars: b.in.Vars, Steps: steps, WorkflowID: workflow.GetInfo(b.ctx).WorkflowExecution.ID}
}

// known is what expressions know of a step, made once for each way in which it stands.
func (b *book) known(i int) runbook.Result {
	r, kept := &b.result.Steps[i], &b.facts[i]
	if !idle(r) {
		return resultOf(r)
	}
	if kept.Status != r.Status {
		*kept = resultOf(r)
	}
	return *kept
}

// idle tells whether nothing of a step changes but its status and its reason.
func idle(r *StepResult) bool { return r.StartedAt == nil || r.FinishedAt != nil }

func resultOf(r *StepResult) runbook.Result {
	result := runbook.Result{
		Status: r.Status, InstanceID: r.InstanceID,
		Outputs: map[string]string{}, Models: map[string]map[string]string{},
	}
	for _, model := range r.Outputs {
		nodes := map[string]string{}
		for _, node := range model.Nodes {
			nodes[node.Name], result.Outputs[node.Name] = node.Result, node.Result
		}
		result.Models[model.ModelID] = nodes
	}
	for i := range r.Items {
		result.Items = append(result.Items, resultOf(&r.Items[i]))
	}
	return result
}

// snapshot is the result as it stands, with what its runs know at this moment.
func (b *book) snapshot() RunbookResult {
	result := b.result
	result.StillRunning = slices.Clone(b.result.StillRunning)
	result.Steps = make([]StepResult, len(b.result.Steps))
	for i := range b.result.Steps {
		result.Steps[i] = live(b.result.Steps[i], &result.StillRunning)
	}
	if reason := b.waitsFor(); reason != "" && result.FinishedAt == nil {
		result.Status, result.Reason = StatusPaused, reason
	}
	return result
}

// live fills in what a step's own run knows, and notes an instance that nobody waits for any more.
func live(r StepResult, left *[]StillRunning) StepResult {
	items := make([]StepResult, len(r.Items))
	for i := range r.Items {
		items[i] = live(r.Items[i], left)
	}
	r.Items = items
	if r.run == nil {
		return r
	}
	status := r.run.status
	r.InstanceID, r.Phase = status.InstanceID, status.Phase
	if status.Phase == PhaseUnknown {
		r.Reason = status.Reason
	}
	if status.Phase == PhaseEnded && status.FinishedAt == nil && status.InstanceID != "" {
		*left = append(*left, StillRunning{Step: r.ID, InstanceID: status.InstanceID})
	}
	return r
}

// waitsFor says what keeps the runbook from going on, if only an operator can tell.
func (b *book) waitsFor() string {
	if b.paused != "" {
		return b.paused
	}
	for i, step := range b.in.Steps {
		if waiting := b.pending[i]; waiting != nil {
			return fmt.Sprintf("step %s failed: %s; retry, skip, resolveRun or abort", step.ID, waiting.reason)
		}
	}
	return ""
}

func (b *book) show() { b.desk.show() }

// markdown shows the steps as the Temporal UI's current details.
func (b *book) markdown() string {
	now := workflow.Now(b.ctx)
	status, reason := b.result.Status, b.result.Reason
	if waits := b.waitsFor(); waits != "" && b.result.FinishedAt == nil {
		status, reason = StatusPaused, waits
	}
	var text strings.Builder
	fmt.Fprintf(&text, "**%s** %s", cell(b.result.Name), status)
	if reason != "" {
		fmt.Fprintf(&text, " — %s", cell(reason))
	}
	text.WriteString("\n\n| Step | Status | Instance | Took | |\n|---|---|---|---|---|\n")
	for i := range b.result.Steps {
		text.WriteString(b.row(i, now))
	}
	return text.String()
}

// row is a step's line of the table. That of a step which does not run is kept: all lines are wanted
// again whenever one changes, and a runbook may have hundreds.
func (b *book) row(i int, now time.Time) string {
	r, kept := &b.result.Steps[i], &b.rows[i]
	if idle(r) && kept.text != "" && kept.status == r.Status && kept.reason == r.Reason {
		return kept.text
	}
	end := now
	if r.FinishedAt != nil {
		end = *r.FinishedAt
	}
	var left []StillRunning
	shown := live(*r, &left)
	status := shown.Status
	if status == StatusRunning && shown.Phase != "" {
		status = string(shown.Phase)
	}
	text := fmt.Sprintf("| %s | %s | %s | %s | %s |\n",
		cell(title(shown)), status, cell(instances(shown)), since(r.StartedAt, end), cell(shown.Reason))
	*kept = row{r.Status, r.Reason, text}
	return text
}

// row is a line of the table, and what it was made for.
type row struct{ status, reason, text string }

func title(r StepResult) string {
	if r.Name == "" {
		return r.ID
	}
	return r.Name + " (" + r.ID + ")"
}

// instances names a step's instance, or says how far its items are.
func instances(r StepResult) string {
	if len(r.Items) == 0 {
		return r.InstanceID
	}
	done := 0
	for _, item := range r.Items {
		if item.Status == StatusSuccess {
			done++
		}
	}
	return fmt.Sprintf("%d of %d", done, len(r.Items))
}

// preflight lists what the platform is asked before the first step.
func (b *book) preflight() activities.PreflightInput {
	return activities.PreflightInput{Jobs: preflightJobs(&b.in.Document, ""), Idle: b.in.DryRun}
}

func preflightJobs(doc *runbook.Document, path string) (jobs []activities.PreflightJob) {
	for i := range doc.Steps {
		step := &doc.Steps[i]
		at := fmt.Sprintf("%ssteps[%d]", path, i)
		jobs = append(jobs, preflightJob(step.Job, at))
		if step.Rollback != nil {
			jobs = append(jobs, preflightJob(*step.Rollback, at+".rollback"))
		}
		if step.Runbook != nil {
			jobs = append(jobs, preflightJobs(step.Runbook, at+".runbook.")...)
		}
	}
	return jobs
}

func preflightJob(job runbook.Job, path string) activities.PreflightJob {
	checked := activities.PreflightJob{Path: path, PlanID: job.Plan, ModelID: job.Model, PlanParams: activities.PlanParams{}}
	if job.Plan != "" {
		for _, model := range workflow.DeterministicKeys(job.Params) {
			checked.PlanParams[model] = params(job.Params[model].Inputs)
		}
	} else {
		checked.Params = params(job.Params)
	}
	return checked
}

// plan is the result of a dry run: what would be done, with what can be rendered.
func (b *book) plan() RunbookResult {
	scope := b.scope()
	scope.Preview = true
	for i := range b.result.Steps {
		r := &b.result.Steps[i]
		r.Status = StatusPlanned
		if job, err := b.program.Job(i, scope); err == nil && (job.Plan != "" || job.Model != "") {
			r.PlanID, r.ModelID, r.Params = job.Plan, job.Model, job.Params
		}
	}
	b.result.Status = StatusPlanned
	now := workflow.Now(b.ctx)
	b.result.FinishedAt = &now
	return b.snapshot()
}
