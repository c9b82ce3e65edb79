package console

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

// measured holds the pages to their goal, which means something on a machine that does nothing else.
var measured = flag.Bool("measured", false, "fail where the 95th percentile of warm requests is above 300 ms")

const (
	openRuns    = 200
	askingRuns  = 40
	manySteps   = 500
	mostBytes   = 300 << 10
	mostLatency = 300 * time.Millisecond
)

func TestPagesOfManyRunsAndStepsAreSmallAndQuick(t *testing.T) {
	t.Parallel()
	catalogue := plans("quick")
	catalogue.Plans = append(catalogue.Plans, platformtest.Plan{ID: "silent", Title: "silent"})
	s := begin(t, catalogue, false, nil)
	document := func(text string) runbook.Document {
		doc, err := runbook.Parse([]byte(text))
		require.NoError(t, err)
		return *doc
	}
	asks := document("name: asks\nsteps: [{id: ok, approval: {message: Go on, approvers: [zhang, li]}}, {id: a, plan: quick}]")
	var many strings.Builder
	many.WriteString("name: many\nsteps:\n  - {id: ok, approval: {message: Go on}}\n")
	for i := range manySteps - 1 {
		fmt.Fprintf(&many, "  - {id: s%d, name: 步骤 %d, needs: [ok], plan: quick}\n", i, i)
	}
	begin := func(id, workflow string, in any) {
		_, err := s.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: s.queue}, workflow, in)
		require.NoError(t, err)
	}
	begin("many", "Runbook", workflows.RunbookInput{Document: document(many.String())})
	var starts errgroup.Group
	starts.SetLimit(16)
	for i := range openRuns - 1 {
		starts.Go(func() error {
			if i < askingRuns {
				begin(fmt.Sprintf("asks-%d", i), "Runbook", workflows.RunbookInput{Document: asks})
			} else {
				begin(fmt.Sprintf("silent-%d", i), "RunPlan", workflows.PlanInput{PlanID: "silent"})
			}
			return nil
		})
	}
	require.NoError(t, starts.Wait())
	get := func(path string) (text string, took time.Duration) {
		began := time.Now()
		answer, err := http.Get(s.url + path)
		require.NoError(t, err)
		defer answer.Body.Close()
		data, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, answer.StatusCode, "%s", data)
		return string(data), time.Since(began)
	}
	require.Eventually(t, func() bool {
		text, _ := get("/")
		return strings.Count(text, "<li class=\"waits\">") == askingRuns+1 && strings.Count(text, "badge WAITING") == openRuns-askingRuns-1
	}, wait.Limit, time.Second, "all runs are listed, those that ask first")

	look := func(paths ...string) {
		t.Helper()
		for _, path := range paths {
			size, times := 0, make([]time.Duration, 50)
			for i := range times {
				text, took := get(path)
				times[i], size = took, max(size, len(text))
			}
			slices.Sort(times)
			t.Logf("%-24s %7d bytes, median %v, 95%% %v", path, size, times[25].Round(time.Millisecond), times[47].Round(time.Millisecond))
			require.Less(t, size, mostBytes, path)
			if *measured {
				require.Less(t, times[47], mostLatency, path)
			}
		}
	}
	look("/", "/?q=silent", "/run?id=many", "/run/graph.svg?id=many", "/run?id="+url.QueryEscape("silent-150"))

	// A run that has ended has more to show.
	handle, err := s.UpdateWorkflow(t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: "many", UpdateName: "approve", Args: []any{workflows.StepAction{Step: "ok", By: "zhang"}}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	require.NoError(t, err)
	require.NoError(t, handle.Get(wait.Context(t), nil))
	require.NoError(t, s.GetWorkflow(t.Context(), "many", "").Get(wait.Context(t), nil))
	require.Eventually(t, func() bool {
		text, _ := get("/run?id=many")
		return strings.Count(text, "badge SUCCESS") > manySteps
	}, wait.Limit, time.Second)
	look("/run?id=many", "/run/graph.svg?id=many", "/run/report?id=many")
}
