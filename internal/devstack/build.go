package devstack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// built are the programs that this process has built.
var built struct {
	mu     sync.Mutex
	folder string
	paths  map[string]string
}

// Build builds a program of this repository, given by its folder such as
// "worker" or "signals/bridge", and returns the path of the result. Each is
// built once per process, with the race detector or without; Cleanup removes
// them all.
func Build(ctx context.Context, program string, race bool) (string, error) {
	built.mu.Lock()
	defer built.mu.Unlock()
	key := program
	if race {
		key += "-race"
	}
	if path, ok := built.paths[key]; ok {
		return path, nil
	}
	if built.folder == "" {
		folder, err := os.MkdirTemp("", "dpaflow-programs-")
		if err != nil {
			return "", fmt.Errorf("make a folder for programs: %w", err)
		}
		built.folder, built.paths = folder, map[string]string{}
	}
	root, err := repository(ctx)
	if err != nil {
		return "", err
	}
	path := filepath.Join(built.folder, strings.ReplaceAll(key, "/", "-"))
	args := []string{"build", "-o", path}
	if race {
		args = append(args, "-race")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "./"+program)...)
	cmd.Dir = root
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", program, err, output)
	}
	built.paths[key] = path
	return path, nil
}

// Cleanup removes the programs that were built.
func Cleanup() error {
	built.mu.Lock()
	defer built.mu.Unlock()
	if built.folder == "" {
		return nil
	}
	err := os.RemoveAll(built.folder)
	built.folder, built.paths = "", nil
	if err != nil {
		return fmt.Errorf("remove the programs that were built: %w", err)
	}
	return nil
}

// repository returns the folder of this repository's module.
func repository(ctx context.Context) (string, error) {
	output, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find this repository: go env GOMOD: %w", err)
	}
	module := string(bytes.TrimSpace(output))
	if module == "" || module == os.DevNull {
		return "", errors.New("find this repository: run this inside of it")
	}
	return filepath.Dir(module), nil
}
