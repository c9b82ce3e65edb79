package e2e

import (
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/devstack"
)

// counter adds up what a program has counted under a name, over all series that have the label,
// such as `result="forged"`. Nothing counted yet is 0.
func (s *stack) counter(program *devstack.Program, name, label string) (sum int) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+program.Admin+"/metrics", nil)
	require.NoError(s.t, err)
	web := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := web.Do(request)
	require.NoError(s.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusOK, answer.StatusCode, "%s", text)
	for line := range strings.Lines(string(text)) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if found, labels, _ := strings.Cut(series, "{"); found == name+"_total" && strings.Contains(labels, label) {
			count, err := strconv.ParseFloat(value, 64)
			require.NoError(s.t, err, line)
			sum += int(count)
		}
	}
	return sum
}
