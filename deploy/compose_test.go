package deploy_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/workflows"
)

// profiles are those of docker-compose.yml that are started as a whole.
var profiles = []string{"small", "full"}

// compose loads docker-compose.yml as docker compose does, with these profiles and "starter".
func compose(t *testing.T, profiles ...string) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")},
		cli.WithProfiles(append(profiles, "starter")), cli.WithoutEnvironmentResolution)
	require.NoError(t, err)
	project, err := options.LoadProject(t.Context())
	require.NoError(t, err)
	return project
}

func TestNoServiceIsGivenASecretButAsAFile(t *testing.T) {
	t.Parallel()
	secret := regexp.MustCompile(`SECRET|KEYS|PASSWORD|PWD|TOKEN`)
	for _, profile := range profiles {
		for name, service := range compose(t, profile).Services {
			for variable, value := range service.Environment {
				if secret.MatchString(variable) && variable != "DPA_SECRETS_DIR" {
					require.True(t, strings.HasSuffix(variable, "_FILE"), "%s of %s", variable, name)
					require.True(t, slices.ContainsFunc(service.Secrets, func(s types.ServiceSecretConfig) bool {
						return *value == "/run/secrets/"+s.Source
					}), "%s of %s is %s, which it is not given", variable, name, *value)
				}
			}
		}
	}
}

func TestNoServiceHasAPrivilege(t *testing.T) {
	t.Parallel()
	for _, profile := range profiles {
		for name, service := range compose(t, profile).Services {
			require.Equal(t, []string{"ALL"}, service.CapDrop, name)
			require.Empty(t, service.CapAdd, name)
			require.Contains(t, service.SecurityOpt, "no-new-privileges:true", name)
			require.False(t, service.Privileged, name)
			require.Empty(t, service.Pid+service.Ipc, name)
			if service.Image == "dpaflow-console" { // nobody signs in to it here: it has to be on the host's own loopback
				for _, variable := range []string{"DPA_CONSOLE_ADDR", "DPA_ADMIN_ADDR"} {
					require.True(t, strings.HasPrefix(*service.Environment[variable], "127.0.0.1:"), name)
				}
			} else {
				require.Empty(t, service.NetworkMode, name)
			}
			require.Contains(t, service.Logging.Options, "max-size", "%s may fill the disk with its log", name)
			if strings.HasPrefix(service.Image, "dpaflow-") {
				require.True(t, service.ReadOnly, name)
				require.Equal(t, "65532:65532", service.User, name)
			}
			for _, p := range service.Ports {
				require.Equal(t, "127.0.0.1", p.HostIP, "%s publishes %s to the whole network", name, p.Published)
			}
		}
	}
}

func TestServicesAreGivenTheTimeTheirProgramsNeedToStop(t *testing.T) {
	t.Parallel()
	small, full := compose(t, "small"), compose(t, "full")
	for _, s := range []types.ServiceConfig{small.Services["worker-with-bridge"], full.Services["worker-1"], full.Services["worker-2"]} {
		require.Greater(t, time.Duration(*s.StopGracePeriod), workerStops)
	}
	for _, name := range []string{"bridge-1", "bridge-2"} {
		require.Greater(t, time.Duration(*full.Services[name].StopGracePeriod), bridgeStops(t))
	}
	require.NotEqual(t, full.Services["bridge-1"].Volumes, full.Services["bridge-2"].Volumes, "one spool for each")
}

func TestTheSmallStackRunsTheTemporalServerThatTestsRun(t *testing.T) {
	t.Parallel()
	temporal := compose(t, "small").Services["temporal-dev"]
	require.Equal(t, "temporalio/temporal:"+match(t, "tools/go.mod", `github\.com/temporalio/cli v(\S+)`), temporal.Image)
	var attributes []string
	for _, key := range workflows.Attributes() {
		attributes = append(attributes, "--search-attribute="+key.Name+"="+key.Type.String())
	}
	given := slices.DeleteFunc(slices.Clone(temporal.Command), func(s string) bool { return !strings.HasPrefix(s, "--search-attribute=") })
	require.ElementsMatch(t, attributes, given)
	require.Contains(t, temporal.Networks["default"].Aliases, "temporal", "the name by which both stacks call it")
}

func TestEveryImageOfOthersIsPinned(t *testing.T) {
	t.Parallel()
	for _, profile := range profiles {
		for name, service := range compose(t, profile).Services {
			if !strings.HasPrefix(service.Image, "dpaflow-") {
				require.Regexp(t, `:v?\d+(\.\d+)*(-alpine)?$`, service.Image, name)
			}
		}
	}
}
