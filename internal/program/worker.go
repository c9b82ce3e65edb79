package program

import (
	"time"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/operators"
	"github.com/dpaflow/dpaflow/workflows"
)

// CachedRuns is how many open runs a worker keeps in memory, about 40 KB each. The others, which wait for
// hours, are replayed when something happens to them: some 20 events, a few milliseconds.
const CachedRuns = 2000

// leastPollers is more than the four partitions that servers give a task queue: a task in one where nobody
// polls waits up to two seconds until it is forwarded.
const leastPollers = 5

// WorkerOptions are those of the worker's task queue.
func WorkerOptions(cfg config.Worker) worker.Options {
	// One poller for new runs and one for those under way, which is the SDK's choice, lets many that come
	// at once wait for each other.
	pollers := worker.NewPollerBehaviorAutoscaling(worker.PollerBehaviorAutoscalingOptions{MinimumNumberOfPollers: leastPollers})
	var interceptors []interceptor.WorkerInterceptor
	if !cfg.OperatorKeys.None() {
		interceptors = append(interceptors, operators.Interceptor(cfg.OperatorKeys))
	}
	return worker.Options{
		Interceptors:      interceptors,
		WorkerStopTimeout: workflows.StopTimeout(cfg.Platform.Timeout),
		// A large runbook takes its time to be checked, and more on a busy machine.
		DeadlockDetectionTimeout: 10 * time.Second,
		// The server counts only activities that go through the task queue: with a ceiling the SDK starts none eagerly.
		TaskQueueActivitiesPerSecond: cfg.ActivitiesPerSecond,
		WorkflowTaskPollerBehavior:   pollers,
		ActivityTaskPollerBehavior:   pollers,
		DeploymentOptions:            deployment(cfg),
	}
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
