package workflows

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/signals"
)

// performance is what a document did come to.
type performance struct {
	prediction
	result RunbookResult
	fired  []firing
}

// firing is one run of a plan on the platform.
type firing struct {
	label      string
	start, end time.Duration
}

// perform runs a document in a world, to its end.
func perform(t require.TestingT, doc *runbook.Document, w world, acts []act) *performance {
	var suite testsuite.WorkflowTestSuite
	suite.SetDisableRegistrationAliasing(true)
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute) // of the real clock: a busy machine is slow
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute})
	start := time.Unix(1_700_000_000, 0).UTC()
	env.SetStartTime(start)
	Register(env, &activities.Activities{})
	p := &performance{prediction: emptyPrediction()}

	var mu sync.Mutex // activities run side by side
	env.OnActivity("TriggerPlan", mock.Anything, mock.Anything).Return(
		func(ctx context.Context, in activities.PlanTrigger) (activities.Triggered, error) {
			mu.Lock()
			defer mu.Unlock()
			info, now, n := activity.GetInfo(ctx), env.Now().Sub(start), len(p.Triggers[in.Step])
			takes, key, status := w.takes(in.Step, n), activities.TriggerKey(in.Trigger, info.ActivityID), StatusSuccess
			if n < w.Fails[in.Step] {
				status = StatusFail
			}
			p.Triggers[in.Step] = append(p.Triggers[in.Step], now)
			p.fired = append(p.fired, firing{in.Step, now, now + takes})
			env.RegisterDelayedCallback(func() { // an error is that nobody waits for it any more
				_ = env.SignalWorkflowByID(info.WorkflowExecution.ID, signals.SignalName(key), signals.Callback{InstanceID: instance(in.Step, n), Status: status})
			}, takes)
			return activities.Triggered{Key: key, InstanceID: instance(in.Step, n), At: env.Now()}, nil
		})
	env.OnActivity("PlanOutputs", mock.Anything, mock.Anything).Return([]activities.ModelOutputs{}, nil)
	env.OnActivity("Preflight", mock.Anything, mock.Anything).Return(activities.Faults{}, nil)
	for _, a := range acts {
		env.RegisterDelayedCallback(func() {
			env.UpdateWorkflow(a.Update, "", &testsuite.TestUpdateCallback{
				OnAccept:   func() {},
				OnReject:   func(err error) { p.Acts = append(p.Acts, act{a.At, "refused: " + err.Error(), a.Step}) },
				OnComplete: func(any, error) { p.Acts = append(p.Acts, a) },
			}, argument(a))
		}, a.At)
	}
	env.ExecuteWorkflow("Runbook", RunbookInput{Document: *doc})
	require.True(t, env.IsWorkflowCompleted(), "it ends")
	var failed *temporal.ApplicationError
	if err := env.GetWorkflowError(); err == nil {
		require.NoError(t, env.GetWorkflowResult(&p.result))
	} else {
		require.ErrorAs(t, err, &failed)
		p.Failed = failed.Type()
		require.NoError(t, failed.Details(&p.result), failed.Error())
	}
	p.read(doc, p.result.Steps)
	for _, left := range p.result.StillRunning {
		p.Left = append(p.Left, left.InstanceID)
	}
	slices.Sort(p.Left)
	p.Left = slices.Compact(p.Left) // in this environment a cancelled child's details keep what is not in JSON
	return p
}

func argument(a act) any {
	if a.Update == "abort" {
		return RunAction{By: "li"}
	}
	return StepAction{Step: a.Step, By: "li"}
}

func (p *performance) read(doc *runbook.Document, steps []StepResult) {
	for i, step := range steps {
		p.Steps[step.ID] = step.Status
		if step.RolledBack != "" {
			p.Undone[step.ID] = step.RolledBack
		}
		if nested := doc.Steps[i].Runbook; nested != nil {
			p.read(nested, step.Items)
		}
	}
}
