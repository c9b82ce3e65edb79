package workflows

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/activities"
)

// onIndex gathers AttributeStatus as it is set; the same again is told once.
func (b *bench) onIndex() *[]string {
	set := new([]string)
	b.OnUpsertTypedSearchAttributes(mock.MatchedBy(func(attributes temporal.SearchAttributes) bool {
		status, there := attributes.GetKeyword(AttributeStatus)
		*set = slices.Compact(append(*set, status))
		return there
	})).Return(nil)
	return set
}

func TestARunThatIsOverdueIsFoundByThat(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.onTrigger(func(key string) (activities.Triggered, error) {
		return activities.Triggered{Key: key, InstanceID: "in1", At: time.Now(), Indexed: true}, nil
	})
	b.onOutputs("0")
	b.OnActivity("PlanStatus", mock.Anything, mock.Anything).Return(activities.PlanHint{Status: "RUNNING"}, nil)
	set := b.onIndex()
	b.call(time.Hour, "in1", "SUCCESS")
	_, err := b.runPlan(PlanInput{PlanID: "p"})
	require.NoError(t, err)
	require.Equal(t, []string{IndexedWaiting, IndexedOverdue}, *set)
}

func TestARunbookIsFoundByTheStepThatMostWantsAnOperator(t *testing.T) {
	t.Parallel()
	b := newRunbookBench(t)
	b.ends["p1"] = []string{activities.ErrorTriggerOutcomeUnknown}
	set := b.onIndex()
	b.after(time.Minute, "resolveTrigger", ResolveTrigger{Step: "a", Action: ActionAbort})
	b.after(2*time.Minute, "retry", StepAction{Step: "a", MayRunTwice: true})
	result, failed := b.run(`
name: two
steps:
  - {id: a, plan: p1, onFailure: pause}
  - {id: b, plan: p2}
  - {id: c, plan: p3, needs: [b]}
`)
	require.Empty(t, failed)
	require.Equal(t, []string{"SUCCESS", "SUCCESS", "SUCCESS"}, statuses(result))
	require.Equal(t, []string{IndexedUnknown, IndexedPaused, IndexedWaiting}, (*set)[len(*set)-3:])
	require.NotContains(t, (*set)[slices.Index(*set, IndexedUnknown):len(*set)-1], IndexedWaiting, "while it is in doubt")
}

func TestWhatAWorkflowIsFoundByNeverGrowsBeyondWhatTemporalTakes(t *testing.T) {
	t.Parallel()
	var v values
	v.add("")
	require.Empty(t, v)
	for i := range 1000 {
		v.add(fmt.Sprintf("in%08d", i))
		v.add(fmt.Sprintf("in%08d", i))
		require.LessOrEqual(t, v.size(), maxIndexed)
	}
	require.Equal(t, AttributeMany, v[0], "it says that some were left out")
	require.Equal(t, "in00000999", v[len(v)-1])
	require.Equal(t, 1, strings.Count(strings.Join(v, ""), AttributeMany))
}
