package signals

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"

	"github.com/dpaflow/dpaflow/internal/keys"
)

// HandlerConfig is what the callback handler needs. Keys, Namespace and Deliverer are required.
type HandlerConfig struct {
	Keys      keys.Ring
	Namespace string // Temporal's, as in the tokens
	Deliverer Deliverer

	Logger        *slog.Logger         // default: slog.Default()
	MeterProvider metric.MeterProvider // default: nothing is measured
	// TracerProvider gets a span for each callback that is admitted, in the trace of its trigger; default: none does
	TracerProvider trace.TracerProvider

	From     []netip.Prefix  // the peers that may call signed addresses, as the TCP connection shows them; empty: all
	Unsigned *UnsignedConfig // nil: the fixed addresses are unknown paths

	RequestsPerSecond float64       // ceiling for tokens, and one of the same height for the fixed addresses; 0: unlimited, and 50
	MaxBody           int64         // bytes; default: 64 KiB
	DeliverTimeout    time.Duration // of one delivery; default: 10s
}

type handler struct {
	HandlerConfig
	signed, unsigned *limits
	metrics          metrics
	tracer           trace.Tracer

	unroutable, barred rate.Sometimes // log what strangers cause, and do not fill the disk
}

// NewHandler receives the platform's callbacks (P7, W5) at POST /callbacks/plan/{token} and /callbacks/model/{token},
// and where that is configured at /callbacks/plan and /callbacks/model, behind any path of a gateway's.
// It answers SUCCESS once the callback is durable, and anything else with a status of 400 or more, which makes the
// platform call again.
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
		signed:        newLimits(config.RequestsPerSecond),
		unsigned:      newLimits(unsignedRate(config.RequestsPerSecond)),
		metrics:       newMetrics(config.MeterProvider, config.Logger),
		tracer:        newTracer(config.TracerProvider),
		unroutable:    rate.Sometimes{Interval: time.Minute},
		barred:        rate.Sometimes{Interval: time.Minute},
	}
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	came := time.Now()
	kind, token, ok := route(r.URL.Path)
	known := ok && (token != "" || h.Unsigned != nil)
	var answer result
	switch {
	case !known || r.Method != http.MethodPost:
		answer = h.turnAway(w, r, known)
	default:
		answer = h.receive(w, r, kind, token, came)
	}
	h.metrics.record(r.Context(), kind, answer, time.Since(came))
}

// route finds the kind and the token in a path, behind whatever a gateway put before it. Slashes too many and escapes are
// a proxy's doing and do not count. Fixed addresses have no token.
func route(path string) (kind Kind, token string, ok bool) {
	const ours = "/callbacks/"
	at := strings.LastIndex(path, ours)
	if at < 0 {
		return "", "", false
	}
	parts := strings.FieldsFunc(path[at+len(ours):], func(r rune) bool { return r == '/' })
	if len(parts) == 0 || len(parts) > 2 || Kind(parts[0]) != KindPlan && Kind(parts[0]) != KindModel {
		return "", "", false
	}
	if len(parts) == 2 {
		token = parts[1]
	}
	return Kind(parts[0]), token, true
}

// turnAway answers what is no callback. A path may hold a token, so none is logged.
func (h *handler) turnAway(w http.ResponseWriter, r *http.Request, known bool) result {
	h.unroutable.Do(func() {
		h.Logger.Warn("requests that are no callbacks are turned away: if they are the platform's, check DPA_CALLBACK_URL, "+
			"DPA_BRIDGE_UNSIGNED and what the proxy does with paths", "method", r.Method, "peer", peer(r))
	})
	if known {
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, http.StatusMethodNotAllowed)
		return resultUnroutable
	}
	return resultUnroutable.refuse(w)
}

// receive answers one callback. The body is read only for those who hold a token, or may do without.
func (h *handler) receive(w http.ResponseWriter, r *http.Request, kind Kind, token string, came time.Time) (answer result) {
	target, ok := h.admit(r, kind, token)
	if !ok {
		return resultForged.refuse(w) // counted, not logged: strangers shall not fill the disk
	}
	limits := h.signed
	if token == "" {
		limits = h.unsigned
	}
	if !limits.requests.Allow() { // not logged either
		w.Header().Set("Retry-After", "1")
		return resultLimited.refuse(w)
	}

	ctx, span := h.begin(r, kind, target, came)
	defer func() { answer.end(span) }()
	about := []slog.Attr{slog.Any("peer", peer(r)), slog.String("kind", string(kind)), slog.String("workflowId", target.WorkflowID), slog.String("key", target.Key)}
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
		about = append(about[:2], slog.String("workflowId", target.WorkflowID))
	}
	about = append(about, slog.String("instanceId", callback.InstanceID), slog.String("status", callback.Status))
	return h.deliver(ctx, w, Arrival{target, callback, came}, limits.of(target), about)
}

// admit says whether a request may bring a callback, and with a token for which target.
func (h *handler) admit(r *http.Request, kind Kind, token string) (Target, bool) {
	if token == "" {
		return Target{}, h.Unsigned.admits(r)
	}
	if !from(h.From, r) {
		h.barred.Do(func() {
			h.Logger.Warn("requests of a peer that is not in DPA_BRIDGE_FROM are refused", "peer", peer(r))
		})
		return Target{}, false
	}
	target, err := Verify(h.Keys, kind, h.Namespace, token)
	return target, err == nil
}

// deliver answers SUCCESS if and only if the callback is durable. What it logs is about the callback.
func (h *handler) deliver(ctx context.Context, w http.ResponseWriter, a Arrival, by *trigger, about []slog.Attr) result {
	describe(ctx, a)
	if by.isRepeat(a.Callback) {
		succeed(w)
		return resultRepeat
	}
	if !by.allowance.Allow() {
		h.Logger.LogAttrs(ctx, slog.LevelWarn, "callback refused: too many for one trigger", about...)
		w.Header().Set("Retry-After", strconv.Itoa(int(refillOf(a.Target).Seconds())))
		return resultLimited.refuse(w)
	}
	// A platform that hangs up has still brought its callback.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.DeliverTimeout)
	defer cancel()
	outcome, err := h.Deliverer.Deliver(ctx, a)
	if err != nil {
		h.Logger.LogAttrs(ctx, slog.LevelError, "callback not durable, the platform has to call again", append(about, slog.Any("error", err))...)
		return resultNotDurable.refuse(w)
	}
	succeed(w)
	if outcome != OutcomeEnded && outcome != OutcomeMissing { // not remembered then: a reset may open the run again
		by.last.Store(&a.Callback)
	}
	h.Logger.LogAttrs(ctx, slog.LevelInfo, "callback taken", append(about, slog.String("outcome", string(outcome)))...)
	return result(outcome)
}

// succeed gives the one answer that makes the platform content.
func succeed(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, "SUCCESS") // a platform that did not hear it calls again
}

func refuse(w http.ResponseWriter, status int) {
	http.Error(w, http.StatusText(status), status)
}
