// Package activities wraps the platform's endpoints as Temporal activities, one for each, and owns
// the inputs and results that go into workflow histories. No activity takes or returns a secret, a
// token or a callback address.
package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"github.com/dpaflow/dpaflow/platform"
)

// Platform is what the activities need of the platform's client; *platform.Client provides it.
type Platform interface {
	Plans(ctx context.Context) ([]platform.Plan, error)
	PlanInputs(ctx context.Context, planID string) ([]platform.ModelInputs, error)
	TriggerPlan(ctx context.Context, trigger platform.PlanTrigger) (instanceID string, err error)
	PlanOutputs(ctx context.Context, planID, instanceID string) ([]platform.ModelOutputs, error)
	SchedulePlan(ctx context.Context, scene platform.PlanScene) (platform.SceneAnswer, error)
	Models(ctx context.Context) ([]platform.Model, error)
	ModelInputs(ctx context.Context, modelID string) ([]platform.Input, error)
	TriggerModel(ctx context.Context, trigger platform.ModelTrigger) (platform.ModelAnswer, error)
	ModelStatus(ctx context.Context, modelID, instanceID string) (platform.ModelInstance, error)
	ModelOutputs(ctx context.Context, modelID, instanceID string, designatedOnly bool) ([]platform.NodeOutput, error)
	// CallTimeout is how long one call may take.
	CallTimeout() time.Duration
	// ClockAhead tells how far the platform's clock is ahead of ours, if it has said what time it is.
	ClockAhead() (ahead time.Duration, known bool)
}

// CallbackAddress makes the URL that the platform calls back when the instance of one trigger has
// news. kind is "plan" or "model"; the key names the trigger within its workflow. The result is a
// capability: whoever knows it can report the end of that instance. The context is that of the trigger's activity.
type CallbackAddress func(ctx context.Context, kind, namespace, workflowID, key string) string

// Config is what Activities depend on.
type Config struct {
	Platform Platform
	Callback CallbackAddress
	// Secrets resolves {"secretRef": name}; nil means that there are none.
	Secrets *Secrets
	// Policy says what may be triggered; nil allows everything.
	Policy Policy
	// Indexed tells whether the namespace has dpaflow's search attributes; nil means that it has not.
	Indexed func() bool
	// Alone reports whether no other workflow, nor an earlier run of this one, had to do with a plan since that time. Nil,
	// or without search attributes, nobody knows.
	Alone func(ctx context.Context, planID, workflowID, runID string, since time.Time) (bool, error)
	// Register makes callbacks that come by an instance's id alone find a workflow: those without a token, and those
	// of an instance that an earlier run triggered. Without it the latter are not heard of.
	Register func(ctx context.Context, instance Instance, workflowID string) error
	// Unsigned is true where callbacks come without a token: every run then registers its instance.
	Unsigned bool
	// Converter reads what histories hold as it is, such as the input of an earlier trigger; it has to be that of
	// the worker's client. Nil is Temporal's default.
	Converter converter.DataConverter
}

// Activities are dpaflow's activities, to be registered on a worker by workflows.Register.
type Activities struct {
	platform Platform
	callback CallbackAddress
	secrets  *Secrets
	policy   Policy
	indexed  func() bool
	alone    func(ctx context.Context, planID, workflowID, runID string, since time.Time) (bool, error)
	register func(ctx context.Context, instance Instance, workflowID string) error
	unsigned bool
	beat     heartbeat

	converter converter.DataConverter
	histories func(context.Context) histories
}

// DpaHasSearchAttributes tells whether the namespace has dpaflow's search attributes.
func (a *Activities) DpaHasSearchAttributes(context.Context, struct{}) (bool, error) {
	return a.indexed(), nil
}

// New returns the activities over a platform's client. The error names every missing dependency.
func New(config Config) (*Activities, error) {
	var faults []error
	if config.Platform == nil {
		faults = append(faults, errors.New("activities: Config.Platform is missing"))
	}
	if config.Callback == nil {
		faults = append(faults, errors.New("activities: Config.Callback is missing"))
	}
	if config.Unsigned && config.Register == nil {
		faults = append(faults, errors.New("activities: Config.Unsigned needs Config.Register"))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	if config.Indexed == nil {
		config.Indexed = func() bool { return false }
	}
	if config.Converter == nil {
		config.Converter = converter.GetDefaultDataConverter()
	}
	return &Activities{
		platform: config.Platform,
		callback: config.Callback,
		secrets:  config.Secrets,
		policy:   config.Policy,
		indexed:  config.Indexed,
		alone:    config.Alone,
		register: config.Register,
		unsigned: config.Unsigned,
		beat:     serverHeartbeat,

		converter: config.Converter,
		histories: func(ctx context.Context) histories { return activity.GetClient(ctx) },
	}, nil
}
