package platform

import (
	"bytes"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func TestAConfigurationIsRefusedWithAllItsFaults(t *testing.T) {
	t.Parallel()
	_, err := New(Config{Scope: "everything", Timeout: -1, RequestsPerSecond: math.NaN(), ModelExecutePath: "x"})
	require.EqualError(t, err, "platform configuration: BaseURL: must not be empty; ClientID: must not be empty; "+
		`Secret: must not be nil; Scope: must be "default" or "all"; Timeout: must not be negative; `+
		"RequestsPerSecond: must be a number from 0 (no ceiling) up; ModelExecutePath: must be a path that begins with /, "+
		"on the platform's own host; ModelExecutePath: must contain {modelId}")
}

func TestBaseURLs(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"https://platform.example:29041":    "",
		"https://platform.example/":         "",
		"http://127.0.0.1:80":               "",
		"http://[::1]:80":                   "",
		"http://localhost:80":               "",
		"http://platform.example":           "must be https; plain http is for this machine alone, unless it is allowed (DPA_ALLOW_HTTP=true)",
		"http://localhost.example":          "must be https; plain http is for this machine alone, unless it is allowed (DPA_ALLOW_HTTP=true)",
		"ftp://platform.example":            "must be https",
		"platform.example:443":              "must be https://host[:port], with a path or without",
		"https:platform.example":            "must be https://host[:port], with a path or without",
		"https://":                          "must be https://host[:port], with a path or without",
		"https://platform.example/prefix":   "",
		"https://platform.example/a/b%20c/": "",
		"https://platform.example//":        "its path must be a plain one, such as https://gateway.example/dpa",
		"https://platform.example/a/../b":   "its path must be a plain one, such as https://gateway.example/dpa",
		"https://platform.example/%2e%2e/b": "its path must be a plain one, such as https://gateway.example/dpa",
		"https://u:pass@platform.example":   "must have neither user, query nor fragment",
		"https://platform.example?":         "must have neither user, query nor fragment",
		"https://platform.example#":         "must have neither user, query nor fragment",
		"https://u:pass@platform.example\n": "must be https://host[:port], with a path or without",
	} {
		t.Run(url, func(t *testing.T) {
			t.Parallel()
			_, err := New(Config{BaseURL: url, ClientID: "c", Secret: func() (string, error) { return "", nil }})
			if want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, "platform configuration: BaseURL: "+want)
		})
	}
	require.NoError(t, CheckBaseURL("http://platform.example", true))
}

func TestOneCeilingHoldsForAllCalls(t *testing.T) {
	t.Parallel()
	server := serve(t, inTurn(says(503, ""), data("[]")))
	c := newClient(t, server.URL, func(c *Config) { c.RequestsPerSecond = 20 })
	start := time.Now()
	_, err := c.Plans(t.Context())
	require.NoError(t, err)
	require.Len(t, server.to("/"), 4)
	require.GreaterOrEqual(t, time.Since(start), 3*time.Second/20)
}

func TestCallsAreCountedByEndpointAndResult(t *testing.T) {
	t.Parallel()
	reader := metric.NewManualReader()
	var log bytes.Buffer
	server := serve(t, inTurn(data("[]"), says(200, envelope(999, "null")), says(500, page)))
	c := newClient(t, server.URL, func(c *Config) {
		c.MeterProvider = metric.NewMeterProvider(metric.WithReader(reader))
		c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	for range 3 {
		_, _ = c.Plans(t.Context())
	}
	var metrics metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &metrics))
	got := map[string]int64{}
	for _, m := range metrics.ScopeMetrics[0].Metrics {
		switch points := m.Data.(type) {
		case metricdata.Histogram[float64]:
			for _, p := range points.DataPoints {
				got[m.Name+" "+label(p.Attributes, "endpoint")+" "+label(p.Attributes, "result")] = int64(p.Count)
			}
		case metricdata.Sum[int64]:
			for _, p := range points.DataPoints {
				got[m.Name+" "+label(p.Attributes, "result")] = p.Value
			}
		}
	}
	require.Equal(t, map[string]int64{
		"dpaflow_platform_calls P1.1 authorize ok":     1,
		"dpaflow_platform_calls P1.2 access token ok":  1,
		"dpaflow_platform_calls P2 list plans ok":      1,
		"dpaflow_platform_calls P2 list plans refused": 1,
		"dpaflow_platform_calls P2 list plans failed":  1,
		"dpaflow_token_renewals ok":                    1,
		"dpaflow_token_renewals auth":                  0,
		"dpaflow_token_renewals failed":                0,
		"dpaflow_token_renewals no_answer":             0,
		"dpaflow_token_renewals not_sent":              0,
		"dpaflow_token_renewals refused":               0,
	}, got)
	require.Contains(t, log.String(), "P1.2 access token")
	for _, private := range []string{testSecret, testCode, "eyJ"} {
		require.NotContains(t, log.String(), private)
	}
}

func label(from attribute.Set, key attribute.Key) string {
	value, _ := from.Value(key)
	return value.AsString()
}
