package console

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/tool"
	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/platform/platformtest"
)

const switchover = `name: dr-switchover
description: Move the core system to the standby site
target: 30m
vars:
  site: {type: string, enum: [beijing, shanghai], description: where to, required: true}
steps:
  - {id: freeze, name: 冻结变更, plan: freeze, rollback: {plan: thaw}}
  - {id: confirm, approval: {message: "Switch to ${{ vars.site }}?", approvers: [zhang, li], quorum: 2}}
  - {id: lag, name: 复制延迟, ask: {message: "Replication lag?", who: [zhang, li], fields: {lag: {type: number, description: in seconds}, ticket: {type: string, pattern: "FZ-[0-9]+"}}}}
  - {id: switch, name: 主备切换, plan: switch}
  - {id: verify, name: 切换后验证, plan: verify}
`

func TestASwitchoverIsRunFromTheConsoleByPeopleWhoSignIn(t *testing.T) {
	chromium := tool.Needed(t, "chromium")
	t.Parallel()
	s := begin(t, plans("freeze", "thaw", "switch", "verify"), true, map[string]string{"switchover.yaml": switchover})
	s.sim.SetScript("switch", ends(platformtest.Fail, "no"))
	zhang, li := browse(t, chromium, s.url, "en"), browse(t, chromium, s.url, "zh-CN")
	li.withoutScripts()
	zhang.signsIn("zhang")

	// A dry run first.
	zhang.presses("Start")
	zhang.sees("switchover.yaml")
	zhang.sees("预案 freeze")
	zhang.picture("console-start")
	zhang.fits()
	zhang.presses("switchover.yaml")
	zhang.presses("Dry run")
	zhang.sees("vars.site")
	zhang.types("f-site", "shanghai")
	zhang.presses("Dry run")
	zhang.sees("The dry run found nothing wrong")
	require.Empty(t, s.sim.Executions())
	zhang.picture("console-form")
	zhang.fits()
	zhang.presses("Start it now")
	zhang.sees("Switch to shanghai?")
	zhang.picture("console-run")
	zhang.fits()
	id := zhang.run()

	// Two people approve; nobody does so twice.
	zhang.presses("approve")
	zhang.sees("The approval counts for you")
	zhang.types("comment", "seen on the wall")
	zhang.picture("console-confirm")
	zhang.fits()
	zhang.presses("Yes: approve")
	zhang.sees("1 of 2")
	zhang.presses("approve")
	zhang.presses("Yes: approve")
	zhang.sees("has approved step confirm already")
	zhang.picture("console-refused")
	zhang.opens("/run?id=" + url.QueryEscape(id))
	li.signsIn("li")
	li.sees("待审批")
	li.picture("console-runs")
	li.fits()
	s.restarts() // which nobody notices
	li.opens("/run?id=" + url.QueryEscape(id))
	li.presses("批准")
	li.presses("确认: 批准")

	// A task is done by hand; what is typed is checked.
	zhang.sees("Replication lag?")
	zhang.presses("answer")
	zhang.types("f-lag", "much")
	zhang.types("f-ticket", "FZ-1")
	zhang.presses("Yes: answer")
	zhang.sees("must be a number")
	zhang.types("f-lag", "1.5")
	zhang.picture("console-answer")
	zhang.presses("Yes: answer")

	// The step fails: the page of zhang, which nobody reloads, says so. It is retried.
	zhang.sees("step switch failed")
	zhang.picture("console-failed")
	s.sim.SetScript("switch", ends(platformtest.Success, "done"))
	zhang.presses("retry")
	zhang.presses("Yes: retry")
	require.NoError(t, s.GetWorkflow(wait.Context(t), id, "").Get(wait.Context(t), nil))
	zhang.sees("Completed")

	// Everybody is on record as who signed in.
	zhang.presses("Report")
	for _, said := range []string{"sub-li", "sub-zhang", "seen on the wall", "Timeline", "attempt 1"} {
		zhang.sees(said)
	}
	zhang.picture("console-report")
	zhang.fits()

	zhang.opens("/run/step?id=" + url.QueryEscape(id) + "&step=switch")
	zhang.sees("switch ended FAIL")
	zhang.picture("console-step")
	zhang.fits()

	// A plan by itself.
	zhang.opens("/start/form?kind=plan&name=freeze")
	zhang.presses("Dry run")
	zhang.sees("The dry run found nothing wrong")
	zhang.presses("Start it now")
	zhang.sees("SUCCESS")
	zhang.picture("console-plan")
	zhang.fits()

	// Another run is rolled back.
	zhang.opens("/start/form?kind=runbook&name=switchover.yaml")
	zhang.types("f-site", "beijing")
	zhang.presses("Dry run")
	zhang.presses("Start it now")
	zhang.sees("Switch to beijing?")
	second := zhang.run()
	zhang.opens("/run/act?id=" + url.QueryEscape(second) + "&action=rollback")
	zhang.sees("everything that succeeded is undone")
	zhang.presses("Yes: rollback")
	require.Error(t, s.GetWorkflow(wait.Context(t), second, "").Get(wait.Context(t), nil))
	zhang.sees("RunbookFailed")
	undone := 0
	for _, execution := range s.sim.Executions() {
		if execution.PlanID == "thaw" {
			undone++
		}
	}
	require.Equal(t, 1, undone)

	// Who may only look is shown no buttons, and cannot act without them.
	guest := browse(t, chromium, s.url, "en")
	guest.signsIn("guest")
	guest.sees("may look only")
	guest.opens("/run?id=" + url.QueryEscape(id))
	guest.sees("Completed")
	guest.opens("/run/act?id=" + url.QueryEscape(id) + "&action=abort")
	guest.sees("may look, and not act")
	guest.opens("/")
	guest.presses("Sign out")
	guest.sees("You have signed out")
}

// run is the id of the run that the page shows.
func (b *browser) run() string {
	b.t.Helper()
	address, err := url.Parse(b.at())
	require.NoError(b.t, err)
	return address.Query().Get("id")
}
