package runbook

import (
	"strings"

	"github.com/dpaflow/dpaflow/internal/endpoint"
)

// The kinds of steps, by the field that makes them.
const (
	kindPlan     = "plan"
	kindModel    = "model"
	kindApproval = "approval"
	kindAsk      = "ask"
	kindWait     = "wait"
	kindRunbook  = "runbook"
)

var (
	jobs  = []string{kindPlan, kindModel}
	runs  = []string{kindPlan, kindModel, kindRunbook}
	model = []string{kindModel}
)

// step checks a step. It is undone where a rollback around it undoes its runbook as a whole, and nothing in between
// rolls back.
func (v *validator) step(s *Step, path string, depth int, undone bool) {
	kind := v.exactlyOne(path,
		[]string{kindPlan, kindModel, kindApproval, kindAsk, kindWait, kindRunbook},
		[]bool{s.Plan != "", s.Model != "", s.Approval != nil, s.Ask != nil, s.Wait != nil, s.Runbook != nil})
	if kind != "" {
		v.fits(path, kind, append(s.Job.fields(),
			field{"timeout", s.Timeout != 0, runs},
			field{"with", s.With != nil, []string{kindRunbook}},
			field{"forEach", s.ForEach != "", runs},
			field{"retries", s.Retries != (Retries{}), jobs},
			field{"until", s.Until != "", jobs},
			field{"every", s.Every != 0, jobs},
			field{"rollback", s.Rollback != nil, runs}))
	}
	v.job(&s.Job, path)
	v.plainText(join(path, "name"), s.Name)
	if at := join(path, "wait"); s.Wait != nil && !v.decoded.within(at) {
		v.faults = append(v.faults, s.Wait.faults(at, false)...)
	}
	v.retries(s, path)
	v.rounds(s, path)
	checkWord(&v.faults, join(path, "onFailure"), s.OnFailure, onFailureWords)
	v.forEach(s, path)
	if s.Approval != nil {
		v.approval(s.Approval, join(path, "approval"))
	}
	if s.Ask != nil {
		v.task(s.Ask, join(path, kindAsk))
	}
	if s.Asks() && v.final {
		v.faults.add(join(path, kind), "does not fit in finally, which must end without people")
	}
	if s.Rollback != nil {
		v.rollback(s.Rollback, join(path, "rollback"))
		if undone {
			v.faults.add(join(path, "rollback"), "can never run: the rollback of the step around this runbook has when: started, and undoes it as a whole")
		}
		undone = undone || s.Rollback.When == RollbackStarted
	}
	if s.Runbook == nil {
		return
	}
	if at := join(path, "runbook"); depth < MaxNesting {
		v.given(s, path)
		v.document(s.Runbook, at, depth+1, undone)
	} else {
		v.faults.add(at, "at most %d runbooks may stand inside each other", MaxNesting)
	}
}

func (v *validator) forEach(s *Step, path string) {
	limit := s.MaxFailures
	v.atLeast(join(path, "maxParallel"), s.MaxParallel, 0)
	v.atLeast(join(path, "maxFailures"), min(limit.Count, limit.Percent), 0)
	if limit.Percent > 100 || limit.Percent > 0 && limit.Count > 0 {
		v.faults.add(join(path, "maxFailures"), "must be a number or a share of at most 100%%")
	}
	if s.ForEach != "" || v.decoded.covers(path, "forEach") {
		return
	}
	if s.MaxParallel > 0 {
		v.faults.add(join(path, "maxParallel"), "is only for a step with forEach")
	}
	if limit != (MaxFailures{}) {
		v.faults.add(join(path, "maxFailures"), "is only for a step with forEach")
	}
}

func (v *validator) approval(a *Approval, path string) {
	if a.Message == "" {
		v.missing(path, []string{"", "message"}, "message is missing")
	}
	v.people(a.Approvers, join(path, "approvers"))
	v.atLeast(join(path, "quorum"), a.Quorum, 0)
	if len(a.Approvers) > 0 && a.Quorum > len(a.Approvers) && !hasExpression(a.Approvers) {
		v.faults.add(join(path, "quorum"), "must be at most %d, as many as there are approvers, got %d", len(a.Approvers), a.Quorum)
	}
	v.notNegative(join(path, "timeout"), a.Timeout)
	checkWord(&v.faults, join(path, "onTimeout"), a.OnTimeout, onTimeoutWords)
	if a.OnTimeout != "" && a.Timeout == 0 {
		v.missing(join(path, "onTimeout"), nil, "is only for an approval with a timeout")
	}
}

func (v *validator) rollback(rollback *Rollback, path string) {
	checkWord(&v.faults, join(path, "when"), rollback.When, rollbackWords)
	job := &rollback.Job
	kind := v.exactlyOne(path, jobs, []bool{job.Plan != "", job.Model != ""})
	if kind != "" {
		v.fits(path, kind, job.fields())
	}
	v.job(job, path)
}

// fields are those of a job that not every kind of step has a use for.
func (j *Job) fields() []field {
	return []field{
		{"params", j.Params != nil, jobs},
		{"pollAfter", j.PollAfter != 0, jobs},
		{"onUnknown", j.OnUnknown != "", jobs},
		{"executePath", j.ExecutePath != "", model},
		{"sync", j.Sync, model},
		{"syncTimeout", j.SyncTimeout != 0, model},
		{"designatedOutputsOnly", j.DesignatedOutputsOnly, model},
		{"onBusy", j.OnBusy != "", model},
	}
}

func (v *validator) job(j *Job, path string) {
	for _, named := range []struct{ field, id string }{{kindPlan, j.Plan}, {kindModel, j.Model}} {
		if len(named.id) > maxID {
			v.faults.add(join(path, named.field), "must have at most %d bytes, got %d", maxID, len(named.id))
		}
		v.plainText(join(path, named.field), named.id)
	}
	if err := endpoint.CheckPlan(j.Plan); err != nil && !strings.Contains(j.Plan, opening) {
		v.faults.add(join(path, kindPlan), "%v", err)
	}
	v.executePath(j, join(path, "executePath"))
	v.notNegative(join(path, "timeout"), j.Timeout)
	v.notNegative(join(path, "syncTimeout"), j.SyncTimeout)
	if j.SyncTimeout > MaxSyncTimeout {
		v.faults.add(join(path, "syncTimeout"), "must be at most %s, got %s", MaxSyncTimeout, j.SyncTimeout)
	}
	if j.PollAfter != 0 && j.PollAfter < minPollAfter {
		v.faults.add(join(path, "pollAfter"), "must be at least %s, got %s", minPollAfter, j.PollAfter)
	}
	checkWord(&v.faults, join(path, "onUnknown"), j.OnUnknown, onUnknownWords)
	checkWord(&v.faults, join(path, "onBusy"), j.OnBusy, onBusyWords)
	if j.SyncTimeout != 0 && !j.Sync {
		v.faults.add(join(path, "syncTimeout"), "is only for sync: true")
	}
	v.params(j, join(path, "params"))
}

func (v *validator) executePath(j *Job, path string) {
	if strings.Contains(j.ExecutePath, opening) {
		v.plainText(path, j.ExecutePath)
	} else if err := endpoint.CheckExecution(j.ExecutePath, j.Model); j.ExecutePath != "" && err != nil {
		v.faults.add(path, "%v", err)
	}
}

// params checks that the inputs of a plan are by model, and those of a model are not.
func (v *validator) params(j *Job, path string) {
	for name := range Sorted(j.Params) {
		param, at := j.Params[name], join(path, name)
		switch {
		case v.decoded.covers(at, ""):
		case j.Plan != "" && param.Inputs == nil:
			v.faults.add(at, "must be an object: a plan's params are model id → name → value")
		case j.Plan != "":
			for input := range Sorted(param.Inputs) {
				v.value(param.Inputs[input], join(at, input))
			}
		default:
			v.value(param, at)
		}
	}
}

func (v *validator) value(param Param, path string) {
	v.plainText(path+".secretRef", param.SecretRef)
	if param.Inputs != nil {
		v.faults.add(path, `must be a string such as "5", or {secretRef: name}, got an object`)
	}
}

// plainText finds expressions where none are replaced, so that nobody waits for it.
func (v *validator) plainText(path, text string) {
	if strings.Contains(text, opening) {
		v.faults.add(path, "takes no expressions: they are replaced in params, in an approval's message and approvers, and in the vars of a nested runbook or its with")
	}
}
