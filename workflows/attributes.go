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
	// AttributeStatus is WAITING, OVERDUE (WAITING without news for as long as the policy's PollAfter) or
	// UNKNOWN; of a workflow that runs several plans or models, what most wants an operator.
	AttributeStatus = temporal.NewSearchAttributeKeyKeyword("DpaStatus")
)

// The values of AttributeStatus. It is set when an instance is known or in doubt, and stays as it was
// when the workflow ends.
const (
	IndexedWaiting = string(PhaseWaiting)
	IndexedOverdue = "OVERDUE"
	IndexedUnknown = string(PhaseUnknown)
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
// instance is known, and else only for a trigger in doubt and for an instance that is overdue.
func (e *execution) index(ctx workflow.Context) {
	if !e.indexed {
		return
	}
	d := e.desk
	d.planIDs.add(e.status.PlanID)
	d.modelIDs.add(e.status.ModelID)
	d.instanceIDs.add(e.status.InstanceID)
	d.status = d.worst()
	updates := []temporal.SearchAttributeUpdate{AttributeStatus.ValueSet(d.status)}
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
		e.log(ctx).Warn("search attributes were not set", "error", err)
	}
}

// worst is what most wants an operator among what the workflow runs.
func (d *desk) worst() string {
	worst := IndexedWaiting
	for _, e := range d.executions {
		switch {
		case e.status.Phase == PhaseUnknown:
			return IndexedUnknown
		case e.status.Phase == PhaseWaiting && e.status.Overdue:
			worst = IndexedOverdue
		}
	}
	return worst
}

// allClear takes back what wanted an operator, where the workflow goes on after this execution.
func (e *execution) allClear(ctx workflow.Context) {
	if d := e.desk; !d.single && d.status != "" && d.status != d.worst() {
		e.index(ctx)
	}
}
