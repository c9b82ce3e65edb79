package telemetry

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
)

// identity lets what is called within an activity say on its lines, and the activity's span, whom it is about.
type identity struct{ interceptor.InterceptorBase }

func (*identity) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &identifiedActivity{interceptor.ActivityInboundInterceptorBase{Next: next}}
}

type identifiedActivity struct {
	interceptor.ActivityInboundInterceptorBase
}

func (a *identifiedActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	info := activity.GetInfo(ctx)
	attrs := []slog.Attr{
		slog.String("workflowId", info.WorkflowExecution.ID), slog.String("runId", info.WorkflowExecution.RunID),
		slog.String("activityId", info.ActivityID), slog.String("activityType", info.ActivityType.Name),
	}
	span := trace.SpanFromContext(ctx)
	for _, arg := range in.Args {
		about, ok := arg.(slog.LogValuer)
		if !ok || about.LogValue().Kind() != slog.KindGroup {
			continue
		}
		for _, attr := range about.LogValue().Group() {
			attrs = append(attrs, attr)
			span.SetAttributes(attribute.String("dpaflow."+attr.Key, attr.Value.String()))
		}
	}
	return a.Next.ExecuteActivity(withAttrs(ctx, attrs), in)
}
