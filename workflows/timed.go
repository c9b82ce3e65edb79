package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
)

// TimedInput says which plan the platform shall run by its own clock (P4), and how long to collect its
// executions. MaxRuns or Until is required with the strategy cycle.
type TimedInput struct {
	PlanID    string                `json:"planId"`
	SceneName string                `json:"sceneName"`
	Params    activities.PlanParams `json:"params,omitempty"`
	// ExecuteStrategy is single or cycle.
	ExecuteStrategy string `json:"executeStrategy"`
	// Dimension is the unit of Intervals: seconds, minutes, hours, day, weeks or month.
	Dimension string `json:"dimension"`
	// Intervals is how many units lie between two executions, as a text or a number.
	Intervals Intervals `json:"intervals"`
	// MaxRuns ends the workflow after so many executions; 1 for the strategy single.
	MaxRuns int `json:"maxRuns,omitempty"`
	// Until ends the workflow at that time.
	Until *time.Time `json:"until,omitempty"`

	// Carried is the state of a workflow that was continued as new. Callers leave it out.
	Carried *TimedState `json:"carried,omitempty"`
}

// Intervals is a whole number from 1 up, in digits.
type Intervals string

// UnmarshalJSON reads a text or a number.
func (i *Intervals) UnmarshalJSON(data []byte) error {
	var number json.Number
	if err := json.Unmarshal(data, &number); err != nil {
		return errors.New(`wants a whole number such as 5 or "5"`)
	}
	*i = Intervals(number.String())
	return nil
}

// TimedResult is what a timed scene's executions came to.
type TimedResult struct {
	PlanID    string       `json:"planId"`
	SceneName string       `json:"sceneName"`
	Runs      []PlanResult `json:"runs"`
	// LeftOut counts the oldest runs, which are not listed because there are too many.
	LeftOut int `json:"leftOut,omitempty"`
	// Open names instances that had not ended.
	Open []string `json:"open,omitempty"`
	// Notes are what an operator should know of.
	Notes []Note `json:"notes,omitempty"`
}

func (in TimedInput) faults() activities.Faults {
	var faults activities.Faults
	oneOf := func(path, value string, words ...string) {
		if !slices.Contains(words, value) {
			faults.Add(path, fmt.Errorf("wants one of %s, got %q", strings.Join(words, ", "), value))
		}
	}
	faults.Add("planId", checkID(in.PlanID))
	if in.SceneName == "" {
		faults.Add("sceneName", errors.New("is missing"))
	}
	oneOf("executeStrategy", in.ExecuteStrategy, "single", "cycle")
	oneOf("dimension", in.Dimension, "seconds", "minutes", "hours", "day", "weeks", "month")
	if digits := strings.Trim(string(in.Intervals), "0123456789"); digits != "" || strings.Trim(string(in.Intervals), "0") == "" {
		faults.Add("intervals", fmt.Errorf("wants a whole number from 1 up, got %q", in.Intervals))
	}
	if in.MaxRuns < 0 {
		faults.Add("maxRuns", errors.New("wants to be 1 or more"))
	}
	if in.MaxRuns == 0 && in.Until == nil && in.ExecuteStrategy == "cycle" {
		faults.Add("maxRuns", errors.New("give maxRuns or until: the platform never ends a cycle"))
	}
	return faults
}

// TimedPlan is the workflow type "TimedPlan": it registers a timed scene with the platform and collects
// every execution that calls back, with its outputs. It answers the query "status" and takes the update
// "resolveTrigger". The platform has no way to delete a scene, which goes on when the workflow has
// ended; a Temporal Schedule of RunPlan can be deleted.
func TimedPlan(ctx workflow.Context, in TimedInput) (TimedResult, error) {
	if faults := in.faults(); len(faults) > 0 {
		return TimedResult{}, activities.InvalidInput(faults)
	}
	if in.MaxRuns == 0 && in.ExecuteStrategy == "single" {
		in.MaxRuns = 1
	}
	ctx, desk := openDesk(ctx, true)
	c := &collector{in: in, desk: desk, state: in.Carried}
	if c.state == nil {
		c.state = &TimedState{}
	}
	if err := c.answerStatus(ctx); err != nil {
		return TimedResult{}, err
	}
	if c.state.Key == "" {
		if err := c.register(ctx); err != nil {
			return TimedResult{}, err
		}
	}
	return c.collect(ctx)
}

// sceneJob is the adapter of the story's trigger to timed scenes.
type sceneJob struct {
	planJob
	scene TimedInput
}

func (s *sceneJob) name() string {
	return fmt.Sprintf("scene %s of plan %s", s.scene.SceneName, s.scene.PlanID)
}

func (s *sceneJob) trigger(ctx workflow.Context, in activities.Trigger) workflow.Future {
	var a *activities.Activities
	return workflow.ExecuteActivity(ctx, a.SchedulePlan, activities.SceneTrigger{
		PlanTrigger:     activities.PlanTrigger{PlanID: s.scene.PlanID, Params: s.scene.Params, Trigger: in},
		SceneName:       s.scene.SceneName,
		ExecuteStrategy: s.scene.ExecuteStrategy,
		Dimension:       s.scene.Dimension,
		Intervals:       string(s.scene.Intervals),
	})
}
