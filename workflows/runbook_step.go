package workflows

import (
	"cmp"
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/execution"
	"github.com/dpaflow/dpaflow/runbook"
)

// stepRun is one execution of a runbook, as the engine knows it: by its key.
type stepRun struct {
	*run
	key     string
	job     runbook.Job
	fresh   bool // it has not begun
	cancel  workflow.CancelFunc
	refused error           // why it could not even begin
	last    engine.Progress // that the engine knows
	told    bool            // the engine knows its end
	noted   int             // how many of its notes the engine knows
}

// arrived tells whether there is anything new about the execution.
func (s *stepRun) arrived() bool {
	switch {
	case s.refused != nil || s.run.state.Over && !s.told:
		return !s.told
	case s.run.state.Over:
		return len(s.run.actions) > 0
	}
	return s.run.arrived() || s.progress() != s.last
}

// take has the execution take in what has arrived, and returns what that means to the engine.
func (s *stepRun) take() []engine.Event {
	if s.told && (s.run == nil || len(s.run.actions) == 0) {
		return nil
	}
	if s.refused != nil {
		s.told = true
		return []engine.Event{engine.Ended{Key: s.key, Outcome: engine.Broken, Reason: s.refused.Error()}}
	}
	s.run.advance()
	if s.run.state.Over {
		s.told = true
		s.run.all.settle(s.run)
		return append(s.notes(), s.ended())
	}
	if now := s.progress(); now != s.last {
		s.last = now
		return append(s.notes(), now)
	}
	return s.notes()
}

// notes are those that the engine does not know yet.
func (s *stepRun) notes() (events []engine.Event) {
	notes := s.run.state.Status.Notes
	for _, note := range notes[min(s.noted, len(notes)):] {
		events = append(events, engine.Noted{Key: s.key, Text: note.Text})
	}
	s.noted = len(notes)
	return events
}

func (s *stepRun) progress() engine.Progress {
	state := s.run.state
	now := engine.Progress{
		Key: s.key, Phase: string(state.Status.Phase), InstanceID: state.Status.InstanceID,
		Idle: !state.MayRun(), Overdue: state.Status.Overdue,
	}
	if state.Status.Phase == PhaseUnknown {
		now.Doubt = cmp.Or(state.Status.Reason, "nobody can know whether the trigger ran")
	}
	return now
}

func (s *stepRun) ended() engine.Ended {
	state := s.run.state
	// Where an instance succeeded and its outputs were not read, somebody has to say whether it is run again.
	unread := state.Failure != nil && state.Status.Status == StatusSuccess
	end := engine.Ended{
		Key: s.key, InstanceID: state.Status.InstanceID, ObservedBy: state.Status.ObservedBy,
		Outputs: s.run.target.results(), MayRun: state.MayRun() || unread,
	}
	switch failed := state.Failure; {
	case failed != nil && failed.Cancelled:
		end.Outcome = engine.GivenUp
	case failed != nil:
		end.Outcome, end.Reason = engine.Broken, failed.Message
	case state.Status.Status == StatusFail:
		end.Outcome, end.Reason = engine.Fail, fmt.Sprintf("%s ended FAIL as instance %s", state.Rules.Name, state.Status.InstanceID)
	default:
		end.Outcome = engine.Success
	}
	return end
}

// forget lets go of executions that nothing can be said about any more.
func (r *runbookRun) forget() {
	r.steps = slices.DeleteFunc(r.steps, func(s *stepRun) bool {
		gone := s.told && (s.run == nil || s.run.handling == 0 && len(s.run.actions) == 0 && !r.engine.Repairable(s.key))
		if gone && s.run != nil && s.run.state.Status.FinishedAt != nil {
			for _, address := range s.run.state.Addresses() {
				r.over[address] = s
			}
		}
		return gone
	})
}

// late are the executions that are over, and that a callback has come to since: the first end stands, and what contradicts
// it is noted.
func (r *runbookRun) late() (steps []*stepRun) {
	if len(r.over) == 0 {
		return nil
	}
	for _, address := range unreadCallbacks(r.ctx) {
		if step := r.over[address]; step != nil && !slices.Contains(steps, step) {
			steps = append(steps, step)
		}
	}
	return steps
}

// targetOf makes a target of what a step runs.
func targetOf(job runbook.Job, preflight bool) (target, Policy, error) {
	policy := Policy{Timeout: job.Timeout, PollAfter: job.PollAfter, OnUnknown: job.OnUnknown, Preflight: &preflight}
	if job.Plan != "" {
		in, findings := PlanInput{PlanID: job.Plan, Params: planParams(job.Params), Policy: policy}.withDefaults()
		return &planTarget{in: in}, in.Policy, invalid(findings)
	}
	in, findings := ModelInput{
		ModelID: job.Model, Params: activities.Params(job.Params), Policy: policy, ExecutePath: job.ExecutePath,
		Sync: job.Sync, SyncTimeout: job.SyncTimeout, DesignatedOutputsOnly: job.DesignatedOutputsOnly, OnBusy: job.OnBusy,
	}.withDefaults()
	return &modelTarget{in: in}, in.Policy, invalid(findings)
}

func invalid(findings runbook.Faults) error {
	if len(findings) == 0 {
		return nil
	}
	return activities.InvalidInput(findings)
}

func planParams(models runbook.Params) activities.PlanParams {
	params := activities.PlanParams{}
	for _, model := range workflow.DeterministicKeys(models) {
		params[model] = activities.Params(models[model].Inputs)
	}
	return params
}

// carriedStep is what a run that continues as new keeps of an execution.
type carriedStep struct {
	Key  string      `json:"key"`
	Path string      `json:"path"`
	Job  runbook.Job `json:"job"`
	engine.Outputs
	State *execution.State `json:"state"`
	Last  engine.Progress  `json:"last"`
	Told  bool             `json:"told,omitempty"`
}
