package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/shell"
)

func TestACommandThatIsBrokenIntoLinesMeansTheSame(t *testing.T) {
	t.Parallel()
	args := func(command string) string { // as a shell reads them
		out, err := exec.Command("sh", "-c", `set -- `+command+`; printf '%s\n' "$@"`).CombinedOutput()
		require.NoError(t, err, string(out))
		return string(out)
	}
	for _, command := range []string{
		"starter abort runbook-华东主数据中心核心交易数据库切换到备用数据中心演练第五次-k3jd8s7fhq --by NAME",
		"starter abort " + shell.Quote("switch over of the data centre in Beijing to the one in Shanghai, fifth try") + " --by NAME",
		"starter abort runbook-" + strings.Repeat("x", 90) + " --by NAME",
	} {
		for _, columns := range []int{40, 60, 80} {
			require.Equal(t, args(command), args(strings.Join(wrapCommand(command, columns, "    "), "\n")), "%s in %d columns", command, columns)
		}
	}
}
