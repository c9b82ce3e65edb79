package operators

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/internal/keys"
)

// NewInterceptor returns what a worker checks proofs by, of keys as in DPA_OPERATOR_KEYS. Whoever runs dpaflow's
// workflows on a worker of their own puts it into worker.Options.Interceptors: without it that worker takes operators'
// updates from everybody, and refuses those with a proof. The error says what is wrong with the keys, and shows none.
func NewInterceptor(text string) (interceptor.WorkerInterceptor, error) {
	ring, err := keys.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("read the operators' keys: %w", err)
	}
	return Interceptor(ring), nil
}

// Interceptor is NewInterceptor with keys that have been read; it has to have some.
func Interceptor(ring keys.Ring) interceptor.WorkerInterceptor { return &checks{ring: ring} }

type checks struct {
	interceptor.WorkerInterceptorBase
	ring keys.Ring
}

func (c *checks) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &inbound{interceptor.WorkflowInboundInterceptorBase{Next: next}, c.ring}
}

type inbound struct {
	interceptor.WorkflowInboundInterceptorBase
	ring keys.Ring
}

type ringKey struct{}

// ValidateUpdate has Check verify proofs. Updates that are not dpaflow's are nobody's here: their validators do not call it.
// A replay validates nothing, so which keys a worker has changes no run that has taken an update.
func (i *inbound) ValidateUpdate(ctx workflow.Context, in *interceptor.UpdateInput) error {
	return i.Next.ValidateUpdate(workflow.WithValue(ctx, ringKey{}, i.ring), in)
}

var errUnchecked = errors.New("this worker cannot check the proof of who acts: set DPA_OPERATOR_KEYS, the same for every worker, or unset it where the action comes from")

// Check is for the validator of an operator's update: it says why the argument is not taken. Where the worker has the
// interceptor, that is a proof which is missing, was not made for this update, or is old; where it has not, a proof.
func Check(ctx workflow.Context, argument []byte) error {
	ring, checked := ctx.Value(ringKey{}).(keys.Ring)
	if !checked {
		if _, proof, err := split(argument); err == nil && proof != "" {
			return errUnchecked
		}
		return nil
	}
	info, update := workflow.GetInfo(ctx), workflow.GetCurrentUpdateInfo(ctx)
	said, err := verify(ring, Update{
		WorkflowID: info.WorkflowExecution.ID, FirstRunID: info.FirstRunID, Name: update.Name, ID: update.ID,
	}, argument)
	if err != nil {
		return err
	}
	return said.fresh(workflow.Now(ctx), info.OriginalRunID != info.WorkflowExecution.RunID)
}

// fresh refuses a proof that somebody kept. What a reset applies again was fresh when it was taken first.
func (c claim) fresh(now time.Time, reset bool) error {
	if reset || now.Sub(c.At).Abs() <= Validity {
		return nil
	}
	return fmt.Errorf("the proof of who acts was made at %s, more than %s from now: act again in the console; if that fails too, compare the clocks of console and server",
		c.At.Format(time.RFC3339), Validity)
}
