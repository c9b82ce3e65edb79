// Package switchover is one runbook, a switchover to the standby site, in the three forms that a runbook
// can be written in: YAML for people, JSON for the Temporal UI, and Go.
package switchover

import (
	_ "embed"
	"time"

	"github.com/dpaflow/dpaflow/runbook"
)

// YAML is the runbook as people write it.
//
//go:embed runbook.yaml
var YAML []byte

// JSON is the input of the workflow type Runbook that runs it: the document, and how to run it.
//
//go:embed runbook.json
var JSON []byte

// Runbook builds the same document.
func Runbook() *runbook.Document {
	return runbook.New("dr-switchover",
		runbook.Vars{"site": "shanghai", "hosts": []string{"web1", "web2", "web3"}},
		runbook.Option(func(d *runbook.Document) {
			d.Description = "Move the core system to the standby site"
			d.OnFailure = runbook.RollbackOnFailure
			d.Target = runbook.Duration(5 * time.Minute)
		}),

		runbook.Plan("check", "acf42de1", named("备站检查"),
			runbook.After(), // nothing: it starts at once, beside freeze
			input("md1606743911001", "SITE", "${{ vars.site }}")),
		runbook.Plan("freeze", "bcf42de2", named("冻结变更"),
			runbook.After(),
			runbook.Undo(runbook.Job{Plan: "ccf42de3", Params: ticket()})),

		runbook.Approve("confirm", runbook.Approval{
			Message:   "Switch to ${{ vars.site }}? Its replication lag is ${{ steps.check.outputs['复制延迟'] }} s",
			Approvers: []string{"zhang", "li", "wang"},
			Quorum:    2,
			Timeout:   runbook.Duration(time.Hour),
			OnTimeout: runbook.RejectOnTimeout,
		}, named("确认切换"), runbook.After("check", "freeze")),

		runbook.Plan("database", "bcf42dd4", named("主备切换"),
			runbook.Undo(runbook.Job{Plan: "ecf42de4"}),
			func(s *runbook.Step) { s.Timeout = runbook.Duration(30 * time.Minute) }),
		runbook.Plan("traffic", "fcf42de5", named("流量切换"),
			input("md1606743911005", "DATABASE", "${{ steps.database.outputs['新主库'] }}"),
			runbook.Undo(runbook.Job{Plan: "bcf42de7"}),
			func(s *runbook.Step) { s.Retries.Max = 1 }),

		runbook.Plan("page", "dcf42de8", named("值班通知"), // a handler
			runbook.Needs(runbook.Need{Step: "traffic", On: runbook.OnFailed}),
			input("md1606743911008", "REASON", "the traffic cannot be switched to ${{ vars.site }}")),

		runbook.Plan("verify", "ccf42dd5", named("切换后验证"), runbook.After("traffic")),
		runbook.Plan("probe", "acf42de6", named("主机探测"),
			runbook.After("traffic"),
			runbook.Each("vars.hosts"),
			runbook.IfFailed(runbook.ContinueOnFailure),
			input("md1606743911006", "HOST", "${{ item }}"),
			func(s *runbook.Step) { s.MaxFailures = runbook.MaxFailures{Count: 1} }),

		runbook.Plan("unfreeze", "ccf42de3", named("解除冻结"),
			runbook.Needs(runbook.Need{Step: "verify"}, runbook.Need{Step: "probe", On: runbook.OnEnd}),
			runbook.IfFailed(runbook.PauseOnFailure),
			runbook.With(ticket())),
	)
}

// ticket names the freeze that is to be lifted.
func ticket() runbook.Params {
	return inputs("md1606743911003", "TICKET", "${{ steps.freeze.outputs['冻结单号'] }}")
}

// named and input are options of one's own, made of a step's fields.
func named(name string) runbook.StepOption { return func(s *runbook.Step) { s.Name = name } }

func input(modelID, name, value string) runbook.StepOption {
	return runbook.With(inputs(modelID, name, value))
}

func inputs(modelID, name, value string) runbook.Params {
	return runbook.Params{modelID: runbook.Inputs(runbook.Params{name: runbook.Text(value)})}
}
