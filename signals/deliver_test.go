package signals

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
)

// frontend is as much of a Temporal server as a signal needs.
type frontend struct {
	workflowservice.UnimplementedWorkflowServiceServer
	mu      sync.Mutex
	signals []*workflowservice.SignalWorkflowExecutionRequest
	err     error
}

func (f *frontend) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{Capabilities: &workflowservice.GetSystemInfoResponse_Capabilities{}}, nil
}

func (f *frontend) SignalWorkflowExecution(_ context.Context, r *workflowservice.SignalWorkflowExecutionRequest) (*workflowservice.SignalWorkflowExecutionResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.signals = append(f.signals, r)
	if f.err != nil {
		return nil, serviceerror.ToStatus(f.err).Err()
	}
	return &workflowservice.SignalWorkflowExecutionResponse{}, nil
}

func (f *frontend) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// waiting has an ASCII workflow id: the SDK repeats ids in a gRPC header, which takes nothing else
// unless the connection removes it.
var waiting = Target{Kind: KindPlan, Namespace: namespace, WorkflowID: "switch-over", Key: "step-2/1"}

// dial connects a real client to a frontend in this process.
func dial(t *testing.T, f *frontend) client.Client {
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	workflowservice.RegisterWorkflowServiceServer(server, f)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		require.NoError(t, <-served)
	})
	c, err := client.DialContext(t.Context(), client.Options{
		HostPort:  "passthrough:///frontend",
		Namespace: namespace,
		Logger:    log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
		ConnectionOptions: client.ConnectionOptions{GetSystemInfoTimeout: waitFor, DialOptions: []grpc.DialOption{
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithChainUnaryInterceptor(RequestIDInterceptor),
		}},
		RPCTimeout: waitFor, // by itself the SDK gives up a call after 10 seconds
	})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestNewsBecomesASignalOfItsWorkflow(t *testing.T) {
	t.Parallel()
	f := &frontend{}
	d := NewTemporalDeliverer(dial(t, f), "dpa")
	outcome, err := d.Deliver(t.Context(), arrival(waiting, Callback{"in1", "SUCCESS"}))
	require.NoError(t, err)
	require.Equal(t, OutcomeStored, outcome)

	require.Len(t, f.signals, 1)
	signal := f.signals[0]
	require.Equal(t, namespace, signal.Namespace)
	require.Equal(t, waiting.WorkflowID, signal.WorkflowExecution.WorkflowId)
	require.Empty(t, signal.WorkflowExecution.RunId, "whichever run is the current one")
	require.Equal(t, "platform-callback:step-2/1", signal.SignalName)
	require.JSONEq(t, `{"instanceId":"in1","status":"SUCCESS"}`, string(signal.Input.Payloads[0].Data))
	var got Callback
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(signal.Input, &got))
	require.Equal(t, Callback{"in1", "SUCCESS"}, got)
}

func TestTheRequestIDIsThatOfTheArrival(t *testing.T) {
	t.Parallel()
	f := &frontend{}
	c := dial(t, f)
	d := NewTemporalDeliverer(c, "dpa")
	again := NewTemporalDeliverer(dial(t, f), "dpa") // after a restart
	at := time.Date(2026, 11, 25, 15, 4, 5, 678_901_234, time.FixedZone("CST", 8*60*60))
	other := waiting
	other.Key = "step-3/1"
	for _, send := range []struct {
		by Deliverer
		Arrival
	}{
		{d, Arrival{waiting, Callback{"in1", "RUNNING"}, at}},
		{again, Arrival{waiting, Callback{"in1", "RUNNING"}, at.UTC()}},
		{d, Arrival{waiting, Callback{"in1", "RUNNING"}, at.Add(1)}},
		{d, Arrival{waiting, Callback{"in1", "FAIL"}, at}},
		{d, Arrival{waiting, Callback{"in2", "RUNNING"}, at}},
		{d, Arrival{other, Callback{"in1", "RUNNING"}, at}},
	} {
		_, err := send.by.Deliver(t.Context(), send.Arrival)
		require.NoError(t, err)
	}
	require.NoError(t, c.SignalWorkflow(t.Context(), "w", "", "by hand", nil))
	require.Equal(t, f.signals[0].RequestId, f.signals[1].RequestId)
	different := map[string]bool{}
	for _, signal := range f.signals {
		require.Regexp(t, `^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`, signal.RequestId)
		different[signal.RequestId] = true
	}
	require.Len(t, different, 6)
}

func TestTextsOfACallbackCannotMoveBetweenFields(t *testing.T) {
	t.Parallel()
	at := time.Now()
	require.NotEqual(t, Arrival{Target{Key: "k"}, Callback{"in1", "FAIL"}, at}.requestID(), Arrival{Target{Key: "ki"}, Callback{"n1", "FAIL"}, at}.requestID())
}

func TestWhatTemporalAnswersDecidesWhetherNewsIsDurable(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer  error
		outcome Outcome // empty: not durable
	}{
		"stored":                {nil, OutcomeStored},
		"the run has ended":     {serviceerror.NewNotFound("workflow execution already completed"), OutcomeEnded},
		"no such run":           {serviceerror.NewNotFound("workflow not found for ID: w"), OutcomeMissing},
		"no such namespace":     {serviceerror.NewNamespaceNotFound(namespace), ""},
		"too many signals":      {serviceerror.NewInvalidArgument("exceeded workflow execution limit for signal events"), ""},
		"not allowed":           {serviceerror.NewPermissionDenied("no", ""), ""},
		"an error of no kind":   {serviceerror.NewDataLoss("lost"), ""},
		"a deadline was passed": {serviceerror.NewDeadlineExceeded("late"), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := NewTemporalDeliverer(dial(t, &frontend{err: test.answer}), "dpa")
			outcome, err := d.Deliver(t.Context(), arrival(waiting, Callback{"in1", "SUCCESS"}))
			require.Equal(t, test.outcome, outcome)
			require.Equal(t, test.outcome == "", err != nil, "%v", err)
		})
	}
}

func TestNewsOfARunThatHasEndedIsForwardedWithTheWorkflowThatItWasFor(t *testing.T) {
	t.Parallel()
	f := &frontend{err: serviceerror.NewNotFound("workflow execution already completed")}
	_, err := NewTemporalDeliverer(dial(t, f), "dpa").Deliver(t.Context(), arrival(waiting, Callback{"in1", "SUCCESS"}))
	require.NoError(t, err)
	require.Len(t, f.signals, 2)
	require.Equal(t, "dpa-inbox:plan:in1", f.signals[1].WorkflowExecution.WorkflowId)
	require.JSONEq(t, `{"callback":{"instanceId":"in1","status":"SUCCESS"},"from":"`+waiting.WorkflowID+`"}`, string(f.signals[1].Input.Payloads[0].Data))
}

// A namespace that has failed over is taken up elsewhere, and its runs a little later.
func TestARunThatIsMissingSoonAfterTemporalCouldNotBeUsedMayOnlyNotBeThereYet(t *testing.T) {
	t.Parallel()
	for name, trouble := range map[string]error{
		"the namespace is active elsewhere": serviceerror.NewNamespaceNotActive(namespace, "a", "b"),
		"the namespace is not there":        serviceerror.NewNamespaceNotFound(namespace),
		"the namespace moves":               serviceerror.NewNamespaceUnavailable(namespace),
		"Temporal is away":                  serviceerror.NewUnavailable("no connection"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &frontend{err: trouble}
			d := NewTemporalDeliverer(dial(t, f), "dpa")
			ctx, cancel := context.WithTimeout(t.Context(), time.Second) // the SDK tries again for long
			defer cancel()
			_, err := d.Deliver(ctx, arrival(waiting, Callback{"in1", "SUCCESS"}))
			require.Error(t, err)

			f.set(serviceerror.NewNotFound("workflow not found for ID: w"))
			_, err = d.Deliver(t.Context(), arrival(waiting, Callback{"in1", "SUCCESS"}))
			require.ErrorIs(t, err, errNoRun)
			f.set(serviceerror.NewNotFound("workflow execution already completed"))
			outcome, err := d.Deliver(t.Context(), arrival(waiting, Callback{"in1", "SUCCESS"}))
			require.NoError(t, err)
			require.Equal(t, OutcomeEnded, outcome, "which says that the run is there")

			past := time.Now().Add(-doubtLasts)
			d.doubted.Store(&past)
			f.set(serviceerror.NewNotFound("workflow not found for ID: w"))
			outcome, err = d.Deliver(t.Context(), arrival(waiting, Callback{"in1", "SUCCESS"}))
			require.NoError(t, err)
			require.Equal(t, OutcomeMissing, outcome)
		})
	}
}
