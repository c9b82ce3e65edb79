package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// The search attributes that runs are found by, where the namespace has them.
var (
	AttributePlanID     = temporal.NewSearchAttributeKeyKeyword("DpaPlanId")
	AttributeModelID    = temporal.NewSearchAttributeKeyKeyword("DpaModelId")
	AttributeInstanceID = temporal.NewSearchAttributeKeyKeyword("DpaInstanceId")
	AttributeStatus     = temporal.NewSearchAttributeKeyKeyword("DpaStatus")
)

type attribute = temporal.SearchAttributeUpdate

// index makes the run findable by its plan, instance and phase. It costs one event, hence it is done
// when the instance is known, and before only for a trigger in doubt.
func (e *execution) index(ctx workflow.Context) {
	if !e.indexed {
		return
	}
	updates := append(e.job.attributes(), AttributeStatus.ValueSet(string(e.status.Phase)))
	if e.status.InstanceID != "" {
		updates = append(updates, AttributeInstanceID.ValueSet(e.status.InstanceID))
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, updates...); err != nil {
		workflow.GetLogger(ctx).Warn("search attributes were not set", "error", err)
	}
}

// Attributes are all search attributes that dpaflow sets, each of type Keyword.
func Attributes() []temporal.SearchAttributeKeyKeyword {
	return []temporal.SearchAttributeKeyKeyword{AttributePlanID, AttributeModelID, AttributeInstanceID, AttributeStatus}
}
