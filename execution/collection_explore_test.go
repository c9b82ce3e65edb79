package execution

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// letters are what can happen to a collection: callbacks of two instances, a read that ends, a cancellation, an
// operator who ends the scene or instance a, the end of its time, and of its history.
var letters = []string{"a RUNNING", "a SUCCESS", "a FAIL", "b SUCCESS", "read", "cancelled", "operator", "operator a", "time", "history"}

const exploredRuns = 2

// explored is a collection, and what it must have come to by what has arrived.
type explored struct {
	*Collection
	now   time.Time
	reads []string // under way

	ends   []string // "instance status", in order
	unread []string
	open   map[string]bool
	closed bool
}

// task gives the letters to the collection as one workflow task, and tells what is wrong with what it made of them.
func (x *explored) task(task []string) string {
	var events []Event
	accepted := map[int]bool{}
	for i, letter := range task {
		switch word, id, _ := strings.Cut(letter, " "); word {
		case "a", "b":
			events = append(events, says(word, id))
		case "cancelled":
			events = append(events, &Cancelled{})
		case "operator":
			events = append(events, &Resolve{ID: i + 1, Step: id, Status: StatusFail})
		case "time":
			x.now = x.Until
		case "read":
			if len(x.reads) > 0 {
				events = append(events, &Fetched{InstanceID: x.reads[0]})
				x.unread = without(x.unread, x.reads[0])
				x.reads = x.reads[1:]
			}
		}
	}
	for _, kind := range [][]string{{"a", "b"}, {"cancelled"}, {"operator"}, {"time"}} {
		for i, letter := range task {
			if word, rest, _ := strings.Cut(letter, " "); slices.Contains(kind, word) {
				accepted[i+1] = x.expect(word, rest)
			}
		}
	}
	x.closed = x.closed || len(x.ends) == exploredRuns

	commands := x.Next(x.now, events...)
	for _, fetch := range only[Fetch](commands) {
		if slices.Contains(x.reads, fetch.InstanceID) || !slices.Contains(x.unread, fetch.InstanceID) {
			return fmt.Sprintf("the outputs of %s are read twice", fetch.InstanceID)
		}
		x.reads = append(x.reads, fetch.InstanceID)
	}
	for _, reply := range only[Reply](commands) {
		if accepted[reply.ID] != (reply.Refusal == "") {
			return fmt.Sprintf("action %d was answered %q", reply.ID, reply.Refusal)
		}
	}
	var ends []string
	for _, run := range x.Runs {
		ends = append(ends, run.InstanceID+" "+run.Status)
	}
	switch {
	case !slices.Equal(x.ends, ends) || x.Count != len(ends):
		return fmt.Sprintf("%v have ended, and it says %v", x.ends, ends)
	case x.Over != (x.closed && len(x.unread) == 0):
		return fmt.Sprintf("closed is %t, %v are unread, and over is %t", x.closed, x.unread, x.Over)
	case !x.Over && len(x.reads) != len(x.unread):
		return fmt.Sprintf("%v are unread, and only %v are being read", x.unread, x.reads)
	}
	return ""
}

// expect takes in one thing, and tells whether it counts.
func (x *explored) expect(word, rest string) bool {
	if word == "cancelled" {
		x.closed, x.unread = true, nil
	}
	if x.closed || len(x.ends) == exploredRuns {
		return false
	}
	end := func(id, status string) {
		x.ends, x.unread = append(x.ends, id+" "+status), append(x.unread, id)
		delete(x.open, id)
	}
	switch word {
	case "time":
		x.closed = true
	case "operator":
		switch {
		case rest == "":
			x.closed = true
		case !x.open[rest]:
			return false
		default:
			end(rest, StatusFail)
		}
	default:
		known := slices.ContainsFunc(x.ends, func(end string) bool { return strings.HasPrefix(end, word+" ") })
		switch {
		case known:
		case rest == "RUNNING":
			x.open[word] = true
		default:
			end(word, rest)
		}
	}
	return true
}

func without(list []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == one })
}

func TestEveryOrderOfEventsOfACollectionComesToWhatHasArrived(t *testing.T) {
	t.Parallel()
	const length = 4
	word := make([]int, length)
	for tried := 0; ; tried++ {
		for cut := range 1 << (length - 1) { // where one workflow task ends and the next begins
			x := &explored{open: map[string]bool{}, now: start, Collection: collection(func(c *Collection) { c.MaxRuns, c.Until = exploredRuns, after(time.Minute) })}
			var task []string
			for i, n := range word {
				task = append(task, letters[n])
				if i < length-1 && cut&(1<<i) == 0 {
					continue
				}
				if slices.Contains(task, "history") {
					x.Collection, x.reads = carriedOver(t, x.Collection), nil
				}
				if broken := x.task(task); broken != "" {
					require.Fail(t, broken, "%v, cut at %b", spelled(word), cut)
				}
				if task = nil; x.Over {
					break
				}
			}
		}
		i := 0
		for ; i < length; i++ {
			if word[i]++; word[i] < len(letters) {
				break
			}
			word[i] = 0
		}
		if i == length {
			t.Logf("%d orders, each cut into workflow tasks in %d ways", tried+1, 1<<(length-1))
			return
		}
	}
}

func spelled(word []int) (spelled []string) {
	for _, n := range word {
		spelled = append(spelled, letters[n])
	}
	return spelled
}
