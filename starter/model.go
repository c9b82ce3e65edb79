package main

import (
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/internal/report"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

// modelFlags is what only a model's run takes.
type modelFlags struct {
	executePath string
	sync        bool
	syncTimeout duration
	designated  bool
	onBusy      choice
}

// model is the kind of run that runs a model of the platform.
func (f *runFlags) model() kind {
	m := modelFlags{
		syncTimeout: duration{least: time.Second},
		onBusy:      choice{string(runbook.WaitOnBusy), []string{string(runbook.WaitOnBusy), string(runbook.FailOnBusy)}},
	}
	flags := pflag.NewFlagSet("model", pflag.ContinueOnError)
	flags.StringArrayVar(&f.params, "param", nil, "an input, as `NAME=value`; see the command inputs --model")
	flags.StringArrayVar(&f.secrets, "secret", nil, "an input whose value the worker reads from its secrets folder, as `NAME=secret`")
	flags.StringVar(&m.executePath, "execute-path", "", "path of the model's execution, as its card on the platform shows it (default: the worker's)")
	flags.BoolVar(&m.sync, "sync", false, "have the platform wait for the end before it answers")
	flags.Var(&m.syncTimeout, "sync-timeout", "how long the platform waits, with --sync (default 30s)")
	flags.BoolVar(&m.designated, "designated-outputs-only", false, "leave out the outputs of nodes that the model does not designate")
	flags.Var(&m.onBusy, "on-busy", "when the model is busy with another run: wait or fail")
	f.policies(flags)
	return kind{
		name:     "model",
		argument: "ID",
		example:  "md1606743910508 --param DPA_MODEL_WORKDIR=/opt",
		flags:    flags,
		job: func(id string) (job, error) {
			params := activities.Params{}
			err := eachParam(f.params, f.secrets, "NAME=value", func(name string, value runbook.Param) error {
				return set(params, name, value)
			})
			in := workflows.ModelInput{
				ModelID: id, Params: params, Policy: f.policy(), ExecutePath: m.executePath,
				Sync: m.sync, SyncTimeout: runbook.Duration(m.syncTimeout.value),
				DesignatedOutputsOnly: m.designated, OnBusy: runbook.OnBusy(m.onBusy.value),
			}
			return job{name: "model-" + id, summary: "model " + id, workflow: "RunModel", input: in}, err
		},
	}
}

func (a *app) models() *cobra.Command {
	return &cobra.Command{
		Use:   "models",
		Short: "List the models that the platform lets you run",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.platform()
			if err != nil {
				return err
			}
			models, err := client.Models(cmd.Context())
			if err != nil {
				return err
			}
			return a.print(nonNil(models), func(t table.Writer) {
				t.AppendHeader(table.Row{"Model", "Name", "Status", "Steps", "Updated"})
				for _, m := range models {
					t.AppendRow(table.Row{m.ID, m.Name, m.Status, m.StepNums, report.At(&m.UpdateTime)})
				}
			})
		},
	}
}
