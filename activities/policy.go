package activities

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/dpaflow/dpaflow/runbook"
)

// Policy says what this worker may trigger, as of now.
type Policy interface {
	// Check returns what of a trigger is not allowed, each with its place in the run's input.
	Check(PolicyTrigger) runbook.Faults
	// Frozen is the reason why no trigger may be sent for now; it is empty where they may.
	Frozen() string
}

// PolicyTrigger is what a worker is about to have the platform run.
type PolicyTrigger struct {
	PlanID, ModelID string // the id of what runs; the other is empty
	ExecutePath     string // that the run itself gives for its model; empty: none, and the worker's own is used
	Secrets         []SecretUse
}

// SecretUse is a reference to a secret, and where in the run's input it stands.
type SecretUse struct{ Name, Path string }

// String names what runs.
func (t PolicyTrigger) String() string {
	if t.PlanID != "" {
		return fmt.Sprintf("plan %q", t.PlanID)
	}
	return fmt.Sprintf("model %q", t.ModelID)
}

// secretsOf are the references in a model's inputs, which stand at path.
func secretsOf(path string, params Params) (used []SecretUse) {
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if ref := params[name].SecretRef; ref != "" {
			used = append(used, SecretUse{Name: ref, Path: path + "." + name})
		}
	}
	return used
}

func planPolicy(planID string, params PlanParams) PolicyTrigger {
	t := PolicyTrigger{PlanID: planID}
	for _, model := range slices.Sorted(maps.Keys(params)) {
		t.Secrets = append(t.Secrets, secretsOf("params."+model, params[model])...)
	}
	return t
}

func modelPolicy(modelID, executePath string, params Params) PolicyTrigger {
	return PolicyTrigger{ModelID: modelID, ExecutePath: executePath, Secrets: secretsOf("params", params)}
}

// errFrozen: the policy holds triggers for now.
var errFrozen = errors.New("the policy of this worker is frozen")

// allowed returns Faults where the policy does not allow a trigger.
func (a *Activities) allowed(t PolicyTrigger) error {
	if a.policy == nil {
		return nil
	}
	return a.policy.Check(t).Err()
}

// thawed returns errFrozen where the policy holds a trigger.
func (a *Activities) thawed(t Trigger) error {
	if a.policy == nil || t.Exempt {
		return nil
	}
	if reason := a.policy.Frozen(); reason != "" {
		return fmt.Errorf("%w: %s", errFrozen, reason)
	}
	return nil
}
