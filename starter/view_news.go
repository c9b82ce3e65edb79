package main

import (
	"slices"
	"strconv"

	"github.com/dpaflow/dpaflow/workflows"
)

func (v *bookView) news(before view) (news []string) {
	last, _ := before.(*bookView)
	if last == nil {
		last = &bookView{}
	}
	if last.word() != v.word() || last.result.Reason != v.result.Reason {
		news = append(news, joined("  ", v.result.Name, v.word(), v.result.Reason))
	}
	told := map[string]string{}
	for _, step := range last.steps() {
		told[step.label()] = step.standing()
	}
	for _, step := range v.steps() {
		if now, was := step.standing(), told[step.label()]; now != was && (was != "" || now != workflows.StatusWaiting) {
			news = append(news, step.label()+"  "+now)
		}
	}
	asked := last.questions()
	for _, q := range v.questions() {
		if !slices.ContainsFunc(asked, func(old question) bool { return old.step == q.step && old.reason == q.reason }) {
			news = append(news, "waiting for an operator: "+q.step+": "+q.reason)
			for _, command := range q.commands {
				news = append(news, "    "+command)
			}
		}
	}
	return news
}

// standing is where a step stands, in one line without times.
func (s stepLine) standing() string {
	where := s.InstanceID
	if len(s.Items) > 0 {
		done, _ := s.tally()
		where = strconv.Itoa(done) + "/" + strconv.Itoa(len(s.Items))
	}
	return joined("  ", s.word(), where, s.note())
}
