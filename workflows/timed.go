package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/execution"
	"github.com/dpaflow/dpaflow/runbook"
)

// TimedInput says which plan the platform shall run by its own clock (P4), and how long to collect its
// executions. MaxRuns or Until is required with the strategy cycle.
type TimedInput struct {
	PlanID    string                `json:"planId"`
	SceneName string                `json:"sceneName"`
	Params    activities.PlanParams `json:"params,omitempty"`
	// ExecuteStrategy is single or cycle, or as the platform's document numbers them, 1.single or 2.cycle.
	ExecuteStrategy string `json:"executeStrategy"`
	// Dimension is the unit of Intervals: seconds, minutes, hours, day, weeks or month.
	Dimension string `json:"dimension"`
	// Intervals is how many units lie between two executions, as a string or a number; for single it may be a time.
	Intervals Intervals `json:"intervals"`
	// MaxRuns ends the workflow after so many executions; 1 for the strategy single.
	MaxRuns int `json:"maxRuns,omitempty"`
	// Until ends the workflow at that time.
	Until *time.Time `json:"until,omitempty"`
}

// Intervals is a whole number from 1 up, in digits, or a time.
type Intervals string

// UnmarshalJSON reads a string or a number.
func (i *Intervals) UnmarshalJSON(data []byte) error {
	var number json.Number
	var text string
	if json.Unmarshal(data, &text) != nil {
		if err := json.Unmarshal(data, &number); err != nil {
			return errors.New(`must be a whole number such as 5 or "5"`)
		}
		text = number.String()
	}
	*i = Intervals(text)
	return nil
}

// sceneForever stands for no end in time.
const sceneForever = 100 * 365 * 24 * time.Hour

// faults are those of an input, by the time at which the workflow begins.
func (in TimedInput) faults(now time.Time) runbook.Faults {
	var faults runbook.Faults
	oneOf := func(path, value string, words ...string) {
		if !slices.Contains(words, value) {
			faults.Add(path, fmt.Errorf("must be one of %s, got %q", strings.Join(words, ", "), value))
		}
	}
	faults.Add("planId", checkID(in.PlanID))
	if in.SceneName == "" {
		faults.Add("sceneName", errors.New("is missing"))
	}
	oneOf("executeStrategy", in.ExecuteStrategy, "single", "cycle", "1.single", "2.cycle")
	oneOf("dimension", in.Dimension, "seconds", "minutes", "hours", "day", "weeks", "month")
	if digits := strings.Trim(string(in.Intervals), "0123456789"); in.Intervals == "" || !in.single() && digits != "" {
		faults.Add("intervals", fmt.Errorf("must be a whole number from 1 up, got %q", in.Intervals)) // what else is wrong the client of the platform finds
	}
	if in.MaxRuns < 0 {
		faults.Add("maxRuns", errors.New("must be 1 or more"))
	}
	switch {
	case in.Until == nil && in.MaxRuns == 0 && !in.single():
		faults.Add("maxRuns", errors.New("give maxRuns or until: the platform never ends a cycle"))
	case in.Until == nil:
	case !in.Until.After(now):
		faults.Add("until", fmt.Errorf("is past: it is %s", now.UTC().Format(time.RFC3339)))
	case in.Until.Sub(now) > sceneForever:
		faults.Add("until", errors.New("must be within 100 years"))
	}
	return faults
}

func (in TimedInput) single() bool { return strings.HasSuffix(in.ExecuteStrategy, "single") }

// TimedPlan is the workflow type "TimedPlan": it registers a timed scene with the platform and collects
// every execution that calls back, with its outputs. It answers the query "status" and takes the updates
// "resolveTrigger" and "resolveRun", which ends it. The platform has no way to delete a scene, which goes on when the
// workflow has ended; a Temporal Schedule of RunPlan can be deleted.
func TimedPlan(ctx workflow.Context, in TimedInput) (TimedResult, error) {
	return collect(ctx, in, nil)
}

// readTimed reads the input of the registered workflow.
func readTimed(ctx workflow.Context, raw converter.RawValue, carried *TimedState) (TimedResult, error) {
	return strict(func(ctx workflow.Context, in TimedInput) (TimedResult, error) { return collect(ctx, in, carried) })(ctx, raw)
}

func collect(ctx workflow.Context, in TimedInput, carried *TimedState) (TimedResult, error) {
	c := newCollector(ctx, in, carried)
	if err := workflow.SetQueryHandler(ctx, "status", func() (TimedStatus, error) { return c.status(), nil }); err != nil {
		return TimedResult{}, err
	}
	if carried == nil {
		// An earlier run, before a reset, may have registered the scene while there was time.
		now := workflow.Now(ctx)
		if in.Until != nil && wasReset(ctx) {
			now = in.Until.Add(-time.Second)
		}
		if faults := in.faults(now); len(faults) > 0 {
			return TimedResult{}, activities.InvalidInput(faults)
		}
		if err := c.register(); err != nil {
			return TimedResult{}, err
		}
	}
	return c.collect()
}

// sceneTarget makes the registration of a timed scene a target. Its instances are the collector's.
type sceneTarget struct {
	planTarget
	scene TimedInput
	name  string
}

func (s *sceneTarget) rules() execution.Rules {
	return execution.Rules{
		Target: execution.Scene, ID: s.scene.PlanID, Name: s.name,
	}
}

func (s *sceneTarget) trigger(ctx workflow.Context, in activities.Trigger) workflow.Future {
	var a *activities.Activities
	return workflow.ExecuteActivity(ctx, a.DpaSchedulePlan, activities.SceneTrigger{
		PlanTrigger:     activities.PlanTrigger{PlanID: s.scene.PlanID, Params: s.scene.Params, Trigger: in},
		SceneName:       s.scene.SceneName,
		ExecuteStrategy: s.scene.ExecuteStrategy,
		Dimension:       s.scene.Dimension,
		Intervals:       string(s.scene.Intervals),
	})
}
