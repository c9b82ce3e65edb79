package devstack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/mod/semver"
)

const (
	cliModule    = "github.com/temporalio/cli"
	serverModule = "go.temporal.io/server"
)

// pin is what tools/ says about the Temporal CLI.
type pin struct {
	CLI    string // version
	Server string // version of the server in it
	Sum    string // of all that it is built from
	folder string
}

func readPin(ctx context.Context, tools string) (pin, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "edit", "-json")
	cmd.Dir = tools
	output, err := cmd.Output()
	if err != nil {
		return pin{}, fmt.Errorf("read %s/go.mod: %w", tools, err)
	}
	var module struct {
		Require []struct{ Path, Version string }
	}
	if err := json.Unmarshal(output, &module); err != nil {
		return pin{}, fmt.Errorf("read %s/go.mod: %w", tools, err)
	}
	versions := map[string]string{}
	for _, required := range module.Require {
		versions[required.Path] = required.Version
	}
	p := pin{CLI: versions[cliModule], Server: versions[serverModule], folder: tools}
	if p.CLI == "" || p.Server == "" {
		return pin{}, fmt.Errorf("%s/go.mod does not pin %s and %s", tools, cliModule, serverModule)
	}
	p.Sum, err = sum(tools)
	return p, err
}

// sum tells a CLI of today's tools/ from one that was built before they changed.
func sum(tools string) (string, error) {
	files := []string{filepath.Join(tools, "go.mod"), filepath.Join(tools, "go.sum")}
	own, err := filepath.Glob(filepath.Join(tools, "cliext", "*.go"))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", tools, err)
	}
	hash := sha256.New()
	for _, name := range append(files, own...) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return "", fmt.Errorf("read what the Temporal CLI is built from: %w", err)
		}
		fmt.Fprintf(hash, "%s %d\n%s", filepath.Base(name), len(content), content)
	}
	return hex.EncodeToString(hash.Sum(nil)[:4]), nil
}

var serverVersion = regexp.MustCompile(`\(Server (\d+\.\d+\.\d+)`)

// sayIfOlder says when the server in an installed CLI is older than the pinned
// one: what dpaflow is tested with may be missing there.
func sayIfOlder(ctx context.Context, path string, pin pin, progress io.Writer) error {
	output, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return fmt.Errorf("ask %s for its version: %w", path, err)
	}
	found := serverVersion.FindSubmatch(output)
	if found == nil {
		fmt.Fprintf(progress, "%s does not say which Temporal server it brings; dpaflow is tested with %s\n", path, pin.Server)
		return nil
	}
	if server := "v" + string(found[1]); semver.Compare(server, pin.Server) < 0 {
		fmt.Fprintf(progress, "%s brings the Temporal server %s, older than the %s that dpaflow is tested with; install Temporal CLI %s or newer\n", path, server, pin.Server, pin.CLI)
	}
	return nil
}
