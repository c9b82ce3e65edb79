package signals

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
)

// Deliverer brings news to the run that waits for it.
type Deliverer interface {
	// Deliver returns no error once the news is durable, or can make no difference any more because the run has ended.
	// After an error the platform is asked to call again. It is safe to deliver the same news repeatedly.
	Deliver(ctx context.Context, target Target, news Callback) (Outcome, error)
}

// Outcome is what became of news that was delivered without an error; a metric's label.
type Outcome string

// The outcomes of a delivery.
const (
	OutcomeStored  Outcome = "stored"  // Temporal has it
	OutcomeEnded   Outcome = "ended"   // there is no open run to deliver to, and nothing left to do
	OutcomeSpooled Outcome = "spooled" // it is on this machine's disk, until Temporal can be reached
)

// TemporalDeliverer delivers news as a signal: of the target's workflow, or of the inbox of its instance.
type TemporalDeliverer struct {
	client    client.Client
	taskQueue string
}

// NewTemporalDeliverer delivers through a client for the namespace that tokens are verified for.
// The client must have been dialled with RequestIDInterceptor; without it Temporal does not drop repeats. Inboxes are started on the task queue.
func NewTemporalDeliverer(c client.Client, taskQueue string) *TemporalDeliverer {
	return &TemporalDeliverer{client: c, taskQueue: taskQueue}
}

// Deliver implements Deliverer: it ends well once Temporal has stored the signal, or says that no such run is open.
func (d *TemporalDeliverer) Deliver(ctx context.Context, t Target, news Callback) (Outcome, error) {
	ctx = context.WithValue(ctx, requestIDKey{}, requestID(t.Key, news))
	if t.isInbox() {
		if err := signalInbox(ctx, d.client, d.taskQueue, t.Kind, news.InstanceID, InboxNews, news); err != nil {
			return "", fmt.Errorf("signalling inbox %q: %w", t.WorkflowID, err)
		}
		return OutcomeStored, nil
	}
	err := d.client.SignalWorkflow(ctx, t.WorkflowID, "", SignalName(t.Key), news)
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) {
		return OutcomeEnded, nil
	}
	if err != nil {
		return "", fmt.Errorf("signalling workflow %q: %w", t.WorkflowID, err)
	}
	return OutcomeStored, nil
}

type requestIDKey struct{}

// RequestIDInterceptor gives signals of a TemporalDeliverer a request id derived from their content, so that the server
// drops repeats by itself (the SDK would make up a new id each time). Wire it with
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

// requestID is the same for the same news of the same trigger, in every bridge and after every restart.
func requestID(key string, news Callback) string {
	var b []byte
	for _, s := range []string{key, news.InstanceID, news.Status} {
		b = appendText(b, s)
	}
	sum := sha256.Sum256(b)
	return uuid.UUID(sum[:16]).String()
}
