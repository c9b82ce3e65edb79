package devstack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

const cliModule = "github.com/temporalio/cli"

// CLI returns the path of the Temporal command line: $TEMPORAL_CLI_PATH, else
// a temporal on the PATH, else the version pinned in tools/go.mod, built from
// source the first time and kept in the user's cache. Building takes minutes,
// which it tells progress.
func CLI(ctx context.Context, progress io.Writer) (string, error) {
	if given := os.Getenv("TEMPORAL_CLI_PATH"); given != "" {
		path, err := exec.LookPath(given)
		if err != nil {
			return "", fmt.Errorf("TEMPORAL_CLI_PATH: %w", err)
		}
		return path, nil
	}
	if path, err := exec.LookPath("temporal"); err == nil {
		return path, nil
	}
	root, err := repository(ctx)
	if err != nil {
		return "", err
	}
	tools := filepath.Join(root, "tools")
	version, err := pinned(ctx, tools)
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a place to keep the Temporal CLI: %w", err)
	}
	return keep(ctx, filepath.Join(cache, "dpaflow", "temporal-"+version), progress, func(ctx context.Context, path string) error {
		return buildCLI(ctx, tools, version, path, progress)
	})
}

// pinned reads the CLI's version from the tools' go.mod.
func pinned(ctx context.Context, tools string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "edit", "-json")
	cmd.Dir = tools
	output, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("read %s/go.mod: %w", tools, err)
	}
	var module struct {
		Require []struct{ Path, Version string }
	}
	if err := json.Unmarshal(output, &module); err != nil {
		return "", fmt.Errorf("read %s/go.mod: %w", tools, err)
	}
	for _, required := range module.Require {
		if required.Path == cliModule {
			return required.Version, nil
		}
	}
	return "", fmt.Errorf("%s/go.mod does not pin %s", tools, cliModule)
}

// keep returns path once a file is there, made by build if it is missing. Of
// several processes that want it one builds, and the others wait; what is not
// complete never stands at path.
func keep(ctx context.Context, path string, progress io.Writer, build func(ctx context.Context, path string) error) (string, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("keep %s: %w", path, err)
	}
	lock := flock.New(path + ".lock")
	if free, err := lock.TryLock(); err != nil {
		return "", fmt.Errorf("lock %s: %w", path, err)
	} else if !free {
		fmt.Fprintf(progress, "waiting for another process that makes %s\n", path)
		if _, err := lock.TryLockContext(ctx, time.Second); err != nil {
			return "", fmt.Errorf("lock %s: %w", path, err)
		}
	}
	defer lock.Unlock()

	if _, err := os.Stat(path); err == nil {
		return path, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("keep %s: %w", path, err)
	}
	unfinished := path + ".unfinished"
	defer os.Remove(unfinished)
	if err := build(ctx, unfinished); err != nil {
		return "", err
	}
	if err := os.Rename(unfinished, path); err != nil {
		return "", fmt.Errorf("keep %s: %w", path, err)
	}
	return path, nil
}

func buildCLI(ctx context.Context, tools, version, path string, progress io.Writer) error {
	fmt.Fprintf(progress, "building the Temporal CLI %s from source: 5 to 8 minutes, this first time only\n", version)
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, cliModule+"/cmd/temporal")
	cmd.Dir, cmd.Stdout, cmd.Stderr = tools, &output, &output
	began := time.Now()
	done := make(chan error, 1)
	go func() { done <- cmd.Run() }()
	for tick := time.NewTicker(15 * time.Second); ; {
		select {
		case <-tick.C:
			fmt.Fprintf(progress, "  still building (%s)\n", time.Since(began).Round(time.Second))
		case err := <-done:
			tick.Stop()
			if err != nil {
				return fmt.Errorf("build the Temporal CLI %s: %w (TEMPORAL_CLI_PATH may name one that is there)\n%s", version, err, &output)
			}
			fmt.Fprintf(progress, "built in %s, kept for the next time\n", time.Since(began).Round(time.Second))
			return nil
		}
	}
}
