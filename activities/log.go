package activities

import "log/slog"

// What the inputs log as: whom they are about, and never what is given to it. A worker can put that on every line
// that is written for the activity.

// LogValue shows the plan, and the step of a runbook.
func (in PlanTrigger) LogValue() slog.Value { return about("planId", in.PlanID, "step", in.Step) }

// LogValue shows the model, and the step of a runbook.
func (in ModelTrigger) LogValue() slog.Value { return about("modelId", in.ModelID, "step", in.Step) }

// LogValue shows the plan and the instance.
func (in PlanInstance) LogValue() slog.Value {
	return about("planId", in.PlanID, "instanceId", in.InstanceID)
}

// LogValue shows the model, the instance and the step.
func (in ModelInstance) LogValue() slog.Value {
	return about("modelId", in.ModelID, "instanceId", in.InstanceID, "step", in.Step)
}

// LogValue shows the plan.
func (in PlanQuestion) LogValue() slog.Value { return about("planId", in.PlanID) }

// LogValue shows the instance.
func (in Instance) LogValue() slog.Value { return about("kind", in.Kind, "instanceId", in.InstanceID) }

// about is a group of the names that have a value.
func about(pairs ...string) slog.Value {
	var attrs []slog.Attr
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			attrs = append(attrs, slog.String(pairs[i], pairs[i+1]))
		}
	}
	return slog.GroupValue(attrs...)
}
