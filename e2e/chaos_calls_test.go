package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/signals"
	"github.com/dpaflow/dpaflow/workflows"
)

// kinds are the calls that can be made about a run.
func (c *chaos) kinds() map[string]func(context.Context, *chaosRun, *rand.Rand) error {
	return map[string]func(context.Context, *chaosRun, *rand.Rand) error{
		"reset":  c.reset,
		"cancel": func(ctx context.Context, r *chaosRun, _ *rand.Rand) error { return c.CancelWorkflow(ctx, r.id, "") },
		"terminate": func(ctx context.Context, r *chaosRun, _ *rand.Rand) error {
			return c.TerminateWorkflow(ctx, r.id, "", "chaos")
		},
		"pause": func(ctx context.Context, r *chaosRun, _ *rand.Rand) error {
			_, err := c.WorkflowService().PauseWorkflowExecution(ctx, &workflowservice.PauseWorkflowExecutionRequest{
				Namespace: devstack.Namespace, WorkflowId: r.id, Reason: "chaos",
			})
			return err
		},
		"unpause": func(ctx context.Context, r *chaosRun, _ *rand.Rand) error { return c.unpauseRun(ctx, r) },
		"pause activity": func(ctx context.Context, r *chaosRun, _ *rand.Rand) error {
			_, err := c.WorkflowService().PauseActivity(ctx, &workflowservice.PauseActivityRequest{
				Namespace: devstack.Namespace, Execution: &commonpb.WorkflowExecution{WorkflowId: r.id}, Reason: "chaos",
				Activity: &workflowservice.PauseActivityRequest_Type{Type: r.trigger()},
			})
			return err
		},
		"unpause activity": func(ctx context.Context, r *chaosRun, _ *rand.Rand) error { return c.unpauseActivity(ctx, r) },
		"resolveTrigger":   func(ctx context.Context, r *chaosRun, _ *rand.Rand) error { return c.resolveTrigger(ctx, r) },
		"resolveRun":       func(ctx context.Context, r *chaosRun, _ *rand.Rand) error { return c.resolveRun(ctx, r) },
		"callback": func(ctx context.Context, r *chaosRun, rng *rand.Rand) error {
			return c.callBackByHand(ctx, r, rng)
		},
	}
}

func (r *chaosRun) trigger() string {
	return map[string]string{"RunPlan": "DpaTriggerPlan", "RunModel": "DpaTriggerModel", "TimedPlan": "DpaSchedulePlan"}[r.workflow]
}

// call makes a call in the background. Whatever its answer is, it is counted, unless there is none.
func (c *chaos) call(kind string, r *chaosRun) {
	rng := rand.New(rand.NewPCG(c.rng.Uint64(), 0))
	do := c.kinds()[kind]
	c.calls.Go(func() error {
		ctx, cancel := context.WithTimeout(c.t.Context(), 10*time.Second)
		defer cancel()
		err := do(ctx, r, rng)
		if c.t.Context().Err() != nil || unanswered(err) {
			return nil
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.answered[kind]++
		if err == nil {
			c.taken[kind]++
		}
		return nil
	})
}

func (c *chaos) count(kind string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answered[kind]
}

// unanswered tells whether nobody has said anything about a call: the server is down, or has too much to do.
func unanswered(err error) bool {
	var away *serviceerror.Unavailable
	var late *serviceerror.DeadlineExceeded
	var full *serviceerror.ResourceExhausted
	return errors.As(err, &away) || errors.As(err, &late) || errors.As(err, &full) || errors.Is(err, context.DeadlineExceeded)
}

// untilAnswered makes a call until the server answers.
func (c *chaos) untilAnswered(call func(context.Context) error) {
	c.t.Helper()
	for deadline := time.Now().Add(patience); ; pause(c.t.Context(), 200*time.Millisecond) {
		ctx, cancel := context.WithTimeout(c.t.Context(), 10*time.Second)
		err := call(ctx)
		cancel()
		if again := new(serviceerror.WorkflowExecutionAlreadyStarted); err == nil || errors.As(err, &again) {
			return
		}
		if !unanswered(err) || time.Now().After(deadline) {
			c.t.Errorf("no answer: %v", err)
			return
		}
	}
}

// reset goes back to a workflow task by chance.
func (c *chaos) reset(ctx context.Context, r *chaosRun, rng *rand.Rand) error {
	var tasks []*historypb.HistoryEvent
	iterator := c.GetWorkflowHistory(ctx, r.id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for iterator.HasNext() {
		event, err := iterator.Next()
		if err != nil {
			return err
		}
		if event.GetEventType() == enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED || event.GetEventType() == enums.EVENT_TYPE_WORKFLOW_TASK_STARTED {
			tasks = append(tasks, event)
		}
	}
	if len(tasks) == 0 {
		return serviceerror.NewNotFound("no workflow task yet")
	}
	_, err := c.ResetWorkflowExecution(ctx, &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: devstack.Namespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: r.id}, Reason: "chaos",
		WorkflowTaskFinishEventId: tasks[rng.IntN(len(tasks))].GetEventId(), RequestId: fmt.Sprint(rng.Uint64()),
	})
	return err
}

func (c *chaos) unpauseRun(ctx context.Context, r *chaosRun) error {
	_, err := c.WorkflowService().UnpauseWorkflowExecution(ctx, &workflowservice.UnpauseWorkflowExecutionRequest{
		Namespace: devstack.Namespace, WorkflowId: r.id,
	})
	return err
}

func (c *chaos) unpauseActivity(ctx context.Context, r *chaosRun) error {
	_, err := c.WorkflowService().UnpauseActivity(ctx, &workflowservice.UnpauseActivityRequest{
		Namespace: devstack.Namespace, Execution: &commonpb.WorkflowExecution{WorkflowId: r.id},
		Activity: &workflowservice.UnpauseActivityRequest_Type{Type: r.trigger()},
	})
	return err
}

// tell sends an operator's update.
func (c *chaos) tell(ctx context.Context, r *chaosRun, name string, argument any) error {
	handle, err := c.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: r.id, UpdateName: name, Args: []any{argument}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return err
	}
	return handle.Get(ctx, nil)
}

// resolveTrigger is what an operator says who looks at the platform's record: adopt what runs there, or trigger again
// what does not.
func (c *chaos) resolveTrigger(ctx context.Context, r *chaosRun) error {
	say := workflows.ResolveTrigger{Action: workflows.ActionRetrigger, By: "zhang"}
	if executions := c.executionsOf(r); len(executions) > 0 {
		say.Action, say.InstanceID = workflows.ActionAdopt, executions[len(executions)-1].InstanceID
	}
	return c.tell(ctx, r, "resolveTrigger", say)
}

// resolveRun is what an operator says who looks at the platform's record: how the last execution ended.
func (c *chaos) resolveRun(ctx context.Context, r *chaosRun) error {
	for _, e := range c.executionsOf(r) {
		if e.Status == platformtest.Success || e.Status == platformtest.Fail {
			say := workflows.ResolveRun{Status: e.Status, By: "li"}
			if r.workflow == "TimedPlan" {
				say.Step = e.InstanceID
			}
			return c.tell(ctx, r, "resolveRun", say)
		}
	}
	return c.tell(ctx, r, "resolveRun", workflows.ResolveRun{Status: "RUNNING", By: "li"}) // which is refused
}

// callBackByHand is what somebody does who has read the status on the platform.
func (c *chaos) callBackByHand(ctx context.Context, r *chaosRun, rng *rand.Rand) error {
	executions := c.executionsOf(r)
	if len(executions) == 0 {
		return serviceerror.NewNotFound("nothing runs yet")
	}
	e := executions[rng.IntN(len(executions))]
	return c.SignalWorkflow(ctx, r.id, "", signals.SignalName(e.InstanceID), signals.Callback{InstanceID: e.InstanceID, Status: c.recorded(e.InstanceID)})
}

// executionsOf are a run's executions in the platform's record, in order.
func (c *chaos) executionsOf(r *chaosRun) (found []platformtest.Execution) {
	for _, e := range c.sim.Executions() {
		if hostOfExecution(e) == r.id {
			found = append(found, e)
		}
	}
	return found
}

// recorded is how an execution stands in the platform's record.
func (c *chaos) recorded(instanceID string) string {
	for _, e := range c.sim.Executions() {
		if e.InstanceID == instanceID {
			if e.ModelID != "" && e.Status == platformtest.Success {
				return "FINISH"
			}
			return e.Status
		}
	}
	return ""
}

func hostOfExecution(e platformtest.Execution) string {
	for _, params := range e.Params {
		return params["HOST"]
	}
	return ""
}
