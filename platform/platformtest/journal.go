package platformtest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// entry is one line of a journal: something that a simulator which starts anew has to know.
type entry struct {
	Triggered *keptExecution `json:"triggered,omitempty"`

	InstanceID string    `json:"instanceId,omitempty"` // what became of an execution:
	Steps      int       `json:"steps,omitempty"`      // so many of its script are done, the last
	At         time.Time `json:"at,omitzero"`          // then,
	Called     int       `json:"called,omitempty"`     // and so many were called back, or given up

	Scene *keptScene `json:"scene,omitempty"` // a new one
	Fired string     `json:"fired,omitempty"` // the id of one that has triggered its plan
}

// keptExecution has what lists for people leave out, too.
type keptExecution struct {
	Execution
	Params      map[string]map[string]string `json:"params,omitempty"`
	CallbackURL string                       `json:"callbackUrl,omitempty"`
}

type keptScene struct {
	ID       string        `json:"id"`
	PlanID   string        `json:"planId"`
	From     keptExecution `json:"from"`
	Interval time.Duration `json:"interval"`
	Cycle    bool          `json:"cycle"`
}

func kept(e Execution) keptExecution { return keptExecution{e, e.Params, e.CallbackURL} }

func (k keptExecution) execution() Execution {
	k.Execution.Params, k.Execution.CallbackURL = k.Params, k.CallbackURL
	return k.Execution
}

// KeepIn has the simulator keep its executions and scenes in a file, and go on with those that are in it: ids are not
// given again, and callbacks that were not accepted are sent. Requests, faults and attempts to call back are not kept.
// It is called before the simulator serves. An error says that the file cannot be used; the last line may be
// incomplete, as a process that was killed leaves it.
//
// The file holds the parameters and callback addresses of executions: it can be read by its owner alone.
func (s *Simulator) KeepIn(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("keep what happens: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.restore(file); err != nil {
		return errors.Join(fmt.Errorf("go on with %s: %w; remove it to start anew", path, err), file.Close())
	}
	s.journal = file
	for _, r := range s.runs {
		if r.called < len(r.script.Steps) {
			s.start(r)
		} else {
			r.settle()
		}
	}
	for _, kept := range s.restored {
		s.tasks.Go(func() { s.playScene(kept) })
	}
	s.restored = nil
	return nil
}

// restore reads a journal and leaves the file at the end of its last complete line; s.mu is held.
func (s *Simulator) restore(file *os.File) error {
	lines := bufio.NewReader(file)
	for end := int64(0); ; {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			if err := file.Truncate(end); err != nil {
				return err
			}
			_, err = file.Seek(end, io.SeekStart)
			return err
		}
		var e entry
		if err == nil {
			err = json.Unmarshal(line, &e)
		}
		if err == nil {
			err = s.apply(e)
		}
		if err != nil {
			return fmt.Errorf("at byte %d: %w", end, err)
		}
		end += int64(len(line))
	}
}

func (s *Simulator) apply(e entry) error {
	switch {
	case e.Triggered != nil:
		j := s.plans.byID[e.Triggered.PlanID]
		if e.Triggered.ModelID != "" {
			j = s.models.byID[e.Triggered.ModelID]
		}
		if j == nil {
			return fmt.Errorf("the catalogue lacks what %s executes", e.Triggered.InstanceID)
		}
		s.admit(j, e.Triggered.execution())
	case e.InstanceID != "":
		r := s.lookUp(nil, e.InstanceID)
		if r == nil || max(e.Steps, e.Called) > len(r.script.Steps) {
			return fmt.Errorf("there is no such execution as %s, or its plan has changed", e.InstanceID)
		}
		if r.called = max(r.called, e.Called); e.Steps > 0 {
			r.steps = e.Steps
			s.move(r, r.script.Steps[e.Steps-1].Status, e.At)
		}
	case e.Scene != nil:
		plan := s.plans.byID[e.Scene.PlanID]
		if plan == nil {
			return fmt.Errorf("the catalogue lacks the plan of scene %s", e.Scene.ID)
		}
		s.scenes++
		s.restored = append(s.restored, scene{e.Scene.ID, plan, e.Scene.From.execution(), e.Scene.Interval, e.Scene.Cycle})
	case e.Fired != "":
		s.restored = without(s.restored, e.Fired)
	}
	return nil
}

// keep writes an entry where entries are kept; s.mu is held.
func (s *Simulator) keep(e entry) {
	if s.journal == nil {
		return
	}
	line, err := json.Marshal(e)
	if err == nil {
		_, err = s.journal.Write(append(line, '\n'))
	}
	if err != nil {
		s.options.Logger.Error("what happened will be forgotten at the next start", "error", err)
	}
}
