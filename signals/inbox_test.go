package signals_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"google.golang.org/grpc"

	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/signals"
)

// TestInboxesOnARealServer asks a real server what becomes of request ids, which no simulation could know.
func TestInboxesOnARealServer(t *testing.T) {
	t.Parallel()
	server, err := devstack.StartTemporal(t.Context(), devstack.TemporalOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	c, err := client.DialContext(t.Context(), client.Options{
		HostPort: server.Address, Namespace: devstack.Namespace,
		Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
		ConnectionOptions: client.ConnectionOptions{GetSystemInfoTimeout: wait.Limit, DialOptions: []grpc.DialOption{
			grpc.WithChainUnaryInterceptor(signals.RequestIDInterceptor)}},
		RPCTimeout: wait.Limit,
	})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	bridge := signals.NewTemporalDeliverer(c, "inboxes")

	t.Run("news and a registration meet in one inbox, whichever comes first", func(t *testing.T) {
		registration := signals.Registration{WorkflowID: "切换", Until: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)}
		for _, newsFirst := range []bool{true, false} {
			in := inbox{t, c, map[bool]string{true: "first", false: "second"}[newsFirst]}
			if newsFirst {
				in.news(bridge, "SUCCESS")
			}
			require.NoError(t, signals.Register(t.Context(), c, "inboxes", signals.KindPlan, in.instance, registration))
			if !newsFirst {
				in.news(bridge, "SUCCESS")
			}
			started := in.history()[0].GetWorkflowExecutionStartedEventAttributes()
			require.Equal(t, "DpaInbox", started.GetWorkflowType().GetName())
			require.Equal(t, "inboxes", started.GetTaskQueue().GetName())
			require.JSONEq(t, `{"kind":"plan","instanceId":"`+in.instance+`","ttl":"24h"}`, string(started.GetInput().GetPayloads()[0].GetData()))
			payloads := map[string]string{}
			for _, event := range in.signals() {
				payloads[event.GetSignalName()] = string(event.GetInput().GetPayloads()[0].GetData())
			}
			require.Len(t, payloads, 2)
			require.JSONEq(t, `{"callback":{"instanceId":"`+in.instance+`","status":"SUCCESS"}}`, payloads["news"])
			require.JSONEq(t, `{"workflowId":"切换","until":"2030-01-02T03:04:05Z"}`, payloads["register"])
		}
	})

	t.Run("what is delivered again starts no second inbox and adds no second signal", func(t *testing.T) {
		in := inbox{t, c, "repeated"}
		in.news(bridge, "RUNNING")
		started := in.run()
		in.news(bridge, "RUNNING")
		for range 3 {
			in.news(signals.NewTemporalDeliverer(c, "inboxes"), "SUCCESS") // finds it
		}
		in.news(bridge, "RUNNING")
		require.Equal(t, started, in.run())
		require.Len(t, in.signals(), 2)
	})

	t.Run("what comes again is signalled again", func(t *testing.T) {
		in := inbox{t, c, "transitions"}
		for n, status := range []string{"RUNNING", "PENDING", "RUNNING"} {
			in.arrives(bridge, status, at.Add(time.Duration(n)))
		}
		require.Len(t, in.signals(), 3)
	})

	t.Run("what is delivered again after the inbox has ended opens another, with this news alone", func(t *testing.T) {
		for name, status := range map[string]string{"starter": "RUNNING", "follower": "SUCCESS"} {
			in := inbox{t, c, name}
			in.news(bridge, "RUNNING")
			in.news(bridge, "SUCCESS")
			ended := in.run()
			require.NoError(t, c.TerminateWorkflow(t.Context(), signals.InboxID(signals.KindPlan, in.instance), "", "handed over"))
			in.news(bridge, status)
			again := in.run()
			require.NotEqual(t, ended, again)
			in.news(bridge, status)
			require.Equal(t, again, in.run())
			require.Len(t, in.signals(), 1)
		}
	})
}

type inbox struct {
	*testing.T
	client.Client
	instance string
}

var at = time.Now()

// news delivers what is the same arrival for the same status.
func (in inbox) news(bridge signals.Deliverer, status string) { in.arrives(bridge, status, at) }

func (in inbox) arrives(bridge signals.Deliverer, status string, at time.Time) {
	outcome, err := bridge.Deliver(in.Context(), signals.Arrival{Target: signals.Target{Kind: signals.KindPlan, Namespace: devstack.Namespace, WorkflowID: signals.InboxID(signals.KindPlan, in.instance)},
		Callback: signals.Callback{InstanceID: in.instance, Status: status}, At: at})
	require.NoError(in, err)
	require.Equal(in, signals.OutcomeStored, outcome)
}

// run is the id of the latest run.
func (in inbox) run() string {
	description, err := in.DescribeWorkflow(in.Context(), signals.InboxID(signals.KindPlan, in.instance), "")
	require.NoError(in, err)
	return description.WorkflowExecution.RunID
}

// history is that of the latest run.
func (in inbox) history() (events []*historypb.HistoryEvent) {
	iterator := in.GetWorkflowHistory(in.Context(), signals.InboxID(signals.KindPlan, in.instance), "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for iterator.HasNext() {
		event, err := iterator.Next()
		require.NoError(in, err)
		events = append(events, event)
	}
	return events
}

func (in inbox) signals() (all []*historypb.WorkflowExecutionSignaledEventAttributes) {
	for _, event := range in.history() {
		if signal := event.GetWorkflowExecutionSignaledEventAttributes(); signal != nil {
			all = append(all, signal)
		}
	}
	return all
}
