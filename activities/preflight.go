package activities

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/platform"
	"github.com/dpaflow/dpaflow/runbook"
)

// preflightPlan checks the parameters against what the plan declares (P3): exactly those. The error
// is Faults where they differ, or where the platform does not describe the plan.
func (a *Activities) preflightPlan(ctx context.Context, in PlanTrigger) error {
	models, err := a.platform.PlanInputs(ctx, in.PlanID)
	if refused(err) {
		return runbook.Faults{{Path: "planId", Problem: fmt.Sprintf("the platform does not describe plan %q: %v", in.PlanID, err)}}
	}
	if err != nil {
		return err
	}
	return comparePlan(in.PlanID, models, in.Params)
}

// comparePlan reports the inputs of a plan's models that are missing or not declared.
func comparePlan(planID string, models []platform.ModelInputs, given PlanParams) error {
	var faults runbook.Faults
	declared := make(map[string]bool, len(models))
	for _, model := range models {
		declared[model.ModelID] = true
		faults.Add("params."+model.ModelID, compare(model.Inputs, given[model.ModelID]))
	}
	for _, id := range slices.Sorted(maps.Keys(given)) {
		if !declared[id] {
			faults.Add("params."+id, fmt.Errorf("plan %s has no such model", planID))
		}
	}
	return faults.Err()
}

// together joins what is wrong in several ways; an error of another kind, which may pass, comes first.
func together(errs ...error) error {
	var faults runbook.Faults
	for _, err := range errs {
		if err != nil && !errors.As(err, new(runbook.Faults)) {
			return err
		}
		faults.Add("", err)
	}
	return faults.Err()
}

// refused tells whether the platform itself said no to a read: it does not know what was asked for.
func refused(err error) bool {
	return err != nil && platform.OutcomeOf(err) == platform.Rejected && !platform.IsAuth(err)
}

// compare reports the inputs that are missing or not declared.
func compare(declared []platform.Input, given Params) error {
	var faults runbook.Faults
	names := make(map[string]bool, len(declared))
	for _, input := range declared {
		names[input.Name] = true
		if _, ok := given[input.Name]; !ok {
			faults.Add(input.Name, errors.New("this input is missing"))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !names[name] {
			faults.Add(name, errors.New("the platform declares no such input"))
		}
	}
	return faults.Err()
}

// resolvePlan puts the secrets' values in, and lists them. The error is runbook.Faults, and holds no value.
func (a *Activities) resolvePlan(params PlanParams) (resolved map[string]map[string]string, private []string, err error) {
	var faults runbook.Faults
	resolved = make(map[string]map[string]string, len(params))
	for _, model := range slices.Sorted(maps.Keys(params)) {
		values, secrets, err := a.resolve("params."+model, params[model])
		faults.Add("", err)
		resolved[model], private = values, append(private, secrets...)
	}
	return resolved, private, faults.Err()
}

// resolve does so for one model, whose inputs stand at path.
func (a *Activities) resolve(path string, params Params) (values map[string]string, private []string, err error) {
	var faults runbook.Faults
	values = make(map[string]string, len(params))
	for _, name := range slices.Sorted(maps.Keys(params)) {
		param := params[name]
		values[name] = param.Text
		if param.SecretRef == "" {
			continue
		}
		secret, err := a.secrets.Value(param.SecretRef)
		faults.Add(path+"."+name, err)
		values[name], private = secret, append(private, secret)
	}
	return values, private, faults.Err()
}

// InvalidInput returns the application error for faults: its message and its details name them all.
func InvalidInput(faults runbook.Faults) error {
	return temporal.NewNonRetryableApplicationError(
		"invalid input: "+faults.Error(), ErrorInvalidInput, nil, faults)
}
