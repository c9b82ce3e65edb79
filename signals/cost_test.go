package signals

import (
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
		requests[i] = httptest.NewRequest(http.MethodPost, CallbackURL("", b.keys.Token(target), target.Kind), body)
	}
	next, answer := 0, httptest.NewRecorder()
	allocated := testing.AllocsPerRun(calls, func() {
		b.handler.ServeHTTP(answer, requests[next])
		next++
	})
	require.Len(t, b.inbox.delivered(), calls+1)
	require.LessOrEqual(t, allocated, 45.0)
}
