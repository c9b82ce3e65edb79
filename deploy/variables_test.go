package deploy_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/contrib/envconfig"

	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/workflows"
)

// workerStops is how long a worker may take, with the default of DPA_HTTP_TIMEOUT.
var workerStops = workflows.StopTimeout(30 * time.Second)

func bridgeStops(t *testing.T) time.Duration {
	t.Helper()
	seconds, err := time.ParseDuration(match(t, "internal/serve/serve.go", `drainTimeout = (\d+) \* time\.Second`) + "s")
	require.NoError(t, err)
	return seconds
}

// written are the names with this prefix in the Dockerfile, docker-compose.yml and all files of this
// folder that are not tests.
func written(t *testing.T, prefix string) []string {
	t.Helper()
	name := regexp.MustCompile(`\b` + prefix + `[A-Z_]*[A-Z]\b`)
	found := name.FindAllString(read(t, "Dockerfile")+read(t, "docker-compose.yml"), -1)
	require.NoError(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "secrets":
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(path) == ".go" || filepath.Ext(path) == ".sum":
			return nil
		}
		text, err := os.ReadFile(path)
		found = append(found, name.FindAllString(string(text), -1)...)
		return err
	}))
	slices.Sort(found)
	return slices.Compact(found)
}

func TestEveryVariableIsInTheContractAndTheOtherWayRound(t *testing.T) {
	t.Parallel()
	var want []string
	for _, name := range config.Variables {
		if !slices.Contains(config.Variables, name+"_FILE") { // of secrets only the file is used
			want = append(want, name)
		}
	}
	want = append(want, "DPA_SIMULATOR_ADDR") // no part of the contract, as the simulator is none
	require.ElementsMatch(t, want, written(t, "DPA_"))
}

// lookups tells which variables Temporal's library asks for.
type lookups map[string]bool

func (l lookups) Environ() []string { return nil }

func (l lookups) LookupEnv(name string) (string, bool) {
	l[name] = true
	return "", name != "TEMPORAL_CONFIG_FILE"
}

func TestEveryVariableOfTemporalsIsOneThatSomethingReads(t *testing.T) {
	t.Parallel()
	asked := lookups{}
	_, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{EnvLookup: asked, DisableFile: false, ConfigFileData: []byte(" ")})
	require.NoError(t, err)
	require.Contains(t, asked, "TEMPORAL_ADDRESS")
	for _, name := range written(t, "TEMPORAL_") {
		known := asked[name] || name == "TEMPORAL_CONFIG_FILE" || name == "TEMPORAL_ALLOW_NO_AUTH" // the server's
		require.True(t, known, name)
	}
}

// The settings of Kubernetes are the one place where all are seen.
func TestTheSettingsShowEveryVariableThatIsNotSetElsewhere(t *testing.T) {
	t.Parallel()
	shown := read(t, "deploy/kubernetes/site/settings.env")
	var manifests string
	for _, path := range []string{"worker/worker.yaml", "bridge/bridge.yaml", "encryption/codec.yaml", "encryption/kustomization.yaml", "console/console.yaml", "versioned/v1/kustomization.yaml"} {
		manifests += read(t, "deploy/kubernetes/"+path)
	}
	for _, name := range config.Variables {
		if slices.Contains(config.Variables, name+"_FILE") {
			continue
		}
		inSettings := regexp.MustCompile(`(?m)^(# )?` + name + `=`).MatchString(shown)
		require.True(t, inSettings != strings.Contains(manifests, "{name: "+name+","), "%s is in one of the two places", name)
	}
}

// Both ways to reach Temporal Cloud, as docs/deployment.md writes them.
func TestTheConnectionsInTheDocumentAreWhatTemporalsLibraryReads(t *testing.T) {
	t.Parallel()
	blocks := regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllStringSubmatch(read(t, "docs/deployment.md"), -1)
	require.Len(t, blocks, 2)
	for _, block := range blocks {
		profile, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{
			ConfigFileData: []byte(block[1]), ConfigFileStrict: true, DisableEnv: true,
		})
		require.NoError(t, err)
		require.Equal(t, "7233", port(t, profile.Address), "the one that the bridges may call")
		require.NotEmpty(t, profile.Namespace)
		require.NotNil(t, profile.TLS)
		require.True(t, profile.APIKey != "" || profile.TLS.ClientCertPath != "" && profile.TLS.ClientKeyPath != "")
	}
}
