package execution

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func callback(number int, id, status string) *Callback {
	return &Callback{Address: key(number), InstanceID: id, Status: status}
}

func TestBetterEvidenceReplacesWhatIsLessSure(t *testing.T) {
	t.Parallel()
	adopted := inDoubt()
	adopted.Next(after(time.Minute), &Resolve{ID: 1, What: ActionAdopt, InstanceID: "in-wrong"})
	called := sent()
	called.Next(after(time.Second), callback(1, "in1", "RUNNING"))
	for name, test := range map[string]struct {
		state *State
		event Event
		id    string
		note  string
	}{
		"a callback replaces an operator's word": {
			adopted, callback(1, "in1", "RUNNING"), "in1",
			"a callback at the trigger's address names instance in1, and an operator named in-wrong",
		},
		"a callback replaces the answer": {
			waitingFor("in1"), callback(1, "in2", "RUNNING"), "in2",
			"a callback at the trigger's address names instance in2, and the trigger's answer named in1",
		},
		"an answer does not replace a callback": {
			called, &Sent{Key: key(1), InstanceID: "in2", At: start}, "in1",
			"the trigger's answer names instance in2, and a callback at the trigger's address named in1",
		},
		"a callback to the instance's id does not replace a better one": {
			called, &Callback{Address: "in1", InstanceID: "in2", Status: "RUNNING"}, "in1",
			"a callback RUNNING of another instance, in2",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := clone(test.state)
			s.Next(after(2*time.Minute), test.event)
			require.Equal(t, test.id, s.Status.InstanceID)
			requireNote(t, s, test.note)
		})
	}
}

func TestTheNewestTriggerLeadsAndNewsOfEarlierOnesIsNoted(t *testing.T) {
	t.Parallel()
	s := inDoubt()
	s.Next(after(time.Minute), &Resolve{ID: 1, What: ActionRetrigger})
	commands := s.Next(after(2*time.Minute), callback(1, "in1", "SUCCESS"))
	require.Equal(t, PhaseTriggering, s.Status.Phase, "it does not end the run")
	requireNote(t, s, "a callback says SUCCESS of instance in1, which an earlier trigger of this run started")
	require.Equal(t, "dpaflow_earlier_callbacks", only[Count](commands)[0].Name)

	s.Next(after(3*time.Minute), &Sent{Key: key(2), InstanceID: "in2", At: after(2 * time.Minute)})
	require.Equal(t, "in2", s.Status.InstanceID)
	require.Equal(t, PhaseWaiting, s.Status.Phase)
}

func TestTheEarlierTriggerLeadsAgainWhereTheNewestHadNoEffect(t *testing.T) {
	t.Parallel()
	s := inDoubt()
	s.Next(after(time.Minute), &Resolve{ID: 1, What: ActionRetrigger})
	s.Next(after(2*time.Minute), callback(1, "in1", "SUCCESS"))
	commands := s.Next(after(3*time.Minute), &Sent{ErrorType: ErrorTriggerRejected, Message: "no such plan"})
	require.Equal(t, []Fetch{{InstanceID: "in1"}}, only[Fetch](commands))
	require.Equal(t, StatusSuccess, s.Status.Status)
}

func TestEachStatusInTurnIsTakenIn(t *testing.T) {
	t.Parallel()
	s := waitingFor("in1")
	for i, word := range []string{"RUNNING", " pending ", "Running", "DEFAULT"} {
		now := after(time.Duration(i+2) * time.Second)
		s.Next(now, callback(1, "in1", word))
		require.Equal(t, normal(word), s.Status.Status)
		require.Equal(t, &now, s.Status.LastNewsAt)
	}
	require.Empty(t, s.Status.Notes)
}

func TestTheFirstEndStands(t *testing.T) {
	t.Parallel()
	s := waitingFor("in1")
	commands := s.Next(after(time.Minute), callback(1, "in1", "RUNNING"), callback(1, "in1", "SUCCESS"), callback(1, "in1", "FAIL"))
	require.Equal(t, StatusSuccess, s.Status.Status)
	require.Equal(t, ObservedByCallback, s.Status.ObservedBy)
	require.Contains(t, only[Count](commands), Count{Name: "dpaflow_contradictions", Labels: []string{"kind", "plan"}})
	requireNote(t, s, "a callback says FAIL after the end SUCCESS; the first end stands")

	s.Next(after(time.Minute), callback(1, "in1", "SUCCESS"), callback(1, "in1", "RUNNING"))
	require.Len(t, s.Status.Notes, 1, "repeats and stragglers are nothing to look at")
	s.Next(after(time.Minute), callback(1, "in1", "STOPPED"))
	requireNote(t, s, "a callback says STOPPED after the end SUCCESS, a status that the platform's documents do not list")
}

func TestAnEndThatNobodyListedIsShownAndNeedsAPerson(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"FAILED", "CANCELLED", "TIMEOUT", "STOPPED"} {
		t.Run(word, func(t *testing.T) {
			t.Parallel()
			s := waitingFor("in1")
			commands := s.Next(after(time.Minute), callback(1, "in1", word), callback(1, "in1", word))
			require.Equal(t, word, s.Status.Status)
			require.Equal(t, PhaseWaiting, s.Status.Phase)
			require.Equal(t, Overdue, s.Urgency())
			require.Len(t, only[Index](commands), 1)
			require.Contains(t, only[Count](commands), Count{Name: "dpaflow_unlisted_statuses", Labels: []string{"kind", "plan"}})
			require.Len(t, s.Status.Notes, 1)
			requireNote(t, s, fmt.Sprintf("the platform says %s of instance in1, a status that its documents do not list; if it has ended, say so with resolveRun", word))
			s.Next(after(time.Hour), &Resolve{ID: 1, Status: StatusFail})
			require.Equal(t, PhaseFetching, s.Status.Phase)
		})
	}
}

func TestACallbackFindsItsRunByKeyOrByInstance(t *testing.T) {
	t.Parallel()
	s := waitingFor("in1")
	require.Equal(t, []string{key(1), "in1"}, s.Addresses())
	s.Next(after(time.Second), &Callback{Address: "in1", Status: "RUNNING"})
	require.Equal(t, "RUNNING", s.Status.Status, "by hand, the id need not be said twice")
	s.Next(after(time.Second), &Callback{Address: "in7", InstanceID: "in7", Status: "SUCCESS"})
	require.Equal(t, "in1", s.Status.InstanceID)
	require.Equal(t, PhaseWaiting, s.Status.Phase)
}

func TestACallbackWithoutAnInstanceIsNoted(t *testing.T) {
	t.Parallel()
	s := inDoubt()
	s.Next(after(time.Second), callback(1, " ", "SUCCESS"))
	require.Equal(t, PhaseUnknown, s.Status.Phase)
	requireNote(t, s, "a callback SUCCESS without an instance id was ignored")
}

func TestACallbackBeforeTheAnswerIsTakenInAndSurvivesALostAnswer(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]*Sent{
		"answered": {Key: key(1), InstanceID: "in1", At: start}, "lost": lostAfterIntent(after(time.Minute)),
		"refused": {ErrorType: ErrorTriggerRejected}, "not sent": {ErrorType: ErrorTriggerNotSent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sent()
			s.Next(after(time.Second), callback(1, "in1", "SUCCESS"))
			require.Empty(t, only[Fetch](s.Next(after(time.Second))), "the trigger's activity is waited for")
			commands := s.Next(after(2*time.Second), end)
			require.Equal(t, []Fetch{{InstanceID: "in1"}}, only[Fetch](commands))
			require.Empty(t, only[Send](commands))
		})
	}
}

func TestAFloodOfOddCallbacksDoesNotFillTheMemory(t *testing.T) {
	t.Parallel()
	s := inDoubt()
	for i := range 1000 {
		s.Next(after(time.Second), callback(1, "", fmt.Sprint("ODD", i)), callback(1, "", "ODD"))
	}
	require.Len(t, s.Status.Notes, maxNotes)
}
