package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

// plan is the kind of run that runs a plan of the platform.
func (f *runFlags) plan() kind {
	flags := pflag.NewFlagSet("plan", pflag.ContinueOnError)
	flags.StringArrayVar(&f.params, "param", nil, "an input, as `model.NAME=value`; see the command inputs")
	flags.StringArrayVar(&f.secrets, "secret", nil, "an input whose value the worker reads from its secrets folder, as `model.NAME=secret`")
	f.policies(flags)
	flags.BoolVar(&f.trustPlanStatus, "trust-plan-status", false, "let the status in the platform's list of plans, which is the plan's and not the instance's, end the run")
	return kind{
		name:     "plan",
		argument: "ID",
		example:  "acf42dd3 --param md1606743910508.DPA_MODEL_WORKDIR=/opt",
		flags:    flags,
		job: func(id string) (job, error) {
			params, err := planParams(f.params, f.secrets)
			in := workflows.PlanInput{PlanID: id, Params: params, Policy: f.policy(), TrustPlanStatus: f.trustPlanStatus}
			return job{name: "plan-" + id, summary: "plan " + id, workflow: "RunPlan", input: in}, err
		},
	}
}

// planParams reads model.NAME=value texts and reports every one that is wrong.
func planParams(params, secrets []string) (activities.PlanParams, error) {
	values := activities.PlanParams{}
	err := eachParam(params, secrets, "model.NAME=value", func(path string, value runbook.Param) error {
		model, name, dotted := strings.Cut(path, ".")
		if !dotted || model == "" {
			return errForm
		}
		if values[model] == nil {
			values[model] = activities.Params{}
		}
		return set(values[model], name, value)
	})
	return values, err
}

var (
	errForm  = errors.New("has another form")
	errTwice = errors.New("is given twice")
)

func set(values activities.Params, name string, value runbook.Param) error {
	if name == "" {
		return errForm
	}
	if _, twice := values[name]; twice {
		return errTwice
	}
	values[name] = value
	return nil
}

// eachParam reads the values of --param and --secret, which have that form, and reports every wrong one.
func eachParam(params, secrets []string, form string, set func(path string, value runbook.Param) error) error {
	var faults []error
	read := func(flag, text string, param func(string) runbook.Param) {
		path, value, found := strings.Cut(text, "=")
		err := errForm
		if found {
			err = set(path, param(value))
		}
		switch {
		case errors.Is(err, errForm):
			faults = append(faults, fmt.Errorf("--%s must be %s, got %q", flag, form, path))
		case err != nil:
			faults = append(faults, fmt.Errorf("%s %w", path, err))
		case flag == "secret" && value == "":
			faults = append(faults, fmt.Errorf("--secret %s must give the name of a secret", path))
		}
	}
	for _, text := range params {
		read("param", text, runbook.Text)
	}
	for _, text := range secrets {
		read("secret", text, runbook.SecretRef)
	}
	return errors.Join(faults...)
}
