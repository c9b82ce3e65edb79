// Command worker runs dpaflow's workflows and activities. With -bridge it also receives the
// platform's callbacks, so that one process is a whole installation.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"go.temporal.io/sdk/worker"
	"golang.org/x/sync/errgroup"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/internal/admin"
	"github.com/dpaflow/dpaflow/internal/bridge"
	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/connect"
	"github.com/dpaflow/dpaflow/internal/program"
	"github.com/dpaflow/dpaflow/platform"
	"github.com/dpaflow/dpaflow/signals"
	"github.com/dpaflow/dpaflow/workflows"
)

func main() {
	withBridge := flag.Bool("bridge", false, "also receive the platform's callbacks, on DPA_BRIDGE_ADDR")
	program.Main("worker",
		func() (config.Worker, error) { return config.LoadWorker(os.LookupEnv, *withBridge) },
		func(cfg config.Worker) string { return cfg.AdminAddr },
		func(ctx context.Context, cfg config.Worker) error { return run(ctx, cfg, *withBridge) })
}

func run(ctx context.Context, cfg config.Worker, withBridge bool) error {
	p, err := program.Open(ctx, "worker", cfg.Common, cfg.AdminAddr, connect.Options{Worker: true})
	if err != nil {
		return err
	}
	defer p.Close()
	index := newIndex(p.Temporal, p.Log)
	index.Look(ctx)
	if err := measureRuns(p.Metrics.MeterProvider(), index); err != nil {
		return err
	}
	all, err := newActivities(cfg, p, index)
	if err != nil {
		return err
	}
	worker.SetStickyWorkflowCacheSize(program.CachedRuns)
	w := worker.New(p.Temporal.Client, cfg.TaskQueue, program.WorkerOptions(cfg, p.Log))
	workflows.Register(w, all)

	checks := []admin.Check{{Name: "temporal", Ready: p.Temporal.Ready}}
	group, ctx := errgroup.WithContext(ctx)
	if withBridge {
		b, err := bridge.Open(cfg.Bridge, p.Temporal, p.Log, p.Metrics.MeterProvider(), p.Traces.TracerProvider())
		if err != nil {
			return err
		}
		checks = append(checks, b.Check())
		group.Go(func() error { return b.Serve(ctx) })
	}
	group.Go(func() error { return p.ServeAdmin(ctx, checks...) })
	group.Go(func() error { return index.Watch(ctx) })
	group.Go(func() error {
		stopped := make(chan any)
		go func() { <-ctx.Done(); close(stopped) }()
		return w.Run(stopped)
	})
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// newActivities makes the activities over the platform's client.
func newActivities(cfg config.Worker, p *program.Program, index *index) (*activities.Activities, error) {
	cfg.Platform.Logger, cfg.Platform.MeterProvider, cfg.Platform.TracerProvider = p.Log, p.Metrics.MeterProvider(), p.Traces.TracerProvider()
	client, err := platform.New(cfg.Platform)
	if err != nil {
		return nil, err
	}
	var secrets *activities.Secrets
	if cfg.SecretsDir != "" {
		if secrets, err = activities.OpenSecrets(cfg.SecretsDir); err != nil {
			return nil, fmt.Errorf("%w; check DPA_SECRETS_DIR", err)
		}
	}
	settings := activities.Config{
		Platform:  client,
		Secrets:   secrets,
		Indexed:   index.Registered,
		Alone:     index.Alone,
		Converter: p.Temporal.Converter,
		Callback: func(ctx context.Context, kind, namespace, workflowID, key string) string {
			target := signals.Target{Kind: signals.Kind(kind), Namespace: namespace, WorkflowID: workflowID, Key: key, Trace: signals.TraceOf(ctx)}
			return signals.CallbackURL(cfg.CallbackURL, cfg.CallbackKeys.Token(target), target.Kind)
		},
	}
	if cfg.Unsigned {
		// A platform that may call fixed addresses only would never reach one of ours with a token.
		settings.Callback = func(_ context.Context, kind, _, _, _ string) string {
			return signals.UnsignedURL(cfg.CallbackURL, signals.Kind(kind), cfg.UnsignedSecret.Reveal())
		}
		settings.Register = func(ctx context.Context, in activities.Instance, workflowID string) error {
			return signals.Register(ctx, p.Temporal, cfg.TaskQueue, signals.Kind(in.Kind), in.InstanceID,
				signals.Registration{WorkflowID: workflowID, Until: in.Until})
		}
	}
	return activities.New(settings)
}
