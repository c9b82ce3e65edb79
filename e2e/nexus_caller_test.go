package e2e

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nexus-rpc/sdk-go/nexus"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/examples/nexuscaller"
	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/connect"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

// callersNamespace is where the workflows live that call others through Nexus.
const callersNamespace = "callers"

var (
	makeCallersNamespace = sync.OnceValue(func() error {
		for deadline := time.Now().Add(patience); ; {
			cmd := exec.Command(server.CLI, "operator", "namespace", "create", "--namespace", callersNamespace)
			cmd.Env = append(cmd.Environ(), server.Env()...)
			out, err := cmd.CombinedOutput()
			switch text := string(out); {
			case err == nil, strings.Contains(strings.ToLower(text), "already exists"):
				return nil
			case time.Now().After(deadline):
				return fmt.Errorf("%w: %s", err, text)
			}
		}
	})
	callers atomic.Int64
)

// caller is a worker in another namespace, with an endpoint that leads to a task queue of a stack.
type caller struct {
	*stack
	client.Client
	endpoint string
}

// newCaller has a caller of the stack's worker. It encrypts with the keys of env.
func (s *stack) newCaller(env ...string) *caller { return s.newCallerOf(s.queue, env...) }

func (s *stack) newCallerOf(queue string, env ...string) *caller {
	s.t.Helper()
	require.NoError(s.t, makeCallersNamespace())
	c := &caller{stack: s, endpoint: fmt.Sprintf("dpa-%d", callers.Add(1))}
	s.command("operator", "nexus", "endpoint", "create", "--name", c.endpoint,
		"--target-namespace", server.Namespace, "--target-task-queue", queue)
	cfg, err := config.LoadStarter(environment(env).LookupEnv, false)
	require.NoError(s.t, err)
	theirs, err := connect.Dial(s.t.Context(), connect.Options{
		Env:    append(environment{"TEMPORAL_NAMESPACE=" + callersNamespace}, s.temporal.Env()...),
		Logger: slog.New(slog.DiscardHandler), EncryptionKeys: cfg.EncryptionKeys, RPCTimeout: patience,
	})
	require.NoError(s.t, err)
	s.t.Cleanup(theirs.Close)
	c.Client = theirs.Client
	w := worker.New(c.Client, c.endpoint, worker.Options{})
	w.RegisterWorkflow(nexuscaller.Release)
	w.RegisterWorkflow(callOnce)
	require.NoError(s.t, w.Start())
	s.t.Cleanup(w.Stop)
	return c
}

// start starts a workflow of the caller's.
func (c *caller) start(id string, workflow any, in any) client.WorkflowRun {
	c.t.Helper()
	run, err := c.Client.ExecuteWorkflow(c.t.Context(), client.StartWorkflowOptions{ID: c.endpoint + "-" + id, TaskQueue: c.endpoint}, workflow, in)
	require.NoError(c.t, err)
	return run
}

// call calls run-plan from a workflow that ends as the operation does.
func (c *caller) call(id string, in workflows.PlanRequest) client.WorkflowRun {
	c.t.Helper()
	return c.start(id, callOnce, call{c.endpoint, workflows.RunPlanOperation.Name(), in})
}

type call struct {
	Endpoint, Operation string
	Input               any
}

// operationCancelled is the type of callOnce's failure when the operation was cancelled; its details are
// those of the cancellation.
const operationCancelled = "OperationCancelled"

func callOnce(ctx workflow.Context, in call) (result any, err error) {
	dpa := workflow.NewNexusClient(in.Endpoint, workflows.NexusService)
	err = dpa.ExecuteOperation(ctx, in.Operation, in.Input, workflow.NexusOperationOptions{}).Get(ctx, &result)
	var cancelled *temporal.CanceledError
	if errors.As(err, &cancelled) {
		var status workflows.Status
		_ = cancelled.Details(&status) // empty where there are none
		return nil, temporal.NewNonRetryableApplicationError("cancelled", operationCancelled, nil, status)
	}
	return result, err
}

// planRequest asks for the plan "p".
func planRequest(key string) workflows.PlanRequest {
	return workflows.PlanRequest{IdempotencyKey: key, PlanInput: workflows.PlanInput{
		PlanID: "p", Params: activities.PlanParams{"md1": {"HOST": runbook.Text("web1"), "PASSWORD": runbook.Text("b")}},
	}}
}

// lostReply is a worker whose first reply to the start of an operation gets lost.
type lostReply struct {
	interceptor.WorkerInterceptorBase
	starts atomic.Int32
}

func (l *lostReply) InterceptNexusOperation(_ context.Context, next interceptor.NexusOperationInboundInterceptor) interceptor.NexusOperationInboundInterceptor {
	inbound := &lostReplyInbound{lost: l}
	inbound.Next = next
	return inbound
}

type lostReplyInbound struct {
	interceptor.NexusOperationInboundInterceptorBase
	lost *lostReply
}

func (i *lostReplyInbound) StartOperation(ctx context.Context, in interceptor.NexusStartOperationInput) (nexus.HandlerStartOperationResult[any], error) {
	result, err := i.Next.StartOperation(ctx, in)
	if i.lost.starts.Add(1) > 1 || err != nil {
		return result, err
	}
	return nil, nexus.NewHandlerErrorf(nexus.HandlerErrorTypeUnavailable, "the reply is lost")
}
