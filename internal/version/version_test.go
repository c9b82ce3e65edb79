package version

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestABuildIsReadFromGoOrFromTheLinker(t *testing.T) {
	t.Parallel()
	const revision = "0123456789abcdef0123456789abcdef01234567"
	vcs := func(modified string) []debug.BuildSetting {
		return []debug.BuildSetting{{Key: "vcs.revision", Value: revision}, {Key: "vcs.modified", Value: modified}}
	}
	sdk := []*debug.Module{{Path: "go.temporal.io/api", Version: "v9"}, {Path: "go.temporal.io/sdk", Version: "v1.50.0"}}
	for name, test := range map[string]struct {
		build          *debug.BuildInfo
		number, commit string
		want           string
	}{
		"from a repository with a tag": {&debug.BuildInfo{Main: debug.Module{Version: "v1.2.0"}, Settings: vcs("false"), Deps: sdk}, "", "",
			"v1.2.0 (commit 0123456789ab), %, Temporal SDK v1.50.0"},
		"with changed files": {&debug.BuildInfo{Main: debug.Module{Version: "v1.2.0+dirty"}, Settings: vcs("true"), Deps: sdk}, "", "",
			"v1.2.0+dirty (commit 0123456789ab+dirty), %, Temporal SDK v1.50.0"},
		"under go run":    {&debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Deps: sdk}, "", "", "devel (commit unknown), %, Temporal SDK v1.50.0"},
		"in an image":     {&debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Deps: sdk}, "v1.3.0", revision, "v1.3.0 (commit 0123456789ab), %, Temporal SDK v1.50.0"},
		"without the SDK": {&debug.BuildInfo{}, "", "", "unknown (commit unknown), %"},
		"without modules": {nil, "", "", "unknown (commit unknown), %"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := read(test.build, test.number, test.commit)
			require.Equal(t, runtime.Version(), got.Go)
			got.Go = "%"
			require.Equal(t, test.want, got.String())
		})
	}
	require.NotEqual(t, unknown, Get().Go)
}
