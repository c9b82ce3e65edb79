// Package ownworkflow is a switchover to the standby site as a workflow of one's own: plain Go, where
// every plan is one call. It shows plans one after another, plans side by side, and what was done being
// undone when it goes wrong.
package ownworkflow

import (
	"cmp"
	"fmt"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

// ErrorNotUndone is the type of the failure where something could not be undone: somebody has to look.
const ErrorNotUndone = "NotUndone"

// Input says where to, and what to look at then.
type Input struct {
	Site  string   `json:"site"`
	Hosts []string `json:"hosts"`
}

// Result is what has come of it.
type Result struct {
	// Database is the address of the new primary.
	Database string `json:"database"`
	// Probed are the hosts that were looked at, in the order of the input.
	Probed []string `json:"probed"`
}

// Switchover is the workflow type. A plan that fails, and a cancellation, undo what had succeeded, the
// last first. What the platform was running then it goes on with: it cannot cancel an instance, and the
// failure's details name it.
func Switchover(ctx workflow.Context, in Input) (result Result, err error) {
	var undo undoing
	defer func() {
		if err != nil {
			err = undo.run(ctx, err)
		}
	}()

	// Side by side. Both are waited for: one that still runs could not be undone.
	check := start(ctx, plan("acf42de1", "md1606743911001", "SITE", in.Site))
	freeze := start(ctx, plan("bcf42de2"))
	checked, frozen := workflows.PlanResult{}, workflows.PlanResult{}
	checkErr, freezeErr := check.Get(ctx, &checked), freeze.Get(ctx, &frozen)
	ticket := output(frozen, "冻结单号")
	if freezeErr == nil {
		undo.with(plan("ccf42de3", "md1606743911003", "TICKET", ticket))
	}
	if err := cmp.Or(checkErr, freezeErr); err != nil {
		return result, err
	}
	if lag := output(checked, "复制延迟"); lag != "0" {
		return result, temporal.NewNonRetryableApplicationError("the standby lags behind by "+lag+" s", "Lagging", nil)
	}

	// One after another: the output of one is an input of the next.
	switched, err := workflows.ExecutePlan(ctx, plan("bcf42dd4"))
	if err != nil {
		return result, err
	}
	undo.with(plan("ecf42de4"))
	result.Database = output(switched, "新主库")
	if _, err := workflows.ExecutePlan(ctx, plan("fcf42de5", "md1606743911005", "DATABASE", result.Database)); err != nil {
		return result, err
	}
	undo.with(plan("bcf42de7"))

	// As many side by side as there are hosts.
	probes := make([]workflow.Future, len(in.Hosts))
	for i, host := range in.Hosts {
		probes[i] = start(ctx, plan("acf42de6", "md1606743911006", "HOST", host))
	}
	errs := make([]error, len(probes))
	for i, probe := range probes {
		var probed workflows.PlanResult
		errs[i] = probe.Get(ctx, &probed)
		result.Probed = append(result.Probed, output(probed, "探测主机"))
	}
	if err := cmp.Or(errs...); err != nil {
		return result, err
	}

	// The switchover has succeeded: a freeze that cannot be lifted is no reason to undo it.
	undo = nil
	_, err = workflows.ExecutePlan(ctx, plan("ccf42de3", "md1606743911003", "TICKET", ticket))
	return result, err
}

// undoing is what undoes that which has succeeded, in the order in which it did.
type undoing []workflows.PlanInput

func (u *undoing) with(in workflows.PlanInput) { *u = append(*u, in) }

// run undoes the last first, and stops where something cannot be undone: what was before it may depend on
// it. It returns why all this, or what could not be undone.
func (u undoing) run(ctx workflow.Context, reason error) error {
	ctx, _ = workflow.NewDisconnectedContext(ctx) // a cancelled workflow undoes too
	for _, in := range slices.Backward(u) {
		if _, err := workflows.ExecutePlan(ctx, in); err != nil {
			return temporal.NewNonRetryableApplicationError(
				fmt.Sprintf("plan %s did not undo its part (%v), after: %v", in.PlanID, err, reason), ErrorNotUndone, err)
		}
	}
	return reason
}

// start runs a plan side by side with what follows.
func start(ctx workflow.Context, in workflows.PlanInput) workflow.Future {
	future, end := workflow.NewFuture(ctx)
	workflow.Go(ctx, func(ctx workflow.Context) { end.Set(workflows.ExecutePlan(ctx, in)) })
	return future
}

// plan is a plan, and if it has one its input: model, name and value.
func plan(id string, input ...string) workflows.PlanInput {
	in := workflows.PlanInput{PlanID: id}
	if len(input) == 3 {
		in.Params = activities.PlanParams{input[0]: {input[1]: runbook.Text(input[2])}}
	}
	return in
}

// output is what a node of that name gave out, empty if there is none.
func output(result workflows.PlanResult, name string) string {
	for _, model := range result.Outputs {
		for _, node := range model.Nodes {
			if node.Name == name {
				return node.Result
			}
		}
	}
	return ""
}
