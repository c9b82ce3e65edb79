package platform

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAStatusOfAnInstanceWhoseIDCannotBeReadIsNoStatusOfOurs(t *testing.T) {
	t.Parallel()
	for _, other := range []string{`["in2"]`, `{"id":"in2"}`, `1.9007199254740993E19`, `12.5`, `true`, `"in\n2"`} {
		c := newClient(t, serve(t, data(`{"instanceId":`+other+`,"modelId":"md1","status":"FINISH"}`)).URL)
		got, err := c.ModelStatus(t.Context(), "md1", "in1")
		require.ErrorContains(t, err, "tells of another instance", "%s reads as %+v", other, got)
	}
}
