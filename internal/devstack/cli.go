package devstack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// CLI returns the path of the Temporal command line: $TEMPORAL_CLI_PATH, else
// a temporal on the PATH, else the version pinned in tools/go.mod, built from
// source the first time and kept in the user's cache. Building takes minutes,
// which it tells progress, as it does of a server older than the pinned one.
func CLI(ctx context.Context, progress io.Writer) (string, error) {
	root, err := repository(ctx)
	if err != nil {
		return "", err
	}
	pin, err := readPin(ctx, filepath.Join(root, "tools"))
	if err != nil {
		return "", err
	}
	path, err := installed()
	if err != nil {
		return "", err
	}
	if path != "" {
		return path, sayIfOlder(ctx, path, pin, progress)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a place to keep the Temporal CLI: %w", err)
	}
	return keep(ctx, filepath.Join(cache, "dpaflow", "temporal-"+pin.CLI+"-"+pin.Sum), progress, func(ctx context.Context, path string) error {
		return buildCLI(ctx, pin, path, progress)
	})
}

// installed returns the command line that is there already, or nothing.
func installed() (string, error) {
	if given := os.Getenv("TEMPORAL_CLI_PATH"); given != "" {
		path, err := exec.LookPath(given)
		if err != nil {
			return "", fmt.Errorf("TEMPORAL_CLI_PATH: %w", err)
		}
		return path, nil
	}
	path, err := exec.LookPath("temporal")
	if err != nil {
		return "", nil // there is none
	}
	return path, nil
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

// cliTags and cliLinking shorten the build: upstream leaves out the same gRPC
// client of a cloud's storage, and nothing here debugs the server.
const (
	cliTags    = "disable_grpc_modules"
	cliLinking = "-s -w -X " + cliModule + "/internal/temporalcli.Version="
)

func buildCLI(ctx context.Context, pin pin, path string, progress io.Writer) error {
	fmt.Fprintf(progress, "building the Temporal CLI %s from source: some 5 minutes on two cores, this first time only\n", pin.CLI)
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", cliTags,
		"-ldflags", cliLinking+strings.TrimPrefix(pin.CLI, "v"), "-o", path, cliModule+"/cmd/temporal")
	cmd.Dir, cmd.Stdout, cmd.Stderr = pin.folder, &output, &output
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
				return fmt.Errorf("build the Temporal CLI %s: %w (TEMPORAL_CLI_PATH may name one that is there)\n%s", pin.CLI, err, &output)
			}
			fmt.Fprintf(progress, "built in %s, kept for the next time\n", time.Since(began).Round(time.Second))
			return nil
		}
	}
}
