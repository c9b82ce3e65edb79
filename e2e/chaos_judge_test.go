package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

// settle brings every run to its end, as people would who look at the platform's record: what is paused goes on, what
// is in doubt is settled, and what has ended calls back once more.
func (c *chaos) settle() {
	c.t.Helper()
	deadline := time.Now().Add(patience + time.Duration(len(c.runs))*200*time.Millisecond)
	left := slices.Clone(c.runs)
	for len(left) > 0 {
		var mu sync.Mutex
		var open []*chaosRun
		each(c.t, left, func(r *chaosRun) error {
			if !c.settled(r) {
				mu.Lock()
				defer mu.Unlock()
				open = append(open, r)
			}
			return nil
		})
		if left = open; len(left) > 0 {
			pause(c.t.Context(), 500*time.Millisecond)
		}
		if len(left) > 0 && time.Now().After(deadline) {
			require.Fail(c.t, "runs do not end", "%d of them, such as %s", len(left), c.describe(left[0]))
		}
	}
}

// settled does what a run needs to end, and tells whether it has.
func (c *chaos) settled(r *chaosRun) bool {
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	described, err := c.DescribeWorkflow(ctx, r.id, "")
	if err != nil {
		return false
	}
	switch described.Status {
	case enums.WORKFLOW_EXECUTION_STATUS_RUNNING:
	case enums.WORKFLOW_EXECUTION_STATUS_PAUSED:
		_ = c.unpauseRun(ctx, r)
		return false
	default:
		return true
	}
	for _, pending := range described.RawResponse.GetPendingActivities() {
		if pending.GetPaused() {
			_ = c.unpauseActivity(ctx, r)
		}
	}
	var status workflows.Status
	if answer, err := c.QueryWorkflow(ctx, r.id, "", "status"); err != nil || answer.Get(&status) != nil {
		return false
	}
	executions := c.executionsOf(r)
	switch scene := r.workflow == "TimedPlan" && len(executions) > 0; {
	case status.Phase == workflows.PhaseUnknown && !scene:
		_ = c.resolveTrigger(ctx, r)
	case status.Phase == workflows.PhaseWaiting, scene: // a scene in doubt is settled by what calls back
		for _, e := range executions {
			if e.Status != platformtest.Success && e.Status != platformtest.Fail {
				if e.PlanID == "by-hand" {
					c.end(e, false)
				}
				continue
			}
			_ = c.sim.Callback(ctx, e.InstanceID, e.Status)
		}
	}
	return false
}

func (c *chaos) describe(r *chaosRun) string {
	answer, err := c.QueryWorkflow(c.t.Context(), r.id, "", "status")
	var status json.RawMessage
	if err == nil {
		err = answer.Get(&status)
	}
	return fmt.Sprintf("%s %s: %s %v; the platform has %s", r.workflow, r.id, status, err, c.record(r))
}

// record is what the platform has of a run, for people.
func (c *chaos) record(r *chaosRun) string {
	var list []string
	for _, e := range c.executionsOf(r) {
		list = append(list, e.InstanceID+" "+e.Status)
	}
	return fmt.Sprintf("%d executions: %s", len(list), strings.Join(list, ", "))
}

// judge compares how every run ended with the platform's record.
func (c *chaos) judge() {
	c.t.Helper()
	var mu sync.Mutex
	var broken []string
	ends := map[string]int{}
	each(c.t, c.runs, func(r *chaosRun) error {
		end, err := c.judgeRun(r)
		mu.Lock()
		defer mu.Unlock()
		ends[r.workflow+" "+end]++
		if err != nil {
			broken = append(broken, fmt.Sprintf("%s %s: %v; the platform has %s", r.workflow, r.id, err, c.record(r)))
		}
		return nil
	})
	for _, end := range slices.Sorted(maps.Keys(ends)) {
		c.t.Logf("%5d %s", ends[end], end)
	}
	require.Empty(c.t, broken, "of %d runs", len(c.runs))
}

// judgeRun tells how a run ended, and what is wrong with that.
func (c *chaos) judgeRun(r *chaosRun) (string, error) {
	executions := c.executionsOf(r)
	most := 1
	if r.workflow == "TimedPlan" {
		most = sceneRuns
	}
	if len(executions) > most {
		return "twice", errors.New("it was executed twice: operators retrigger only what the platform does not have")
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	var result json.RawMessage
	err := c.GetWorkflow(ctx, r.id, "").Get(ctx, &result)
	var failed *temporal.ApplicationError
	var cancelled *temporal.CanceledError
	var terminated *temporal.TerminatedError
	switch {
	case err == nil:
		return "completed", c.judgeEnd(r, result, workflows.StatusSuccess)
	case errors.As(err, &terminated):
		return "terminated", c.judgeTerminated(ctx, r)
	case errors.As(err, &cancelled):
		_ = cancelled.Details(&result)
		return "cancelled", c.judgeEnd(r, result, "")
	case errors.As(err, &failed):
		_ = failed.Details(&result)
		return failed.Type(), c.judgeFailure(r, failed.Type(), result)
	}
	return "lost", err
}

// chaosEnd is what the results and the details of failures of all kinds of runs have in common.
type chaosEnd struct {
	InstanceID, Status string
	Phase              workflows.Phase
	Runs               []chaosEnd
	Open               []string
}

// inDoubt tells whether a run says itself that nobody knows.
func (e chaosEnd) inDoubt() bool { return e.Phase == workflows.PhaseUnknown }

// judgeEnd compares what a run says of its instances with the record: as status, unless that is empty.
func (c *chaos) judgeEnd(r *chaosRun, raw json.RawMessage, status string) error {
	var end chaosEnd
	if err := json.Unmarshal(raw, &end); err != nil {
		return fmt.Errorf("it says %s: %w", raw, err)
	}
	executions := c.executionsOf(r)
	recorded := map[string]string{}
	for _, e := range executions {
		recorded[e.InstanceID] = e.Status
	}
	if r.workflow == "TimedPlan" {
		seen := map[string]bool{}
		for _, run := range end.Runs {
			if recorded[run.InstanceID] != run.Status || seen[run.InstanceID] {
				return fmt.Errorf("it says %+v", run)
			}
			seen[run.InstanceID] = true
		}
		if status != "" && len(end.Runs) != sceneRuns {
			return fmt.Errorf("it has %d runs", len(end.Runs))
		}
		return nil
	}
	switch {
	case status == "" && (end.inDoubt() || len(executions) == 0 && end.InstanceID == ""):
		return nil
	case recorded[end.InstanceID] == "":
		return fmt.Errorf("it names instance %q: %s", end.InstanceID, raw)
	case status != "" && (end.Status != status || recorded[end.InstanceID] != status):
		return fmt.Errorf("it says %s", raw)
	}
	return nil
}

func (c *chaos) judgeFailure(r *chaosRun, errorType string, details json.RawMessage) error {
	switch errorType {
	case activities.ErrorPlanFailed, activities.ErrorModelFailed:
		return c.judgeEnd(r, details, workflows.StatusFail)
	case activities.ErrorTriggerRejected, activities.ErrorTriggerNotSent, activities.ErrorInvalidInput, activities.ErrorPlatformAuth:
		if len(c.executionsOf(r)) > 0 {
			return fmt.Errorf("it says %s, that nothing runs: %s", errorType, details)
		}
		return nil
	case activities.ErrorTriggerOutcomeUnknown:
		return nil // which is doubt
	}
	return fmt.Errorf("it failed as %s: %s", errorType, details)
}

// judgeTerminated looks for the instance of a run that was terminated: where its status is asked for, or else in the
// histories that it has. A run that was terminated while its trigger was under way, or in doubt, says that; one that was
// reset and then terminated before it began cannot say anything, and the run that it was reset from does.
func (c *chaos) judgeTerminated(ctx context.Context, r *chaosRun) error {
	if r.workflow == "TimedPlan" {
		return nil // it collects what calls back, as far as it came
	}
	runs, err := c.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: fmt.Sprintf("WorkflowId = '%s'", r.id)})
	if err != nil {
		return fmt.Errorf("list its runs: %w", err)
	}
	var end chaosEnd // of the latest run that has begun
	for _, run := range runs.GetExecutions() {
		if end, err = c.ask(ctx, r, run.GetExecution().GetRunId()); err != nil {
			return err
		}
		if end.Phase != "" {
			break
		}
	}
	if end.inDoubt() || end.Phase == workflows.PhaseTriggering {
		return nil
	}
	for _, e := range c.executionsOf(r) {
		if e.InstanceID != end.InstanceID && !c.namedInHistory(ctx, r, e.InstanceID) {
			return fmt.Errorf("it does not name %s: %+v", e.InstanceID, end)
		}
	}
	return nil
}

// ask asks one run of a workflow for its status, which is empty where it has not begun.
func (c *chaos) ask(ctx context.Context, r *chaosRun, runID string) (end chaosEnd, err error) {
	answer, err := c.QueryWorkflow(ctx, r.id, runID, "status")
	for ; unanswered(err) && ctx.Err() == nil; answer, err = c.QueryWorkflow(ctx, r.id, runID, "status") {
		pause(ctx, 200*time.Millisecond)
	}
	var notReady *serviceerror.WorkflowNotReady
	var failed *serviceerror.QueryFailed
	if errors.As(err, &notReady) || errors.As(err, &failed) {
		return end, nil
	}
	if err == nil {
		err = answer.Get(&end)
	}
	if err != nil {
		return end, fmt.Errorf("ask run %s for its status: %w", runID, err)
	}
	return end, nil
}

// namedInHistory tells whether the history of one of a workflow's runs names an instance.
func (c *chaos) namedInHistory(ctx context.Context, r *chaosRun, instanceID string) bool {
	runs, err := c.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: fmt.Sprintf("WorkflowId = '%s'", r.id)})
	if err != nil {
		return false
	}
	for _, run := range runs.GetExecutions() {
		iterator := c.GetWorkflowHistory(ctx, r.id, run.GetExecution().GetRunId(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for iterator.HasNext() {
			event, err := iterator.Next()
			if err != nil {
				return false
			}
			if strings.Contains(event.String(), instanceID) {
				return true
			}
		}
	}
	return false
}
