package workflows

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/dpaflow/dpaflow/runbook"
)

// drawing draws a document and the world that it is run in.
type drawing struct {
	*rapid.T
	world
	nested bool
}

func (d *drawing) document(id string, least, most int) *runbook.Document {
	doc := &runbook.Document{Name: id, MaxParallel: rapid.SampledFrom([]int{0, 0, 1, 2, 3}).Draw(d.T, "maxParallel")}
	for i := range rapid.IntRange(least, most).Draw(d.T, "steps") {
		doc.Steps = append(doc.Steps, d.step(fmt.Sprintf("%ss%d", id, i), doc.Steps))
	}
	return doc
}

func (d *drawing) step(id string, before []runbook.Step) runbook.Step {
	s := runbook.Step{ID: id}
	d.order(&s, before)
	policies := []runbook.OnFailure{"", "", "", runbook.AbortOnFailure, runbook.ContinueOnFailure, runbook.RollbackOnFailure}
	if !d.nested {
		policies = append(policies, runbook.PauseOnFailure)
		decision := rapid.SampledFrom([]string{"retry", "retry", "skip", "abort"})
		d.Decides[id] = rapid.SliceOfN(decision, 0, 3).Draw(d.T, "decides")
	}
	s.OnFailure = rapid.SampledFrom(policies).Draw(d.T, "onFailure")
	kinds := []string{"plan", "plan", "plan", "each", "wait", "approval"}
	if !d.nested {
		kinds = append(kinds, "runbook")
	}
	switch kind := rapid.SampledFrom(kinds).Draw(d.T, "kind"); kind {
	case "wait":
		s.Wait = runbook.Duration(d.takes("wait"+id, 0))
	case "approval":
		s.Approval = &runbook.Approval{Message: "?"}
		if answer := rapid.SampledFrom([]string{"", "approve", "reject"}).Draw(d.T, "answer"); answer != "" && !d.nested {
			d.Answers[id] = answer
			break
		}
		s.Approval.Timeout = runbook.Duration(d.takes("timeout"+id, 0))
		s.Approval.OnTimeout = rapid.SampledFrom([]runbook.OnTimeout{"", runbook.ApproveOnTimeout}).Draw(d.T, "onTimeout")
	case "runbook":
		inside := drawing{T: d.T, world: d.world, nested: true}
		s.Runbook = inside.document(id+"n", 1, 4)
		s.Runbook.OnFailure = rapid.SampledFrom([]runbook.OnFailure{runbook.AbortOnFailure, runbook.ContinueOnFailure, runbook.RollbackOnFailure}).Draw(d.T, "nested onFailure")
		// The operator has no earlier run of it to resume.
		d.Decides[id] = slices.DeleteFunc(d.Decides[id], func(decision string) bool { return decision == "retry" })
		d.rollback(&s, id)
	case "plan", "each":
		s.Job = plan(id)
		s.Retries = rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(d.T, "retries")
		if kind == "plan" {
			d.fails(id)
			d.rollback(&s, id)
			break
		}
		list := make([]int, rapid.IntRange(0, 4).Draw(d.T, "items"))
		labels := []string{}
		for i := range list {
			list[i] = i + 1
			labels = append(labels, fmt.Sprintf("%s[%d]", id, i))
			d.fails(labels[i])
		}
		text, _ := json.Marshal(list)
		s.ForEach = string(text)
		s.MaxParallel = rapid.IntRange(0, 3).Draw(d.T, "items side by side")
		s.MaxFailures = rapid.SampledFrom([]runbook.MaxFailures{{}, {Count: 1}, {Percent: 50}}).Draw(d.T, "maxFailures")
		d.rollback(&s, labels...)
	}
	return s
}

// order draws what comes before a step, and its condition on that.
func (d *drawing) order(s *runbook.Step, before []runbook.Step) {
	if rapid.Bool().Draw(d.T, "needs") {
		s.Needs = []runbook.Need{}
		for _, at := range rapid.SliceOfNDistinct(rapid.IntRange(0, max(0, len(before)-1)), 0, min(3, len(before)), rapid.ID).Draw(d.T, "needed") {
			on := rapid.SampledFrom([]runbook.On{"", "", runbook.OnSuccess, runbook.OnFailed, runbook.OnEnd}).Draw(d.T, "on")
			s.Needs = append(s.Needs, runbook.Need{Step: before[at].ID, On: on})
		}
		s.Join = rapid.SampledFrom([]runbook.Join{"", runbook.JoinAll, runbook.JoinAny}).Draw(d.T, "join")
	}
	conditions := []string{"", "", "", "", "true", "false"}
	needed := s.Needs
	if needed == nil && len(before) > 0 {
		needed = []runbook.Need{{Step: before[len(before)-1].ID}}
	}
	for _, need := range needed {
		conditions = append(conditions, "steps."+need.Step+".status == 'SUCCESS'", "steps."+need.Step+".status == 'SKIPPED'")
	}
	s.When = rapid.SampledFrom(conditions).Draw(d.T, "when")
}

func (d *drawing) fails(label string) {
	if n := rapid.SampledFrom([]int{0, 0, 0, 1, 2, 3}).Draw(d.T, label+" fails"); n > 0 {
		d.Fails[label] = n
	}
}

func (d *drawing) rollback(s *runbook.Step, labels ...string) {
	if rapid.Bool().Draw(d.T, "rollback") {
		job := plan(s.ID + "-undo")
		s.Rollback = &job
		for _, label := range labels {
			d.fails(label + "~rollback")
		}
	}
}

// plan is a job that is not asked about before it calls back.
func plan(id string) runbook.Job {
	return runbook.Job{Plan: id, PollAfter: runbook.Duration(23 * time.Hour)}
}
