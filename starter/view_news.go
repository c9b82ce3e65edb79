package main

import (
	"slices"
	"strconv"

	"github.com/dpaflow/dpaflow/internal/report"
	"github.com/dpaflow/dpaflow/workflows"
)

func (v *bookView) news(before view) (news []string) {
	last, _ := before.(*bookView)
	if last == nil {
		last = &bookView{}
	}
	if last.word() != v.word() || last.result.Reason != v.result.Reason {
		news = append(news, report.Joined("  ", v.result.Name, v.word(), v.result.Reason))
	}
	told := map[string]string{}
	for _, step := range last.steps() {
		told[step.Label()] = standing(step)
	}
	for _, step := range v.steps() {
		if now, was := standing(step), told[step.Label()]; now != was && (was != "" || now != workflows.StatusWaiting) {
			news = append(news, step.Label()+"  "+now)
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
func standing(s report.Step) string {
	where := s.InstanceID
	if len(s.Items) > 0 {
		done, _ := s.Tally()
		where = strconv.Itoa(done) + "/" + strconv.Itoa(len(s.Items))
	}
	return report.Joined("  ", s.Word(), where, s.Note())
}
