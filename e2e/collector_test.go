package e2e

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	metrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	traces "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector takes what programs send by OTLP over HTTP.
type collector struct {
	*httptest.Server
	mu    sync.Mutex
	found []spanOf
	meter map[string]bool // names of metrics
	text  []byte          // everything, as it came
}

// spanOf is a span with the program that sent it.
type spanOf struct {
	*tracepb.Span
	service string
}

func newCollector(t *testing.T) *collector {
	c := &collector{meter: map[string]bool{}}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

// env has programs send everything to the collector.
func (c *collector) env() []string {
	return []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
		"OTEL_BSP_SCHEDULE_DELAY=100", "OTEL_METRIC_EXPORT_INTERVAL=1000",
	}
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		switch r.URL.Path {
		case "/v1/traces":
			err = c.traces(body)
		case "/v1/metrics":
			err = c.metrics(body)
		default:
			http.NotFound(w, r)
			return
		}
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf") // of an empty message
}

func (c *collector) traces(body []byte) error {
	var sent traces.ExportTraceServiceRequest
	if err := proto.Unmarshal(body, &sent); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = append(c.text, body...)
	for _, resource := range sent.ResourceSpans {
		service := ""
		for _, a := range resource.GetResource().GetAttributes() {
			if a.Key == "service.name" {
				service = a.GetValue().GetStringValue()
			}
		}
		for _, scope := range resource.ScopeSpans {
			for _, span := range scope.Spans {
				c.found = append(c.found, spanOf{span, service})
			}
		}
	}
	return nil
}

func (c *collector) metrics(body []byte) error {
	var sent metrics.ExportMetricsServiceRequest
	if err := proto.Unmarshal(body, &sent); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = append(c.text, body...)
	for _, resource := range sent.ResourceMetrics {
		for _, scope := range resource.ScopeMetrics {
			for _, metric := range scope.Metrics {
				c.meter[metric.Name] = true
			}
		}
	}
	return nil
}

// spans are all spans so far.
func (c *collector) spans() []spanOf {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]spanOf(nil), c.found...)
}

// sent is everything that came so far, in protobuf: texts are plain in it.
func (c *collector) sent() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.text)
}

func (c *collector) hasMetric(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.meter[name]
}

func (s spanOf) trace() string { return hex.EncodeToString(s.TraceId) }

// tag is the value of one of the span's attributes; empty where it has none.
func (s spanOf) tag(key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}

// await waits until there are spans of these names in one trace, which it returns.
func (c *collector) await(t *testing.T, trace string, names ...string) (found map[string]spanOf) {
	t.Helper()
	require.Eventually(t, func() bool {
		found = map[string]spanOf{}
		for _, span := range c.spans() {
			if span.trace() == trace {
				found[span.service+" "+span.Name] = span
			}
		}
		for _, name := range names {
			if _, ok := found[name]; !ok {
				return false
			}
		}
		return true
	}, patience, tick, "%v", &found)
	return found
}
