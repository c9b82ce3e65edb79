package deploy_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/config"
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

// made is the folder of a copy of secrets.sh that has been run.
func made(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	script := filepath.Join(folder, "secrets.sh")
	require.NoError(t, os.WriteFile(script, []byte(read(t, "deploy/compose/secrets.sh")), 0o600))
	for range 2 { // the second time changes nothing
		out, err := exec.CommandContext(t.Context(), "sh", script).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	return folder
}

// start is what a service is started with; its secrets are those that secrets.sh made.
func start(t *testing.T, project *types.Project, name string) container {
	t.Helper()
	service := project.Services[name]
	c := container{name: name, env: map[string]string{}, files: map[string]string{"/spool": t.TempDir()}}
	for variable, value := range service.Environment {
		c.env[variable] = *value
	}
	secrets := filepath.Join(made(t), "secrets")
	for _, secret := range service.Secrets {
		c.files["/run/secrets/"+secret.Source] = filepath.Join(secrets, filepath.Base(project.Secrets[secret.Source].File))
	}
	for _, volume := range service.Volumes {
		if _, below, found := strings.Cut(volume.Source, "/deploy/compose/secrets/"); found {
			c.files[volume.Target] = filepath.Join(secrets, below)
		}
	}
	return c
}

func TestEachProfileIsAStackOfItsOwn(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"simulator", "starter", "temporal-dev", "worker-with-bridge"}, compose(t, "small").ServiceNames())
	require.Equal(t, []string{"bridge-1", "bridge-2", "grafana", "namespace", "postgresql", "prometheus", "proxy", "schema", "setup",
		"simulator", "starter", "temporal", "ui", "worker"}, compose(t, "full").ServiceNames())
}

func TestTheComposeFileSetsWhatTheProgramsRead(t *testing.T) {
	t.Parallel()
	small, full := compose(t, "small"), compose(t, "full")
	worker, err := config.LoadWorker(start(t, small, "worker-with-bridge").lookup, true)
	require.NoError(t, err)
	require.Equal(t, "http://worker-with-bridge:"+port(t, worker.Bridge.Addr), worker.CallbackURL)
	require.Equal(t, types.ShellCommand{"-bridge"}, small.Services["worker-with-bridge"].Command)
	worker, err = config.LoadWorker(start(t, full, "worker").lookup, false)
	require.NoError(t, err)
	require.Equal(t, "http://proxy:"+match(t, "deploy/compose/haproxy.cfg", `frontend callbacks\n +bind :(\d+)`), worker.CallbackURL)
	for _, name := range []string{"bridge-1", "bridge-2"} {
		bridge, err := config.LoadBridge(start(t, full, name).lookup)
		require.NoError(t, err)
		require.Equal(t, name+":"+port(t, bridge.Addr)+" port "+port(t, bridge.AdminAddr),
			match(t, "deploy/compose/haproxy.cfg", ` +server `+name+` (.*)`))
	}
	for _, project := range []*types.Project{small, full} {
		_, err = config.LoadStarter(start(t, project, "starter").lookup, true)
		require.NoError(t, err)
		require.Equal(t, "http://simulator:"+port(t, *project.Services["simulator"].Environment["DPA_SIMULATOR_ADDR"]), worker.Platform.BaseURL)
	}
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
			require.Empty(t, service.NetworkMode+service.Pid+service.Ipc, name)
			if target, ours := strings.CutPrefix(service.Image, "dpaflow-"); ours {
				require.Contains(t, programs, target)
				require.True(t, service.ReadOnly, name)
				require.Equal(t, "65532:65532", service.User, name)
			}
			for _, p := range service.Ports {
				require.Equal(t, "127.0.0.1", p.HostIP, "%s publishes %s to the whole network", name, p.Published)
			}
		}
	}
}

func TestEveryImageIsPinnedOrBuiltOnce(t *testing.T) {
	t.Parallel()
	for _, profile := range profiles {
		built, used := []string{}, map[string]bool{}
		for name, service := range compose(t, profile).Services {
			target, ours := strings.CutPrefix(service.Image, "dpaflow-")
			if !ours {
				require.Regexp(t, `:v?\d+(\.\d+)*(-alpine)?$`, service.Image)
				require.Nil(t, service.Build, name)
				continue
			}
			used[target] = true
			if service.Build != nil && name != "starter" { // which is built when it is run
				require.Equal(t, target, service.Build.Target)
				built = append(built, target)
			}
		}
		if profile == "small" {
			delete(used, "starter")
		}
		require.ElementsMatch(t, slices.Collect(maps.Keys(used)), built, "two that build the same get in each other's way")
	}
}

func TestWhatIsMountedIsThereOrMade(t *testing.T) {
	t.Parallel()
	folder := made(t)
	here, err := filepath.Abs(root)
	require.NoError(t, err)
	for _, profile := range profiles {
		project := compose(t, profile)
		for name, service := range project.Services {
			for _, volume := range service.Volumes {
				if volume.Type != types.VolumeTypeBind {
					require.Contains(t, project.Volumes, volume.Source)
					continue
				}
				require.True(t, volume.ReadOnly, "%s of %s", volume.Source, name)
				path := volume.Source
				if _, below, found := strings.Cut(path, here+"/deploy/compose/secrets/"); found {
					path = filepath.Join(folder, "secrets", below)
				}
				_, err := os.Stat(path)
				require.NoError(t, err, name)
			}
		}
		for _, secret := range project.Secrets {
			_, below, found := strings.Cut(secret.File, here+"/deploy/compose/")
			require.True(t, found, secret.File)
			info, err := os.Stat(filepath.Join(folder, below))
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o644), info.Mode(), "the programs' users have to read it")
			require.Positive(t, info.Size())
		}
	}
	info, err := os.Stat(filepath.Join(folder, "secrets"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm(), "nobody else of this machine may")
}

// `up --wait` takes a service that has ended for a failure, unless another waits for just that.
func TestWhatRunsToItsEndIsWaitedFor(t *testing.T) {
	t.Parallel()
	project := compose(t, "full")
	for _, name := range []string{"schema", "namespace", "setup"} {
		require.Equal(t, "on-failure:10", project.Services[name].Restart)
		require.True(t, slices.ContainsFunc(slices.Collect(maps.Values(project.Services)), func(s types.ServiceConfig) bool {
			return s.DependsOn[name].Condition == types.ServiceConditionCompletedSuccessfully
		}), name)
	}
}

func TestServicesAreGivenTheTimeTheirProgramsNeedToStop(t *testing.T) {
	t.Parallel()
	small, full := compose(t, "small"), compose(t, "full")
	for _, s := range []types.ServiceConfig{small.Services["worker-with-bridge"], full.Services["worker"]} {
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

func TestTheFullStackMakesTheTablesOfTheServerThatItRuns(t *testing.T) {
	t.Parallel()
	services := compose(t, "full").Services
	_, version, _ := strings.Cut(services["temporal"].Image, ":")
	for _, name := range []string{"schema", "namespace"} {
		require.Equal(t, "temporalio/admin-tools:"+version, services[name].Image)
	}
	require.Contains(t, read(t, "deploy/compose/schema.sh"), "SQL_PLUGIN="+*services["temporal"].Environment["DB"])
}
