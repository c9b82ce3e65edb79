package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/signals"
)

const (
	// maxListed bounds the list of a scene's runs: it is carried from one history to the next.
	maxListed = 500
	// listedLimit bounds, in bytes of JSON, the outputs that all listed runs keep together.
	listedLimit = 1 << 20
	// newsPerHistory has a history end long before Temporal's limits of events and signals.
	newsPerHistory = 200
	// sceneForever stands for no end in time.
	sceneForever = 100 * 365 * 24 * time.Hour
)

// TimedState is what TimedPlan carries from one history to the next.
type TimedState struct {
	// Key is that of the scene's address; empty until the scene is registered.
	Key          string      `json:"key"`
	RegisteredAt time.Time   `json:"registeredAt"`
	Count        int         `json:"count"` // of runs that have ended
	Result       TimedResult `json:"result"`
	OpenRuns     []OpenRun   `json:"openRuns,omitempty"`
}

// OpenRun is an instance of a scene that has called back and not ended.
type OpenRun struct {
	InstanceID string    `json:"instanceId"`
	Status     string    `json:"status"`
	Since      time.Time `json:"since"`
}

// TimedStatus is TimedPlan's answer to the query "status".
type TimedStatus struct {
	PlanID    string `json:"planId"`
	SceneName string `json:"sceneName"`
	Phase     Phase  `json:"phase"`
	Reason    string `json:"reason,omitempty"`
	Runs      int    `json:"runs"`
	// Open are the instances that have called back and not ended.
	Open  []OpenRun `json:"open,omitempty"`
	Notes []Note    `json:"notes,omitempty"`
	// Hint says how to stop the scene, which the platform's API cannot.
	Hint string `json:"hint"`
}

// collector is the state and the behaviour of TimedPlan.
type collector struct {
	in    TimedInput
	desk  *desk
	state *TimedState
	scene *execution // while the scene is being registered
	heard int        // news in this history
}

func (c *collector) answerStatus(ctx workflow.Context) error {
	return workflow.SetQueryHandler(ctx, "status", func() (TimedStatus, error) {
		status := TimedStatus{
			PlanID: c.in.PlanID, SceneName: c.in.SceneName, Phase: PhaseWaiting,
			Runs: c.state.Count, Open: c.state.OpenRuns, Notes: c.state.Result.Notes,
			Hint: "the platform's API cannot delete a scene: delete it on the platform; it goes on when this workflow has ended. A Temporal Schedule of RunPlan (starter schedule) can be deleted",
		}
		if c.state.Key == "" && c.scene != nil {
			status.Phase, status.Reason = c.scene.status.Phase, c.scene.status.Reason
		}
		return status, nil
	})
}

// register registers the scene, at most once, by the story's trigger.
func (c *collector) register(ctx workflow.Context) error {
	policy, _ := Policy{Timeout: Duration(sceneForever)}.withDefaults()
	if c.in.Until != nil {
		policy.Timeout = Duration(max(c.in.Until.Sub(workflow.Now(ctx)), time.Second))
	}
	job := &sceneJob{planJob: planJob{in: PlanInput{PlanID: c.in.PlanID}}, scene: c.in}
	c.scene = newExecution(ctx, job, policy)
	c.scene.scene = true
	if err := c.scene.trigger(ctx); err != nil {
		return err
	}
	c.scene.index(ctx)
	c.state.Key, c.state.RegisteredAt = c.scene.keys[len(c.scene.keys)-1], workflow.Now(ctx)
	c.state.Result = TimedResult{PlanID: c.in.PlanID, SceneName: c.in.SceneName, Runs: []PlanResult{}}
	c.scene.status.Phase = PhaseEnded
	if first := c.scene.status; first.InstanceID != "" { // its news settled a registration in doubt
		c.hear(ctx, signals.Callback{InstanceID: first.InstanceID, Status: first.Status})
	}
	return nil
}

// collect takes in news until there are enough runs or the time is up. A history is ended once nothing
// that it was told is left unread; the server refuses to end it while more is on its way.
func (c *collector) collect(ctx workflow.Context) (TimedResult, error) {
	for !c.done(ctx) {
		var cancelled error
		news := c.news(ctx)
		news.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) { cancelled = temporal.NewCanceledError(c.state.Result) })
		full := c.heard >= newsPerHistory || workflow.GetInfo(ctx).GetContinueAsNewSuggested()
		if full && !news.HasPending() {
			c.in.Carried = c.state
			return TimedResult{}, workflow.NewContinueAsNewError(ctx, "TimedPlan", c.in)
		}
		news.Select(ctx)
		if cancelled != nil {
			return TimedResult{}, cancelled
		}
	}
	for _, run := range c.state.OpenRuns {
		c.state.Result.Open = append(c.state.Result.Open, run.InstanceID)
	}
	return c.state.Result, nil
}

func (c *collector) done(ctx workflow.Context) bool {
	return c.in.MaxRuns > 0 && c.state.Count >= c.in.MaxRuns || c.in.Until != nil && !workflow.Now(ctx).Before(*c.in.Until)
}

// news selects what comes by the scene's key or by an open instance, and the end of the time.
func (c *collector) news(ctx workflow.Context) workflow.Selector {
	selector := workflow.NewSelector(ctx)
	selector.AddReceive(workflow.GetSignalChannel(ctx, signals.SignalName(c.state.Key)), func(channel workflow.ReceiveChannel, _ bool) {
		var news signals.Callback
		if !channel.ReceiveAsync(&news) {
			return
		}
		c.hear(ctx, news)
	})
	for _, run := range c.state.OpenRuns {
		selector.AddReceive(workflow.GetSignalChannel(ctx, signals.SignalName(run.InstanceID)), func(channel workflow.ReceiveChannel, _ bool) {
			var news signals.Callback
			if !channel.ReceiveAsync(&news) {
				return
			}
			news.InstanceID = run.InstanceID
			c.hear(ctx, news)
		})
	}
	if c.in.Until != nil {
		selector.AddFuture(c.desk.ring(*c.in.Until), func(workflow.Future) {})
	}
	return selector
}

// hear takes in one piece of news of one of the scene's instances.
func (c *collector) hear(ctx workflow.Context, news signals.Callback) {
	c.heard++
	status := strings.ToUpper(news.Status)
	ended := status == StatusSuccess || status == StatusFail
	at := slices.IndexFunc(c.state.OpenRuns, func(run OpenRun) bool { return run.InstanceID == news.InstanceID })
	known := slices.ContainsFunc(c.state.Result.Runs, func(run PlanResult) bool { return run.InstanceID == news.InstanceID })
	switch {
	case known || news.InstanceID == "":
		// A repeat, or news after the end: the first end stands.
	case !ended && at < 0:
		c.state.OpenRuns = append(c.state.OpenRuns, OpenRun{InstanceID: news.InstanceID, Status: status, Since: workflow.Now(ctx)})
	case !ended:
		c.state.OpenRuns[at].Status = status
	default:
		run := OpenRun{InstanceID: news.InstanceID, Since: workflow.Now(ctx)}
		if at >= 0 {
			run = c.state.OpenRuns[at]
			c.state.OpenRuns = slices.Delete(c.state.OpenRuns, at, at+1)
		}
		c.add(ctx, run, status)
	}
}

// add fetches the outputs of a run that has ended and lists it.
func (c *collector) add(ctx workflow.Context, run OpenRun, status string) {
	result := PlanResult{PlanID: c.in.PlanID, Ended: Ended{
		InstanceID: run.InstanceID, Status: status, ObservedBy: ObservedByCallback,
		TriggeredAt: run.Since, FinishedAt: workflow.Now(ctx),
	}}
	var a *activities.Activities
	in := activities.PlanInstance{PlanID: c.in.PlanID, InstanceID: run.InstanceID, Limit: listedLimit / c.listed()}
	if err := read(ctx, a.PlanOutputs, in, &result.Outputs); err != nil {
		result.OutputsError = cause(err).Error()
	}
	list := &c.state.Result
	list.Runs = append(list.Runs, result)
	if len(list.Runs) > maxListed {
		list.Runs = slices.Delete(list.Runs, 0, 1)
		list.LeftOut++
	}
	c.state.Count++
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("Scene **%s** of plan %s: %d runs, the last %s", cell(c.in.SceneName), cell(c.in.PlanID), c.state.Count, status))
}

// listed is how many runs the list will hold at most.
func (c *collector) listed() int {
	if c.in.MaxRuns > 0 {
		return min(c.in.MaxRuns, maxListed)
	}
	return maxListed
}
