// Command worker runs dpaflow's workflows and activities. With -bridge it also receives the
// platform's callbacks, so that one process is a whole installation.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.temporal.io/sdk/worker"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/internal/admin"
	"github.com/dpaflow/dpaflow/internal/bridge"
	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/connect"
	"github.com/dpaflow/dpaflow/internal/telemetry"
	"github.com/dpaflow/dpaflow/platform"
	"github.com/dpaflow/dpaflow/signals"
	"github.com/dpaflow/dpaflow/workflows"
)

func main() {
	withBridge := flag.Bool("bridge", false, "also receive the platform's callbacks, on DPA_BRIDGE_ADDR")
	probe := flag.Bool("healthcheck", false, "ask the worker that runs beside whether it is ready, and exit")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg, err := config.LoadWorker(os.LookupEnv, *withBridge)
	switch {
	case err != nil:
	case *probe:
		err = admin.Probe(ctx, cfg.AdminAddr)
	default:
		err = run(ctx, cfg, *withBridge)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, cfg config.Worker, withBridge bool) error {
	logger := telemetry.NewLogger(os.Stderr, cfg.LogLevel)
	slog.SetDefault(logger)
	metrics, err := telemetry.NewMetrics(logger)
	if err != nil {
		return err
	}
	// What listens is opened first: a taken port stops the program before anything has begun.
	adminListener, err := net.Listen("tcp", cfg.AdminAddr)
	if err != nil {
		return fmt.Errorf("listen for operators: %w; check DPA_ADMIN_ADDR", err)
	}
	defer adminListener.Close()

	temporal, err := connect.Dial(ctx, connect.Options{
		Logger:      logger,
		Metrics:     metrics.Temporal(),
		DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(signals.RequestIDInterceptor)},

		EncryptionKeys: cfg.EncryptionKeys,
		Worker:         true,
	})
	if err != nil {
		return err
	}
	defer temporal.Close()

	index := newIndex(temporal, logger)
	index.Look(ctx)
	all, err := newActivities(cfg, temporal, index, logger, metrics)
	if err != nil {
		return err
	}
	w := worker.New(temporal.Client, cfg.TaskQueue, worker.Options{
		// A trigger under way must get its answer: nothing else tells what became of it.
		WorkerStopTimeout: cfg.Platform.Timeout + 5*time.Second,
		OnFatalError:      func(err error) { logger.Error("the worker stops", "error", err) },
		DeploymentOptions: deployment(cfg),
	})
	workflows.Register(w, all)

	checks := []admin.Check{{Name: "temporal", Ready: temporal.Ready}}
	group, ctx := errgroup.WithContext(ctx)
	if withBridge {
		b, err := bridge.Open(cfg.Bridge, temporal, logger, metrics.MeterProvider())
		if err != nil {
			return err
		}
		checks = append(checks, b.Check())
		group.Go(func() error { return b.Serve(ctx) })
	}
	group.Go(func() error { return admin.Serve(ctx, adminListener, admin.Handler(metrics.Handler(), checks...)) })
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

// deployment makes a worker with a build id one that only runs what the server has moved to its version.
func deployment(cfg config.Worker) worker.DeploymentOptions {
	if cfg.BuildID == "" {
		return worker.DeploymentOptions{}
	}
	return worker.DeploymentOptions{
		UseVersioning: true,
		Version:       worker.WorkerDeploymentVersion{DeploymentName: cfg.DeploymentName, BuildID: cfg.BuildID},
	}
}

// newActivities makes the activities over the platform's client.
func newActivities(cfg config.Worker, temporal *connect.Client, index *index, logger *slog.Logger, metrics *telemetry.Metrics) (*activities.Activities, error) {
	cfg.Platform.Logger, cfg.Platform.MeterProvider = logger, metrics.MeterProvider()
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
		Converter: temporal.Converter,
		Logger:    logger,
		Callback: func(kind, namespace, workflowID, key string) string {
			target := signals.Target{Kind: signals.Kind(kind), Namespace: namespace, WorkflowID: workflowID, Key: key}
			return signals.CallbackURL(cfg.CallbackURL, cfg.CallbackKeys.Token(target), target.Kind)
		},
	}
	if cfg.Unsigned {
		// A platform that may call fixed addresses only would never reach one of ours with a token.
		settings.Callback = func(kind, _, _, _ string) string {
			return signals.UnsignedURL(cfg.CallbackURL, signals.Kind(kind), cfg.UnsignedSecret.Reveal())
		}
		settings.Register = func(ctx context.Context, in activities.Instance, workflowID string) error {
			return signals.Register(ctx, temporal, cfg.TaskQueue, signals.Kind(in.Kind), in.InstanceID,
				signals.Registration{WorkflowID: workflowID, Until: in.Until})
		}
	}
	return activities.New(settings)
}
