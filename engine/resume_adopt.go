package engine

import (
	"cmp"
	"slices"
	"strings"
)

// what names executions for people, the unknown ones too.
func what(all ...*Execution) string {
	names := make([]string, len(all))
	for i, of := range all {
		names[i] = cmp.Or(of.InstanceID, "what was triggered")
	}
	return strings.Join(names, ", ")
}

// adopted has a part wait for one of what the platform may still run, where somebody said so: the one that is named,
// or the last.
func (r *resumption) adopted(p part, may []*Execution) bool {
	for _, name := range r.choices.Adopt {
		step, instance, given := strings.Cut(name, "=")
		if step != p.path || p.written().Plan+p.written().Model == "" {
			continue
		}
		r.used[name] = true
		old := may[0]
		if at := slices.IndexFunc(may, func(of *Execution) bool { return of.InstanceID == instance }); given && at >= 0 {
			old = may[at]
		}
		if instance = cmp.Or(instance, old.InstanceID); instance == "" {
			r.find(p.path, "its instance is not known: name it, as in adopt: [%s=INSTANCE]", p.path)
		}
		p.of.InstanceID, p.of.MayRun, p.of.Adopt, p.of.From = instance, true, instance, cmp.Or(old.From, r.from)
		same := func(x Execution) bool { return !x.Undoing && x.InstanceID == old.InstanceID }
		if at := slices.IndexFunc(p.of.Earlier, same); at >= 0 { // where take has put it
			p.of.Earlier = slices.Delete(p.of.Earlier, at, at+1)
		}
		return true
	}
	return false
}

// left are those of earlier executions that the platform may still run.
func (r *resumption) left(earlier []Execution) (list []Execution) {
	for _, x := range earlier {
		if x.MayRun {
			x.Left, x.From = true, cmp.Or(x.From, r.from)
			list = append(list, x)
		}
	}
	return list
}
