package engine

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dpaflow/dpaflow/runbook"
)

var (
	documents = flag.Int("documents", 0, "how many documents are made; 100, or 2000 with EXPLORE=full, if 0")
	sequences = flag.Int("sequences", 50, "how many sequences of events each is run through")
	firstSeed = flag.Uint64("seed", 1, "seed of the first document; by the time if 0")
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// TestTheEngineDoesWhatTheReferenceDoes runs documents made at random through events made at random.
func TestTheEngineDoesWhatTheReferenceDoes(t *testing.T) {
	t.Parallel()
	first, docs := *firstSeed, *documents
	if first == 0 {
		first = uint64(time.Now().UnixNano())
	}
	if docs == 0 {
		docs = map[bool]int{true: 2000, false: 100}[os.Getenv("EXPLORE") == "full"]
	}
	t.Logf("seeds %d to %d: run one with -seed N -documents 1", first, first+uint64(docs)-1)
	var found atomic.Bool
	const parts = 4
	for part := range parts {
		t.Run(fmt.Sprint("part ", part), func(t *testing.T) {
			t.Parallel()
			for i := part; i < docs && !found.Load(); i += parts {
				if problem := tryDocument(first+uint64(i), *sequences); problem != "" {
					found.Store(true)
					t.Fatal(problem)
				}
			}
		})
	}
}

// tryDocument runs one document through its sequences, and says where engine and reference disagree.
func tryDocument(seed uint64, sequences int) string {
	r := seeded(seed)
	doc := r.document(3)
	program, err := Compile(doc)
	if err != nil {
		return fmt.Sprintf("seed %d: %s", seed, err)
	}
	for range sequences {
		s := &sequence{random: r, program: program, doc: doc, now: noon}
		if problem := s.run(); problem != "" {
			text, _ := json.Marshal(doc)
			return fmt.Sprintf("seed %d: %s\n%s\n%s", seed, problem, text, strings.Join(s.log, "\n"))
		}
	}
	return ""
}

// sequence is one run of a document.
type sequence struct {
	random
	program *Program
	doc     *runbook.Document
	e       *Engine
	m       *reference
	now     time.Time
	log     []string
	actions int
}

func (s *sequence) run() string {
	stepByStep := s.chance(10)
	s.e = s.program.New(s.now, Options{WorkflowID: "w", StepByStep: stepByStep})
	s.m = newReference(s.doc, s.now, stepByStep)
	s.takeLock()
	if problem := s.next(); problem != "" {
		return problem
	}
	for range 8 + s.IntN(50) {
		if s.e.FinishedAt != nil {
			break
		}
		if problem := s.next(s.events()...); problem != "" {
			return problem
		}
		if s.chance(2) {
			if problem := s.reload(); problem != "" {
				return problem
			}
		}
	}
	if s.chance(60) {
		if problem := s.close(); problem != "" {
			return problem
		}
	}
	return s.resume()
}

// takeLock asks for the lock of the run, which begins once it has that.
func (s *sequence) takeLock() {
	s.e.TakeLock(s.now)
	s.m.lock(s.m.top, "")
	if !s.e.Lock.Waits() {
		s.e.Begin()
	}
}

// resume continues the run, however it ended or was ended, with a document that was edited.
func (s *sequence) resume() string {
	text, _ := json.Marshal(s.e.Result())
	var earlier Result
	if err := json.Unmarshal(text, &earlier); err != nil {
		return err.Error()
	}
	doc, program := s.edit(s.doc)
	edited, _ := json.Marshal(doc)
	s.log = append(s.log, "edited: "+string(edited))
	old := s.m
	var choices Choices
	for range 2 {
		e := program.New(s.now, Options{WorkflowID: "w2"})
		err := e.Resume("w", earlier, choices)
		m, want := resumedReference(doc, old, s.now, choices)
		s.log = append(s.log, fmt.Sprintf("resume %+v: %v", choices, err))
		got := places(err)
		slices.Sort(got)
		got = slices.Compact(got)
		outside := func(list []string) func(string) bool {
			return func(path string) bool { return !within(list, path) }
		}
		needless := slices.ContainsFunc(want, func(path string) bool {
			return !slices.ContainsFunc(got, func(found string) bool { return within([]string{path}, found) })
		})
		if slices.ContainsFunc(got, outside(want)) || needless {
			return fmt.Sprintf("the engine finds %v, the reference %v", got, want)
		}
		if len(got) == 0 {
			s.e, s.m, s.program, s.doc = e, m, program, doc
			return s.runResumed()
		}
		for _, path := range want {
			switch {
			case adoptable(err, path) && s.chance(50):
				choices.Adopt = append(choices.Adopt, path+"=in")
			case strings.Contains(err.Error(), "["+path+"[="), strings.Contains(err.Error(), "["+path+"]: it is not there any more"),
				!strings.Contains(err.Error(), "["+path+"]: the platform may still run") && s.chance(50):
				choices.Keep = append(choices.Keep, path)
			default:
				choices.Rerun = append(choices.Rerun, path)
			}
		}
	}
	return ""
}

func (s *sequence) runResumed() string {
	s.takeLock()
	if problem := s.next(); problem != "" {
		return problem
	}
	for range 30 {
		if s.e.FinishedAt != nil {
			break
		}
		if problem := s.next(s.events()...); problem != "" {
			return problem
		}
	}
	return s.close()
}

func adoptable(err error, path string) bool {
	for _, problem := range strings.Split(err.Error(), "; ") {
		if strings.HasPrefix(problem, "resumeFrom["+path+"]") {
			return strings.Contains(problem, "say adopt")
		}
	}
	return false
}

// places are those of findings.
func places(err error) (paths []string) {
	var findings runbook.Faults
	if !errors.As(err, &findings) {
		return nil
	}
	for _, finding := range findings {
		paths = append(paths, strings.TrimSuffix(strings.TrimPrefix(finding.Path, "resumeFrom["), "]"))
	}
	return paths
}

// close ends the run as an operator can end every run.
func (s *sequence) close() string {
	for range 100 {
		if s.e.FinishedAt != nil {
			return ""
		}
		var events []Event
		for _, key := range s.live() {
			events = append(events, Ended{Key: key, Outcome: GivenUp, MayRun: true})
		}
		if problem := s.next(append(events, Action{ID: "abort", Name: ActionAbort})...); problem != "" {
			return problem
		}
	}
	return "the run does not end though it was aborted again and again"
}

// reload goes on with what was written down of the run.
func (s *sequence) reload() string {
	kept, err := s.e.Encode()
	if err != nil {
		return err.Error()
	}
	e, err := s.program.Load(kept)
	if err != nil {
		return err.Error()
	}
	before, _ := json.Marshal(s.e.State)
	after, _ := json.Marshal(e.State)
	if string(before) != string(after) {
		return fmt.Sprintf("kept as %s, loaded as %s", before, after)
	}
	s.e = e
	return ""
}

func (s *sequence) next(events ...Event) string {
	for _, event := range events {
		text, _ := json.Marshal(event)
		s.log = append(s.log, fmt.Sprintf("%s %T %s", s.now.Format(time.TimeOnly), event, text))
	}
	for _, event := range events {
		if action, is := event.(Action); is && len(events) == 1 {
			refused := s.e.Refuse(action)
			s.log = append(s.log, fmt.Sprint("  asked before: ", refused))
		}
	}
	commands := s.e.Next(s.now, events...)
	want := s.m.next(s.now, s.e.Begun, events...)
	got := s.words(commands)
	s.log = append(s.log, "  does "+strings.Join(got, ", "))
	if !slices.Equal(got, want) {
		s.orders()
		return fmt.Sprintf("the engine does %v, the reference %v", got, want)
	}
	if !s.e.Begun && !s.e.Lock.Waits() {
		s.e.Begin()
		return s.next()
	}
	problem := s.compare()
	if problem != "" {
		s.orders()
	}
	return problem
}
