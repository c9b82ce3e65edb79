package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// Report is everything that was measured; performance.json holds it.
type Report struct {
	Date    time.Time       `json:"date"`
	Machine Machine         `json:"machine"`
	Rounds  int             `json:"rounds"`
	Plan    *PlanFigures    `json:"plan,omitempty"`
	Bridge  *BridgeFigures  `json:"bridge,omitempty"`
	Runbook *RunbookFigures `json:"runbook,omitempty"`
	Waiting *WaitingFigures `json:"waiting,omitempty"`
	Token   *TokenFigures   `json:"token,omitempty"`
	Spool   *SpoolFigures   `json:"spool,omitempty"`
}

// Machine is what it was measured on.
type Machine struct {
	CPUs int    `json:"cpus"`
	OS   string `json:"os"`
	Go   string `json:"go"`
}

func newReport(size sizes) *Report {
	return &Report{
		Date: time.Now().UTC(), Rounds: size.rounds,
		Machine: Machine{CPUs: runtime.NumCPU(), OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version()},
	}
}

// write prints the report, and writes it to a folder if there is one.
func (r *Report) write(w io.Writer, folder string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if folder == "" {
		fmt.Fprintln(w, string(data))
		return nil
	}
	return os.WriteFile(filepath.Join(folder, "performance.json"), append(data, '\n'), 0o644)
}
