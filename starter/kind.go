package main

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

// kind is one kind of run, such as a plan: run starts it now, and schedule at its times.
type kind struct {
	name     string // as in "run plan"
	argument string // what it is given, for the help
	example  string // arguments and flags
	flags    *pflag.FlagSet
	job      func(argument string) (job, error) // from its argument and its flags, or what is wrong with them
}

// job is a workflow to start.
type job struct {
	name     string // begins the workflow's id, such as plan-acf42dd3
	summary  string // for people
	workflow string // its type
	input    any
}

// kinds are all kinds of runs. They share what the flags of the same name say.
func (a *app) kinds() []kind {
	f := &runFlags{
		timeout:   duration{least: time.Second},
		pollAfter: duration{least: time.Second},
		onUnknown: choice{string(runbook.WaitOnUnknown), []string{string(runbook.WaitOnUnknown), string(runbook.FailOnUnknown)}},
	}
	return []kind{f.plan(), f.model(), f.runbook(a.in)}
}

// runFlags is what the flags of a run say; each kind of run has those that it needs.
type runFlags struct {
	params, secrets    []string
	timeout, pollAfter duration
	onUnknown          choice
	preflight          bool
	trustPlanStatus    bool
}

// policies adds the flags of the policies that plans and models share.
func (f *runFlags) policies(flags *pflag.FlagSet) {
	flags.Var(&f.timeout, "timeout", "how long the run may take (default 24h)")
	flags.Var(&f.pollAfter, "poll-after", "how long to go without news before asking the platform (default 10m)")
	flags.Var(&f.onUnknown, "on-unknown", "when nobody can know whether the trigger ran: wait or fail")
	flags.BoolVar(&f.preflight, "preflight", true, "compare the parameters with the declared inputs first")
}

func (f *runFlags) policy() workflows.Policy {
	return workflows.Policy{
		Timeout:   runbook.Duration(f.timeout.value),
		PollAfter: runbook.Duration(f.pollAfter.value),
		OnUnknown: runbook.OnUnknown(f.onUnknown.value),
		Preflight: &f.preflight,
	}
}
