package execution

import (
	"fmt"
	"slices"
	"time"
)

// await waits for the end of the instance, and asks the platform after a while without news.
func (s *State) await(now time.Time) {
	id := s.Status.InstanceID
	if s.Rules.Target == Scene {
		s.end(nil)
		return
	}
	if !now.Before(s.Status.Deadline) {
		s.fail(ErrorWaitTimeout, fmt.Sprintf("no end of %s, instance %s, within %s; look at it on the platform, it may still run",
			s.Rules.Name, id, s.Rules.Timeout))
		return
	}
	if (s.Registers || s.From != "") && s.Registered != id {
		s.Registered = id
		s.do(Register{InstanceID: id, From: s.From, Until: s.Status.Deadline})
	}
	if now.Before(s.pollAt()) {
		return
	}
	s.Silent = now // the next time is reckoned from here, so that one timer serves however long the answer takes
	if !s.Polling {
		s.overdue()
		s.Status.Polls++
		s.Polling = true
		s.do(Poll{InstanceID: id})
	}
}

// pollAt is when the platform is asked next.
func (s *State) pollAt() time.Time {
	return s.Silent.Add(spaced(s.Rules.PollAfter, s.Silent.Sub(*s.Status.TriggeredAt)))
}

func (s *State) overdue() {
	if !s.Status.Overdue {
		s.Status.Overdue = true
		s.count("dpaflow_runs_overdue")
	}
}

// Wake is when Next must be called even if nothing arrives; zero for never.
func (s *State) Wake() time.Time {
	switch {
	case s.Over, s.Sending, s.ended():
		return time.Time{}
	case s.known():
		if at := s.pollAt(); at.Before(s.Status.Deadline) {
			return at
		}
	case s.Wanted && !s.Held:
		return s.SendAt
	}
	return s.Status.Deadline
}

// clockMargin is more than what the platform's Date header, in whole seconds, can be wrong by.
const clockMargin = 2 * time.Second

// counts tells whether an answer cannot be another instance's. The list of plans has a status per plan, so it
// counts only where the run trusts it, the platform wrote it after our trigger by its own clock, and nobody else of
// ours had anything to do with the plan since.
func (p *Polled) counts(s *State, ended bool) bool {
	if p.Exact {
		return p.InstanceID == s.Status.InstanceID
	}
	later := !s.PlatformTime.IsZero() && p.UpdatedAt.After(s.PlatformTime.Add(clockMargin))
	return s.Rules.TrustPlanStatus && ended && later && p.Alone && !slices.ContainsFunc(s.Triggers, func(t Trigger) bool {
		return t.mayHaveRun() && t.Key != s.LeadingKey()
	})
}

func (p *Polled) apply(s *State, now time.Time) {
	s.Polling = false
	status, ended := s.Rules.end(p.Status)
	switch {
	case p.Err != "":
		s.Status.Hint = p.Err
		return
	case p.Exact:
		s.Status.Hint = "instance " + status
	default:
		s.Status.Hint = fmt.Sprintf("plan %s since %s", status, p.UpdatedAt.UTC().Format(time.RFC3339))
	}
	t := s.leading()
	switch {
	case t == nil || !t.FinishedAt.IsZero() || !p.counts(s, ended):
	case ended:
		t.finish(status, ObservedByPoll, now)
	default:
		s.progress(t, status, now)
	}
}

func (f *Fetched) apply(s *State, _ time.Time) {
	s.Fetched = true
	switch {
	case f.Err == "":
	case s.Status.Status == StatusFail: // its outputs are for the operator: it has failed without them too
		s.OutputsError = f.Err
	default:
		s.Unread = &Failure{Type: f.ErrorType, Message: fmt.Sprintf("%s ended %s as instance %s, but its outputs could not be fetched: %s",
			s.Rules.Name, s.Status.Status, s.Status.InstanceID, f.Err)}
	}
}

func (r *Registered) apply(s *State, now time.Time) {
	if r.Err != "" {
		s.note(now, "callbacks by the instance's id will not find this run: "+r.Err)
	}
}
