package watcher

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/internal/webhook"
	"github.com/dpaflow/dpaflow/notify"
)

func TestMain(m *testing.M) { os.Exit(wait.Run(m)) }

func newTest(t *testing.T, url string) *Watcher {
	t.Helper()
	w, err := New(Config{
		URL: url, Log: slog.New(slog.DiscardHandler), Meters: noop.NewMeterProvider(),
		Signer: func() (webhook.Signer, error) { return webhook.Parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") },
	})
	require.NoError(t, err)
	return w
}

func TestWhatAReceiverAnswersDecidesWhetherItIsLeftAlone(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]notify.Outcome{
		200: notify.Sent, 204: notify.Sent, 301: notify.Unreached, 302: notify.Unreached, 408: notify.Unreached, 429: notify.Unreached,
		500: notify.Unreached, 503: notify.Unreached, 400: notify.Refused, 401: notify.Refused, 404: notify.Refused, 410: notify.Refused, 413: notify.Refused,
	} {
		requests := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests++
			body, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			require.Equal(t, `{"id":"1"}`, string(body))
			require.Equal(t, "application/cloudevents+json; charset=utf-8", r.Header.Get("Content-Type"))
			require.Equal(t, "1", r.Header.Get("webhook-id"))
			w.Header().Set("Location", "/elsewhere")
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
		}))
		outcome, after, _ := newTest(t, server.URL).send(t.Context(), notify.Pending{ID: "1", Body: json.RawMessage(`{"id":"1"}`)})
		server.Close()
		require.Equal(t, want, outcome, status)
		require.Equal(t, 7*time.Second, after)
		require.Equal(t, 1, requests, "a redirect is not followed")
	}
}

func TestAnErrorDoesNotShowTheAddressOfTheReceiver(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(nil)
	server.Close()
	for _, address := range []string{server.URL + "/planted?token=planted", "http://planted.invalid:99999999"} {
		outcome, _, err := newTest(t, address).send(t.Context(), notify.Pending{ID: "1"})
		require.Equal(t, notify.Unreached, outcome)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "planted")
	}
}

func TestARunWasRolledBackWhereRollbacksSucceededAndNoneFailed(t *testing.T) {
	t.Parallel()
	for details, want := range map[string]bool{
		`{}`:                     false,
		`{"steps":[{"id":"a"}]}`: false,
		`{"steps":[{"id":"a","rollback":{"status":"SUCCESS"}}]}`:                                                                  true,
		`{"steps":[{"id":"a","rollback":{"status":"SUCCESS"}},{"id":"b","rollback":{"status":"FAILED"}}]}`:                        false,
		`{"steps":[{"id":"a","runbook":{"steps":[{"id":"b","items":[{"id":"b[0]","rollback":{"status":"SUCCESS"}}]}]}}]}`:         true,
		`{"steps":[{"id":"a","rollback":{"status":"SUCCESS"},"runbook":{"steps":[{"id":"b","rollback":{"status":"ABORTED"}}]}}]}`: false,
	} {
		var u undone
		require.NoError(t, json.NewDecoder(strings.NewReader(details)).Decode(&u))
		require.Equal(t, want, u.all(), details)
	}
}
