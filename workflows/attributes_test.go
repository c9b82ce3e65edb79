package workflows

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

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
