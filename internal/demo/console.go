package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dpaflow/dpaflow/examples/switchover"
	"github.com/dpaflow/dpaflow/internal/devstack"
)

// startConsole starts the operators' page, with the example's runbook to be started from it.
func (s *stack) startConsole(ctx context.Context) error {
	log, err := s.log("console")
	if err != nil {
		return err
	}
	address, _, err := s.addresses("127.0.0.1:8092", "")
	if err != nil {
		return err
	}
	books := filepath.Join(s.folder, "runbooks")
	if err := os.Mkdir(books, 0o755); err != nil {
		return fmt.Errorf("make a folder for runbooks: %w", err)
	}
	if err := os.WriteFile(filepath.Join(books, "switchover.yaml"), switchover.YAML, 0o644); err != nil {
		return fmt.Errorf("write the example's runbook: %w", err)
	}
	s.consoleURL = "http://" + address
	s.notifyEnv = append(s.notifyEnv, "DPA_CONSOLE_URL="+s.consoleURL)
	s.console, err = devstack.StartProgram(ctx, devstack.ProgramOptions{
		Program: "console",
		Env:     append(s.temporal.Env(), "DPA_CONSOLE_ADDR="+address, "DPA_RUNBOOKS_DIR="+books, "DPA_TEMPORAL_UI_URL="+s.temporal.UIURL),
		Output:  log,
	})
	return err
}
