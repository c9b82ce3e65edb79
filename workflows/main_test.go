package workflows

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.uber.org/goleak"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/signals"
)

func TestMain(m *testing.M) {
	// The SDK's test environment leaves behind the retries of an activity whose workflow has ended.
	const left = "go.temporal.io/sdk/internal.(*testWorkflowEnvironmentImpl).ExecuteActivity"
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction(left+".func2"), goleak.IgnoreAnyFunction(left+".func3"))
}

// bench is a test environment whose clock skips ahead, with one plan in it.
type bench struct {
	*testsuite.TestWorkflowEnvironment
	t        *testing.T
	triggers []activities.PlanTrigger
	models   []activities.ModelTrigger
	scenes   []activities.SceneTrigger
	keys     []string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetDisableRegistrationAliasing(true)
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	b := &bench{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment(), t: t}
	b.SetTestTimeout(wait.Limit) // of the real clock
	b.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: wait.Limit})
	Register(b, &activities.Activities{})
	b.OnActivity("DpaHasSearchAttributes", mock.Anything, mock.Anything).Return(true, nil).Maybe()
	return b
}

// onTrigger answers the next triggers, one after another; the last answer stays.
func (b *bench) onTrigger(answers ...func(key string) (activities.Triggered, error)) {
	b.OnActivity("DpaTriggerPlan", mock.Anything, mock.Anything).Return(
		func(ctx context.Context, in activities.PlanTrigger) (activities.Triggered, error) {
			key := activities.TriggerKey(in.Trigger)
			b.triggers, b.keys = append(b.triggers, in), append(b.keys, key)
			return answers[min(len(b.keys), len(answers))-1](key)
		})
}

func (b *bench) onOutputs(result string) {
	b.OnActivity("PlanOutputs", mock.Anything, mock.Anything).Return([]activities.ModelOutputs{{
		ModelID: "md1", ModelName: "切换", Nodes: []activities.NodeOutput{{Name: "复制延迟", Result: result}},
	}}, nil)
}

func triggered(instance string) func(string) (activities.Triggered, error) {
	return func(key string) (activities.Triggered, error) {
		return activities.Triggered{Key: key, InstanceID: instance, At: time.Now()}, nil
	}
}

func refused(errorType string) func(string) (activities.Triggered, error) {
	return func(key string) (activities.Triggered, error) {
		return activities.Triggered{}, temporal.NewNonRetryableApplicationError(errorType, errorType, nil,
			activities.Fault{Key: key, Indexed: true, OnItsWayUntil: time.Now()})
	}
}

// call delivers news to the latest trigger's address after a delay.
func (b *bench) call(after time.Duration, instance, status string) {
	b.RegisterDelayedCallback(func() {
		require.NotEmpty(b.t, b.keys, "nothing was triggered yet")
		b.SignalWorkflow(signals.SignalName(b.keys[len(b.keys)-1]), signals.Callback{InstanceID: instance, Status: status})
	}, after)
}

// update sends an update after a delay and hands its outcome to check.
func (b *bench) update(after time.Duration, name string, argument any, check func(rejected, err error)) {
	b.RegisterDelayedCallback(func() {
		b.UpdateWorkflow(name, "", &testsuite.TestUpdateCallback{
			OnAccept:   func() {},
			OnReject:   func(err error) { check(err, nil) },
			OnComplete: func(_ any, err error) { check(nil, err) },
		}, argument)
	}, after)
}

// rawJSON is an input as the Temporal UI or command would send it, malformed or not.
func rawJSON(text string) converter.RawValue {
	return converter.NewRawValue(&commonpb.Payload{
		Metadata: map[string][]byte{converter.MetadataEncoding: []byte(converter.MetadataEncodingJSON)},
		Data:     []byte(text),
	})
}

// runPlan runs RunPlan to its end.
func (b *bench) runPlan(in any) (PlanResult, error) {
	b.ExecuteWorkflow("RunPlan", in)
	require.True(b.t, b.IsWorkflowCompleted())
	var result PlanResult
	if err := b.GetWorkflowError(); err != nil {
		return result, err
	}
	return result, b.GetWorkflowResult(&result)
}

func (b *bench) status() (status Status) {
	answer, err := b.QueryWorkflow("status")
	require.NoError(b.t, err)
	require.NoError(b.t, answer.Get(&status))
	return status
}

// failure returns the application error that a run ended with, and reads its details.
func failure(t *testing.T, err error, details any) *temporal.ApplicationError {
	t.Helper()
	var failed *temporal.ApplicationError
	require.ErrorAs(t, err, &failed)
	require.True(t, failed.NonRetryable(), "nothing but a person may run a plan again")
	if details != nil {
		require.NoError(t, failed.Details(details))
	}
	return failed
}

func replace(text, old, with string) string { return strings.ReplaceAll(text, old, with) }
