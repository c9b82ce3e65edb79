package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/dpaflow/dpaflow/internal/devstack"
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

// runPlans runs them one after another, as a user would, and then looks where
// a user would look: in the Web UI, and at what the platform has executed.
func runPlans(ctx context.Context, out io.Writer, s *stack) error {
	var links []string
	for i, plan := range plans {
		fmt.Fprintf(out, "\n[%d/%d] starter run plan %s\n", i+1, len(plans), plan.id)
		workflowID := "demo-" + plan.id
		if err := runPlan(ctx, out, s.env(), plan.id, workflowID, plan.params); err != nil {
			return err
		}
		link, err := inWebUI(ctx, s.temporal.UIURL, workflowID)
		if err != nil {
			return err
		}
		links = append(links, link)
	}
	if err := executedOnce(ctx, s.platformURL); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%d plans ran, and the platform executed each exactly once. The Web UI shows them:\n", len(plans))
	for _, link := range links {
		fmt.Fprintf(out, "  %s\n", link)
	}
	fmt.Fprintln(out, "Everything stops now; make dev leaves it running.")
	return nil
}

// runPlan runs one plan; the starter tells its progress on standard error and
// the result on standard output.
func runPlan(ctx context.Context, out io.Writer, env []string, planID, workflowID string, params []string) error {
	cmd, err := devstack.Command(ctx, devstack.ProgramOptions{
		Program: "starter",
		Args:    append([]string{"run", "plan", planID, "-o", "json", "--workflow-id", workflowID}, params...),
		Env:     env,
	})
	if err != nil {
		return err
	}
	var document bytes.Buffer
	cmd.Stdout, cmd.Stderr = &document, out
	if err := cmd.Run(); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return fmt.Errorf("run plan %s: %w\n%s", planID, err, &document)
	}
	var result struct {
		InstanceID, Status, ObservedBy string
		TriggeredAt, FinishedAt        time.Time
		Outputs                        []struct {
			ModelName string
			Nodes     []struct{ Name, Result string }
		}
	}
	if err := json.Unmarshal(document.Bytes(), &result); err != nil {
		return fmt.Errorf("read the result of plan %s: %w", planID, err)
	}
	if result.Status != "SUCCESS" || result.ObservedBy != "callback" {
		return fmt.Errorf("run plan %s: expected SUCCESS told by callback, got:\n%s", planID, &document)
	}
	fmt.Fprintf(out, "  %s: %s after %s, told by %s\n", result.InstanceID, result.Status,
		result.FinishedAt.Sub(result.TriggeredAt).Round(time.Millisecond), result.ObservedBy)
	for _, model := range result.Outputs {
		for _, node := range model.Nodes {
			fmt.Fprintf(out, "    %s · %s: %s\n", model.ModelName, node.Name, node.Result)
		}
	}
	return nil
}

// inWebUI asks the Web UI's own API for the run and returns the page's link.
func inWebUI(ctx context.Context, ui, workflowID string) (string, error) {
	namespace := url.PathEscape(devstack.Namespace)
	var found struct {
		WorkflowExecutionInfo struct {
			Status    string
			Execution struct{ RunID string }
		}
	}
	if err := get(ctx, ui+"/api/v1/namespaces/"+namespace+"/workflows/"+url.PathEscape(workflowID), &found); err != nil {
		return "", fmt.Errorf("look for %s in the Web UI: %w", workflowID, err)
	}
	info := found.WorkflowExecutionInfo
	if info.Status != "WORKFLOW_EXECUTION_STATUS_COMPLETED" || info.Execution.RunID == "" {
		return "", fmt.Errorf("look for %s in the Web UI: it is shown as %q", workflowID, info.Status)
	}
	return ui + "/namespaces/" + namespace + "/workflows/" + url.PathEscape(workflowID) + "/" + info.Execution.RunID, nil
}

// executedOnce compares with what the simulated platform did.
func executedOnce(ctx context.Context, platform string) error {
	var executions []struct{ PlanID string }
	if err := get(ctx, platform+"/simulator/executions", &executions); err != nil {
		return fmt.Errorf("ask the platform what it executed: %w", err)
	}
	times := map[string]int{}
	for _, execution := range executions {
		times[execution.PlanID]++
	}
	for _, plan := range plans {
		if times[plan.id] != 1 {
			return fmt.Errorf("the platform executed plan %s %d times instead of once", plan.id, times[plan.id])
		}
	}
	return nil
}

// get reads a JSON answer.
func get(ctx context.Context, address string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %s", answer.Status)
	}
	return json.NewDecoder(io.LimitReader(answer.Body, 16<<20)).Decode(into)
}
