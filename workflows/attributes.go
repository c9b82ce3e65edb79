package workflows

import (
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// The search attributes that runs are found by, where the namespace has them. Most are lists, since a
// runbook has to do with many plans and instances; a query such as DpaInstanceId = 'in10000001' finds
// whoever has that one among others.
var (
	AttributePlanID     = temporal.NewSearchAttributeKeyKeywordList("DpaPlanId")
	AttributeModelID    = temporal.NewSearchAttributeKeyKeywordList("DpaModelId")
	AttributeInstanceID = temporal.NewSearchAttributeKeyKeywordList("DpaInstanceId")
	AttributeRunbook    = temporal.NewSearchAttributeKeyKeyword("DpaRunbook")
	// AttributeStatus is the Phase of the run, or of the runbook's step that was triggered last.
	AttributeStatus = temporal.NewSearchAttributeKeyKeyword("DpaStatus")
)

// Attribute is a search attribute and its type, Keyword or KeywordList.
type Attribute struct {
	Name string
	Type enumspb.IndexedValueType
}

// Attributes are all search attributes that dpaflow sets. A namespace in an SQL database can have three
// lists.
func Attributes() (all []Attribute) {
	for _, key := range []temporal.SearchAttributeKey{
		AttributePlanID, AttributeModelID, AttributeInstanceID, AttributeRunbook, AttributeStatus,
	} {
		all = append(all, Attribute{Name: key.GetName(), Type: key.GetValueType()})
	}
	return all
}

// AttributeMany stands in a list for the values that were left out because there were too many.
const AttributeMany = "*"

// maxIndexed is, in bytes, what a list may grow to: Temporal refuses a value of more than 2 KB, and a
// workflow that is refused is stuck.
const maxIndexed = 1500

// values gather what a workflow is found by. The latest are kept.
type values []string

func (v *values) add(value string) {
	if value == "" || slices.Contains(*v, value) {
		return
	}
	*v = append(*v, value)
	for v.size() > maxIndexed {
		*v = append(values{AttributeMany}, slices.DeleteFunc(*v, func(s string) bool { return s == AttributeMany })[1:]...)
	}
}

func (v *values) size() (n int) {
	for _, value := range *v {
		n += len(value) + len(`"",`)
	}
	return n
}

// index makes the workflow findable by what it runs. It costs one event, hence it is done when the
// instance is known, and before only for a trigger in doubt.
func (e *execution) index(ctx workflow.Context) {
	if !e.indexed {
		return
	}
	d := e.desk
	d.planIDs.add(e.status.PlanID)
	d.modelIDs.add(e.status.ModelID)
	d.instanceIDs.add(e.status.InstanceID)
	updates := []temporal.SearchAttributeUpdate{AttributeStatus.ValueSet(string(e.status.Phase))}
	if d.runbook != "" {
		updates = append(updates, AttributeRunbook.ValueSet(d.runbook))
	}
	for _, list := range []struct {
		key    temporal.SearchAttributeKeyKeywordList
		values values
	}{
		{AttributePlanID, d.planIDs}, {AttributeModelID, d.modelIDs}, {AttributeInstanceID, d.instanceIDs},
	} {
		if len(list.values) > 0 {
			updates = append(updates, list.key.ValueSet(slices.Clone(list.values)))
		}
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, updates...); err != nil {
		workflow.GetLogger(ctx).Warn("search attributes were not set", "error", err)
	}
}
