// Package version says which build of dpaflow a program is.
package version

import (
	"cmp"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"strings"
)

// Set by the linker where there is no repository to read them from, as in images: see the Dockerfile.
var number, commit string

// Info is a build.
type Info struct {
	Version string // "v1.2.0", or what Go makes of a commit without a tag
	Commit  string // of the repository, the first 12 digits; with "+dirty" after them where files were changed
	Go      string // "go1.26.8"
	SDK     string // version of Temporal's Go SDK; empty in a program without it
}

// unknown is what a build does not know of itself, such as the commit under go run.
const unknown = "unknown"

// Get returns the build of this program.
func Get() Info {
	build, _ := debug.ReadBuildInfo() // nil where it was built without modules
	return read(build, number, commit)
}

func read(build *debug.BuildInfo, number, commit string) Info {
	i := Info{Version: number, Commit: commit, Go: runtime.Version()}
	if build == nil {
		build = &debug.BuildInfo{}
	}
	settings := map[string]string{}
	for _, s := range build.Settings {
		settings[s.Key] = s.Value
	}
	i.Commit = cmp.Or(i.Commit, settings["vcs.revision"])
	i.Commit = i.Commit[:min(12, len(i.Commit))]
	if commit == "" && settings["vcs.modified"] == "true" {
		i.Commit += "+dirty"
	}
	i.Version, i.Commit = cmp.Or(i.Version, strings.Trim(build.Main.Version, "()"), unknown), cmp.Or(i.Commit, unknown)
	for _, module := range build.Deps {
		if module.Path == "go.temporal.io/sdk" {
			i.SDK = module.Version
		}
	}
	return i
}

// String is the line that a program prints with -version, after its name.
func (i Info) String() string {
	line := fmt.Sprintf("%s (commit %s), %s", i.Version, i.Commit, i.Go)
	if i.SDK != "" {
		line += ", Temporal SDK " + i.SDK
	}
	return line
}

// Attrs are for the first line of a program's log.
func (i Info) Attrs() []slog.Attr {
	return []slog.Attr{slog.String("version", i.Version), slog.String("commit", i.Commit), slog.String("go", i.Go), slog.String("sdk", i.SDK)}
}
