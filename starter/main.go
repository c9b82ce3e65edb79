// Command starter is dpaflow's command line: it lists what the platform has, starts runs, shows them
// live, and lets operators act on them.
//
// Its exit status is 0 for success, 1 for an error, 2 for a wrong call, 3 for a run that ended in
// failure, and 4 for a run whose outcome is in doubt.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/converter"

	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/connect"
	"github.com/dpaflow/dpaflow/internal/interrupt"
	"github.com/dpaflow/dpaflow/internal/report"
	"github.com/dpaflow/dpaflow/internal/telemetry"
	"github.com/dpaflow/dpaflow/internal/version"
	"github.com/dpaflow/dpaflow/platform"
)

const (
	exitError   = 1
	exitUsage   = 2
	exitFailed  = 3
	exitInDoubt = 4
)

func main() {
	ctx, stop := interrupt.Context()
	code := execute(ctx, &app{lookup: os.LookupEnv, in: os.Stdin, out: os.Stdout, log: os.Stderr}, os.Args[1:])
	stop()
	os.Exit(code)
}

// app is what the commands share.
type app struct {
	lookup config.Lookup
	in     io.Reader // a file called "-"
	out    io.Writer // results
	log    io.Writer // progress and errors
	json   bool

	traces   *telemetry.Traces
	payloads converter.DataConverter // reads what Temporal gives as it is; there once connected
}

// exit is an error that decides the exit status.
type exit struct {
	code int
	err  error
}

func (e exit) Error() string { return e.err.Error() }
func (e exit) Unwrap() error { return e.err }

// execute runs one command and returns the exit status.
func execute(ctx context.Context, a *app, args []string) int {
	a.traces = telemetry.NewTraces(ctx, "starter", slog.New(slog.NewTextHandler(a.log, &slog.HandlerOptions{Level: slog.LevelWarn})))
	defer a.traces.Shutdown()
	root := a.root()
	if slices.Equal(args, []string{"-version"}) { // as the other programs have it
		args = []string{"--version"}
	}
	root.SetArgs(args)
	root.SetOut(a.out)
	root.SetErr(a.log)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(a.log, "starter:", err)
	var decided exit
	if errors.As(err, &decided) {
		return decided.code
	}
	return exitError
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "starter",
		Short:         "Run the platform's contingency plans through Temporal, watch them and act on them",
		Version:       version.Get().String(),
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRun: func(cmd *cobra.Command, _ []string) {
			a.json = cmd.Flag("output").Value.String() == "json"
		},
	}
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.PersistentFlags().VarP(newFormat("table"), "output", "o", "table for people, json for programs")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return exit{exitUsage, err} })
	root.AddCommand(a.plans(), a.models(), a.inputs(), a.run(), a.schedule(), a.runs(), a.status(), a.watch(), a.report(), a.outputs(),
		a.resolve(), a.runbook(), a.setup())
	root.AddCommand(a.answers()...)
	return root
}

// newFormat is the value of the flag -o: a form for people, or JSON.
func newFormat(people string) *choice {
	return &choice{value: people, words: []string{people, "json"}}
}

// group is a command that only has others below it.
func group(use, short string) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, RunE: func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return exit{exitUsage, fmt.Errorf("there is no command %q below %q", args[0], cmd.CommandPath())}
		}
		return cmd.Help()
	}}
}

// exactly refuses another number of arguments and names them.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return exit{exitUsage, fmt.Errorf("%s takes %d arguments %v, got %d; see --help", cmd.CommandPath(), len(names), names, len(args))}
		}
		return nil
	}
}

// temporal connects to Temporal; the caller closes the client.
func (a *app) temporal(ctx context.Context) (*connect.Client, config.Starter, error) {
	cfg, err := config.LoadStarter(a.lookup, false)
	if err != nil {
		return nil, cfg, exit{exitUsage, err}
	}
	client, err := connect.Dial(ctx, connect.Options{
		Logger: slog.New(slog.DiscardHandler), EncryptionKeys: cfg.EncryptionKeys, Interceptors: a.traces.Interceptors(),
		RPCTimeout: report.ReadTimeout,
	})
	if err == nil {
		a.payloads = client.Converter
	}
	return client, cfg, err
}

// platform makes a client of the platform.
func (a *app) platform() (*platform.Client, error) {
	cfg, err := config.LoadStarter(a.lookup, true)
	if err != nil {
		return nil, exit{exitUsage, err}
	}
	cfg.Platform.TracerProvider = a.traces.TracerProvider()
	return platform.New(cfg.Platform)
}
