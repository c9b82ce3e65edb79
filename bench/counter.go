package main

import (
	"context"
	"maps"
	"path"
	"sync"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
)

// counter counts calls by name.
type counter struct {
	mu    sync.Mutex
	calls map[string]int
}

func (c *counter) add(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls == nil {
		c.calls = map[string]int{}
	}
	c.calls[name]++
}

func (c *counter) counts() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.calls)
}

// dial counts the RPCs of a connection to Temporal.
func (c *counter) dial() grpc.DialOption { return grpc.WithChainUnaryInterceptor(c.intercept) }

func (c *counter) intercept(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	err := invoke(ctx, method, req, reply, cc, opts...)
	if !idle(reply, err) {
		c.add(path.Base(method))
	}
	return err
}

// idle tells whether an RPC was a poll that brought nothing: how many there are depends on the time that passes.
func idle(reply any, err error) bool {
	switch r := reply.(type) {
	case *workflowservice.PollWorkflowTaskQueueResponse:
		return err != nil || len(r.GetTaskToken()) == 0
	case *workflowservice.PollActivityTaskQueueResponse:
		return err != nil || len(r.GetTaskToken()) == 0
	case *workflowservice.PollNexusTaskQueueResponse:
		return err != nil || len(r.GetTaskToken()) == 0
	}
	return false
}

// since subtracts what had been counted before.
func since(before, after map[string]int) map[string]int {
	grown := map[string]int{}
	for name, n := range after {
		if n -= before[name]; n != 0 {
			grown[name] = n
		}
	}
	return grown
}
