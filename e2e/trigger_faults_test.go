package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

// ending is how a run ends whose first trigger fails.
type ending string

const (
	rejected ending = "rejected" // as TriggerRejected
	denied   ending = "denied"   // as PlatformAuth, after one more try
	renewed  ending = "renewed"  // well, with a fresh token
	unknown  ending = "unknown"  // well, once somebody has settled it
)

// triggerCase is one way for the platform to fail a trigger.
type triggerCase struct {
	name string
	platformtest.Fault
	want ending
	late bool // it runs after the caller has given up
}

// answerCases are the faults of answers. Each refusal that is one comes in the end that the table
// of assumptions gives it; whatever proves nothing comes with and without an execution.
func answerCases() (cases []triggerCase) {
	code, status := platformtest.FaultCode, platformtest.FaultStatus
	for name, f := range map[string]platformtest.Fault{
		"code-400": {Kind: code, Code: 400}, "code-404": {Kind: code, Code: 404},
		"code-998": {Kind: code, Code: 998}, "code-999": {Kind: code, Code: 999},
		"http-404-code-404": {Kind: code, Status: 404, Code: 404},
	} {
		cases = append(cases, twice(name, f, rejected)...)
	}
	for name, f := range map[string]platformtest.Fault{
		"code-403": {Kind: code, Code: 403}, "http-401": {Kind: status, Status: 401},
		"http-403": {Kind: status, Status: 403}, "http-401-code-403": {Kind: code, Status: 401, Code: 403},
	} {
		cases = append(cases, triggerCase{name: name + "-for-ever", Fault: f, want: denied})
		f.Times = 1
		cases = append(cases, triggerCase{name: name + "-once", Fault: f, want: renewed})
	}
	for name, f := range map[string]platformtest.Fault{
		"code-500": {Kind: code, Code: 500}, "code-503": {Kind: code, Code: 503},
		"code-997": {Kind: code, Code: 997}, "code-123": {Kind: code, Code: 123},
		"http-500-code-400": {Kind: code, Status: 500, Code: 400},
		"http-307":          {Kind: platformtest.FaultRedirect},
		"http-404":          {Kind: status, Status: 404}, "http-408": {Kind: status, Status: 408},
		"http-429": {Kind: status, Status: 429}, "http-500": {Kind: status, Status: 500},
		"http-502": {Kind: status, Status: 502}, "http-503": {Kind: status, Status: 503},
		"http-504": {Kind: status, Status: 504},
		"html":     {Kind: platformtest.FaultHTML}, "http-502-html": {Kind: platformtest.FaultHTML, Status: 502},
		"empty": {Kind: platformtest.FaultEmpty}, "truncated": {Kind: platformtest.FaultTruncated},
		"reset":         {Kind: platformtest.FaultReset},
		"no-data":       {Kind: platformtest.FaultData, Data: json.RawMessage(`null`)},
		"no-instance":   {Kind: platformtest.FaultData, Data: json.RawMessage(`[{"processPlanId":"p"}]`)},
		"two-instances": {Kind: platformtest.FaultData, Data: json.RawMessage(`[{"planInstanceId":"in1"},{"planInstanceId":"in2"}]`)},
	} {
		cases = append(cases, twice(name, f, unknown)...)
	}
	return cases
}

// timeoutCases are the faults that only a short DPA_HTTP_TIMEOUT ends.
func timeoutCases() []triggerCase {
	cases := twice("no-answer", platformtest.Fault{Kind: platformtest.FaultHang}, unknown)
	cases = append(cases, twice("slow-body", platformtest.Fault{Kind: platformtest.FaultSlowBody, Delay: time.Minute}, unknown)...)
	return append(cases, triggerCase{
		name: "late", want: unknown, late: true,
		Fault: platformtest.Fault{Kind: platformtest.FaultDelay, Delay: 10 * time.Second, Times: 1},
	})
}

// twice makes one case without an execution, and one with.
func twice(name string, f platformtest.Fault, want ending) []triggerCase {
	f.Times = 1
	ran := f
	ran.AfterExecution = true
	return []triggerCase{{name: name + "-before", Fault: f, want: want}, {name: name + "-after", Fault: ran, want: want}}
}

func (c triggerCase) ran() bool { return c.AfterExecution || c.late }

// triggers is how many triggers the platform gets, of which no two can run.
func (c triggerCase) triggers() int {
	if c.want == rejected || c.want == unknown && c.ran() {
		return 1
	}
	return 2
}

func (c triggerCase) executions() int {
	if c.ran() || c.want == renewed || c.want == unknown {
		return 1
	}
	return 0
}

// triggerRun is a run whose plan, which no other has, fails its trigger in one way.
type triggerRun struct {
	triggerCase
	client.WorkflowRun
	plan string
	// byHand: no callback comes, and an operator says which instance it is and how it ended.
	byHand bool
}

func TestTriggerFaultsInAnswersNeverRunAPlanTwice(t *testing.T) {
	t.Parallel()
	failTriggers(t, answerCases(), "DPA_HTTP_TIMEOUT=10s")
}

func TestTriggerFaultsByTimeoutNeverRunAPlanTwice(t *testing.T) {
	t.Parallel()
	failTriggers(t, timeoutCases(), "DPA_HTTP_TIMEOUT=5s") // for calls that are well too
}

// failTriggers runs every case many times at once, settles what is unknown, and compares what was
// executed with what should have been. Instances call back only when the test says so.
func failTriggers(t *testing.T, cases []triggerCase, env ...string) {
	begun := time.Now()
	runs := triggerRuns(cases)
	s := newStack(t, silentPlans(planIDs(runs)...), env...)
	for _, r := range runs {
		f := r.Fault
		f.Endpoint, f.PlanID = "P5", r.plan
		s.sim.Inject(f)
	}
	each(t, runs, func(r *triggerRun) (err error) {
		r.WorkflowRun, err = s.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: s.queue + "-" + r.plan, TaskQueue: s.queue},
			"RunPlan", workflows.PlanInput{PlanID: r.plan, Params: hostOf(r.plan)})
		return err
	})
	doubts, executed := 0, 0
	backlog := patience + time.Duration(len(runs))*100*time.Millisecond
	for _, r := range runs {
		executed += r.executions()
		if r.want == unknown {
			doubts++
			require.Eventually(t, func() bool { return s.state(r).Phase == workflows.PhaseUnknown }, backlog, 100*time.Millisecond, r.plan)
		}
	}
	require.GreaterOrEqual(t, s.counter(s.worker, "dpaflow_runs_unknown", `kind="plan"`), doubts)

	each(t, runs, func(r *triggerRun) error { return s.decide(r) })
	_, err := s.sim.WaitExecutions(wait.Context(t), executed)
	require.NoError(t, err)
	instances := s.instances()
	each(t, runs, func(r *triggerRun) error {
		if r.executions() == 0 || r.byHand {
			return nil
		}
		if r.want == rejected || r.want == denied { // an end that comes before the refusal counts
			_ = s.await(r, nil)
		}
		return s.untilTaken(instances[r.plan], platformtest.Success)
	})
	each(t, runs, func(r *triggerRun) error { return s.checkEnd(r, instances[r.plan]) })

	executions, triggers := map[string]int{}, map[string]int{}
	for _, e := range s.sim.Executions() {
		executions[e.PlanID]++
	}
	for _, request := range s.sim.Requests() {
		if _, plan, found := strings.Cut(request.Path, "opExecutePlanByApi/"); found {
			require.Equal(t, http.MethodPost, request.Method)
			triggers[plan]++
		}
	}
	for _, r := range runs {
		require.Equal(t, r.executions(), executions[r.plan], "executions of %s", r.plan)
		require.Equal(t, r.triggers(), triggers[r.plan], "triggers of %s", r.plan)
	}
	t.Logf("%d ways to fail, %d runs, %d of them in doubt, %d executions, %s",
		len(cases), len(runs), doubts, executed, time.Since(begun).Round(time.Second))
}

func triggerRuns(cases []triggerCase) (runs []*triggerRun) {
	for _, c := range cases {
		for i := range sized(100) {
			runs = append(runs, &triggerRun{
				triggerCase: c, plan: fmt.Sprintf("%s-%d", c.name, i), byHand: c.want == unknown && c.AfterExecution && i%2 == 1,
			})
		}
	}
	return runs
}

func planIDs(runs []*triggerRun) (ids []string) {
	for _, r := range runs {
		ids = append(ids, r.plan)
	}
	return ids
}

// decide is what an operator does who has looked at the platform.
func (s *stack) decide(r *triggerRun) error {
	switch {
	case r.want != unknown:
		return nil
	case r.byHand:
		if err := s.update(r, "resolveTrigger", workflows.ResolveTrigger{Action: workflows.ActionAdopt, InstanceID: s.instances()[r.plan]}); err != nil {
			return err
		}
		return s.update(r, "resolveRun", workflows.ResolveRun{Status: workflows.StatusSuccess})
	case !r.ran():
		return s.retrigger(r)
	}
	return nil // its callback settles it
}

// checkEnd compares a run's end with what its case expects.
func (s *stack) checkEnd(r *triggerRun, instance string) error {
	failures := map[ending]string{rejected: activities.ErrorTriggerRejected, denied: activities.ErrorPlatformAuth}
	var result workflows.PlanResult
	err := s.await(r, &result)
	if want := failures[r.want]; want != "" {
		var failed *temporal.ApplicationError
		if !errors.As(err, &failed) || failed.Type() != want {
			return fmt.Errorf("%s: %w; wanted %s", r.plan, err, want)
		}
		return nil
	}
	observed := workflows.ObservedByCallback
	if r.byHand {
		observed = workflows.ObservedByOperator
	}
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", r.plan, err)
	case result.Status != workflows.StatusSuccess || result.ObservedBy != observed || result.InstanceID != instance:
		return fmt.Errorf("%s ended as %+v; wanted instance %s, observed by %s", r.plan, result, instance, observed)
	case result.Outputs[0].Nodes[0].Result != r.plan:
		return fmt.Errorf("%s has the outputs of another plan: %+v", r.plan, result.Outputs)
	}
	return nil
}
