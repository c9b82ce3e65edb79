package connect

import (
	"context"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"

	"github.com/dpaflow/dpaflow/internal/wait"
)

func TestMain(m *testing.M) { os.Exit(wait.Run(m)) }

type env map[string]string

func (e env) LookupEnv(name string) (string, bool) {
	value, set := e[name]
	return value, set
}

func (e env) Environ() []string {
	var all []string
	for name, value := range e {
		all = append(all, name+"="+value)
	}
	return all
}

// frontend is as much of a Temporal server as a connection needs, with one
// namespace: default.
type frontend struct {
	workflowservice.UnimplementedWorkflowServiceServer
}

func (frontend) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{Capabilities: &workflowservice.GetSystemInfoResponse_Capabilities{}}, nil
}

func (frontend) DescribeNamespace(_ context.Context, in *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
	if in.GetNamespace() != "default" {
		return nil, serviceerror.ToStatus(serviceerror.NewNamespaceNotFound(in.GetNamespace())).Err()
	}
	return &workflowservice.DescribeNamespaceResponse{}, nil
}

func start(t *testing.T) (address string, stop func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer()
	workflowservice.RegisterWorkflowServiceServer(server, frontend{})
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	return listener.Addr().String(), server.Stop
}

func options(address string, more env) Options {
	e := env{"TEMPORAL_ADDRESS": address, "TEMPORAL_CONFIG_FILE": "/dev/null"}
	for name, value := range more {
		e[name] = value
	}
	return Options{Env: e, Logger: slog.New(slog.DiscardHandler), RPCTimeout: wait.Limit}
}

func TestAConnectionKnowsItsAddressAndNamespace(t *testing.T) {
	t.Parallel()
	address, stop := start(t)
	var calls atomic.Int64
	o := options(address, nil)
	o.DialOptions = []grpc.DialOption{grpc.WithChainUnaryInterceptor(
		func(ctx context.Context, method string, in, out any, cc *grpc.ClientConn, next grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			calls.Add(1)
			return next(ctx, method, in, out, cc, opts...)
		})}
	c, err := Dial(t.Context(), o)
	require.NoError(t, err)
	defer c.Close()
	require.Equal(t, address, c.Address)
	require.Equal(t, "default", c.Namespace)
	require.NotZero(t, calls.Load(), "the interceptor sees the calls")
	require.NoError(t, c.Ready(t.Context()))

	stop()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	require.ErrorContains(t, c.Ready(ctx), address)
}

func TestAMissingNamespaceIsAnErrorThatNamesIt(t *testing.T) {
	t.Parallel()
	address, _ := start(t)
	_, err := Dial(t.Context(), options(address, env{"TEMPORAL_NAMESPACE": "elsewhere"}))
	require.ErrorContains(t, err, address)
	require.ErrorContains(t, err, `namespace "elsewhere"`)
	require.ErrorContains(t, err, "TEMPORAL_NAMESPACE")
}

func TestAClientIsReadyOnlyWhereItsNamespaceIsThere(t *testing.T) {
	t.Parallel()
	address, _ := start(t)
	lazy := options(address, env{"TEMPORAL_NAMESPACE": "elsewhere"})
	lazy.Lazy = true
	c, err := Dial(t.Context(), lazy)
	require.NoError(t, err)
	defer c.Close()
	require.ErrorContains(t, c.Ready(t.Context()), `namespace "elsewhere"`)
}

func TestAServerThatIsNotThereIsAnErrorThatSaysWhatToCheck(t *testing.T) {
	t.Parallel()
	address, stop := start(t)
	stop()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err := Dial(ctx, options(address, nil))
	require.ErrorContains(t, err, address)
	require.ErrorContains(t, err, "TEMPORAL_ADDRESS")

	lazy := options(address, nil)
	lazy.Lazy = true
	c, err := Dial(t.Context(), lazy)
	require.NoError(t, err, "a lazy connection does not need the server yet")
	c.Close()
}

func TestMalformedTemporalVariablesAreRefused(t *testing.T) {
	t.Parallel()
	_, err := Dial(t.Context(), options("127.0.0.1:1", env{"TEMPORAL_TLS_CLIENT_CERT_PATH": "/not/there"}))
	require.ErrorContains(t, err, "TEMPORAL_")
}
