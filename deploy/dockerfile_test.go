package deploy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/stretchr/testify/require"
)

// programs are the folders of those that images are built of, by target.
var programs = map[string]string{
	"worker": "worker", "bridge": "signals/bridge", "starter": "starter", "codec": "codec",
	"simulator": "platform/platformtest/simulator",
}

// dockerfile returns its stages by name.
func dockerfile(t *testing.T) map[string]instructions.Stage {
	t.Helper()
	parsed, err := parser.Parse(strings.NewReader(read(t, "Dockerfile")))
	require.NoError(t, err)
	require.Empty(t, parsed.Warnings)
	list, _, err := instructions.Parse(parsed.AST, nil)
	require.NoError(t, err)
	stages := map[string]instructions.Stage{}
	for _, stage := range list {
		stages[stage.Name] = stage
	}
	return stages
}

// of returns the commands of one kind in a stage and those it is based on.
func of[C instructions.Command](stages map[string]instructions.Stage, name string) (found []C) {
	for stage, there := stages[name]; there; stage, there = stages[stage.BaseName] {
		for _, command := range stage.Commands {
			if c, is := command.(C); is {
				found = append(found, c)
			}
		}
	}
	return found
}

func TestEveryProgramHasAnImageOfItsOwn(t *testing.T) {
	t.Parallel()
	stages := dockerfile(t)
	require.Len(t, stages, len(programs)+2, "the programs, and the stages build and base")
	for name := range programs {
		require.Equal(t, "base", stages[name].BaseName)
		entrypoints := of[*instructions.EntrypointCommand](stages, name)
		require.Len(t, entrypoints, 1)
		require.Equal(t, instructions.ShellDependantCmdLine{CmdLine: []string{"/" + name}}, entrypoints[0].ShellDependantCmdLine)
		copied := of[*instructions.CopyCommand](stages, name)
		require.True(t, slices.ContainsFunc(copied, func(c *instructions.CopyCommand) bool {
			return c.From == "build" && slices.Equal(c.SourcePaths, []string{"/out/" + name}) && c.DestPath == "/"+name
		}), name)
	}
}

func TestImagesHaveNothingButTheProgramAndRunAsNobodyInParticular(t *testing.T) {
	t.Parallel()
	stages := dockerfile(t)
	require.Equal(t, "scratch", stages["base"].BaseName)
	for name := range programs {
		users := of[*instructions.UserCommand](stages, name)
		require.Len(t, users, 1, name)
		require.Equal(t, "65532:65532", users[0].User)
		require.Empty(t, of[*instructions.EnvCommand](stages, name), "%s: settings are not built in", name)
		require.Empty(t, of[*instructions.RunCommand](stages, name), "%s has no shell", name)
	}
}

func TestEveryProgramThatRunsForLongChecksItsHealth(t *testing.T) {
	t.Parallel()
	stages := dockerfile(t)
	for name := range programs {
		checks := of[*instructions.HealthCheckCommand](stages, name)
		if name == "starter" {
			require.Empty(t, checks)
			continue
		}
		require.Len(t, checks, 1, name)
		require.Equal(t, []string{"CMD", "/" + name, "-healthcheck"}, checks[0].Health.Test)
		require.Positive(t, checks[0].Health.Timeout)
	}
}

func TestImagesAreBuiltStaticOfWhatIsThereByThePinnedGo(t *testing.T) {
	t.Parallel()
	stages := dockerfile(t)
	require.Equal(t, "golang:"+match(t, "go.mod", `(?m)^go (\d+\.\d+)`), stages["build"].BaseName)
	runs := of[*instructions.RunCommand](stages, "build")
	built := slices.IndexFunc(runs, func(r *instructions.RunCommand) bool { return strings.Contains(r.String(), "go build") })
	require.GreaterOrEqual(t, built, 0)
	words := strings.Fields(strings.Join(runs[built].CmdLine, " "))
	require.Contains(t, words, "CGO_ENABLED=0")
	var folders []string
	for _, word := range words {
		if folder, is := strings.CutPrefix(word, "./"); is {
			folders = append(folders, folder)
			require.FileExists(t, root+"/"+folder+"/main.go")
		}
	}
	want := []string{}
	for _, folder := range programs {
		want = append(want, folder)
	}
	require.ElementsMatch(t, want, folders)
}

// A new volume belongs to whom the folder in the image belongs to.
func TestASpoolCanBeWrittenByTheProgramsUser(t *testing.T) {
	t.Parallel()
	stages := dockerfile(t)
	for _, name := range []string{"bridge", "worker"} {
		require.True(t, slices.ContainsFunc(of[*instructions.CopyCommand](stages, name), func(c *instructions.CopyCommand) bool {
			return c.DestPath == "/spool" && c.Chown == of[*instructions.UserCommand](stages, name)[0].User
		}), name)
	}
}
