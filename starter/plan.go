package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/workflows"
)

// plan is the kind of run that runs a plan of the platform.
func (f *runFlags) plan() kind {
	flags := pflag.NewFlagSet("plan", pflag.ContinueOnError)
	flags.StringArrayVar(&f.params, "param", nil, "an input, as `model.NAME=value`; see the command inputs")
	flags.StringArrayVar(&f.secrets, "secret", nil, "an input whose value the worker reads from its secrets folder, as `model.NAME=secret`")
	f.policies(flags)
	return kind{
		name:     "plan",
		argument: "ID",
		example:  "acf42dd3 --param md1606743910508.DPA_MODEL_WORKDIR=/opt",
		flags:    flags,
		job: func(id string) (job, error) {
			params, err := planParams(f.params, f.secrets)
			in := workflows.PlanInput{PlanID: id, Params: params, Policy: f.policy()}
			return job{name: "plan-" + id, summary: "plan " + id, workflow: "RunPlan", input: in}, err
		},
	}
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
		case flag == "secret" && val == "":
			faults = append(faults, fmt.Errorf("--secret %s wants the name of a secret", path))
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
