package signals

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Not parallel: allocations are counted for the whole process.
func TestACallbackCostsFewAllocations(t *testing.T) {
	const calls = 200
	b := newBench(t, func(c *HandlerConfig) { c.Logger = slog.New(slog.NewJSONHandler(io.Discard, nil)) })
	requests := make([]*http.Request, calls+1)
	for i := range requests {
		target := planTarget()
		target.Key = fmt.Sprintf("step-2/%d", i) // a trigger of its own, with news that is no repeat
		body := strings.NewReader(fmt.Sprintf(`{"planInstanceId":"in%d","processPlanId":"p1","status":"SUCCESS"}`, i))
		requests[i] = httptest.NewRequest(http.MethodPost, CallbackURL("", Token(b.keys, target), target.Kind), body)
	}
	next, answer := 0, httptest.NewRecorder()
	allocated := testing.AllocsPerRun(calls, func() {
		b.handler.ServeHTTP(answer, requests[next])
		next++
	})
	require.Len(t, b.inbox.delivered(), calls+1)
	require.LessOrEqual(t, allocated, 95.0) // half of them by encoding/json: some microseconds of the millisecond that an RPC takes
}

// BenchmarkHandler measures new callbacks, and repeats that are answered from memory.
func BenchmarkHandler(b *testing.B) {
	for name, fresh := range map[string]bool{"new": true, "repeat": false} {
		b.Run(name, func(b *testing.B) {
			ring := keysOf(b, "a")
			h := NewHandler(HandlerConfig{Keys: ring, Namespace: namespace, Deliverer: &discard{}, Logger: slog.New(slog.DiscardHandler)}).(*handler)
			request := httptest.NewRequest(http.MethodPost, CallbackURL("", Token(ring, planTarget()), KindPlan), nil)
			w := &blank{header: http.Header{}}
			body := strings.NewReader(planBody)
			request.Body = io.NopCloser(body)
			b.ReportAllocs()
			for b.Loop() {
				body.Reset(planBody)
				if fresh {
					h.signed.triggers.Purge()
				}
				h.ServeHTTP(w, request)
			}
			require.NotContains(b, w.header, "Retry-After")
		})
	}
}

type discard struct{}

func (discard) Deliver(context.Context, Arrival) (Outcome, error) { return OutcomeStored, nil }

type blank struct{ header http.Header }

func (b *blank) Header() http.Header         { return b.header }
func (b *blank) Write(p []byte) (int, error) { return len(p), nil }
func (b *blank) WriteHeader(int)             {}
