package e2e

import (
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

// The steps of docs/upgrading.md.
func TestARunThatWaitsIsTakenOverByTheNextVersion(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(), "DPA_DEPLOYMENT_NAME="+t.Name(), "DPA_BUILD_ID=v1")
	s.setCurrent("v1")
	run := s.run(s.queue, input("web1"))
	s.reaches(run, workflows.PhaseWaiting)
	require.Equal(t, "v1", s.versionOf(run))

	old := s.worker
	s.env = append(s.env, "DPA_BUILD_ID=v2")
	s.worker = s.start("worker")
	second := s.run(s.queue+"-second", input("web2"))
	s.reaches(second, workflows.PhaseWaiting)
	require.Equal(t, "v1", s.versionOf(second), "a version that is not current gets no runs")

	ends := func(host string, run client.WorkflowRun, version string) {
		t.Helper()
		s.callsBack(s.instance(host), platformtest.Success)
		var result workflows.PlanResult
		require.NoError(t, s.await(run, &result))
		require.Equal(t, s.instance(host), result.InstanceID)
		require.Equal(t, version, s.versionOf(run))
	}
	s.setCurrent("v2")
	third := s.run(s.queue+"-third", input("web3"))
	s.reaches(third, workflows.PhaseWaiting)
	require.Equal(t, "v2", s.versionOf(third))
	s.setCurrent("v1") // handed back
	ends("web3", third, "v1")

	s.setCurrent("v2")
	require.NoError(t, old.Stop())
	ends("web1", run, "v2")
	ends("web2", second, "v2")
	require.Len(t, s.sim.Executions(), 3)
}

// Workers without versioning are given up for versioned ones, and taken back.
func TestRunsMoveToVersionedWorkersAndBack(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue())
	first := s.run(s.queue+"-first", input("web1"))
	s.reaches(first, workflows.PhaseWaiting)

	without := s.worker
	s.env = append(s.env, "DPA_DEPLOYMENT_NAME="+t.Name(), "DPA_BUILD_ID=v1")
	s.worker = s.start("worker")
	s.setCurrent("v1")
	require.NoError(t, without.Stop())
	second := s.run(s.queue+"-second", input("web2"))
	s.reaches(second, workflows.PhaseWaiting)
	s.callsBack(s.instance("web1"), platformtest.Success)
	require.NoError(t, s.await(first, nil))
	require.Equal(t, "v1", s.versionOf(first))

	versioned := s.worker
	s.env = append(s.env, "DPA_DEPLOYMENT_NAME=", "DPA_BUILD_ID=")
	s.worker = s.start("worker")
	s.setCurrent(unversioned)
	require.NoError(t, versioned.Stop())
	s.callsBack(s.instance("web2"), platformtest.Success)
	require.NoError(t, s.await(second, nil))
}

// unversioned, for setCurrent, are the workers that have no version.
const unversioned = ""

// setCurrent makes a version the deployment's current one, and waits until new runs go there. It asks again where the
// server does not know the version yet, or gives up its own steps, as it does on a busy machine.
func (s *stack) setCurrent(build string) {
	s.t.Helper()
	version := []string{"--build-id", build}
	if build == unversioned {
		version = []string{"--unversioned"}
	}
	var output buffer
	require.Eventually(s.t, func() bool {
		cmd := exec.CommandContext(s.t.Context(), s.temporal.CLI, append([]string{"worker", "deployment", "set-current-version",
			"--deployment-name", s.t.Name(), "--yes"}, version...)...)
		cmd.Env, cmd.Stdout, cmd.Stderr = append(cmd.Environ(), s.temporal.Env()...), &output, &output
		return cmd.Run() == nil
	}, patience, 500*time.Millisecond, "%s", &output)
	for _, queue := range []enums.TaskQueueType{enums.TASK_QUEUE_TYPE_WORKFLOW, enums.TASK_QUEUE_TYPE_ACTIVITY} {
		require.Eventually(s.t, func() bool { // what the deployment says is known to its task queues a little later
			described, err := s.WorkflowService().DescribeTaskQueue(s.t.Context(), &workflowservice.DescribeTaskQueueRequest{
				Namespace: s.temporal.Namespace, TaskQueue: &taskqueue.TaskQueue{Name: s.queue}, TaskQueueType: queue,
			})
			return err == nil && described.GetVersioningInfo().GetCurrentDeploymentVersion().GetBuildId() == build
		}, patience, 100*time.Millisecond, "%q is current", build)
	}
}

// versionOf is the build that ran a run last.
func (s *stack) versionOf(run client.WorkflowRun) string {
	s.t.Helper()
	described, err := s.DescribeWorkflow(s.t.Context(), run.GetID(), run.GetRunID())
	require.NoError(s.t, err)
	return described.RawResponse.GetWorkflowExecutionInfo().GetVersioningInfo().GetDeploymentVersion().GetBuildId()
}
