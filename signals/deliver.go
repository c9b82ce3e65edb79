package signals

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
)

// Deliverer brings callbacks to the run that waits for them.
type Deliverer interface {
	// Deliver returns no error once the callback is durable, or can make no difference any more because the run has ended.
	// After an error the platform is asked to call again. It is safe to deliver the same arrival repeatedly.
	Deliver(ctx context.Context, a Arrival) (Outcome, error)
}

// Outcome is what became of a callback that was delivered without an error; a metric's label.
type Outcome string

// The outcomes of a delivery.
const (
	OutcomeStored  Outcome = "stored"  // Temporal has it
	OutcomeEnded   Outcome = "ended"   // the run has ended, and nothing is left to do
	OutcomeMissing Outcome = "missing" // there is no such run: it was deleted, or is not there yet
	OutcomeSpooled Outcome = "spooled" // it is on this machine's disk, until Temporal can be reached
)

// doubtLasts is for how long a run that is missing may only not be there yet, after Temporal could not be used: a namespace
// that fails over is taken up elsewhere, and its runs a little later.
const doubtLasts = 5 * time.Minute

// errNoRun is the error for a run that is missing and may come back.
var errNoRun = errors.New("the run is not there, soon after Temporal could not be used: it may only not be there yet")

// TemporalDeliverer delivers a callback as a signal: of the target's workflow, or of the inbox of its instance.
type TemporalDeliverer struct {
	client    client.Client
	taskQueue string
	doubted   atomic.Pointer[time.Time] // when Temporal could last not be used
}

// NewTemporalDeliverer delivers through a client for the namespace that tokens are verified for.
// The client must have been dialled with RequestIDInterceptor; without it Temporal does not drop what is delivered again.
// Inboxes are started on the task queue.
func NewTemporalDeliverer(c client.Client, taskQueue string) *TemporalDeliverer {
	return &TemporalDeliverer{client: c, taskQueue: taskQueue}
}

// Deliver implements Deliverer: it ends well once Temporal has stored the signal, or says that no such run is open.
func (d *TemporalDeliverer) Deliver(ctx context.Context, a Arrival) (Outcome, error) {
	t := a.Target
	ctx = context.WithValue(ctx, requestIDKey{}, a.requestID())
	if t.isInbox() {
		if err := signalInbox(ctx, d.client, d.taskQueue, t.Kind, a.Callback.InstanceID, InboxNews, News{Callback: a.Callback}); err != nil {
			return "", fmt.Errorf("signal inbox %q: %w", t.WorkflowID, err)
		}
		return OutcomeStored, nil
	}
	err := d.client.SignalWorkflow(ctx, t.WorkflowID, "", SignalName(t.Key), a.Callback)
	if err == nil {
		return OutcomeStored, nil
	}
	var notFound *serviceerror.NotFound
	switch {
	case errors.As(err, &notFound) && strings.Contains(notFound.Message, "already completed"):
		return d.forward(ctx, a, OutcomeEnded)
	case errors.As(err, &notFound):
		if at := d.doubted.Load(); at != nil && time.Since(*at) < doubtLasts {
			return "", fmt.Errorf("signal workflow %q: %w", t.WorkflowID, errNoRun)
		}
		return d.forward(ctx, a, OutcomeMissing)
	case unreachable(err) || noNamespace(err):
		now := time.Now()
		d.doubted.Store(&now)
	}
	return "", fmt.Errorf("signal workflow %q: %w", t.WorkflowID, err)
}

// forward delivers a callback for a run that is not open any more to the inbox of its instance, if another run waits there: one
// that continues the first and has adopted what it triggered. The inbox is told whose address it came to: a token proves
// only that the caller was given that address, not that it may speak of every instance.
func (d *TemporalDeliverer) forward(ctx context.Context, a Arrival, otherwise Outcome) (Outcome, error) {
	var notFound *serviceerror.NotFound
	inbox := InboxID(a.Target.Kind, a.Callback.InstanceID)
	switch err := d.client.SignalWorkflow(ctx, inbox, "", InboxNews, News{a.Callback, a.Target.WorkflowID}); {
	case err == nil:
		return OutcomeStored, nil
	case errors.As(err, &notFound):
		return otherwise, nil
	default:
		return "", fmt.Errorf("signal inbox %q: %w", inbox, err)
	}
}

// unreachable says that Temporal was not there.
func unreachable(err error) bool {
	var unavailable *serviceerror.Unavailable
	var late *serviceerror.DeadlineExceeded
	return errors.As(err, &unavailable) || errors.As(err, &late) || errors.Is(err, context.DeadlineExceeded)
}

// noNamespace says that Temporal was there, and the namespace was not, or is active elsewhere.
func noNamespace(err error) bool {
	var missing *serviceerror.NamespaceNotFound
	var passive *serviceerror.NamespaceNotActive
	var state *serviceerror.NamespaceInvalidState
	var moving *serviceerror.NamespaceUnavailable
	return errors.As(err, &missing) || errors.As(err, &passive) || errors.As(err, &state) || errors.As(err, &moving)
}

type requestIDKey struct{}

// RequestIDInterceptor gives signals of a TemporalDeliverer a request id derived from their arrival, so that the server
// drops what is delivered again (the SDK would make up a new id each time). Wire it with
// client.ConnectionOptions{DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(signals.RequestIDInterceptor)}}.
func RequestIDInterceptor(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if id, ok := ctx.Value(requestIDKey{}).(string); ok {
		switch r := req.(type) {
		case *workflowservice.SignalWorkflowExecutionRequest:
			r.RequestId = id
		case *workflowservice.SignalWithStartWorkflowExecutionRequest:
			r.RequestId = id
		}
	}
	return invoke(ctx, method, req, reply, cc, opts...)
}

// requestID is the same for the same arrival after every restart, and another when the same status comes again.
func (a Arrival) requestID() string {
	var b []byte
	for _, s := range []string{a.Target.Key, a.Callback.InstanceID, a.Callback.Status} {
		b = appendText(b, s)
	}
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(b, uint64(a.At.UnixNano())))
	return uuid.UUID(sum[:16]).String()
}
