package e2e

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/devstack"
)

// A program that gets an image is one that users run.
func TestEveryProgramSaysWhichBuildItIs(t *testing.T) {
	t.Parallel()
	_, built, found := strings.Cut(dockerfile(t), "-o /out/ \\\n")
	require.True(t, found)
	built, _, _ = strings.Cut(built, "\n")
	folders := strings.Fields(built)
	require.Contains(t, folders, "./worker")
	for _, folder := range folders {
		t.Run(path.Base(folder), func(t *testing.T) {
			t.Parallel()
			binary, err := devstack.Build(t.Context(), strings.TrimPrefix(folder, "./"), folder != "./platform/platformtest/simulator")
			require.NoError(t, err)
			cmd := exec.CommandContext(t.Context(), binary, "-version")
			cmd.Env = []string{} // nothing has to be configured
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Regexp(t, `^`+path.Base(folder)+` \S+ \(commit \S+\), go1\.\d+\S*(, Temporal SDK v1\.\d+\S*)?\n$`, string(out))
		})
	}
}

func TestAnImageSaysWhatItsBuildWasTold(t *testing.T) {
	t.Parallel()
	flags := regexp.MustCompile(`-ldflags="(.*?)"`).FindStringSubmatch(dockerfile(t))
	require.Len(t, flags, 2)
	binary := filepath.Join(t.TempDir(), "simulator")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", binary,
		"-ldflags", strings.NewReplacer("$VERSION", "v9.8.7", "$COMMIT", "0123456789abcdef").Replace(flags[1]), "./platform/platformtest/simulator")
	cmd.Dir = ".."
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	out, err = exec.CommandContext(t.Context(), binary, "-version").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "simulator v9.8.7 (commit 0123456789ab), go1.")
}

// The first line of a log says which build writes it, and a metric says it as long as the program runs.
func TestAProgramThatRunsSaysWhichBuildItIs(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue())
	for name, program := range map[string]*devstack.Program{"worker": s.worker, "bridge": s.bridge} {
		require.Regexp(t, `\ndpaflow_build_info\{commit="[^"]+",go="go1\.[^"]+",sdk="v1\.[^"]+",version="[^"]+"\} 1\n`, s.metrics(program))
		require.Regexp(t, `(?m)^\{"time":"[^"]+","level":"INFO","msg":"`+name+` starts","version":"[^"]+","commit":"[^"]+","go":"go1[^"]+","sdk":"v1[^"]+"\}$`, s.logs.String())
	}
	require.Regexp(t, `^\{"time":"[^"]+","level":"INFO","msg":"worker starts"`, s.logs.String())
}

func dockerfile(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../Dockerfile")
	require.NoError(t, err)
	return string(text)
}
