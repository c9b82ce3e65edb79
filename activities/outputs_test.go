package activities

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
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
	require.Equal(t, []ModelOutputs{{ModelID: "md1", Nodes: []NodeOutput{{Name: "节点", Result: "结果<&>"}}}}, outputs)
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

func TestOutputsThatAreNotThereYetAreAskedForAgainForAWhile(t *testing.T) {
	t.Parallel()
	refusal := func(code int) error { return &platform.Error{HTTPStatus: 200, Code: code, Sent: true} }
	for name, test := range map[string]struct {
		ended    time.Duration // ago; 0: nobody says when
		failed   bool
		err      error
		given    bool // outputs
		again    bool
		fails    bool
		atMostIn time.Duration
	}{
		"none, just ended":              {ended: time.Millisecond, again: true, atMostIn: time.Second},
		"none, almost final":            {ended: 4700 * time.Millisecond, again: true, atMostIn: 300 * time.Millisecond},
		"none, for good":                {ended: 6 * time.Second},
		"none, asked by hand":           {},
		"code 999, just ended":          {ended: time.Millisecond, err: refusal(999), again: true, atMostIn: time.Second},
		"code 404, just ended":          {ended: 50 * time.Second, err: refusal(404), again: true, atMostIn: time.Second},
		"code 999, failed a moment ago": {ended: time.Millisecond, failed: true, err: refusal(999), again: true, atMostIn: time.Second},
		"code 999, failed for good":     {ended: 6 * time.Second, failed: true, err: refusal(999), fails: true},
		"code 999, for good":            {ended: 2 * time.Minute, err: refusal(999), fails: true},
		"code 999, asked by hand":       {err: refusal(999), fails: true},
		"a refused token":               {ended: time.Millisecond, err: &platform.Error{HTTPStatus: 401, Sent: true, Auth: true}, fails: true},
		"some, just ended":              {ended: time.Millisecond, given: true},
		"a text that cannot be read":    {ended: time.Millisecond, err: &platform.Error{HTTPStatus: 200, Code: 200, Sent: true, Err: platform.ErrEncoding}, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nil)
			b.fake.err = test.err
			if test.given {
				b.outputs = []platform.ModelOutputs{{ModelID: "md0"}, {ModelID: "md1", Nodes: []platform.NodeOutput{node("a", "1")}}}
				b.nodes = b.outputs[1].Nodes
			} else if test.err == nil {
				b.outputs = []platform.ModelOutputs{{ModelID: "md1"}} // without a node it says no more than an empty list
			}
			end := Ending{Failed: test.failed}
			if test.ended != 0 {
				end.EndedAt = time.Now().Add(-test.ended)
			}
			_, plan := b.ExecuteActivity(b.activities.PlanOutputs, PlanInstance{PlanID: "p", InstanceID: "in1", Ending: end})
			_, model := b.ExecuteActivity(b.activities.ModelOutputs, ModelInstance{ModelID: "m", InstanceID: "in1", Ending: end})
			for _, err := range []error{plan, model} {
				if !test.again && !test.fails {
					require.NoError(t, err)
					continue
				}
				failed, _ := failure(t, err)
				require.Equal(t, test.fails, failed.NonRetryable(), "%v", err)
				require.LessOrEqual(t, failed.NextRetryDelay(), test.atMostIn)
				require.Equal(t, test.again, failed.NextRetryDelay() > 0)
			}
		})
	}
}
