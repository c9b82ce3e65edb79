package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"

	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

// schedule is what the command line tells of a schedule, as far as the tests look.
type schedule struct {
	ID, Run, WorkflowType, TimeZone, Note, Overlap, CatchUp string
	Paused                                                  bool
	Remaining                                               *int
	Times, Running                                          []string
	Input                                                   workflows.PlanInput
	Counts                                                  struct{ Started, SkippedOverlap int }
	Recent                                                  []struct{ WorkflowID string }
	Next                                                    []time.Time
}

// starterJSON runs a command that must succeed and reads its one document.
func (s *stack) starterJSON(into any, args ...string) {
	s.t.Helper()
	stdout, stderr, code := s.starter(append(args, "-o", "json")...)
	require.Zero(s.t, code, "%v: %s", args, stderr)
	require.NoError(s.t, json.Unmarshal([]byte(stdout), into), "%v: %s", args, stdout)
}

// scheduled describes a schedule.
func (s *stack) scheduled(id string) (found schedule) {
	s.t.Helper()
	s.starterJSON(&found, "schedule", "describe", id)
	return found
}

// rename gives a catalogue's plan an id of its own: the ids of scheduled runs begin with it.
func rename(c platformtest.Catalogue, id string) platformtest.Catalogue {
	c.Plans[0].ID = id
	return c
}

func TestAScheduleRunsAPlanUntilItIsPausedAndDeleted(t *testing.T) {
	t.Parallel()
	const plan = "often"
	s := newStack(t, rename(catalogue(success(50*time.Millisecond)), plan))
	var made schedule
	s.starterJSON(&made, "schedule", "create", s.queue, "plan", plan, "--every", "1s", "--note", "for the test",
		"--param", "md1.HOST=web1", "--secret", "md1.PASSWORD=db-password", "--timeout", "1h")
	require.Equal(t, []string{"every 1s"}, made.Times)
	require.Equal(t, "skip", made.Overlap)
	require.Equal(t, "1m0s", made.CatchUp)
	require.Equal(t, "for the test", made.Note)
	require.Equal(t, "plan "+plan, made.Run)
	require.Equal(t, "RunPlan", made.WorkflowType)
	require.Equal(t, plan, made.Input.PlanID)
	require.Equal(t, "db-password", made.Input.Params["md1"]["PASSWORD"].SecretRef)
	require.NotEmpty(t, made.Next)
	require.Eventually(t, func() bool { return len(s.sim.Executions()) >= 2 }, patience, 100*time.Millisecond)

	var paused schedule
	s.starterJSON(&paused, "schedule", "pause", s.queue, "--note", "the plan is changed")
	require.True(t, paused.Paused)
	require.Equal(t, "the plan is changed", paused.Note)
	require.Eventually(t, func() bool { return len(s.scheduled(s.queue).Running) == 0 }, patience, 100*time.Millisecond)
	before := s.scheduled(s.queue).Counts.Started
	require.Never(t, func() bool { return s.scheduled(s.queue).Counts.Started > before }, 3*time.Second, 500*time.Millisecond)
	s.starterJSON(&paused, "schedule", "trigger", s.queue)
	require.Eventually(t, func() bool { return s.scheduled(s.queue).Counts.Started == before+1 }, patience, 100*time.Millisecond, "by hand it runs")

	s.starterJSON(&made, "schedule", "resume", s.queue)
	require.False(t, made.Paused)
	require.Eventually(t, func() bool { return s.scheduled(s.queue).Counts.Started > before+1 }, patience, 100*time.Millisecond)

	recent := s.scheduled(s.queue).Recent
	id := recent[0].WorkflowID
	require.True(t, strings.HasPrefix(id, "plan-"+plan+"-"+s.queue+"-"), id)
	var result workflows.PlanResult
	require.NoError(t, s.await(s.GetWorkflow(t.Context(), id, ""), &result))
	require.Equal(t, "web1", result.Outputs[0].Nodes[0].Result)
	described, err := s.DescribeWorkflow(t.Context(), id, "")
	require.NoError(t, err)
	summary, err := described.GetStaticSummary()
	require.NoError(t, err)
	require.Equal(t, "plan "+plan+", by schedule "+s.queue, summary)
	var by string
	require.NoError(t, converter.GetDefaultDataConverter().FromPayload(described.Memo.GetFields()["schedule"], &by))
	require.Equal(t, s.queue, by)

	var deleted map[string]string
	s.starterJSON(&deleted, "schedule", "delete", s.queue)
	require.Equal(t, map[string]string{"deleted": s.queue}, deleted)
	for _, command := range []string{"describe", "pause", "resume", "trigger", "delete"} {
		_, stderr, code := s.starter("schedule", command, s.queue)
		require.Equal(t, 1, code, command)
		require.Contains(t, stderr, `there is no schedule "`+s.queue+`"`, command)
	}
}

func TestAScheduleSkipsWhatWouldOverlapAndIsListed(t *testing.T) {
	t.Parallel()
	const plan = "seldom"
	s := newStack(t, rename(catalogue(), plan)) // its instances do not end
	create := []string{"schedule", "create", s.queue, "plan", plan, "--param", "md1.HOST=web1", "--secret", "md1.PASSWORD=db-password",
		"--cron", "0 3 1 1 *", "--cron", "30 2 * * MON-FRI", "--time-zone", "Asia/Shanghai", "--catch-up", "5m", "--remaining", "2"}
	stdout, stderr, code := s.starter(create...)
	require.Zero(t, code, stderr)
	require.Contains(t, stdout, "30 2 * * 1-5")
	_, stderr, code = s.starter(create...)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "there is a schedule")

	made := s.scheduled(s.queue)
	require.ElementsMatch(t, []string{"0 3 1 1 *", "30 2 * * 1-5"}, made.Times)
	require.Equal(t, "Asia/Shanghai", made.TimeZone)
	require.Equal(t, 2, *made.Remaining)
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	require.Contains(t, []string{"02:30", "03:00"}, made.Next[0].In(shanghai).Format("15:04"))

	s.starterJSON(&made, "schedule", "trigger", s.queue)
	require.Eventually(t, func() bool { return len(s.sim.Executions()) == 1 }, patience, 100*time.Millisecond)
	s.starterJSON(&made, "schedule", "trigger", s.queue)
	require.Eventually(t, func() bool { return s.scheduled(s.queue).Counts.SkippedOverlap == 1 }, patience, 100*time.Millisecond)
	require.Len(t, s.sim.Executions(), 1, "the plan runs already")
	require.Len(t, s.scheduled(s.queue).Running, 1)

	require.Eventually(t, func() bool {
		var all []schedule
		s.starterJSON(&all, "schedule", "list")
		return slices.ContainsFunc(all, func(listed schedule) bool {
			return listed.ID == s.queue && listed.Run == "plan "+plan && len(listed.Recent) == 1 && len(listed.Next) > 0
		})
	}, patience, 500*time.Millisecond)
	stdout, _, code = s.starter("schedule", "list")
	require.Zero(t, code)
	require.Contains(t, stdout, s.queue)

	s.callsBack(s.instance("web1"), platformtest.Success)
	require.Eventually(t, func() bool { return len(s.scheduled(s.queue).Running) == 0 }, patience, 100*time.Millisecond)
	s.starterJSON(new(any), "schedule", "delete", s.queue)
}
