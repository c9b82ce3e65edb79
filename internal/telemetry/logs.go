package telemetry

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/term"
)

// NewLogger logs to a file such as standard error: JSON for machines, text when a person looks at it. A line
// that is written within an activity says for which, and one that is written within a trace for which.
func NewLogger(to *os.File, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: spell}
	if term.IsTerminal(int(to.Fd())) {
		return slog.New(identified{slog.NewTextHandler(to, options)})
	}
	return slog.New(identified{slog.NewJSONHandler(to, options)})
}

// spell writes the names of Temporal's SDK, such as WorkflowID, as all others are: workflowId.
func spell(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 || a.Key == "" || a.Key[0] < 'A' || a.Key[0] > 'Z' {
		return a
	}
	if name, found := strings.CutSuffix(a.Key, "ID"); found {
		a.Key = name + "Id"
	}
	a.Key = strings.ToLower(a.Key[:1]) + a.Key[1:]
	return a
}

type attrsKey struct{}

// withAttrs puts what all lines that are written with the context shall have.
func withAttrs(ctx context.Context, attrs []slog.Attr) context.Context {
	return context.WithValue(ctx, attrsKey{}, attrs)
}

// identified adds to each line what its context says it is about.
type identified struct{ slog.Handler }

func (h identified) Handle(ctx context.Context, r slog.Record) error {
	attrs, _ := ctx.Value(attrsKey{}).([]slog.Attr)
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		attrs = append(slices.Clip(attrs), slog.String("traceId", span.TraceID().String()), slog.String("spanId", span.SpanID().String()))
	}
	if len(attrs) > 0 {
		r = r.Clone()
		r.AddAttrs(attrs...)
	}
	return h.Handler.Handle(ctx, r)
}

func (h identified) WithAttrs(attrs []slog.Attr) slog.Handler {
	return identified{h.Handler.WithAttrs(attrs)}
}

func (h identified) WithGroup(name string) slog.Handler {
	return identified{h.Handler.WithGroup(name)}
}
