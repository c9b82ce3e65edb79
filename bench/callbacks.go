package main

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/internal/keys"
	"github.com/dpaflow/dpaflow/signals"
)

// callbacks are those that a section sends, each of a trigger of its own, spread over open runs that nobody works on:
// the server has the same to do for either side.
type callbacks struct {
	keys    keys.Ring
	base    string // of the bridge
	sender  *sender
	raw     client.Client // the SDK as it comes
	lean    client.Client // without compression
	targets int

	namespace string
	sent      int
}

const nobody = "nobody" // the task queue that has no worker

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
	sender, err := newSender(d.config.CallbackURL)
	if err != nil {
		return nil, err
	}
	s.onClose(sender.close)
	c := &callbacks{
		keys: d.config.CallbackKeys, base: d.config.CallbackURL, sender: sender, raw: raw, lean: lean, targets: targets,
		namespace: s.temporal.Namespace,
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
		t := signals.Target{Kind: signals.KindPlan, Namespace: c.namespace, WorkflowID: target(side, c.sent%c.targets), Key: instance + ".1"}
		made[i] = callback{
			target: t,
			news:   signals.Callback{InstanceID: instance, Status: "SUCCESS"},
			url:    signals.CallbackURL(c.base, signals.Token(c.keys, t), t.Kind),
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
	status, text, err := c.sender.post(ctx, cb.url, cb.body)
	if err == nil && text != "SUCCESS" {
		err = fmt.Errorf("the bridge answered %s", status)
	}
	return err
}

// signalBy sends the same news by the SDK.
func (c *callbacks) signalBy(temporal client.Client) func(context.Context, callback) error {
	return func(ctx context.Context, cb callback) error {
		return temporal.SignalWorkflow(ctx, cb.target.WorkflowID, "", signals.SignalName(cb.target.Key), cb.news)
	}
}
