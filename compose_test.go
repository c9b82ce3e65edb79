package dpaflow_test

import (
	"encoding/base64"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/workflows"
)

type service struct {
	Image       string
	Command     []string
	Build       struct{ Target string }
	Environment map[string]string
	Ports       []string
}

func compose(t *testing.T) map[string]service {
	t.Helper()
	text, err := os.ReadFile("docker-compose.yml")
	require.NoError(t, err)
	var file struct{ Services map[string]service }
	require.NoError(t, yaml.Unmarshal(text, &file))
	return file.Services
}

// lookup finds a service's variables, with those that its user has to give.
func (s service) lookup(name string) (string, bool) {
	value, set := s.Environment[name]
	if strings.HasPrefix(value, "${DPA_CALLBACK_KEYS:?") {
		value = "k1:" + base64.StdEncoding.EncodeToString(make([]byte, 32))
	}
	return value, set
}

func TestTheComposeFileSetsWhatTheProgramsRead(t *testing.T) {
	t.Parallel()
	services := compose(t)
	_, err := config.LoadWorker(services["worker"].lookup, false)
	require.NoError(t, err)
	_, err = config.LoadBridge(services["bridge"].lookup)
	require.NoError(t, err)
	_, err = config.LoadStarter(services["starter"].lookup, true)
	require.NoError(t, err)

	for name, s := range services {
		for variable := range s.Environment {
			known := slices.Contains(config.Variables, variable) || variable == "TEMPORAL_ADDRESS" ||
				name == "simulator" && variable == "DPA_SIMULATOR_ADDR"
			require.True(t, known, "%s sets %s, which nothing reads", name, variable)
		}
		for _, port := range s.Ports {
			require.True(t, strings.HasPrefix(port, "127.0.0.1:"), "%s publishes %s to the whole network", name, port)
		}
	}
}

func TestTheComposeFileRunsTheTemporalServerThatTestsRun(t *testing.T) {
	t.Parallel()
	tools, err := os.ReadFile("tools/go.mod")
	require.NoError(t, err)
	pinned := regexp.MustCompile(`github\.com/temporalio/cli v(\S+)`).FindSubmatch(tools)
	require.NotNil(t, pinned)
	temporal := compose(t)["temporal"]
	require.Equal(t, "temporalio/temporal:"+string(pinned[1]), temporal.Image)
	for _, key := range workflows.Attributes() {
		require.Contains(t, temporal.Command, "--search-attribute="+key.Name+"="+key.Type.String())
	}
}

func TestEveryImageIsBuiltFromAProgramThatIsThere(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("Dockerfile")
	require.NoError(t, err)
	for name, s := range compose(t) {
		if s.Image == "" {
			require.Contains(t, string(text), " AS "+s.Build.Target+"\n", name)
		}
	}
	programs := regexp.MustCompile(`(?m)^ +(\./.*)$`).FindSubmatch(text)
	require.NotNil(t, programs)
	for _, folder := range strings.Fields(string(programs[1])) {
		require.FileExists(t, folder+"/main.go")
	}
}
