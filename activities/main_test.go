package activities

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.uber.org/goleak"

	"github.com/dpaflow/dpaflow/platform"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a platform that answers as told and keeps what it was asked.
type fake struct {
	plans    []platform.Plan
	inputs   []platform.ModelInputs
	outputs  []platform.ModelOutputs
	instance string
	err      error // of reads
	refusal  error // of triggers
	sent     []platform.PlanTrigger

	models      []platform.Model
	modelInputs []platform.Input
	nodes       []platform.NodeOutput
	sentModels  []platform.ModelTrigger
	scenes      []platform.PlanScene

	asked            int  // for the inputs of a plan
	busyAfterTrigger bool // the model
}

func (f *fake) Plans(context.Context) ([]platform.Plan, error) { return f.plans, f.err }
func (f *fake) PlanInputs(context.Context, string) ([]platform.ModelInputs, error) {
	f.asked++
	return f.inputs, f.err
}
func (f *fake) PlanOutputs(context.Context, string, string) ([]platform.ModelOutputs, error) {
	return f.outputs, f.err
}
func (f *fake) SchedulePlan(ctx context.Context, scene platform.PlanScene) (platform.SceneAnswer, error) {
	if _, err := scene.Intend(ctx); err != nil {
		return platform.SceneAnswer{}, &platform.Error{Err: err}
	}
	f.scenes = append(f.scenes, scene)
	return platform.SceneAnswer{}, f.refusal
}
func (f *fake) Models(context.Context) ([]platform.Model, error) {
	if f.busyAfterTrigger && len(f.sentModels) > 0 {
		return []platform.Model{{ID: "md1", Status: "RUNNING"}}, nil
	}
	return f.models, f.err
}
func (f *fake) ModelInputs(context.Context, string) ([]platform.Input, error) {
	return f.modelInputs, f.err
}
func (f *fake) TriggerModel(ctx context.Context, trigger platform.ModelTrigger) (platform.ModelAnswer, error) {
	if _, err := trigger.Intend(ctx); err != nil {
		return platform.ModelAnswer{}, &platform.Error{Err: err}
	}
	f.sentModels = append(f.sentModels, trigger)
	return platform.ModelAnswer{InstanceID: f.instance, Status: "RUNNING"}, f.refusal
}
func (f *fake) ModelStatus(_ context.Context, modelID, instanceID string) (platform.ModelInstance, error) {
	return platform.ModelInstance{ModelID: modelID, InstanceID: instanceID, Status: "FINISH"}, f.err
}
func (f *fake) ModelOutputs(context.Context, string, string, bool) ([]platform.NodeOutput, error) {
	return f.nodes, f.err
}
func (f *fake) CallTimeout() time.Duration        { return 30 * time.Second }
func (f *fake) ClockAhead() (time.Duration, bool) { return time.Hour, true }
func (f *fake) TriggerPlan(ctx context.Context, trigger platform.PlanTrigger) (string, error) {
	if _, err := trigger.Intend(ctx); err != nil {
		return "", &platform.Error{Err: err}
	}
	f.sent = append(f.sent, trigger)
	return f.instance, f.refusal
}

// bench runs activities as a worker would, over a fake platform and a fake server.
type bench struct {
	*testsuite.TestActivityEnvironment
	*fake
	activities *Activities
	mu         sync.Mutex
	intents    []any
	lost       error // of heartbeats
}

func newBench(t *testing.T, secrets map[string]string) *bench {
	t.Helper()
	folder := t.TempDir()
	for name, value := range secrets {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(value), 0o600))
	}
	opened, err := OpenSecrets(folder)
	require.NoError(t, err)
	b := &bench{fake: &fake{instance: "in1"}}
	b.activities, err = New(Config{
		Platform: b.fake,
		Secrets:  opened,
		Callback: func(_ context.Context, kind, namespace, workflowID, key string) string {
			return strings.Join([]string{"http://bridge", kind, namespace, workflowID, key}, "/")
		},
	})
	require.NoError(t, err)
	b.activities.beat = func(_ context.Context, details ...any) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.intents = append(b.intents, details...)
		return b.lost
	}
	var suite testsuite.WorkflowTestSuite
	b.TestActivityEnvironment = suite.NewTestActivityEnvironment()
	b.RegisterActivity(b.activities)
	return b
}

func (b *bench) trigger(in PlanTrigger) (triggered Triggered, err error) {
	value, err := b.ExecuteActivity(b.activities.DpaTriggerPlan, in)
	if err != nil {
		return triggered, err
	}
	return triggered, value.Get(&triggered)
}

// failure returns the application error and its Fault.
func failure(t *testing.T, err error) (*temporal.ApplicationError, Fault) {
	t.Helper()
	var failed *temporal.ApplicationError
	require.ErrorAs(t, err, &failed)
	var fault Fault
	_ = failed.Details(&fault)
	return failed, fault
}

var errReset = errors.New("connection reset")
