package workflows

import (
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/execution"
)

// The search attributes that runs are found by, where the namespace has them. Most are lists, since a
// runbook has to do with many plans and instances; a query such as DpaInstanceId = 'in10000001' finds
// whoever has that one among others.
var (
	AttributePlanID     = temporal.NewSearchAttributeKeyKeywordList("DpaPlanId")
	AttributeModelID    = temporal.NewSearchAttributeKeyKeywordList("DpaModelId")
	AttributeInstanceID = temporal.NewSearchAttributeKeyKeywordList("DpaInstanceId")
	AttributeRunbook    = temporal.NewSearchAttributeKeyKeyword("DpaRunbook")
	// AttributeStatus is WAITING, OVERDUE (WAITING without news for as long as the policy's PollAfter), FROZEN or
	// UNKNOWN; of a workflow that runs several plans or models, what most needs an operator. A runbook's may
	// be PAUSED or APPROVAL too.
	AttributeStatus = temporal.NewSearchAttributeKeyKeyword("DpaStatus")
)

// The values of AttributeStatus. It is set when an instance is known or in doubt, and stays as it was
// when the workflow ends.
const (
	IndexedWaiting = string(PhaseWaiting)
	// IndexedPaused: a decision or a resume is wanted; IndexedApproval: an approval is.
	IndexedPaused   = engine.AttentionPaused
	IndexedApproval = engine.AttentionApproval
	IndexedOverdue  = execution.Overdue
	IndexedUnknown  = string(PhaseUnknown)
	IndexedFrozen   = string(PhaseFrozen)
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

// index makes the workflow findable by what it runs. It costs one event, hence it is done when the core says so.
func (all *executions) index(r *run) {
	if r != nil {
		status := r.state.Status
		all.planIDs.add(status.PlanID)
		all.modelIDs.add(status.ModelID)
		all.instanceIDs.add(status.InstanceID)
	}
	all.urgency = all.worst()
	updates := []temporal.SearchAttributeUpdate{AttributeStatus.ValueSet(all.urgency)}
	if all.runbook != "" {
		updates = append(updates, AttributeRunbook.ValueSet(all.runbook))
	}
	for _, list := range []struct {
		key    temporal.SearchAttributeKeyKeywordList
		values values
	}{
		{AttributePlanID, all.planIDs}, {AttributeModelID, all.modelIDs}, {AttributeInstanceID, all.instanceIDs},
	} {
		if len(list.values) > 0 {
			updates = append(updates, list.key.ValueSet(slices.Clone(list.values)))
		}
	}
	if err := workflow.UpsertTypedSearchAttributes(all.ctx, updates...); err != nil {
		workflow.GetLogger(all.ctx).Warn("search attributes were not set", "error", err)
	}
}

// indexed tells whether the namespace has the attributes, as far as the runs know.
func (all *executions) indexed() bool {
	return all.attributes || all.urgency != "" || slices.ContainsFunc(all.runs, func(r *run) bool { return r.state.Indexed })
}

// worst is the most urgent of what the workflow runs.
func (all *executions) worst() string {
	worst := IndexedWaiting
	if all.asks != nil {
		if worst = all.asks(); worst == IndexedUnknown || worst == IndexedPaused || worst == IndexedApproval {
			return worst
		}
	}
	for _, r := range all.runs {
		switch r.state.Urgency() {
		case IndexedUnknown:
			return IndexedUnknown
		case IndexedFrozen:
			worst = IndexedFrozen
		case IndexedOverdue:
			if worst != IndexedFrozen {
				worst = IndexedOverdue
			}
		}
	}
	return worst
}

// settle takes back what asked for a person, where the workflow goes on after this run.
func (all *executions) settle(r *run) {
	name := r.state.Rules.Name
	all.endings[name], all.left[name] = workflow.Now(all.ctx), all.left[name] || r.state.Leaves()
	if !all.single && all.urgency != "" && all.urgency != all.worst() && r.state.Indexed {
		all.index(r)
	}
}
