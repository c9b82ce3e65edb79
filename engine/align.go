package engine

import (
	"cmp"
	"slices"

	"github.com/dpaflow/dpaflow/runbook"
)

// align puts the steps of an earlier run into the form of this document, which may have been changed since: each
// where it is written now. What is not there any more is looked at, but for what is in something that was skipped.
func (r *resumption) align(n *node, prefix string, before []Step, skipped bool) []Step {
	steps := make([]Step, n.doc.Len())
	for i := range steps {
		steps[i] = newStep(n.doc.Step(i))
	}
	for _, old := range before {
		i, known := n.ids[old.ID]
		if !known {
			r.gone(prefix+old.ID, old, skipped)
			continue
		}
		r.common = true
		old.forget()
		done := old.done()
		skipped := skipped || done && old.SkippedBy != ""
		if n.doc.Step(i).ForEach == "" {
			for _, item := range old.Items {
				r.gone(prefix+item.ID, item, skipped)
			}
			old.Items = nil
		}
		old.Items = slices.Clone(old.Items)
		for k := range old.Items {
			old.Items[k].forget()
			r.alignInside(n.inner[i], prefix+old.Items[k].ID, &old.Items[k], skipped || old.Items[k].done() && old.Items[k].SkippedBy != "")
		}
		r.alignInside(n.inner[i], prefix+old.ID, &old, skipped)
		old.settle(done)
		steps[i] = old
	}
	return steps
}

func (r *resumption) alignInside(n *node, path string, of *Step, skipped bool) {
	done := of.done()
	switch {
	case of.Runbook == nil:
	case n == nil:
		for _, step := range of.Runbook.Steps {
			r.gone(path+"/"+step.ID, step, skipped)
		}
		of.Runbook = nil
	default:
		run := *of.Runbook
		run.Steps = r.align(n, path+"/", run.Steps, skipped)
		of.Runbook = &run
	}
	of.settle(done)
}

// settle keeps a step from being taken for done because what was undone in it is gone.
func (s *Step) settle(done bool) {
	if !done && s.done() {
		s.Status, s.SkippedBy = runbook.StatusWaiting, ""
	}
}

// gone looks at a step or item that is not in the runbook, or its list, any more.
func (r *resumption) gone(path string, old Step, skipped bool) {
	if skipped {
		return
	}
	old.mayRun(path, func(_ string, of *Execution) {
		if !r.chosen(r.choices.Keep, path) && !r.chosen(r.choices.Rerun, path) {
			r.find(path, "it is not there any more, and the platform may still run %s: look there, then say keep to leave it alone",
				cmp.Or(of.InstanceID, "what was triggered"))
		}
	})
}
