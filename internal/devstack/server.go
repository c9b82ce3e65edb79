package devstack

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/dpaflow/dpaflow/workflows"
)

// SharedTemporal uses the server that TEMPORAL_ADDRESS names, see Elsewhere, and starts a dev server where the
// variable is not set.
//
// On a server of somebody's it works in a namespace of its own, which Stop removes again with all that is in it:
// nothing else there is touched. The server must let it do so, without TLS; the options do not apply to it.
func SharedTemporal(ctx context.Context, o TemporalOptions) (*Temporal, error) {
	address := os.Getenv("TEMPORAL_ADDRESS")
	if address == "" {
		return StartTemporal(ctx, o)
	}
	cli, err := CLI(ctx, os.Stderr)
	if err != nil {
		return nil, err
	}
	t := &Temporal{Address: address, Namespace: "dpaflow-" + strings.ToLower(rand.Text()[:10]), CLI: cli}
	if err := t.enter(ctx); err != nil {
		return nil, fmt.Errorf("use the Temporal server at %s (TEMPORAL_ADDRESS): %w", address, err)
	}
	return t, nil
}

// Elsewhere says whether the server is one that somebody else runs.
func (t *Temporal) Elsewhere() bool { return t.process == nil }

// Stop ends a server that was started, with SIGTERM, or with SIGKILL if it still runs two minutes later, which is an error; and it leaves one that was not.
func (t *Temporal) Stop() error {
	if !t.Elsewhere() {
		return t.process.Stop()
	}
	c, err := t.lazy()
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := t.removeEndpoints(ctx, c); err != nil {
		return err
	}
	if _, err := c.OperatorService().DeleteNamespace(ctx, &operatorservice.DeleteNamespaceRequest{Namespace: t.Namespace}); err != nil {
		return fmt.Errorf("remove the namespace %s: %w", t.Namespace, err)
	}
	return nil
}

// removeEndpoints removes those that lead into the namespace, which cannot be removed as long as there is one.
func (t *Temporal) removeEndpoints(ctx context.Context, c client.Client) error {
	listed, err := c.OperatorService().ListNexusEndpoints(ctx, &operatorservice.ListNexusEndpointsRequest{PageSize: 1000})
	if err != nil {
		return fmt.Errorf("list the endpoints of the namespace %s: %w", t.Namespace, err)
	}
	for _, endpoint := range listed.GetEndpoints() {
		if endpoint.GetSpec().GetTarget().GetWorker().GetNamespace() != t.Namespace {
			continue
		}
		if _, err := c.OperatorService().DeleteNexusEndpoint(ctx, &operatorservice.DeleteNexusEndpointRequest{Id: endpoint.GetId(), Version: endpoint.GetVersion()}); err != nil {
			return fmt.Errorf("remove the endpoint %s: %w", endpoint.GetSpec().GetName(), err)
		}
	}
	return nil
}

func (t *Temporal) lazy() (client.Client, error) {
	c, err := client.NewLazyClient(client.Options{
		HostPort: t.Address, Namespace: t.Namespace, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return nil, fmt.Errorf("connect to temporal: %w", err)
	}
	return c, nil
}

// enter makes the namespace and waits until all of the server knows it.
func (t *Temporal) enter(ctx context.Context) error {
	c, err := t.lazy()
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: t.Namespace, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	}); err != nil {
		return err
	}
	attributes := map[string]enums.IndexedValueType{}
	for _, key := range workflows.Attributes() {
		attributes[key.Name] = key.Type
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for added := false; ; {
		if !added {
			_, err = c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: t.Namespace, SearchAttributes: attributes})
			added = err == nil
		}
		if added {
			err = t.knows(ctx, c)
		}
		switch {
		case added && err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("it does not know the new namespace %s: %w", t.Namespace, err)
		}
		time.Sleep(pollEvery)
	}
}

// knows says whether runs of the namespace can be started, with their search attributes, and found.
func (t *Temporal) knows(ctx context.Context, c client.Client) error {
	const query = "DpaStatus = 'WAITING'"
	if _, err := c.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: t.Namespace, Query: query}); err != nil {
		return err
	}
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: "ready", TaskQueue: "ready", TypedSearchAttributes: temporal.NewSearchAttributes(workflows.AttributeStatus.ValueSet("WAITING")),
	}, "Ready")
	if err != nil {
		return err
	}
	return c.TerminateWorkflow(ctx, run.GetID(), run.GetRunID(), "it can be started")
}
