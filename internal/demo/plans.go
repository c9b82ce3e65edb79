package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// plans are those of the simulator that belong together: a check, a switch
// over, and a check of that.
var plans = []struct {
	id     string
	params []string
}{
	{"acf42dd3", []string{"--param", "md1606743910508.DPA_MODEL_WORKDIR=/opt"}},
	{"bcf42dd4", nil},
	{"ccf42dd5", nil},
}

// tour runs the plans one after another and then the runbook, as a user
// would, and then looks where a user would look: in the Web UI, and at what
// the platform has executed.
func tour(ctx context.Context, out io.Writer, s *stack) error {
	started := time.Now()
	ran := map[string]int{}
	ids := []string{runbookID}
	fmt.Fprintln(out, "\nThree plans, one after another:")
	for _, plan := range plans {
		id := "demo-" + plan.id
		if err := s.runPlan(ctx, out, plan.id, id, plan.params); err != nil {
			return err
		}
		ran[plan.id]++
		ids = append(ids, id)
	}
	result, err := s.runSwitchover(ctx, out)
	if err != nil {
		return err
	}
	result.count(ran)
	if err := executed(ctx, s.platformURL, ran); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nAll of it took %s, and the platform executed what was asked of it and nothing else.\nThe Web UI shows every run:\n",
		time.Since(started).Round(time.Second))
	for _, id := range ids {
		link, err := inWebUI(ctx, s.temporal.UIURL, id)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "  %s\n", link)
	}
	fmt.Fprintln(out, "Everything stops now; make dev leaves it running.")
	return nil
}

// runPlan runs one plan and tells its end and its outputs.
func (s *stack) runPlan(ctx context.Context, out io.Writer, planID, workflowID string, params []string) error {
	command := append([]string{"run", "plan", planID}, params...)
	fmt.Fprintf(out, "$ starter %s\n", strings.Join(command, " "))
	document, err := s.starter(ctx, io.Discard, nil, append(command, "-o", "json", "--workflow-id", workflowID)...)
	if err != nil {
		return err
	}
	var result struct {
		InstanceID, Status, ObservedBy string
		TriggeredAt, FinishedAt        time.Time
		Outputs                        []struct {
			Nodes []struct{ Name, Result string }
		}
	}
	if err := json.Unmarshal(document, &result); err != nil {
		return fmt.Errorf("read the result of plan %s: %w", planID, err)
	}
	if result.Status != "SUCCESS" || result.ObservedBy != "callback" {
		return fmt.Errorf("run plan %s: expected SUCCESS told by callback, got:\n%s", planID, document)
	}
	fmt.Fprintf(out, "  %s: %s after %s, told by %s", result.InstanceID, result.Status,
		result.FinishedAt.Sub(result.TriggeredAt).Round(100*time.Millisecond), result.ObservedBy)
	separator := "; "
	for _, model := range result.Outputs {
		for _, node := range model.Nodes {
			fmt.Fprintf(out, "%s%s: %s", separator, node.Name, node.Result)
			separator = ", "
		}
	}
	fmt.Fprintln(out)
	return nil
}
