package workflows

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/signals"
)

// runbookBench runs runbooks whose plans end as told: "FAIL" or an error type, one word for each trigger;
// without one they succeed after ten seconds.
type runbookBench struct {
	*bench
	mu      sync.Mutex          // activities run side by side
	ends    map[string][]string // by plan
	started []string            // plans, as they were triggered
	active  int
	most    int // active side by side
}

func newRunbookBench(t *testing.T) *runbookBench {
	t.Helper()
	b := &runbookBench{bench: newBench(t), ends: map[string][]string{}}
	b.OnActivity("DpaTriggerPlan", mock.Anything, mock.Anything).Return(
		func(ctx context.Context, in activities.PlanTrigger) (activities.Triggered, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.started = append(b.started, in.PlanID)
			b.triggers = append(b.triggers, in)
			key := activities.TriggerKey(in.Trigger)
			instance := in.PlanID + "-" + in.Step
			end := "SUCCESS"
			if planned := b.ends[in.PlanID]; len(planned) > 0 {
				end, b.ends[in.PlanID] = planned[0], planned[1:]
			}
			if end != "SUCCESS" && end != "FAIL" && end != "NONE" {
				return refused(end)(key)
			}
			b.active++
			b.most = max(b.most, b.active)
			b.RegisterDelayedCallback(func() {
				b.mu.Lock()
				b.active--
				b.mu.Unlock()
				if end != "NONE" {
					b.SignalWorkflow(signals.SignalName(key), signals.Callback{InstanceID: instance, Status: end})
				}
			}, 10*time.Second)
			return activities.Triggered{Key: key, InstanceID: instance, At: b.Now(), Indexed: true}, nil
		})
	b.OnActivity("PlanOutputs", mock.Anything, mock.Anything).Return(
		func(_ context.Context, in activities.PlanInstance) ([]activities.ModelOutputs, error) {
			return []activities.ModelOutputs{{ModelID: "md1", Nodes: []activities.NodeOutput{{Name: "节点", Result: in.PlanID}}}}, nil
		})
	b.OnActivity("DpaPreflight", mock.Anything, mock.Anything).Return(runbook.Faults{}, nil).Maybe()
	return b
}

// run runs a document, in YAML, to its end. A failed runbook's result is in its details.
func (b *runbookBench) run(document string, more ...func(*RunbookInput)) (result RunbookResult, errorType string) {
	b.t.Helper()
	doc, err := runbook.Parse([]byte(document))
	require.NoError(b.t, err)
	in := RunbookInput{Document: *doc}
	for _, change := range more {
		change(&in)
	}
	b.ExecuteWorkflow("Runbook", in)
	require.True(b.t, b.IsWorkflowCompleted())
	err = b.GetWorkflowError()
	var cancelled *temporal.CanceledError
	switch failed := new(temporal.ApplicationError); {
	case err == nil:
		require.NoError(b.t, b.GetWorkflowResult(&result))
	case temporal.IsCanceledError(err):
		require.ErrorAs(b.t, err, &cancelled)
		require.NoError(b.t, cancelled.Details(&result))
		errorType = "Canceled"
	default:
		require.ErrorAs(b.t, err, &failed)
		errorType = failed.Type()
		if errorType != activities.ErrorInvalidInput {
			require.NoError(b.t, failed.Details(&result))
		}
	}
	return result, errorType
}

func (b *runbookBench) after(delay time.Duration, update string, argument any) {
	b.update(delay, update, argument, func(rejected, err error) {
		require.NoError(b.t, rejected)
		require.NoError(b.t, err)
	})
}

func statuses(result RunbookResult) (all []string) {
	for _, step := range result.Steps {
		all = append(all, step.Status)
	}
	return all
}
