package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/platform"
	"github.com/dpaflow/dpaflow/platform/platformtest"
)

// bare is the least that runs a plan durably: an activity that triggers, a signal, an activity that fetches. It checks
// nothing, retries as Temporal does by itself (and so would run a plan twice), knows no doubt, no operator, no poll and no
// signature, and writes no log and no metric.
type bare struct {
	platform, receiver string // base URLs
	token              string // fetched once, and never renewed
	web                *http.Client
}

const (
	bareQueue  = "bare"
	bareSignal = "callback"
)

type bareNews struct {
	PlanInstanceID, ProcessPlanID, Status string
}

// run is the bare workflow.
func (b *bare) run(ctx workflow.Context) (outputs []platform.ModelOutputs, err error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	var instance string
	if err := workflow.ExecuteActivity(ctx, b.Trigger).Get(ctx, &instance); err != nil {
		return nil, err
	}
	for news := (bareNews{}); news.Status != platformtest.Success; {
		workflow.GetSignalChannel(ctx, bareSignal).Receive(ctx, &news)
	}
	err = workflow.ExecuteActivity(ctx, b.Fetch, instance).Get(ctx, &outputs)
	return outputs, err
}

// Trigger runs the plan (P5).
func (b *bare) Trigger(ctx context.Context) (string, error) {
	body, err := json.Marshal(map[string]any{
		"processPlanId": planID,
		"callbackUrl":   b.receiver + "/" + activity.GetInfo(ctx).WorkflowExecution.ID,
		"modelVarReq":   []any{map[string]any{"modelId": modelID, "mapParam": map[string]string{inputName: "h"}}},
	})
	if err != nil {
		return "", err
	}
	var started []struct{ PlanInstanceID string }
	if err := b.call(ctx, http.MethodPost, "/api/dpa/process//processPlan/opExecutePlanByApi/"+planID, body, &started); err != nil {
		return "", err
	}
	if len(started) != 1 {
		return "", errors.New("no instance")
	}
	return started[0].PlanInstanceID, nil
}

// Fetch reads the outputs (P6).
func (b *bare) Fetch(ctx context.Context, instance string) (outputs []platform.ModelOutputs, err error) {
	var models []struct {
		ModelName, ProcessModelID string
		MapParam                  []struct{ NodeName, Result string }
	}
	query := url.Values{"processPlanId": {planID}, "planInstanceId": {instance}}
	if err := b.call(ctx, http.MethodGet, "/api/dpa/process//processPlan/queryPlanRunOutParam?"+query.Encode(), nil, &models); err != nil {
		return nil, err
	}
	for _, m := range models {
		out := platform.ModelOutputs{ModelID: m.ProcessModelID, ModelName: m.ModelName}
		for _, n := range m.MapParam {
			out.Nodes = append(out.Nodes, platform.NodeOutput{Name: n.NodeName, Result: n.Result})
		}
		outputs = append(outputs, out)
	}
	return outputs, nil
}

func (b *bare) call(ctx context.Context, method, path string, body []byte, data any) error {
	request, err := http.NewRequestWithContext(ctx, method, b.platform+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+b.token)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := b.web.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	envelope := struct {
		Code    int
		Message string
		Data    any
	}{Data: data}
	if err := json.NewDecoder(answer.Body).Decode(&envelope); err != nil {
		return err
	}
	if envelope.Code != 200 {
		return fmt.Errorf("%s: %d %s", path, envelope.Code, envelope.Message)
	}
	return nil
}

// receiver turns callbacks into signals.
func receiver(c client.Client) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var news bareNews
		if err := json.NewDecoder(r.Body).Decode(&news); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := c.SignalWorkflow(r.Context(), strings.TrimPrefix(r.URL.Path, "/"), "", bareSignal, news); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "SUCCESS")
	}
}

// openBare starts the bare worker, with the options of dpaflow's, and the receiver until the stage is closed.
func (s *stage) openBare(ctx context.Context, rpcs *counter, options worker.Options) (*bare, error) {
	c, err := s.dial(ctx, rpcs.dial())
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 100
	b := &bare{platform: s.platformURL, web: &http.Client{Transport: transport}}
	s.onClose(func() error { transport.CloseIdleConnections(); return nil })
	if b.receiver, err = s.serve(receiver(c)); err != nil {
		return nil, err
	}
	if b.token, err = s.token(ctx); err != nil {
		return nil, err
	}
	w := worker.New(c, bareQueue, options)
	w.RegisterWorkflowWithOptions(b.run, workflow.RegisterOptions{Name: "Bare"})
	w.RegisterActivity(b)
	if err := w.Start(); err != nil {
		return nil, fmt.Errorf("start the bare worker: %w", err)
	}
	s.onClose(func() error { w.Stop(); return nil })
	return b, nil
}

func (b *bare) start(ctx context.Context, c client.Client, id string) (client.WorkflowRun, error) {
	return c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: bareQueue}, "Bare")
}
