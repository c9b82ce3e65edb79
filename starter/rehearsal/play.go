package rehearsal

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/runbook"
)

// Play rehearses a document by a script. The error says in which scene something did not happen as the script has it; the
// rehearsal is then as it stood there.
func (s *Script) Play(doc runbook.Document) (*Rehearsal, error) {
	r, err := New(doc, s.Vars, engine.Options{WorkflowID: "rehearsal", StepByStep: s.StepByStep, StartedBy: "rehearsal"}, s.Locks)
	if err != nil {
		return nil, err
	}
	for i, scene := range s.Story {
		if err := scene.play(r); err != nil {
			return r, fmt.Errorf("story[%d]: %w", i, err)
		}
	}
	return r, nil
}

// Decides reports whether the script says how the run must have ended: its last scene expects a status.
func (s *Script) Decides() bool {
	n := len(s.Story)
	return n > 0 && s.Story[n-1].Expect != nil && s.Story[n-1].Expect.Status != ""
}

func (s Scene) play(r *Rehearsal) error {
	switch {
	case s.Expect != nil:
		return s.Expect.check(r)
	case s.Refused != nil:
		if said, err := parse(s.Refused.Sentence); err == nil && s.Refused.Because == "" && said.action.Step != "" {
			if _, known := r.e.Step(said.action.Step); !known { // a typo would be refused too
				return fmt.Errorf("%q: %w", s.Refused.Sentence, noStep(said.action.Step))
			}
		}
		err := r.Say(s.Refused.Sentence)
		return refused(err, s.Refused.Because, "%q must be refused, and was not", s.Refused.Sentence)
	case s.Resume != nil && s.Resume.Refused != "":
		return refused(r.resume(*s.Resume), s.Resume.Refused, "the resumption must be refused, and was not")
	case s.Resume != nil:
		return r.resume(*s.Resume)
	}
	if err := r.Say(s.Sentence); err != nil {
		return fmt.Errorf("%q: %w", s.Sentence, err)
	}
	return nil
}

func refused(err error, because, otherwise string, args ...any) error {
	switch {
	case err == nil:
		return fmt.Errorf(otherwise, args...)
	case !strings.Contains(err.Error(), because):
		return errors.New("the refusal must say " + because + ", and says: " + err.Error())
	}
	return nil
}

func by(name string) string {
	if name == "" {
		return "an operator"
	}
	return name
}
