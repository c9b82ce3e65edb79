package notify

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/engine"
)

var (
	now  = time.Date(2026, 11, 25, 2, 0, 0, 0, time.UTC)
	site = Site{Namespace: "default", TaskQueue: "dpa", TemporalURL: "https://temporal.example", ConsoleURL: "https://console.example"}
)

func run(id string) Run {
	return Run{WorkflowID: id, RunID: id + "-run", WorkflowType: "Runbook", What: "dr-switchover", Status: "APPROVAL"}
}

func waits(kind, step string, since time.Time) engine.WaitsFor {
	return engine.WaitsFor{Kind: kind, Step: step, Since: &since, Reason: "why", Command: "starter " + kind + " " + step}
}

func failed(id string, at time.Time) Closed {
	return Closed{Run: run(id), Ended: Ended{Status: "FAILED", Error: "RunbookFailed", Reason: "step switch failed", At: at}, Read: true}
}

// sent takes all that is pending out of a state, and names it.
func sent(t *testing.T, s *State) (names []string) {
	t.Helper()
	for _, p := range s.Pending {
		var e Event
		require.NoError(t, json.Unmarshal(p.Body, &e))
		require.Equal(t, e.ID, p.ID)
		name := strings.TrimPrefix(e.Type, "io.github.dpaflow.") + " " + e.Subject
		if w := e.Data.Waits; w != nil {
			name += " " + w.Kind + " " + w.Step
		}
		if m := e.Data.Schedule; m != nil {
			name += fmt.Sprintf(" %s %d", m.Reason, m.Missed)
		}
		names = append(names, strings.TrimSpace(name))
	}
	s.Pending = nil
	return names
}

func TestEachChangeIsSentOnce(t *testing.T) {
	t.Parallel()
	asks := waits(engine.ForApproval, "confirm", now)
	asksAgain := waits(engine.ForApproval, "confirm", now.Add(time.Hour))
	continued := run("a")
	continued.RunID = "another"
	type look struct {
		seen Seen
		want []string
	}
	open := func(opens ...Open) Seen { return Seen{Open: opens} }
	for name, looks := range map[string][]look{
		"nothing for runs that go well": {{open(), nil}, {open(Open{Run: run("a")}), nil}},
		"what waits is sent when it begins, and when it begins anew": {
			{open(Open{Run: run("a"), Waits: []engine.WaitsFor{asks}}), []string{"run.waits a approval confirm"}},
			{open(Open{Run: run("a"), Waits: []engine.WaitsFor{asks}}), nil},
			{open(), nil},
			{open(Open{Run: run("a"), Waits: []engine.WaitsFor{asksAgain}}), []string{"run.waits a approval confirm"}},
		},
		"each of what one run waits for": {
			{open(Open{Run: run("a"), Waits: []engine.WaitsFor{asks}}), []string{"run.waits a approval confirm"}},
			{open(Open{Run: run("a"), Waits: []engine.WaitsFor{asks, waits(engine.ForDoubt, "switch", now), waits("answer", "lag", now)}}),
				[]string{"run.waits a doubt switch", "run.waits a answer lag"}},
		},
		"an overdue run has a type of its own": {
			{open(Open{Run: run("a"), Waits: []engine.WaitsFor{waits(OverdueKind, "", now)}}), []string{"run.overdue a overdue"}},
		},
		"a runbook that continues as new waits on": {
			{open(Open{Run: run("a"), Waits: []engine.WaitsFor{asks}}), []string{"run.waits a approval confirm"}},
			{open(Open{Run: continued, Waits: []engine.WaitsFor{asks}}), nil},
		},
		"what a run waited for that cannot be asked stands": {
			{open(Open{Run: run("a"), Waits: []engine.WaitsFor{asks}}), []string{"run.waits a approval confirm"}},
			{open(Open{Run: run("a"), Silent: true}), nil},
			{open(Open{Run: run("a"), Silent: true, Waits: []engine.WaitsFor{{Kind: "approval"}}}), nil},
			{open(Open{Run: run("a"), Waits: []engine.WaitsFor{asks}}), nil},
		},
		"a run that can never be asked is known by its status": {
			{open(Open{Run: run("a"), Silent: true, Waits: []engine.WaitsFor{{Kind: "unknown"}}}), []string{"run.waits a unknown"}},
			{open(Open{Run: run("a"), Silent: true, Waits: []engine.WaitsFor{{Kind: "unknown"}}}), nil},
		},
		"a run that ended badly, however often it is listed": {
			{Seen{Closed: []Closed{failed("b", now.Add(-time.Second)), failed("a", now.Add(-time.Minute))}}, []string{"run.failed a", "run.failed b"}},
			{Seen{Closed: []Closed{failed("a", now.Add(-time.Minute)), failed("b", now.Add(-time.Second))}}, nil},
			{Seen{Closed: []Closed{failed("late", now.Add(-5*time.Minute)), failed("b", now.Add(-time.Second))}}, []string{"run.failed late"}},
		},
		"a run that was rolled back": {
			{Seen{Closed: []Closed{{Run: run("a"), Ended: Ended{Status: "FAILED", At: now}, RolledBack: true, Read: true}}}, []string{"run.rolledback a"}},
		},
		"one that was not read, and what came after it, is for another time": {
			{Seen{Closed: []Closed{failed("b", now), {Run: run("a"), Ended: Ended{At: now.Add(-time.Second)}}}}, nil},
			{Seen{Closed: []Closed{failed("b", now), failed("a", now.Add(-time.Second))}}, []string{"run.failed a", "run.failed b"}},
		},
		"a schedule: what was missed before anybody looked is not sent": {
			{Seen{Schedules: map[string]Counts{"nightly": {Overlap: 3, Late: 2, LastRun: "r1"}}}, nil},
			{Seen{Schedules: map[string]Counts{"nightly": {Overlap: 4, Late: 4, LastRun: "r1"}}}, []string{"schedule.missed nightly overlap 1", "schedule.missed nightly late 2"}},
			{Seen{}, nil},
			{Seen{Schedules: map[string]Counts{"nightly": {Overlap: 6, Late: 4, LastRun: "r1"}}}, nil},
			{Seen{Schedules: map[string]Counts{"nightly": {Overlap: 6, Late: 4, LastRun: "r2"}}}, nil},
			{Seen{Schedules: map[string]Counts{"nightly": {Overlap: 7, Late: 4, LastRun: "r2"}}}, []string{"schedule.missed nightly overlap 1"}},
			{Seen{Schedules: map[string]Counts{}}, nil},
			{Seen{Schedules: map[string]Counts{"nightly": {Overlap: 1, LastRun: "r3"}}}, []string{"schedule.missed nightly overlap 1"}},
			{Seen{Schedules: map[string]Counts{"nightly": {Late: 1}}}, []string{"schedule.missed nightly late 1"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s State
			for i, look := range looks {
				look.seen.At = now.Add(time.Duration(i) * 10 * time.Second)
				s.Next(site, look.seen)
				s = restart(t, s)
				require.Equal(t, look.want, sent(t, &s), "look %d", i)
			}
		})
	}
}

// restart is what becomes of a state that goes to another worker.
func restart(t *testing.T, s State) (after State) {
	t.Helper()
	data, err := json.Marshal(s)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &after))
	return after
}

func TestTheIDOfAChangeIsTheSameHoweverOftenItIsNoticed(t *testing.T) {
	t.Parallel()
	ids := map[string]string{}
	for range 2 {
		var s State
		s.Next(site, Seen{
			At: now, Open: []Open{{Run: run("a"), Waits: []engine.WaitsFor{
				waits(engine.ForApproval, "x", now), waits(engine.ForApproval, "y", now), waits(engine.ForDecision, "x", now), waits(engine.ForApproval, "x", now.Add(1)),
			}}},
			Closed: []Closed{failed("a", now)},
		})
		require.Len(t, s.Pending, 5)
		for i, p := range s.Pending {
			name := fmt.Sprint(i)
			require.True(t, ids[name] == "" || ids[name] == p.ID)
			ids[name] = p.ID
		}
	}
	distinct := map[string]bool{}
	for _, id := range ids {
		distinct[id] = true
	}
	require.Len(t, distinct, 5)
}

func TestWhereHistoriesAreEncryptedEventsHaveIDsKindsAndTimesOnly(t *testing.T) {
	t.Parallel()
	encrypted := site
	encrypted.Encrypted = true
	w := waits(engine.ForApproval, "planted-step", now)
	w.Reason, w.Who, w.Have, w.Need, w.Command = "planted-question", []string{"planted-name"}, 1, 2, "starter approve a planted-step"
	closed := failed("a", now)
	closed.Ended.Reason = "planted-failure"
	var s State
	s.Next(encrypted, Seen{At: now, Open: []Open{{Run: run("a"), Waits: []engine.WaitsFor{w}}}, Closed: []Closed{closed}})
	require.Len(t, s.Pending, 2)
	for _, p := range s.Pending {
		require.NotContains(t, string(p.Body), "planted")
	}
	var e Event
	require.NoError(t, json.Unmarshal(s.Pending[1].Body, &e))
	require.Equal(t, Data{
		Namespace: "default", TaskQueue: "dpa", Run: &Run{WorkflowID: "a", RunID: "a-run", WorkflowType: "Runbook", What: "dr-switchover", Status: "APPROVAL"},
		Waits: &Waits{Kind: "approval", Since: &now}, Command: "starter status a",
		Links: &Links{Temporal: "https://temporal.example/namespaces/default/workflows/a/a-run", Console: "https://console.example/run?id=a"},
	}, e.Data)
	require.Equal(t, now, e.Time)
}

func TestWhatIsRememberedIsBoundedAndWhatHasNoRoomIsFoundAgain(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("长", 1000)
	var open []Open
	var closed []Closed
	for i := range 600 {
		w := waits(engine.ForApproval, "confirm", now)
		w.Reason, w.Step, w.Command = long, long, long
		for range 20 {
			w.Who = append(w.Who, long)
		}
		id := fmt.Sprintf("%0200d", i)
		open = append(open, Open{Run: run(id), Waits: []engine.WaitsFor{w}})
		c := failed(id, now.Add(time.Duration(i)*time.Millisecond))
		c.Ended.Reason = long
		closed = append(closed, c)
	}
	var s State
	seen, ids := map[string]bool{}, 0
	for at := now; ; at = at.Add(time.Hour) {
		fresh := s.New(closed)
		all := append(fresh[:len(fresh):len(fresh)], unread(closed, fresh)...)
		left := s.Next(site, Seen{At: at, Open: open, Closed: all})
		data, err := json.Marshal(s)
		require.NoError(t, err)
		require.Less(t, len(data), 1<<20, "heartbeats have two megabytes")
		for _, p := range s.Pending {
			require.Less(t, len(p.Body), maxEvent)
			require.False(t, seen[p.ID], "sent twice")
			seen[p.ID] = true
			ids++
		}
		s.Pending = nil
		if left == 0 {
			break
		}
	}
	require.Equal(t, 1200, ids)
}

// unread are the others, which nobody has read.
func unread(all, fresh []Closed) (others []Closed) {
	for _, c := range all {
		read := false
		for _, f := range fresh {
			read = read || f.Run.WorkflowID == c.Run.WorkflowID
		}
		if !read {
			c.Read = false
			others = append(others, c)
		}
	}
	return others
}

func TestEndsWithoutNumberDoNotGrowTheMemory(t *testing.T) {
	t.Parallel()
	var s State
	for i := range 3 {
		var closed []Closed
		for k := range maxClosed {
			closed = append(closed, failed(fmt.Sprintf("%d-%d", i, k), now.Add(time.Duration(i)*time.Second+time.Duration(k)*time.Microsecond)))
		}
		for s.Next(site, Seen{At: now.Add(time.Duration(i) * time.Second), Closed: closed}) > 0 {
			s.Pending = nil
		}
		s.Pending = nil
		require.LessOrEqual(t, len(s.Closed), maxClosed)
	}
}
