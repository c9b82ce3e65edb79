package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"time"

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
		compared, err := compare(ctx, size.exchanges, load, c.batch("bridge", c.post), c.batch("raw", c.signalBy(c.raw)))
		if err != nil {
			return err
		}
		compared.say("bridge against raw signals")
		figures.Loads = append(figures.Loads, compared)
		if load.inFlight == 1 {
			continue // pair compares them closer
		}
		// The goal is about the SDK as it comes: fewer rounds do for this.
		if compared, err = compare(ctx, (size.exchanges+2)/3, load, c.batch("bridge", c.post), c.batch("raw", c.signalBy(c.lean))); err != nil {
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
			Keys: c.keys, Namespace: d.temporal.Namespace, Deliverer: deliverer, Logger: d.log, MeterProvider: d.metrics.MeterProvider(),
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

func (nowhere) Deliver(context.Context, signals.Arrival) (signals.Outcome, error) {
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
