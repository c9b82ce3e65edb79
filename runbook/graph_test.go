package runbook

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStepsComeAfterWhatTheyNeed(t *testing.T) {
	t.Parallel()
	g := parse(t, `{"name": "x", "steps": [
		{"id": "a", "plan": "p"}, {"id": "b", "plan": "p"}, {"id": "c", "plan": "p", "needs": []},
		{"id": "d", "plan": "p", "needs": ["f", {"step": "b", "on": "end"}]}, {"id": "e", "plan": "p"}, {"id": "f", "plan": "p", "needs": ["c"]}]}`).Graph()
	require.Equal(t, []int{0, 1, 2, 5, 3, 4}, g.Order())
	require.Equal(t, []Edge{{Step: 0}}, g.Needs(1), "the one before it")
	require.Empty(t, g.Needs(2), "none")
	require.Equal(t, []Edge{{Step: 5}, {Step: 1, On: OnEnd}}, g.Needs(3))
}
