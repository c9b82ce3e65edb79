package main

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"

	"github.com/dpaflow/dpaflow/internal/connect"
	"github.com/dpaflow/dpaflow/workflows"
)

// operators is a server that says which search attributes a namespace has.
type operators struct {
	client.Client
	operatorservice.OperatorServiceClient
	list func(context.Context) (map[string]enumspb.IndexedValueType, error)
}

func (o operators) OperatorService() operatorservice.OperatorServiceClient { return o }

func (o operators) ListSearchAttributes(ctx context.Context, _ *operatorservice.ListSearchAttributesRequest, _ ...grpc.CallOption) (*operatorservice.ListSearchAttributesResponse, error) {
	attributes, err := o.list(ctx)
	return &operatorservice.ListSearchAttributesResponse{CustomAttributes: attributes}, err
}

type answer struct {
	attributes map[string]enumspb.IndexedValueType
	err        error
}

func registered() map[string]enumspb.IndexedValueType {
	all := map[string]enumspb.IndexedValueType{}
	for _, key := range workflows.Attributes() {
		all[key.Name] = key.Type
	}
	return all
}

func TestALookAtTheSearchAttributesThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var now atomic.Pointer[answer]
		index := newIndex(&connect.Client{Client: operators{list: func(ctx context.Context) (map[string]enumspb.IndexedValueType, error) {
			a := now.Load()
			if a.err == context.DeadlineExceeded { // a server that hangs
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return a.attributes, a.err
		}}}, slog.New(slog.DiscardHandler))
		says := func(attributes map[string]enumspb.IndexedValueType, err error) { now.Store(&answer{attributes, err}) }
		says(nil, serviceerror.NewUnavailable("starting"))
		require.Error(t, index.Know(t.Context()), "no run may begin before it is known")
		says(registered(), nil)
		require.NoError(t, index.Know(t.Context()))
		require.True(t, index.Registered())

		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- index.Watch(ctx) }()
		for _, failure := range []error{serviceerror.NewUnavailable("a blip"), context.DeadlineExceeded, serviceerror.NewPermissionDenied("no", "")} {
			says(nil, failure)
			time.Sleep(2 * lookEvery)
			synctest.Wait()
			require.True(t, index.Registered(), "%v", failure)
			require.NoError(t, index.Know(t.Context()))
		}
		fewer := registered()
		delete(fewer, workflows.AttributePlanID.GetName())
		says(fewer, nil)
		time.Sleep(lookEvery)
		synctest.Wait()
		require.False(t, index.Registered(), "this was said, and not guessed")
		says(registered(), nil)
		time.Sleep(lookEvery)
		synctest.Wait()
		require.True(t, index.Registered())
		stop()
		require.NoError(t, <-ended)
	})
}

func TestAWorkerThatMayNotListSearchAttributesWorksWithoutThem(t *testing.T) {
	t.Parallel()
	index := newIndex(&connect.Client{Client: operators{list: func(context.Context) (map[string]enumspb.IndexedValueType, error) {
		return nil, serviceerror.NewPermissionDenied("no", "")
	}}}, slog.New(slog.DiscardHandler))
	require.NoError(t, index.Know(t.Context()))
	require.False(t, index.Registered())
}
