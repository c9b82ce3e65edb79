// Command worker runs dpaflow's workflows and activities. With -bridge it also receives the
// platform's callbacks, so that one process is a whole installation.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"go.temporal.io/sdk/worker"
	"golang.org/x/sync/errgroup"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/internal/bridge"
	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/connect"
	"github.com/dpaflow/dpaflow/internal/policy"
	"github.com/dpaflow/dpaflow/internal/program"
	"github.com/dpaflow/dpaflow/internal/serve"
	"github.com/dpaflow/dpaflow/platform"
	"github.com/dpaflow/dpaflow/signals"
	"github.com/dpaflow/dpaflow/workflows"
)

func main() {
	withBridge := flag.Bool("bridge", false, "also receive the platform's callbacks, on DPA_BRIDGE_ADDR")
	program.Main("worker",
		func() (config.Worker, error) { return config.LoadWorker(os.LookupEnv, *withBridge) },
		func(ctx context.Context, cfg config.Worker) error { return serve.Ready(ctx, cfg.AdminAddr) },
		func(ctx context.Context, cfg config.Worker) error { return run(ctx, cfg, *withBridge) })
}

func run(ctx context.Context, cfg config.Worker, withBridge bool) error {
	p, err := program.Open(ctx, "worker", cfg.Common, cfg.AdminAddr)
	if err != nil {
		return err
	}
	defer p.Close()
	index := newIndex(p.Temporal, p.Log)
	if err := measureRuns(p.Metrics.MeterProvider(), index); err != nil {
		return err
	}
	all, err := newActivities(cfg, p, index)
	if err != nil {
		return err
	}
	notifications, err := newNotifications(cfg, p, index)
	if err != nil {
		return err
	}
	worker.SetStickyWorkflowCacheSize(program.CachedRuns)
	polling := &polling{log: p.Log, ready: readyFor(p.Temporal, index), start: func(ctx context.Context) error {
		w := worker.New(p.Temporal.Client, cfg.TaskQueue, program.WorkerOptions(cfg))
		workflows.Register(w, all)
		notifications.register(w)
		return runWorker(ctx, w)
	}}
	checks := []serve.Check{{Name: "worker", Ready: polling.Ready}}
	work := []func(context.Context) error{polling.Run, index.Watch, notifications.Run}
	if withBridge {
		b, err := bridge.Open(cfg.Bridge, p.Temporal, p.Log, p.Metrics.MeterProvider(), p.Traces.TracerProvider())
		if err != nil {
			return err
		}
		work, checks = append(work, b.Serve), []serve.Check{b.Check(), remark(checks[0])}
	}
	return p.Run(ctx, func(ctx context.Context) error {
		group, ctx := errgroup.WithContext(ctx)
		for _, part := range work {
			group.Go(func() error { return part(ctx) })
		}
		return group.Wait()
	}, checks...)
}

// remark makes a check one that is shown, and passes: who sends callbacks here has to come also while no work is done.
func remark(check serve.Check) serve.Check {
	return serve.Check{
		Name:  check.Name,
		Ready: func(context.Context) error { return nil },
		Remark: func() string {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			if err := check.Ready(ctx); err != nil {
				return err.Error()
			}
			return ""
		},
	}
}

// readyFor says whether workers can be of use: they are let in, and know whether what they run can be indexed.
func readyFor(temporal *connect.Client, index *index) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := temporal.Ready(ctx); err != nil {
			return err
		}
		return index.Know(ctx)
	}
}

// runWorker runs a worker until the context ends, or until it gives up.
func runWorker(ctx context.Context, w worker.Worker) error {
	stop := make(chan any)
	defer context.AfterFunc(ctx, func() { close(stop) })()
	if err := w.Run(stop); err != nil || ctx.Err() != nil {
		return err
	}
	return errors.New("the worker stopped by itself")
}

// newActivities makes the activities over the platform's client.
func newActivities(cfg config.Worker, p *program.Program, index *index) (*activities.Activities, error) {
	cfg.Platform.Logger, cfg.Platform.MeterProvider, cfg.Platform.TracerProvider = p.Log, p.Metrics.MeterProvider(), p.Traces.TracerProvider()
	var secrets *activities.Secrets
	var err error
	if cfg.SecretsDir != "" {
		if secrets, err = activities.OpenSecrets(cfg.SecretsDir); err != nil {
			return nil, fmt.Errorf("%w; check DPA_SECRETS_DIR", err)
		}
		cfg.Platform.Private = secrets.Private
	}
	client, err := platform.New(cfg.Platform)
	if err != nil {
		return nil, err
	}
	settings := activities.Config{
		Platform:  client,
		Secrets:   secrets,
		Indexed:   index.Registered,
		Alone:     index.Alone,
		Converter: p.Temporal.Converter,
		Callback:  signals.SignedAddress(cfg.CallbackURL, cfg.CallbackKeys, p.Log),
	}
	if cfg.PolicyFile != "" {
		if settings.Policy, err = policy.Open(cfg.PolicyFile, p.Log, p.Metrics.MeterProvider()); err != nil {
			return nil, err
		}
	}
	settings.Register = func(ctx context.Context, in activities.Instance, workflowID string) error {
		return signals.Register(ctx, p.Temporal, cfg.TaskQueue, signals.Kind(in.Kind), in.InstanceID,
			signals.Registration{WorkflowID: workflowID, From: in.From, Until: in.Until})
	}
	if settings.Unsigned = cfg.Unsigned; cfg.Unsigned {
		// A platform that may call fixed addresses only would never reach one of ours with a token.
		settings.Callback = func(_ context.Context, kind, _, _, _ string) string {
			return signals.UnsignedURL(cfg.CallbackURL, signals.Kind(kind), cfg.UnsignedSecret.Reveal())
		}
	}
	return activities.New(settings)
}
