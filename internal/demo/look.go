package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/dpaflow/dpaflow/internal/devstack"
)

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

// executed compares what was asked of the simulated platform, plan by plan,
// with what it did.
func executed(ctx context.Context, platform string, asked map[string]int) error {
	var executions []struct{ PlanID string }
	if err := get(ctx, platform+"/simulator/executions", &executions); err != nil {
		return fmt.Errorf("ask the platform what it executed: %w", err)
	}
	did := map[string]int{}
	for _, execution := range executions {
		did[execution.PlanID]++
	}
	if !maps.Equal(did, asked) {
		return fmt.Errorf("the platform executed %v, but %v was asked of it", did, asked)
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
