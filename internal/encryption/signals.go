package encryption

import (
	"errors"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"
)

// Signals returns the interceptor of workers that holds back signals whose key is unknown: the workflow task fails, and
// is tried again until the worker has the key. The SDK would drop such a signal, and with it the callback that it brings
// while a new key is brought out; another worker, which has the key, would then replay a run that took it.
func (c *Codec) Signals() interceptor.ClientInterceptor { return &waiting{codec: c} }

type waiting struct {
	interceptor.InterceptorBase
	codec *Codec
}

func (w *waiting) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &waitingWorkflow{interceptor.WorkflowInboundInterceptorBase{Next: next}, w.codec}
}

type waitingWorkflow struct {
	interceptor.WorkflowInboundInterceptorBase
	codec *Codec
}

func (w *waitingWorkflow) HandleSignal(ctx workflow.Context, in *interceptor.HandleSignalInput) error {
	for _, payload := range in.Arg.GetPayloads() {
		if _, err := w.codec.keyOf(payload); errors.Is(err, ErrUnknownKey) {
			return err
		}
	}
	return w.Next.HandleSignal(ctx, in)
}
