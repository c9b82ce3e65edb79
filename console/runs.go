package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dpaflow/dpaflow/internal/runs"
)

// search is what somebody looks for among the runs.
type search struct {
	Text   string // of an id, a name, a plan, a model or an instance
	Status string // DpaStatus; empty: any
	Ended  bool   // those that have ended, instead of the open ones
}

func searchOf(v *visit) search {
	return search{Text: strings.TrimSpace(v.FormValue("q")), Status: v.FormValue("status"), Ended: v.FormValue("ended") != ""}
}

// Live is the address of the list's changes, as they come.
func (s search) Live() string {
	values := url.Values{"q": {s.Text}, "status": {s.Status}}
	if s.Ended {
		values.Set("ended", "yes")
	}
	return "/live?" + values.Encode()
}

// maxListed is how many runs a page lists.
const maxListed = 300

// query is the search as visibility takes it, where it can be answered there.
func (s search) query() string {
	query := "WorkflowType IN " + runs.Types + " AND CloseTime IS NULL"
	if s.Ended {
		query = "WorkflowType IN " + runs.Types + " AND CloseTime IS NOT NULL"
	}
	if s.Status != "" && slices.Contains(statuses, s.Status) {
		query += " AND DpaStatus = '" + s.Status + "'"
	}
	if s.Text != "" {
		written := strings.NewReplacer(`\`, `\\`, "'", `\'`, `"`, `\"`).Replace(s.Text)
		query += fmt.Sprintf(" AND (WorkflowId STARTS_WITH '%[1]s' OR DpaRunbook = '%[1]s' OR DpaPlanId = '%[1]s' OR DpaModelId = '%[1]s' OR DpaInstanceId = '%[1]s')", written)
	}
	return query
}

// statuses are the values of DpaStatus, the most urgent first.
var statuses = []string{"UNKNOWN", "PAUSED", "APPROVAL", "FROZEN", "OVERDUE", "WAITING"}

// find lists the runs that are looked for: those that wait for a person first, of these the one that has waited longest
// first.
func (c *console) find(ctx context.Context, s search) ([]runs.Run, error) {
	return c.listed.get(ctx, s.query(), func(ctx context.Context) ([]runs.Run, error) {
		found, err := runs.First(ctx, c.temporal, s.query(), maxListed)
		if err != nil {
			return nil, fmt.Errorf("list the runs: %w", err)
		}
		if s.Ended {
			slices.SortStableFunc(found, func(a, b runs.Run) int { return b.ClosedAt.Compare(a.ClosedAt) })
			return found, nil
		}
		if err := runs.Ask(ctx, c.temporal, found); err != nil {
			return nil, err
		}
		runs.Sort(found)
		return found, nil
	})
}

func (c *console) showRuns(w http.ResponseWriter, v *visit) error {
	s := searchOf(v)
	found, err := c.find(v.Context(), s)
	if err != nil {
		return failure{http.StatusBadGateway, err}
	}
	p := c.page(v, "Runs", struct {
		Search   search
		Statuses []string
		Runs     []runs.Run
		Full     bool
		Now      time.Time
	}{s, statuses, found, len(found) == maxListed, time.Now()})
	p.Live = s.Live()
	return c.pages.write(w, http.StatusOK, "runs", p)
}
