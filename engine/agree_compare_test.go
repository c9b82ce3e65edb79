package engine

import (
	"fmt"
	"slices"
	"strings"
)

// words are the commands in the words of the reference.
func (s *sequence) words(commands []Command) []string {
	words := []string{}
	for _, command := range commands {
		switch command := command.(type) {
		case Start:
			words = append(words, "start "+command.Key)
		case Cancel:
			words = append(words, "cancel "+command.Key)
		case Fetch:
			words = append(words, "fetch "+command.Key)
		case Acquire:
			words = append(words, "asks for "+command.Name+" as "+command.Key)
		case Release:
			words = append(words, "gives back "+command.Name)
		case Finish:
			words = append(words, "finish")
		case Answer:
			if s.m.ignored[command.ID] {
				continue
			}
			if command.Refused != "" {
				words = append(words, "refused "+command.ID)
			} else {
				words = append(words, "done "+command.ID)
			}
		}
	}
	slices.Sort(words)
	return words
}

// compare compares what engine and reference know of every step.
func (s *sequence) compare() string {
	var got, want []string
	s.e.each(s.e.root(), func(p part) {
		undo := ""
		if p.of.Rollback != nil {
			undo = p.of.Rollback.Status
		}
		got = append(got, fmt.Sprintf("%s %s %s", p.path, p.of.Status, undo))
	})
	for _, c := range s.m.top.cells() {
		want = append(want, fmt.Sprintf("%s %s %s", c.path, c.status, c.undo))
	}
	got, want = append(got, s.e.Status), append(want, s.m.status)
	if !slices.Equal(got, want) {
		return fmt.Sprintf("the engine has\n  %s\nthe reference\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	return s.waits()
}

// waits says whether the run waits for nobody and nothing.
func (s *sequence) waits() string {
	var got, want []string
	for _, waits := range s.e.WaitsFor() {
		got = append(got, waits.Kind+" "+waits.Step)
	}
	for _, c := range s.m.top.cells() {
		switch {
		case s.m.over:
		case c.status == "PAUSED":
			want = append(want, "decision "+c.path)
		case c.status == "RUNNING" && c.question && c.written().Ask != nil:
			want = append(want, "answer "+c.path)
		case c.status == "RUNNING" && c.question:
			want = append(want, "approval "+c.path)
		case c.status == "RUNNING" && c.doubt:
			want = append(want, "doubt "+c.path)
		}
	}
	if s.m.paused && !s.m.over {
		want = append(want, "resume ")
	} else if s.m.announced != "" && !s.m.over {
		want = append(want, "resume "+s.m.announced)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		return fmt.Sprintf("the engine waits for %v, the reference for %v", got, want)
	}
	_, due := s.e.Due()
	if s.e.FinishedAt == nil && len(got) == 0 && len(s.live())+len(s.e.waitingForLocks()) == 0 && !due {
		return "the run waits for nothing and nobody, and is not over"
	}
	return ""
}
