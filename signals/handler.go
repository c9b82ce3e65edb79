package signals

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// HandlerConfig is what the callback handler needs. Keys, Namespace and Deliverer are required.
type HandlerConfig struct {
	Keys      Keys
	Namespace string // Temporal's, as in the tokens
	Deliverer Deliverer

	Logger        *slog.Logger         // default: slog.Default()
	MeterProvider metric.MeterProvider // default: nothing is measured
	// TracerProvider gets a span for each callback that is admitted, in the trace of its trigger; default: none does
	TracerProvider trace.TracerProvider

	Unsigned *UnsignedConfig // nil: the fixed URLs are unknown paths

	RequestsPerSecond float64       // ceiling for tokens, and one of the same height for the fixed URLs; 0: unlimited, and 50
	MaxBody           int64         // bytes; default: 64 KiB
	DeliverTimeout    time.Duration // of one delivery; default: 10s
}

type handler struct {
	HandlerConfig
	flood   *flood
	metrics metrics
	tracer  trace.Tracer
}

// NewHandler receives the platform's callbacks (P7, W5) at POST /callbacks/plan/{token} and /callbacks/model/{token},
// and where that is configured at /callbacks/plan and /callbacks/model.
// It answers SUCCESS once the news is durable, and anything else with a status of 400 or more, which makes the platform call again.
func NewHandler(config HandlerConfig) http.Handler {
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	if config.MaxBody == 0 {
		config.MaxBody = 64 << 10
	}
	if config.DeliverTimeout == 0 {
		config.DeliverTimeout = 10 * time.Second
	}
	return &handler{
		HandlerConfig: config,
		flood:         newFlood(config.RequestsPerSecond),
		metrics:       newMetrics(config.MeterProvider, config.Logger),
		tracer:        newTracer(config.TracerProvider),
	}
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, token, ok := route(r)
	if !ok || token == "" && h.Unsigned == nil {
		refuse(w, http.StatusNotFound)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, http.StatusMethodNotAllowed)
		return
	}
	start := time.Now()
	result := h.receive(w, r, kind, token)
	h.metrics.record(r.Context(), kind, result, time.Since(start))
}

// route is not left to http.ServeMux, which redirects what it finds unclean: here only the exact path counts.
// The fixed URLs have no token.
func route(r *http.Request) (kind Kind, token string, ok bool) {
	path, found := strings.CutPrefix(r.URL.EscapedPath(), "/callbacks/")
	name, token, slash := strings.Cut(path, "/")
	kind = Kind(name)
	ok = found && kindCode(kind) != 0 && slash == (token != "") && !strings.Contains(token, "/")
	return kind, token, ok
}

// receive answers one callback. The body is read only for those who hold a token, or may do without.
func (h *handler) receive(w http.ResponseWriter, r *http.Request, kind Kind, token string) (answer result) {
	came := time.Now()
	target, ok := h.admit(r, kind, token)
	if !ok {
		return resultForged.refuse(w) // counted, not logged: strangers shall not fill the disk
	}
	limit := h.flood.bridge
	if token == "" {
		limit = h.flood.strangers
	}
	if !limit.Allow() { // not logged either
		w.Header().Set("Retry-After", "1")
		return resultLimited.refuse(w)
	}

	ctx, span := h.begin(r, kind, target, came)
	defer func() { answer.end(span) }()
	about := make([]slog.Attr, 0, 6)
	about = append(about, slog.String("kind", string(kind)), slog.String("workflowId", target.WorkflowID), slog.String("key", target.Key))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.MaxBody))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		h.Logger.LogAttrs(ctx, slog.LevelWarn, "callback refused: its body is too large", append(about, slog.Int64("limit", h.MaxBody))...)
		return resultTooLarge.refuse(w)
	}
	var callback Callback
	if err == nil {
		callback, err = parse(kind, body)
	}
	if err != nil {
		h.Logger.LogAttrs(ctx, slog.LevelWarn, "callback refused: malformed", append(about, slog.Any("error", err))...)
		return resultMalformed.refuse(w)
	}
	if token == "" {
		target = inboxTarget(kind, h.Namespace, callback.InstanceID)
		about = append(about[:0], slog.String("kind", string(kind)), slog.String("workflowId", target.WorkflowID))
	}
	about = append(about, slog.String("instanceId", callback.InstanceID), slog.String("status", callback.Status))
	return h.deliver(ctx, w, news{target, callback}, about)
}

// admit says whether a request may bring news, and with a token for which target.
func (h *handler) admit(r *http.Request, kind Kind, token string) (Target, bool) {
	if token == "" {
		return Target{}, h.Unsigned.admits(r)
	}
	target, err := h.Keys.Verify(kind, h.Namespace, token)
	return target, err == nil
}

// deliver answers SUCCESS if and only if the news is durable. What it logs is about the news.
func (h *handler) deliver(ctx context.Context, w http.ResponseWriter, n news, about []slog.Attr) result {
	describe(ctx, n.target, n.callback)
	if h.flood.isRepeat(n) {
		succeed(w)
		return resultRepeat
	}
	if !h.flood.allowNews(n.target) {
		h.Logger.LogAttrs(ctx, slog.LevelWarn, "callback refused: too much news for one trigger", about...)
		w.Header().Set("Retry-After", strconv.Itoa(int(refillOf(n.target).Seconds())))
		return resultLimited.refuse(w)
	}
	// A platform that hangs up has still brought its news.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.DeliverTimeout)
	defer cancel()
	outcome, err := h.Deliverer.Deliver(ctx, n.target, n.callback)
	if err != nil {
		h.Logger.LogAttrs(ctx, slog.LevelError, "callback not durable, the platform has to call again", append(about, slog.Any("error", err))...)
		return resultNotDurable.refuse(w)
	}
	succeed(w)
	if outcome != OutcomeEnded { // not remembered then: a reset may open the run again
		h.flood.wasStored(n)
	}
	h.Logger.LogAttrs(ctx, slog.LevelInfo, "callback taken", append(about, slog.String("outcome", string(outcome)))...)
	return result(outcome)
}

// succeed gives the one answer that makes the platform content.
func succeed(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, "SUCCESS") // a platform that did not hear it calls again
}

// status is the HTTP status that goes with a result.
func (r result) status() int {
	switch r {
	case resultMalformed:
		return http.StatusBadRequest
	case resultForged:
		return http.StatusNotFound
	case resultTooLarge:
		return http.StatusRequestEntityTooLarge
	case resultLimited:
		return http.StatusTooManyRequests
	case resultNotDurable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusOK
	}
}

func (r result) refuse(w http.ResponseWriter) result {
	refuse(w, r.status())
	return r
}

func refuse(w http.ResponseWriter, status int) {
	http.Error(w, http.StatusText(status), status)
}
