package signals

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUTF8ThatIsCutWithinACharacterInAFieldThatIsNotReadIsIgnored(t *testing.T) {
	t.Parallel()
	for name, message := range map[string]string{
		"a quote behind an odd character":        "好\\\"db1\\\" \xe5",
		"a quote behind three characters":        "成功节\\\"db1\\\"\xe5\x93",
		"a quote behind an odd one, a backslash": "路径\\\\盘\\\"C\\\"\xe7\x9b",
	} {
		got, err := parse(KindPlan, []byte(`{"planInstanceId":"in1","msg":"`+message+`","status":"SUCCESS"}`))
		require.NoError(t, err, name)
		require.Equal(t, Callback{"in1", "SUCCESS"}, got, name)
	}
}
