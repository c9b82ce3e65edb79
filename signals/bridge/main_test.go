package main

import (
	"context"
	"encoding/base64"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/metric/noop"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"

	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/internal/encryption"
	"github.com/dpaflow/dpaflow/internal/keys"
	"github.com/dpaflow/dpaflow/internal/serve"
	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/signals"
)

func TestMain(m *testing.M) { os.Exit(wait.Run(m)) }

// frontend is as much of a Temporal server as a signal needs.
type frontend struct {
	workflowservice.UnimplementedWorkflowServiceServer
	signals chan *workflowservice.SignalWorkflowExecutionRequest
	inboxes chan *workflowservice.SignalWithStartWorkflowExecutionRequest
}

func (f frontend) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{Capabilities: &workflowservice.GetSystemInfoResponse_Capabilities{}}, nil
}

func (f frontend) SignalWorkflowExecution(_ context.Context, r *workflowservice.SignalWorkflowExecutionRequest) (*workflowservice.SignalWorkflowExecutionResponse, error) {
	f.signals <- r
	return &workflowservice.SignalWorkflowExecutionResponse{}, nil
}

func (f frontend) SignalWithStartWorkflowExecution(_ context.Context, r *workflowservice.SignalWithStartWorkflowExecutionRequest) (*workflowservice.SignalWithStartWorkflowExecutionResponse, error) {
	f.inboxes <- r
	return &workflowservice.SignalWithStartWorkflowExecutionResponse{RunId: "r"}, nil
}

func settings(more map[string]string) func(string) (string, bool) {
	values := map[string]string{
		"DPA_CALLBACK_KEYS": "a:" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))),
		"DPA_ADMIN_ADDR":    "127.0.0.1:0",
		"DPA_LOG_LEVEL":     "error",
	}
	maps.Copy(values, more)
	return func(name string) (string, bool) {
		value, set := values[name]
		return value, set
	}
}

// address is one that nothing listens on.
func address(t *testing.T) string {
	free, err := devstack.FreeAddress()
	require.NoError(t, err)
	return free
}

// start runs a bridge until the returned function is called, with a Temporal that is not there yet.
func start(t *testing.T, more map[string]string) (cfg config.Bridge, temporal string, stop func()) {
	temporal = address(t)
	t.Setenv("TEMPORAL_ADDRESS", temporal)
	t.Setenv("TEMPORAL_NAMESPACE", "ops")
	t.Setenv("TEMPORAL_CONFIG_FILE", "/dev/null")
	values := map[string]string{"DPA_BRIDGE_ADDR": address(t), "DPA_ADMIN_ADDR": address(t)}
	maps.Copy(values, more)
	cfg, err := config.LoadBridge(settings(values))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- run(ctx, cfg) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-stopped)
	})
	t.Cleanup(stop)
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", cfg.Addr)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}, wait.Limit, 10*time.Millisecond, "the bridge listens though nothing answers for Temporal yet")
	return cfg, temporal, stop
}

// appear makes Temporal be there.
func appear(t *testing.T, address string) frontend {
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	server := grpc.NewServer()
	t.Cleanup(server.Stop)
	f := frontend{
		signals: make(chan *workflowservice.SignalWorkflowExecutionRequest, 10),
		inboxes: make(chan *workflowservice.SignalWithStartWorkflowExecutionRequest, 10),
	}
	workflowservice.RegisterWorkflowServiceServer(server, f)
	go server.Serve(listener)
	return f
}

func post(t *testing.T, url, body string) string {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Post(url, "application/json", strings.NewReader(body))
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(text)
}

const planBody = `{"planInstanceId":"in1","processPlanId":"p","status":"SUCCESS"}`

// callback is the address of a trigger.
func callback(cfg config.Bridge) string {
	token := signals.Token(cfg.CallbackKeys, signals.Target{Kind: signals.KindPlan, Namespace: "ops", WorkflowID: "机房切换", Key: "k"})
	return signals.CallbackURL("http://"+cfg.Addr, token, signals.KindPlan)
}

func TestABridgeStartsWithoutTemporalAndDeliversWhenItIsThere(t *testing.T) {
	cfg, temporal, stop := start(t, nil)
	require.Error(t, serve.Ready(t.Context(), cfg.AdminAddr), "not ready without Temporal")
	f := appear(t, temporal)
	require.Eventually(t, func() bool { // the platform calls again, too
		return post(t, callback(cfg), planBody) == "SUCCESS"
	}, wait.Limit, 10*time.Millisecond)
	signal := <-f.signals
	require.Equal(t, "platform-callback:k", signal.GetSignalName())
	require.Equal(t, "机房切换", signal.GetWorkflowExecution().GetWorkflowId())
	require.Equal(t, "ops", signal.GetNamespace())
	stop()
}

func TestABridgeWithASpoolTakesCallbacksWithoutTemporal(t *testing.T) {
	cfg, temporal, stop := start(t, map[string]string{"DPA_SPOOL_DIR": t.TempDir()})
	require.NoError(t, serve.Ready(t.Context(), cfg.AdminAddr))
	require.Equal(t, "SUCCESS", post(t, callback(cfg), planBody))
	require.NoError(t, serve.Ready(t.Context(), cfg.AdminAddr))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get("http://" + cfg.AdminAddr + "/readyz")
	require.NoError(t, err)
	defer answer.Body.Close()
	ready, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Contains(t, string(ready), "ready\nspool: callbacks that wait for Temporal: 1, the oldest for")

	f := appear(t, temporal)
	signal := <-f.signals
	require.Equal(t, "机房切换", signal.GetWorkflowExecution().GetWorkflowId())
	require.NotEmpty(t, signal.GetRequestId())
	stop()
}

func TestABridgeWithEncryptionKeysSignalsNoPlaintextFromItsSpoolEither(t *testing.T) {
	text := "e:" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("e", 32)))
	ring, err := keys.Parse(text)
	require.NoError(t, err)
	codec, err := encryption.New(ring, noop.NewMeterProvider())
	require.NoError(t, err)
	cfg, temporal, stop := start(t, map[string]string{"DPA_SPOOL_DIR": t.TempDir(), "DPA_ENCRYPTION_KEYS": text})
	require.Equal(t, "SUCCESS", post(t, callback(cfg), planBody))
	f := appear(t, temporal)
	payloads := (<-f.signals).GetInput().GetPayloads()
	require.NotContains(t, string(payloads[0].GetData()), "in1")
	payloads, err = codec.Decode(payloads)
	require.NoError(t, err)
	require.JSONEq(t, `{"instanceId":"in1","status":"SUCCESS"}`, string(payloads[0].GetData()))
	stop()
}

func TestABridgeTakesCallbacksOnTheFixedURLsWhereAllowed(t *testing.T) {
	const secret = "shared-with-gateway"
	cfg, temporal, stop := start(t, map[string]string{"DPA_SPOOL_DIR": t.TempDir(), "DPA_TASK_QUEUE": "ops-dpa",
		"DPA_BRIDGE_UNSIGNED": "true", "DPA_BRIDGE_UNSIGNED_SECRET": secret, "DPA_BRIDGE_UNSIGNED_FROM": "127.0.0.0/8"})
	fixed := "http://" + cfg.Addr + "/callbacks/plan"
	require.NotEqual(t, "SUCCESS", post(t, fixed, planBody))
	require.Equal(t, "SUCCESS", post(t, fixed+"?secret="+secret, planBody), "kept on disk")
	f := appear(t, temporal)
	request := <-f.inboxes
	require.Equal(t, "dpa-inbox:plan:in1", request.GetWorkflowId())
	require.Equal(t, "ops-dpa", request.GetTaskQueue().GetName())
	stop()
}

func TestASpoolInUseNamesTheVariableToChange(t *testing.T) {
	dir := t.TempDir()
	start(t, map[string]string{"DPA_SPOOL_DIR": dir})
	second, err := config.LoadBridge(settings(map[string]string{"DPA_BRIDGE_ADDR": "127.0.0.1:0", "DPA_SPOOL_DIR": dir}))
	require.NoError(t, err)
	require.ErrorContains(t, run(t.Context(), second), "check DPA_SPOOL_DIR")
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
