package activities

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/runbook"
)

func TestWhatIsReadIsTheLastToBeCut(t *testing.T) {
	t.Parallel()
	outputs := func() []ModelOutputs {
		nodes := []NodeOutput{{Name: "log", Result: strings.Repeat("l", 50_000)}, {Name: "hosts", Result: strings.Repeat("h", 30_000)}}
		for range 100 {
			nodes = append(nodes, NodeOutput{Name: "note", Result: "short"})
		}
		return []ModelOutputs{{ModelID: "md", Nodes: append(nodes, NodeOutput{Name: "last", Result: "x"})}}
	}
	node := func(all []ModelOutputs, name string) (found *NodeOutput) {
		for i := range all[0].Nodes {
			if all[0].Nodes[i].Name == name {
				found = &all[0].Nodes[i]
			}
		}
		return found
	}
	for _, test := range []struct {
		limit      int
		read       []string
		whole, cut string
		dropped    bool
	}{
		{100_000, nil, "log hosts last", "", false},
		{40_000, []string{"hosts", "last"}, "hosts last", "log", false},
		{40_000, nil, "last", "log hosts", false},
		{31_000, []string{"hosts", "last"}, "hosts last", "", true},
		{20_000, []string{"hosts", "last"}, "last", "hosts", true},
	} {
		fitted := fit(outputs(), test.limit, test.read)
		require.LessOrEqual(t, jsonSize(fitted), test.limit)
		for _, name := range strings.Fields(test.whole) {
			require.NotNil(t, node(fitted, name), "%+v: %s", test, name)
			require.False(t, node(fitted, name).Cut, "%+v: %s", test, name)
		}
		for _, name := range strings.Fields(test.cut) {
			require.True(t, node(fitted, name).Cut, "%+v: %s", test, name)
		}
		require.Equal(t, test.dropped, node(fitted, runbook.LeftOut) != nil, "%+v", test)
	}
}
