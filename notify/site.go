package notify

import (
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/internal/shell"
)

// Site is where the runs are that a watcher looks at, and how much may be said of them.
type Site struct {
	Namespace, TaskQueue string
	// TemporalURL and ConsoleURL are the addresses of Temporal's UI and of the console, without a slash at their end; empty:
	// there are no links.
	TemporalURL, ConsoleURL string
	// Encrypted is true where histories are: what stands in them is not in events.
	Encrypted bool
}

// Open is a run that needs somebody.
type Open struct {
	Run   Run
	Waits []engine.WaitsFor
	// Silent is true where it could not be asked: what was known of it still stands.
	Silent bool
}

// Closed is a run that has ended otherwise than with success.
type Closed struct {
	Run   Run
	Ended Ended
	// RolledBack is true where a rollback succeeded and none failed.
	RolledBack bool
	// Read is true once its failure was read.
	Read bool
}

// Counts are how many runs a schedule did not start, since it was made.
type Counts struct {
	Overlap int    `json:"overlap,omitempty"`
	Late    int    `json:"late,omitempty"`
	LastRun string `json:"lastRun,omitempty"` // the workflow id of the last that it started
}

// OverdueKind is the kind of what a run waits for that has had no callback for long.
const OverdueKind = "overdue"

func (site Site) event(eventType, id, subject string, at time.Time, data Data) Event {
	data.Namespace, data.TaskQueue = site.Namespace, site.TaskQueue
	return Event{
		SpecVersion: "1.0", ID: id, Source: "/dpaflow/" + url.PathEscape(site.Namespace) + "/" + url.PathEscape(site.TaskQueue),
		Type: eventType, Subject: subject, Time: at.UTC(), DataContentType: "application/json", DataSchema: SchemaURL, Data: data,
	}
}

func (site Site) waits(run Run, w engine.WaitsFor, now time.Time) Event {
	at, since := now, ""
	if w.Since != nil {
		at, since = *w.Since, w.Since.UTC().Format(time.RFC3339Nano)
	}
	waits := Waits{Kind: w.Kind, Since: w.Since, Until: w.Until}
	data := Data{Run: &run, Waits: &waits, Links: site.links(run), Command: "starter status " + shell.Quote(run.WorkflowID)}
	if !site.Encrypted {
		waits.Step, waits.Reason, waits.Have, waits.Need = cut(w.Step, maxStep), cut(w.Reason, maxReason), w.Have, w.Need
		for _, who := range w.Who[:min(len(w.Who), maxWho)] {
			waits.Who = append(waits.Who, cut(who, maxName))
		}
		data.Command = cut(w.Command, maxReason)
	}
	eventType := TypeWaits
	if w.Kind == OverdueKind {
		eventType = TypeOverdue
	}
	return site.event(eventType, id(site.Namespace, run.WorkflowID, run.RunID, w.Kind, w.Step, since), run.WorkflowID, at, data)
}

// Bounds of an event: of the people that it names, and in characters.
const (
	maxWho    = 10
	maxName   = 50
	maxStep   = 300
	maxReason = 500
)

func (site Site) closed(c Closed) Event {
	eventType := TypeFailed
	if c.RolledBack {
		eventType = TypeRolledBack
	}
	ended := c.Ended
	if ended.Reason = cut(ended.Reason, maxReason); site.Encrypted {
		ended.Reason = ""
	}
	c.Run.Status = "" // it stays as it was when the run ended
	return site.event(eventType, id(site.Namespace, c.Run.WorkflowID, c.Run.RunID, "ended"), c.Run.WorkflowID, ended.At,
		Data{Run: &c.Run, Ended: &ended, Links: site.links(c.Run), Command: "starter report " + shell.Quote(c.Run.WorkflowID)})
}

func (site Site) missed(schedule Schedule, since string, now time.Time) Event {
	data := Data{Schedule: &schedule, Command: "starter schedule describe " + shell.Quote(schedule.ID)}
	if site.TemporalURL != "" {
		data.Links = &Links{Temporal: fmt.Sprintf("%s/namespaces/%s/schedules/%s", site.TemporalURL, url.PathEscape(site.Namespace), url.PathEscape(schedule.ID))}
	}
	return site.event(TypeMissed, id(site.Namespace, schedule.ID, schedule.Reason, since), schedule.ID, now, data)
}

func (site Site) links(run Run) *Links {
	var links Links
	if site.TemporalURL != "" {
		links.Temporal = fmt.Sprintf("%s/namespaces/%s/workflows/%s/%s", site.TemporalURL,
			url.PathEscape(site.Namespace), url.PathEscape(run.WorkflowID), url.PathEscape(run.RunID))
	}
	if site.ConsoleURL != "" {
		links.Console = site.ConsoleURL + "/run?id=" + url.QueryEscape(run.WorkflowID)
	}
	if links == (Links{}) {
		return nil
	}
	return &links
}

// inOrder are closings as they happened.
func inOrder(list []Closed) []Closed {
	return slices.SortedStableFunc(slices.Values(list), func(a, b Closed) int { return a.Ended.At.Compare(b.Ended.At) })
}
