package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"google.golang.org/grpc"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/internal/bridge"
	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/connect"
	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/internal/program"
	"github.com/dpaflow/dpaflow/internal/telemetry"
	"github.com/dpaflow/dpaflow/platform"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/signals"
	"github.com/dpaflow/dpaflow/workflows"
)

// dpaflow is the worker and the bridge as their programs wire them, with their logs and metrics, in this process:
// so their RPCs can be counted, and a profile shows them. There are no traces, as nobody has asked for them.
type dpaflow struct {
	config   config.Worker
	temporal *connect.Client
	log      *slog.Logger
	metrics  *telemetry.Metrics
	all      *activities.Activities
}

// env is what configures dpaflow's programs on this stage.
func (s *stage) env(queue string) (environment, error) {
	address, err := devstack.FreeAddress()
	if err != nil {
		return nil, err
	}
	return append(environment(s.temporal.Env()),
		"DPA_BASE_URL="+s.platformURL,
		"DPA_CLIENT_ID="+platformtest.DefaultClientID,
		"DPA_CLIENT_SECRET="+platformtest.DefaultClientSecret,
		"DPA_CALLBACK_URL=http://"+address,
		"DPA_CALLBACK_KEYS="+s.key,
		"DPA_BRIDGE_ADDR="+address,
		"DPA_TASK_QUEUE="+queue,
	), nil
}

// openOurs starts dpaflow's bridge until the stage is closed, and gets its worker ready to start.
func (s *stage) openOurs(ctx context.Context, queue string, rpcs *counter) (*dpaflow, error) {
	d := &dpaflow{log: slog.New(slog.NewJSONHandler(io.Discard, nil))}
	env, err := s.env(queue)
	if err != nil {
		return nil, err
	}
	if d.config, err = config.LoadWorker(env.LookupEnv, true); err != nil {
		return nil, err
	}
	if d.metrics, err = telemetry.NewMetrics(ctx, "bench", d.log); err != nil {
		return nil, err
	}
	d.temporal, err = connect.Dial(ctx, connect.Options{
		Env: env, Logger: d.log, Metrics: d.metrics.Temporal(),
		DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(signals.RequestIDInterceptor), rpcs.dial()},
	})
	if err != nil {
		return nil, err
	}
	s.onClose(func() error {
		d.metrics.Shutdown()
		d.temporal.Close()
		return nil
	})
	if d.all, err = d.activities(s); err != nil {
		return nil, err
	}
	return d, d.openBridge(s)
}

func (d *dpaflow) activities(s *stage) (*activities.Activities, error) {
	settings := d.config.Platform
	settings.Logger, settings.MeterProvider = d.log, d.metrics.MeterProvider()
	c, err := platform.New(settings)
	if err != nil {
		return nil, err
	}
	s.onClose(func() error { c.Close(); return nil })
	return activities.New(activities.Config{
		Platform:  c,
		Indexed:   func() bool { return true },
		Converter: d.temporal.Converter,
		Callback:  signals.SignedAddress(d.config.CallbackURL, d.config.CallbackKeys, d.log),
	})
}

func (d *dpaflow) openBridge(s *stage) error {
	b, err := bridge.Open(d.config.Bridge, d.temporal, d.log, d.metrics.MeterProvider(), nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- b.Serve(ctx) }()
	s.onClose(func() error {
		cancel()
		if err := <-served; err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	return nil
}

// startWorker starts a worker, which has to be stopped before the stage is closed.
func (d *dpaflow) startWorker() (worker.Worker, error) {
	w := worker.New(d.temporal.Client, d.config.TaskQueue, program.WorkerOptions(d.config))
	workflows.Register(w, d.all)
	if err := w.Start(); err != nil {
		return nil, fmt.Errorf("start dpaflow's worker: %w", err)
	}
	return w, nil
}

// start starts a run of the benchmark's plan.
func (d *dpaflow) start(ctx context.Context, c client.Client, id string) (client.WorkflowRun, error) {
	return c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: d.config.TaskQueue}, "RunPlan", workflows.PlanInput{
		PlanID: planID, Params: activities.PlanParams{modelID: {inputName: runbook.Text("h")}},
	})
}
