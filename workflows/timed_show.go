package workflows

import (
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/execution"
)

// TimedStatus is TimedPlan's answer to the query "status".
type TimedStatus struct {
	PlanID    string `json:"planId"`
	SceneName string `json:"sceneName"`
	Phase     Phase  `json:"phase"`
	Reason    string `json:"reason,omitempty"`
	Runs      int    `json:"runs"`
	// Open are the instances that have called back and not ended.
	Open  []execution.Collected `json:"open,omitempty"`
	Notes []Note                `json:"notes,omitempty"`
	// Actions are what operators did.
	Actions []Action `json:"actions,omitempty"`
	// Hint says how to stop the scene, which the platform's API cannot.
	Hint string `json:"hint"`
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
	// Actions are what operators did.
	Actions []Action `json:"actions,omitempty"`
}

func (c *collector) status() TimedStatus {
	status := TimedStatus{
		PlanID: c.in.PlanID, SceneName: c.in.SceneName, Phase: PhaseWaiting,
		Runs: c.state.Count, Open: c.state.Open, Notes: c.state.Notes, Actions: c.state.Actions,
		Hint: "the platform's API cannot delete a scene: delete it on the platform; it goes on when this workflow has ended. A Temporal Schedule of RunPlan (starter schedule) can be deleted",
	}
	switch {
	case c.state.Over:
		status.Phase = PhaseEnded
	case c.state.Closed:
		status.Phase = PhaseFetching
	case c.scene == nil && c.state.Key == "":
		status.Phase = PhaseTriggering
	case c.state.Key == "":
		registering := c.scene.state.Status
		status.Phase, status.Reason = registering.Phase, registering.Reason
		status.Notes, status.Actions = registering.Notes, registering.Actions
	}
	return status
}

// end is how the workflow ends.
func (c *collector) end() (TimedResult, error) {
	result := TimedResult{
		PlanID: c.in.PlanID, SceneName: c.in.SceneName, Runs: []PlanResult{}, LeftOut: c.state.LeftOut,
		Notes: c.state.Notes, Actions: c.state.Actions,
	}
	for _, run := range c.state.Runs {
		result.Runs = append(result.Runs, PlanResult{PlanID: c.in.PlanID, Outputs: c.state.Outputs[run.InstanceID], Ended: Ended{
			InstanceID: run.InstanceID, Status: run.Status, ObservedBy: run.ObservedBy,
			TriggeredAt: run.Since, FinishedAt: run.FinishedAt, OutputsError: run.OutputsError,
		}})
	}
	for _, run := range c.state.Open {
		result.Open = append(result.Open, run.InstanceID)
	}
	switch {
	case c.state.Cancelled:
		return TimedResult{}, temporal.NewCanceledError(result)
	case c.state.EndedAs == StatusFail:
		return TimedResult{}, fail(activities.ErrorPlanFailed, result, nil, "an operator has ended "+c.state.Name+" as FAIL; its runs are in the details")
	}
	return result, nil
}
