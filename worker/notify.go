package main

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/program"
	"github.com/dpaflow/dpaflow/internal/watcher"
	"github.com/dpaflow/dpaflow/notify"
	"github.com/dpaflow/dpaflow/workflows"
)

const (
	startAgain = time.Minute // for a watcher that somebody terminated
	startSoon  = time.Second // while Temporal cannot be used
)

// notifications has a watcher at work on the task queue, where there is a receiver.
type notifications struct {
	watcher *watcher.Watcher // nil: none are sent
	program *program.Program
	index   *index
}

func newNotifications(cfg config.Worker, p *program.Program, index *index) (n notifications, err error) {
	n.program, n.index = p, index
	if cfg.Notify.URL.Reveal() == "" {
		return n, nil
	}
	n.watcher, err = watcher.New(watcher.Config{
		Site: notify.Site{
			Namespace: p.Temporal.Namespace, TaskQueue: cfg.TaskQueue, Encrypted: !cfg.EncryptionKeys.None(),
			TemporalURL: cfg.Notify.TemporalURL, ConsoleURL: cfg.Notify.ConsoleURL,
		},
		URL: cfg.Notify.URL.Reveal(), Signer: cfg.Notify.Signer, Temporal: p.Temporal, Log: p.Log, Meters: p.Metrics.MeterProvider(),
	})
	return n, err
}

// register adds the watcher's activity. A worker that has no receiver may be given it all the same, by mistake: it says so.
func (n notifications) register(w worker.Worker) {
	watch := func(context.Context, notify.State) (notify.State, error) { return notify.State{}, watcher.ErrOff }
	if n.watcher != nil {
		watch = n.watcher.Watch
	}
	w.RegisterActivityWithOptions(watch, activity.RegisterOptions{Name: workflows.NotifyActivity})
}

// Run has the watcher started until the context ends, as soon as the runs can be found by what they need.
func (n notifications) Run(ctx context.Context) error {
	if n.watcher == nil {
		return nil
	}
	said := false
	for pause := time.Duration(0); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = startAgain
		if !n.index.known.Load() {
			pause = startSoon
			continue
		}
		if !n.index.Registered() {
			if !said {
				n.program.Log.Warn("no notifications are sent: the namespace lacks dpaflow's search attributes; register them with starter setup")
			}
			said = true
			continue
		}
		if err := n.watcher.Start(ctx); err != nil && ctx.Err() == nil {
			pause = startSoon
			n.program.Log.Debug("the watcher is not started yet", "error", err)
		}
	}
}
