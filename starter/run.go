package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/workflows"
)

// launch is what every kind of run is started with.
type launch struct {
	workflowID string
	detach     bool
	timeout    time.Duration
	pollAfter  time.Duration
	onUnknown  string
	preflight  bool
}

func (l *launch) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&l.workflowID, "workflow-id", "", "id of the run in Temporal; made up if left out")
	flags.BoolVar(&l.detach, "detach", false, "start the run and do not wait for its end")
	flags.DurationVar(&l.timeout, "timeout", 0, "how long the run may take (default 24h)")
	flags.DurationVar(&l.pollAfter, "poll-after", 0, "how long to go without news before asking the platform (default 10m)")
	flags.StringVar(&l.onUnknown, "on-unknown", "", "when nobody can know whether the trigger ran: wait or fail (default wait)")
	flags.BoolVar(&l.preflight, "preflight", true, "compare the parameters with the declared inputs first")
}

func (l *launch) policy() workflows.Policy {
	return workflows.Policy{
		Timeout:   workflows.Duration(l.timeout),
		PollAfter: workflows.Duration(l.pollAfter),
		OnUnknown: workflows.OnUnknown(l.onUnknown),
		Preflight: &l.preflight,
	}
}

func (a *app) runPlan() *cobra.Command {
	var l launch
	var params, secrets []string
	cmd := &cobra.Command{
		Use:     "plan ID [--param model.NAME=value …]",
		Short:   "Run a plan",
		Example: "  starter run plan acf42dd3 --param md1606743910508.DPA_MODEL_WORKDIR=/opt",
		Args:    exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			values, err := planParams(params, secrets)
			if err != nil {
				return exit{exitUsage, err}
			}
			in := workflows.PlanInput{PlanID: args[0], Params: values, Policy: l.policy()}
			return a.start(cmd, l, "plan", args[0], "RunPlan", in)
		},
	}
	l.flags(cmd)
	cmd.Flags().StringArrayVar(&params, "param", nil, "an input, as `model.NAME=value`; see the command inputs")
	cmd.Flags().StringArrayVar(&secrets, "secret", nil, "an input whose value the worker reads from its secrets folder, as `model.NAME=secret`")
	return cmd
}

// planParams reads model.NAME=value texts and reports every one that is wrong.
func planParams(params, secrets []string) (activities.PlanParams, error) {
	values := activities.PlanParams{}
	var faults []error
	add := func(flag, text string, value func(string) activities.Param) {
		path, val, found := strings.Cut(text, "=")
		model, name, dotted := strings.Cut(path, ".")
		switch {
		case !found || !dotted || model == "" || name == "":
			faults = append(faults, fmt.Errorf("--%s wants model.NAME=value, got %q", flag, path))
			return
		case values[model] == nil:
			values[model] = activities.Params{}
		}
		if _, twice := values[model][name]; twice {
			faults = append(faults, fmt.Errorf("%s is given twice", path))
		}
		values[model][name] = value(val)
	}
	for _, text := range params {
		add("param", text, activities.Text)
	}
	for _, text := range secrets {
		add("secret", text, activities.SecretRef)
	}
	return values, errors.Join(faults...)
}

// started is what -o json shows of a run that is not waited for.
type started struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
}

// start starts a workflow and, unless detached, follows it to its end.
func (a *app) start(cmd *cobra.Command, l launch, kind, id, workflow string, in any) error {
	ctx := cmd.Context()
	temporal, cfg, err := a.temporal(ctx)
	if err != nil {
		return err
	}
	defer temporal.Close()
	if l.workflowID == "" {
		l.workflowID = fmt.Sprintf("%s-%s-%s", kind, id, strings.ToLower(rand.Text()[:10]))
	}
	run, err := temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                                       l.workflowID,
		TaskQueue:                                cfg.TaskQueue,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            kind + " " + id,
	}, workflow, in)
	var running *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &running) {
		return fmt.Errorf("a run with the id %q is under way already; watch it with: starter watch %s", l.workflowID, l.workflowID)
	}
	if err != nil {
		return fmt.Errorf("start %s %s: %w", kind, id, err)
	}
	if l.detach {
		now := started{WorkflowID: run.GetID(), RunID: run.GetRunID()}
		return a.print(now, func(t table.Writer) {
			t.AppendRow(table.Row{"Workflow", now.WorkflowID})
			t.AppendRow(table.Row{"Run", now.RunID})
		})
	}
	return a.follow(ctx, temporal, run)
}
