package platformtest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/platform/platformtest"
)

// startKept starts a simulator that goes on with what the file has.
func startKept(t *testing.T, path string, o platformtest.Options) *caller {
	t.Helper()
	sim := start(t, o)
	require.NoError(t, sim.KeepIn(path))
	return sim
}

func TestASimulatorGoesOnWhereTheLastOneStopped(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	bridge := receive(t, say(200, "SUCCESS"), say(503, ""), say(200, "SUCCESS"))
	first := startKept(t, path, platformtest.Options{CallbackRetryDelay: time.Hour})
	ended := first.trigger("p2", bridge.URL)
	require.Eventually(t, func() bool { return len(bridge.statuses()) == 2 }, wait.Limit, time.Millisecond)
	first.SetScript("p1", platformtest.Ends(platformtest.Success, time.Hour))
	open := first.trigger("p1", bridge.URL)
	before := first.Executions()
	first.Close()

	second := startKept(t, path, platformtest.Options{})
	require.Equal(t, before[1].Params, second.Executions()[1].Params)
	require.Equal(t, platformtest.Fail, second.delivered(ended).Status)
	require.Equal(t, platformtest.Success, second.delivered(open).Status, "the catalogue's script")
	require.Equal(t, []string{"RUNNING", "FAIL"}, bridge.statuses()[:2])
	require.ElementsMatch(t, []string{"FAIL", "SUCCESS"}, bridge.statuses()[2:], "what was not accepted, and what was not sent")
	second.Close()

	third := startKept(t, path, platformtest.Options{})
	last := third.trigger("p2", bridge.URL)
	require.Equal(t, "in10000003", last)
	third.delivered(last)
	require.Len(t, bridge.statuses(), 6, "nothing is called back again")
	for i, e := range third.Executions()[:2] {
		require.Equal(t, before[i].InstanceID, e.InstanceID)
		require.True(t, before[i].TriggeredAt.Equal(e.TriggeredAt))
		require.False(t, e.EndedAt.IsZero())
	}
}

func TestAJournalMayEndInTheMiddleOfALineAndNowhereElse(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	first := startKept(t, path, platformtest.Options{})
	first.delivered(first.trigger("p1", receive(t).URL))
	first.Close()
	whole, err := os.ReadFile(path)
	require.NoError(t, err)

	require.NoError(t, os.WriteFile(path, append(whole, whole[:20]...), 0o600))
	second := startKept(t, path, platformtest.Options{})
	require.Len(t, second.Executions(), 1)
	second.Close()
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(whole), string(after))

	for name, text := range map[string]string{
		"what is no entry":  "{]\n",
		"no such plan":      strings.ReplaceAll(string(whole), `"p1"`, `"p9"`),
		"no such execution": `{"instanceId":"in1","called":1}` + "\n",
		"no such scene":     `{"scene":{"id":"sc1","planId":"p9"}}` + "\n",
	} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		require.ErrorContains(t, start(t, platformtest.Options{}).KeepIn(path), path, name)
	}
	require.Error(t, start(t, platformtest.Options{}).KeepIn(t.TempDir()), "a folder")
}

func TestScenesAreKept(t *testing.T) {
	t.Parallel()
	path, bridge := filepath.Join(t.TempDir(), "journal"), receive(t)
	first := startKept(t, path, platformtest.Options{SceneInterval: time.Millisecond})
	first.call("POST", scenePath, scene(bridge.URL, "executeStrategy", "single", "sceneName", "once"), "Content-Type", form)
	_, err := first.WaitExecutions(wait.Context(t), 1)
	require.NoError(t, err)
	first.call("POST", scenePath, scene(bridge.URL, "executeStrategy", "cycle", "sceneName", "always"), "Content-Type", form)
	_, err = first.WaitExecutions(wait.Context(t), 2)
	require.NoError(t, err)
	first.Close()

	n := len(first.Executions())
	second := startKept(t, path, platformtest.Options{})
	executions, err := second.WaitExecutions(wait.Context(t), n+2)
	require.NoError(t, err)
	for _, e := range executions[1:] {
		require.Equal(t, "always", e.Scene)
	}
}
