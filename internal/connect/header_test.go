package connect

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// signalled records the workflow ids and resource headers of signals.
type signalled struct {
	frontend
	ids, headers chan string
}

func (s signalled) SignalWorkflowExecution(ctx context.Context, in *workflowservice.SignalWorkflowExecutionRequest) (*workflowservice.SignalWorkflowExecutionResponse, error) {
	var header string
	if values := metadata.ValueFromIncomingContext(ctx, resourceHeader); len(values) > 0 {
		header = values[0]
	}
	s.ids <- in.GetWorkflowExecution().GetWorkflowId()
	s.headers <- header
	return &workflowservice.SignalWorkflowExecutionResponse{}, nil
}

func TestAWorkflowIDMayBeAnyText(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer()
	s := signalled{ids: make(chan string, 1), headers: make(chan string, 1)}
	workflowservice.RegisterWorkflowServiceServer(server, s)
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	c, err := Dial(t.Context(), options(listener.Addr().String(), nil))
	require.NoError(t, err)
	defer c.Close()

	for id, header := range map[string]string{
		"switch-over 7 ~": "workflow:switch-over 7 ~",
		"机房切换-预案7":        "",
		"été":             "",
		"a\tb":            "",
		"a\x7f":           "",
	} {
		require.NoError(t, c.SignalWorkflow(t.Context(), id, "", "news", nil), "%q", id)
		require.Equal(t, id, <-s.ids, "the request itself names the workflow")
		require.Equal(t, header, <-s.headers, "%q", id)
	}
}
