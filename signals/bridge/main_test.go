package main

import (
	"context"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/signals"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// frontend is as much of a Temporal server as a signal needs.
type frontend struct {
	workflowservice.UnimplementedWorkflowServiceServer
	signals chan *workflowservice.SignalWorkflowExecutionRequest
}

func (f frontend) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{Capabilities: &workflowservice.GetSystemInfoResponse_Capabilities{}}, nil
}

func (f frontend) SignalWorkflowExecution(_ context.Context, r *workflowservice.SignalWorkflowExecutionRequest) (*workflowservice.SignalWorkflowExecutionResponse, error) {
	f.signals <- r
	return &workflowservice.SignalWorkflowExecutionResponse{}, nil
}

func settings(more map[string]string) func(string) (string, bool) {
	values := map[string]string{
		"DPA_CALLBACK_KEYS": "a:" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))),
		"DPA_ADMIN_ADDR":    "127.0.0.1:0",
		"DPA_LOG_LEVEL":     "error",
	}
	for name, value := range more {
		values[name] = value
	}
	return func(name string) (string, bool) {
		value, set := values[name]
		return value, set
	}
}

func TestABridgeStartsWithoutTemporalAndDeliversWhenItIsThere(t *testing.T) {
	temporal, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer temporal.Close()
	callbacks, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, callbacks.Close()) // its port is free for the bridge now
	t.Setenv("TEMPORAL_ADDRESS", temporal.Addr().String())
	t.Setenv("TEMPORAL_NAMESPACE", "ops")
	t.Setenv("TEMPORAL_CONFIG_FILE", "/dev/null")

	cfg, err := config.LoadBridge(settings(map[string]string{"DPA_BRIDGE_ADDR": callbacks.Addr().String()}))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	stopped := make(chan error, 1)
	go func() { stopped <- run(ctx, cfg) }()
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", callbacks.Addr().String())
		if err == nil {
			conn.Close()
		}
		return err == nil
	}, 10*time.Second, 10*time.Millisecond, "the bridge listens though nothing answers for Temporal yet")

	server := grpc.NewServer()
	defer server.Stop()
	f := frontend{signals: make(chan *workflowservice.SignalWorkflowExecutionRequest, 1)}
	workflowservice.RegisterWorkflowServiceServer(server, f)
	go server.Serve(temporal)

	token := cfg.CallbackKeys.Token(signals.Target{Kind: signals.KindPlan, Namespace: "ops", WorkflowID: "w", Key: "k"})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Post(signals.CallbackURL("http://"+callbacks.Addr().String(), token, signals.KindPlan),
		"application/json", strings.NewReader(`{"planInstanceId":"in1","processPlanId":"p","status":"SUCCESS"}`))
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, "SUCCESS", string(body))
	signal := <-f.signals
	require.Equal(t, "platform-callback:k", signal.GetSignalName())
	require.Equal(t, "ops", signal.GetNamespace())

	stop()
	require.NoError(t, <-stopped)
}

func TestWhatThisVersionDoesNotDoIsRefusedByName(t *testing.T) {
	t.Parallel()
	cfg, err := config.LoadBridge(settings(map[string]string{"DPA_BRIDGE_UNSIGNED": "true", "DPA_SPOOL_DIR": t.TempDir()}))
	require.NoError(t, err)
	require.EqualError(t, run(t.Context(), cfg), "configuration: this version does not support DPA_BRIDGE_UNSIGNED, DPA_SPOOL_DIR")
}

func TestATakenPortNamesTheVariableToChange(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for _, name := range []string{"DPA_BRIDGE_ADDR", "DPA_ADMIN_ADDR"} {
		cfg, err := config.LoadBridge(settings(map[string]string{name: taken.Addr().String()}))
		require.NoError(t, err)
		require.ErrorContains(t, run(t.Context(), cfg), "check "+name)
	}
}
