package activities

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/platform"
)

func node(name, result string) platform.NodeOutput {
	return platform.NodeOutput{Name: name, Result: result}
}

func TestOutputsThatFitAreNotTouched(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.outputs = []platform.ModelOutputs{{ModelID: "md1", Nodes: []platform.NodeOutput{node("节点", "结果<&>")}}}
	value, err := b.ExecuteActivity(b.activities.PlanOutputs, PlanInstance{PlanID: "a", InstanceID: "in1", Limit: 1000})
	require.NoError(t, err)
	var outputs []ModelOutputs
	require.NoError(t, value.Get(&outputs))
	require.Equal(t, b.outputs, outputs)
}

func TestTheLongestOutputsAreCutWithAMarkThatSaysByHowMuch(t *testing.T) {
	t.Parallel()
	const limit = 4000
	for name, long := range map[string]string{
		"letters": strings.Repeat("x", 9000), "Chinese": strings.Repeat("字", 3000),
		"quotes": strings.Repeat(`"`, 9000), "broken text": strings.Repeat("\xff", 9000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nil)
			b.outputs = []platform.ModelOutputs{{ModelID: "md1", Nodes: []platform.NodeOutput{
				node("delay", "0"), node("log", long), node("site", "standby"),
			}}}
			value, err := b.ExecuteActivity(b.activities.PlanOutputs, PlanInstance{PlanID: "a", InstanceID: "in1", Limit: limit})
			require.NoError(t, err)
			var outputs []ModelOutputs
			require.NoError(t, value.Get(&outputs))
			require.Equal(t, "0", outputs[0].Nodes[0].Result)
			require.Equal(t, "standby", outputs[0].Nodes[2].Result)
			cut := outputs[0].Nodes[1].Result
			require.True(t, utf8.ValidString(cut))
			kept, mark, found := strings.Cut(cut, "… [cut: ")
			require.True(t, found, cut)
			require.Contains(t, mark, fmt.Sprintf(" of %d bytes]", len(long)))
			require.NotEmpty(t, kept)
			data, err := json.Marshal(outputs)
			require.NoError(t, err)
			require.LessOrEqual(t, len(data), limit)
			require.Greater(t, len(data), limit/2, "more was cut than needed")
		})
	}
}

func TestOutputsWithTooManyNodesLeaveOutTheLastOnes(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	var nodes []platform.NodeOutput
	for i := range 1000 {
		nodes = append(nodes, node(fmt.Sprintf("node %d", i), "ok"))
	}
	b.outputs = []platform.ModelOutputs{{ModelID: "md1", Nodes: nodes[:500]}, {ModelID: "md2", Nodes: nodes[500:]}}
	value, err := b.ExecuteActivity(b.activities.PlanOutputs, PlanInstance{PlanID: "a", InstanceID: "in1", Limit: 2000})
	require.NoError(t, err)
	var outputs []ModelOutputs
	require.NoError(t, value.Get(&outputs))
	data, err := json.Marshal(outputs)
	require.NoError(t, err)
	require.LessOrEqual(t, len(data), 2000)
	kept := outputs[0].Nodes
	require.Equal(t, fmt.Sprintf("[cut: %d more outputs]", 1000-len(kept)+1), kept[len(kept)-1].Result)
}
