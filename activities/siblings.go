package activities

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.temporal.io/api/workflowservice/v1"
)

// followSiblings goes through the other runs that were reset from one that was looked through: nothing else links them to
// this run.
func (p *pastRuns) followSiblings(ctx context.Context) error {
	if !p.reset {
		return nil
	}
	bases, err := p.others(ctx)
	if err != nil {
		return err
	}
	for more := true; more; {
		more = false
		for _, run := range slices.Sorted(maps.Keys(bases)) {
			if p.seen[run] || !slices.ContainsFunc(bases[run], func(base string) bool { return p.seen[base] }) {
				continue
			}
			p.seen[run], more = true, true
			if err := p.gather(ctx, run, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// others are the runs of the workflow id that were not looked through, with what each was reset from.
// A list without this run, which is one of the latest, may lack others too.
func (p *pastRuns) others(ctx context.Context) (bases map[string][]string, err error) {
	bases = map[string][]string{}
	listedItself := false
	in := &workflowservice.ListWorkflowExecutionsRequest{Query: fmt.Sprintf("WorkflowId = '%s'", strings.ReplaceAll(p.workflowID, "'", "''"))}
	for {
		listed, err := p.histories.ListWorkflow(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("list the runs of workflow %s: %w", p.workflowID, err)
		}
		for _, run := range listed.GetExecutions() {
			id := run.GetExecution().GetRunId()
			listedItself = listedItself || id == p.runID
			if p.seen[id] {
				continue
			}
			events, err := p.read(ctx, id)
			if err != nil && !gone(err) { // one may be listed a little longer than it is there
				return nil, err
			}
			for _, event := range events {
				if base := resetFrom(event); base != "" {
					bases[id] = append(bases[id], base)
				}
			}
		}
		if in.NextPageToken = listed.GetNextPageToken(); len(in.NextPageToken) == 0 {
			break
		}
	}
	if !listedItself {
		return nil, fmt.Errorf("list the runs of workflow %s: this one is not among them yet, so others may be missing too", p.workflowID)
	}
	return bases, nil
}
