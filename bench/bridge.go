package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/signals"
)

// BridgeFigures compare callbacks that come through the bridge with signals that are sent by Temporal's SDK.
type BridgeFigures struct {
	Loads []Comparison `json:"loads"` // against the SDK as it comes
	Lean  []Comparison `json:"lean"`  // against the SDK without compression, as the bridge uses it
	// One by one and in turn, nothing else under way.
	Bridge Latency `json:"bridgeMs"`
	Raw    Latency `json:"rawMs"`
	Added  Latency `json:"addedMs"` // the difference of the quantiles
	// Of one callback, in this process.
	Handler     Allocations `json:"handler"`     // alone: it delivers to nobody
	Delivery    Allocations `json:"delivery"`    // with its RPC
	RawDelivery Allocations `json:"rawDelivery"` // the SDK's own signal
}

// Allocations are what is allocated for one of many.
type Allocations struct {
	Objects float64 `json:"objects"`
	Bytes   float64 `json:"bytes"`
}

// callbacks are those that a section sends, each of a trigger of its own, spread over open runs that nobody works on:
// the server has the same to do for either side.
type callbacks struct {
	keys    signals.Keys
	base    string // of the bridge
	web     *http.Client
	raw     client.Client // the SDK as it comes
	lean    client.Client // without compression
	targets int
	sent    int
}

const nobody = "nobody" // the task queue that has no worker

func measureBridge(ctx context.Context, size sizes, report *Report) (err error) {
	s, err := openStage(ctx, catalogue(plan(planID, 0)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	d, err := s.openOurs(ctx, "ours", &counter{})
	if err != nil {
		return err
	}
	c, err := s.openCallbacks(ctx, d, size.targets)
	if err != nil {
		return err
	}
	figures := &BridgeFigures{}
	report.Bridge = figures
	for _, load := range size.callbacks {
		compared, err := compare(ctx, size.rounds, load, c.batch("bridge", c.post), c.batch("raw", c.signalBy(c.raw)))
		if err != nil {
			return err
		}
		compared.say("bridge against raw signals")
		figures.Loads = append(figures.Loads, compared)
		if compared, err = compare(ctx, size.rounds, load, c.batch("bridge", c.post), c.batch("raw", c.signalBy(c.lean))); err != nil {
			return err
		}
		compared.say("bridge against raw signals without compression")
		figures.Lean = append(figures.Lean, compared)
	}
	if err := c.pair(ctx, size.pairs, figures); err != nil {
		return err
	}
	say("bridge: adds %.2f ms (p50) and %.2f ms (p99) to %.2f and %.2f", figures.Added.P50, figures.Added.P99, figures.Raw.P50, figures.Raw.P99)
	return c.allocations(ctx, d, size.pairs, figures)
}

// openCallbacks opens the runs that callbacks are for: those of each side.
func (s *stage) openCallbacks(ctx context.Context, d *dpaflow, targets int) (*callbacks, error) {
	raw, err := s.connect(ctx, client.ConnectionOptions{})
	if err != nil {
		return nil, err
	}
	lean, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 0, 1000
	s.onClose(func() error { transport.CloseIdleConnections(); return nil })
	c := &callbacks{
		keys: d.config.CallbackKeys, base: d.config.CallbackURL, web: &http.Client{Transport: transport}, raw: raw, lean: lean, targets: targets,
	}
	_, _, err = load{16, 2 * targets}.do(ctx, func(ctx context.Context, i int) error {
		_, err := raw.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: target([]string{"bridge", "raw"}[i%2], i/2), TaskQueue: nobody}, "Open")
		return err
	})
	return c, err
}

func target(side string, i int) string { return fmt.Sprintf("%s-%d", side, i) }

// callback is one that is ready to be sent.
type callback struct {
	target signals.Target
	news   signals.Callback
	url    string
	body   string
}

// make prepares callbacks to the runs of a side.
func (c *callbacks) make(side string, n int) []callback {
	made := make([]callback, n)
	for i := range made {
		c.sent++
		instance := fmt.Sprintf("in%d", 10000000+c.sent)
		t := signals.Target{Kind: signals.KindPlan, Namespace: devstack.Namespace, WorkflowID: target(side, c.sent%c.targets), Key: instance + ".1"}
		made[i] = callback{
			target: t,
			news:   signals.Callback{InstanceID: instance, Status: "SUCCESS"},
			url:    signals.CallbackURL(c.base, c.keys.Token(t), t.Kind),
			body:   fmt.Sprintf(`{"planInstanceId":%q,"processPlanId":"bench","status":"SUCCESS"}`, instance),
		}
	}
	return made
}

func (c *callbacks) batch(side string, send func(context.Context, callback) error) batch {
	return func(ctx context.Context, l load, _ int) ([]time.Duration, time.Duration, error) {
		made := c.make(side, l.count)
		return l.do(ctx, func(ctx context.Context, i int) error { return send(ctx, made[i]) })
	}
}

// post sends a callback to the bridge, as the platform does.
func (c *callbacks) post(ctx context.Context, cb callback) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, cb.url, strings.NewReader(cb.body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := c.web.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && string(text) != "SUCCESS" {
		err = fmt.Errorf("the bridge answered %s", answer.Status)
	}
	return err
}

// signalBy sends the same news by the SDK.
func (c *callbacks) signalBy(temporal client.Client) func(context.Context, callback) error {
	return func(ctx context.Context, cb callback) error {
		return temporal.SignalWorkflow(ctx, cb.target.WorkflowID, "", signals.SignalName(cb.target.Key), cb.news)
	}
}

// pair sends callbacks both ways in turn, one at a time.
func (c *callbacks) pair(ctx context.Context, pairs int, figures *BridgeFigures) error {
	var took [2][]time.Duration
	made := [2][]callback{c.make("bridge", pairs), c.make("raw", pairs)}
	send := [2]func(context.Context, callback) error{c.post, c.signalBy(c.raw)}
	for i := range pairs {
		for turn := range 2 {
			side := (i + turn) % 2
			begun := time.Now()
			if err := send[side](ctx, made[side][i]); err != nil {
				return err
			}
			took[side] = append(took[side], time.Since(begun))
		}
	}
	figures.Bridge, figures.Raw = latency(took[0]), latency(took[1])
	figures.Added = Latency{P50: figures.Bridge.P50 - figures.Raw.P50, P99: figures.Bridge.P99 - figures.Raw.P99}
	return nil
}

// allocations counts what is allocated in this process for a callback.
func (c *callbacks) allocations(ctx context.Context, d *dpaflow, n int, figures *BridgeFigures) (err error) {
	handle := func(deliverer signals.Deliverer) (Allocations, error) {
		handler := signals.NewHandler(signals.HandlerConfig{
			Keys: c.keys, Namespace: devstack.Namespace, Deliverer: deliverer, Logger: d.log, MeterProvider: d.metrics.MeterProvider(),
		})
		made := c.make("bridge", n)
		requests := make([]*http.Request, n)
		for i, cb := range made {
			if requests[i], err = http.NewRequestWithContext(ctx, http.MethodPost, cb.url, strings.NewReader(cb.body)); err != nil {
				return Allocations{}, err
			}
		}
		answer := &answer{header: http.Header{}}
		return allocated(n, func(i int) error {
			answer.text = answer.text[:0]
			if handler.ServeHTTP(answer, requests[i]); string(answer.text) != "SUCCESS" {
				return fmt.Errorf("the bridge answered %q", answer.text)
			}
			return nil
		})
	}
	if figures.Handler, err = handle(nowhere{}); err != nil {
		return err
	}
	if figures.Delivery, err = handle(signals.NewTemporalDeliverer(d.temporal, d.config.TaskQueue)); err != nil {
		return err
	}
	made, signal := c.make("raw", n), c.signalBy(c.raw)
	figures.RawDelivery, err = allocated(n, func(i int) error { return signal(ctx, made[i]) })
	say("allocations of a callback: handler %.0f, with its delivery %.0f, raw signal %.0f",
		figures.Handler.Objects, figures.Delivery.Objects, figures.RawDelivery.Objects)
	return err
}

// allocated does something n times and counts what each allocated.
func allocated(n int, one func(i int) error) (Allocations, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range n {
		if err := one(i); err != nil {
			return Allocations{}, err
		}
	}
	runtime.ReadMemStats(&after)
	return Allocations{
		Objects: float64(after.Mallocs-before.Mallocs) / float64(n),
		Bytes:   float64(after.TotalAlloc-before.TotalAlloc) / float64(n),
	}, nil
}

// nowhere takes every callback.
type nowhere struct{}

func (nowhere) Deliver(context.Context, signals.Target, signals.Callback) (signals.Outcome, error) {
	return signals.OutcomeStored, nil
}

// answer is an http.ResponseWriter that is used again and again.
type answer struct {
	header http.Header
	text   []byte
}

func (a *answer) Header() http.Header { return a.header }
func (a *answer) WriteHeader(int)     {}
func (a *answer) Write(text []byte) (int, error) {
	a.text = append(a.text, text...)
	return len(text), nil
}
