package execution

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const sceneKey = SceneKeyPrefix + "origin.1"

func collection(change ...func(*Collection)) *Collection {
	c := &Collection{Key: sceneKey, Name: "scene 巡检 of plan p"}
	for _, f := range change {
		f(c)
	}
	return c
}

// says is a callback at the address of the scene.
func says(id, status string) *Callback {
	return &Callback{Address: sceneKey, InstanceID: id, Status: status}
}

// carriedOver is a collection in its next history, which knows nothing of the reads of the last.
func carriedOver(t testing.TB, c *Collection) *Collection {
	t.Helper()
	data, err := json.Marshal(c)
	require.NoError(t, err)
	next := &Collection{}
	require.NoError(t, json.Unmarshal(data, next))
	return next
}

func texts(notes []Note) (all []string) {
	for _, note := range notes {
		all = append(all, note.Text)
	}
	return all
}

func TestAnEndThatHasBeenDeliveredCountsAlthoughTheTimeIsUp(t *testing.T) {
	t.Parallel()
	c := collection(func(c *Collection) { c.Until = after(time.Hour) })
	fetch := only[Fetch](c.Next(after(time.Hour), says("in1", "SUCCESS")))
	require.Equal(t, []Fetch{{InstanceID: "in1"}}, fetch)
	require.True(t, c.Closed)
	require.False(t, c.Over, "its outputs are still to be read")
	c.Next(after(time.Hour), says("in2", "SUCCESS"))
	c.Next(after(time.Hour), &Fetched{InstanceID: "in1"})
	require.True(t, c.Over)
	require.Len(t, c.Runs, 1)
}

func TestWhatCallbacksContradictIsNotedAndTheFirstEndStands(t *testing.T) {
	t.Parallel()
	c := collection()
	c.Next(start, says("in1", "running"), says("in1", " success "), says("in1", "FAIL"), says("in1", "SUCCESS"), says("in1", "RUNNING"))
	commands := c.Next(start, says("in1", "FAIL"), says("in1", "CANCELLED"), says("in2", "STOPPED"), says("in2", "STOPPED"), says(" ", "SUCCESS"))
	require.Equal(t, "SUCCESS", c.Runs[0].Status)
	require.Equal(t, "STOPPED", c.Open[0].Status)
	require.Len(t, c.Notes, 4, "%v", texts(c.Notes))
	for i, want := range []string{"the first end stands", "CANCELLED of instance in1 after its end", "STOPPED of instance in2", "without an instance id"} {
		require.Contains(t, c.Notes[i].Text, want)
	}
	counted := map[string]int{}
	for _, count := range only[Count](commands) {
		counted[count.Name]++
	}
	require.Equal(t, map[string]int{"dpaflow_contradictions": 1, "dpaflow_unlisted_statuses": 1}, counted)
}

func TestACallbackByHandCountsForTheInstanceOfItsAddress(t *testing.T) {
	t.Parallel()
	c := collection()
	c.Next(start, &Callback{Address: "in7", Status: "SUCCESS"}, &Callback{Address: "in8", InstanceID: "in9", Status: "FAIL"})
	require.Equal(t, []string{"in7", "in8"}, []string{c.Runs[0].InstanceID, c.Runs[1].InstanceID})
	c.Next(start, &Callback{Address: SceneKeyPrefix + "origin.0", InstanceID: "in1", Status: "SUCCESS"})
	require.Len(t, c.Runs, 3)
	require.Contains(t, texts(c.Notes)[0], "the platform has it twice")
}

func TestAnOperatorEndsACollectionOrOneOfItsInstances(t *testing.T) {
	t.Parallel()
	c := collection()
	c.Next(start, says("in1", "RUNNING"), says("in2", "RUNNING"))
	for _, test := range []struct {
		action Resolve
		want   string
	}{
		{Resolve{Status: "DONE"}, "status must be"},
		{Resolve{Status: StatusFail, Step: "in9"}, `no instance "in9"`},
		{Resolve{Status: StatusFail, Step: "in1", By: "zhang"}, ""},
		{Resolve{Status: StatusFail, Step: "in1"}, `no instance "in1"`},
		{Resolve{Status: StatusSuccess, By: "li", Comment: "the scene was deleted"}, ""},
		{Resolve{Status: StatusSuccess}, "takes in no more runs"},
		{Resolve{Status: StatusSuccess, Step: "in2"}, "takes in no more runs"},
	} {
		test.action.ID = 1
		require.Equal(t, test.want == "", c.Refuse(&test.action) == nil)
		require.Contains(t, refusals(c.Next(start, &test.action), 1)[0], test.want)
	}
	require.Equal(t, ObservedByOperator, c.Runs[0].ObservedBy)
	require.Equal(t, "in2", c.Open[0].InstanceID)
	require.Equal(t, "the scene was deleted", c.Actions[1].Comment)
	c.Next(start, &Fetched{InstanceID: "in1"})
	require.True(t, c.Over)
	require.ErrorContains(t, (&Collection{Name: "scene s"}).Refuse(&Resolve{Status: StatusSuccess}), "not registered yet")
}

func TestOutputsAreReadSideBySideAndForAWhile(t *testing.T) {
	t.Parallel()
	c := collection(func(c *Collection) { c.MaxRuns = maxFetching + 2 })
	var ends []Event
	for i := range maxFetching + 1 {
		ends = append(ends, says(fmt.Sprintf("in%d", i), "SUCCESS"))
	}
	require.Len(t, only[Fetch](c.Next(start, ends...)), maxFetching)
	require.Len(t, only[Fetch](c.Next(start, &Fetched{InstanceID: "in3", Err: "HTTP 500"})), 1)
	require.Equal(t, "HTTP 500", c.Runs[3].OutputsError)

	next := carriedOver(t, c)
	require.Empty(t, only[Fetch](func() []Command { next.Held = true; return next.Next(after(time.Minute)) }()), "the history is full")
	next.Held = false
	require.Len(t, only[Fetch](next.Next(after(time.Minute))), maxFetching, "what was under way is read again")
	next = carriedOver(t, next)
	require.Empty(t, only[Fetch](next.Next(after(fetchPatience), says("last", "SUCCESS")))[1:])
	require.Contains(t, next.Runs[0].OutputsError, "no time to read them within 1h")
	next.Next(after(fetchPatience), &Fetched{InstanceID: "last"})
	require.True(t, next.Over)
}

func TestACollectionThatIsCancelledEndsAtOnceAndSaysWhatItHasNotRead(t *testing.T) {
	t.Parallel()
	c := collection()
	c.Next(start, says("in1", "SUCCESS"), says("in2", "RUNNING"))
	c.Next(start, &Cancelled{})
	require.True(t, c.Over)
	require.Contains(t, c.Runs[0].OutputsError, "cancelled")
	require.Len(t, c.Open, 1)
}

// Temporal takes no message of more than 2 MiB: what is carried must fit into one with 1 MiB of outputs.
func TestACollectionStaysSmallWhateverCallsBack(t *testing.T) {
	t.Parallel()
	c := collection()
	long := strings.Repeat("页", 2000)
	for i := range 2000 {
		id := fmt.Sprintf("%0*d", maxInstanceID, i)
		c.Next(start, says(id, "RUNNING"), says("x"+id[1:], long+id), says(long, "SUCCESS"))
		c.Next(start, says(id, "SUCCESS"), &Fetched{InstanceID: id, Err: long})
		c.Next(start, says(id, "FAIL"), &Resolve{ID: 1, Step: "x" + id[1:], Status: StatusFail, By: "li"})
		c.Next(start, says("y"+id[1:], long))
	}
	data, err := json.Marshal(c)
	require.NoError(t, err)
	require.Less(t, len(data), 900<<10)
	require.Equal(t, 4000, c.Count)
	require.Equal(t, 4000-MaxCollected, c.LeftOut)
	require.Equal(t, MaxCollected, len(c.Runs))
	require.LessOrEqual(t, len(c.Open), maxOpen)
}
