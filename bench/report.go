package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"text/template"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"github.com/dpaflow/dpaflow/internal/devstack"
)

// Report is everything that was measured; performance.json holds it.
type Report struct {
	Date    time.Time       `json:"date"`
	Machine Machine         `json:"machine"`
	Rounds  int             `json:"rounds"` // but for callbacks
	Plan    *PlanFigures    `json:"plan,omitempty"`
	Bridge  *BridgeFigures  `json:"bridge,omitempty"`
	Runbook *RunbookFigures `json:"runbook,omitempty"`
	Waiting *WaitingFigures `json:"waiting,omitempty"`
	Token   *TokenFigures   `json:"token,omitempty"`
	Spool   *SpoolFigures   `json:"spool,omitempty"`
}

// Machine is what it was measured on.
type Machine struct {
	CPUs     int    `json:"cpus"`
	OS       string `json:"os"`
	Go       string `json:"go"`
	SDK      string `json:"temporalSDK"`
	Temporal string `json:"temporal"`
	Store    string `json:"store,omitempty"` // the database of a server that somebody else runs
}

// Name is that of the report's files, without what their names end with.
func (r *Report) Name() string {
	if r.Machine.Store == "" {
		return "performance"
	}
	return "performance-" + strings.ToLower(r.Machine.Store)
}

func newReport(ctx context.Context, size sizes) (*Report, error) {
	r := &Report{Date: time.Now().UTC(), Rounds: size.rounds, Machine: Machine{
		CPUs: runtime.NumCPU(), OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(),
	}}
	if err := r.Machine.ask(ctx); err != nil {
		return nil, fmt.Errorf("ask Temporal for its version: %w", err)
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dependency := range info.Deps {
			if dependency.Path == "go.temporal.io/sdk" {
				r.Machine.SDK = dependency.Version
			}
		}
	}
	return r, nil
}

// ask asks Temporal what it is.
func (m *Machine) ask(ctx context.Context) error {
	address := os.Getenv("TEMPORAL_ADDRESS")
	if address == "" {
		cli, err := devstack.CLI(ctx, os.Stderr)
		if err != nil {
			return err
		}
		version, err := exec.CommandContext(ctx, cli, "--version").Output()
		m.Temporal = strings.TrimPrefix(strings.TrimSpace(string(version)), "temporal version ")
		return err
	}
	c, err := client.DialContext(ctx, client.Options{HostPort: address, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	if err != nil {
		return err
	}
	defer c.Close()
	cluster, err := c.WorkflowService().GetClusterInfo(ctx, &workflowservice.GetClusterInfoRequest{})
	m.Temporal, m.Store = cluster.GetServerVersion(), cluster.GetPersistenceStore()
	if strings.HasPrefix(m.Store, "postgres") {
		m.Store = "PostgreSQL" // however it is called there
	}
	return err
}

// read reads a report that was written.
func read(path string) (*Report, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the figures: %w", err)
	}
	r := &Report{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("read the figures in %s: %w", path, err)
	}
	return r, nil
}

// write writes the report to a folder: a page, its figures and its plots, such as performance.md, performance.json and
// those in performance/. Without a folder it prints the page.
func (r *Report) write(folder string) error {
	if folder == "" {
		return r.markdown(os.Stdout)
	}
	plots := filepath.Join(folder, r.Name())
	if err := os.MkdirAll(plots, 0o755); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	for name, p := range r.plots() {
		if err := save(p, filepath.Join(plots, name)); err != nil {
			return err
		}
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if err := os.WriteFile(plots+".json", append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	var text bytes.Buffer
	if err := r.markdown(&text); err != nil {
		return err
	}
	if err := os.WriteFile(plots+".md", text.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

//go:embed performance.md.tmpl
var page string

var pageTemplate = template.Must(template.New("performance.md").Funcs(template.FuncMap{
	"number": number,
	"kb":     func(bytes float64) string { return number(bytes / 1024) },
	"mb":     func(bytes float64) string { return number(bytes / 1e6) },
	"total":  total,
	"last":   func(runs []Waiting) Waiting { return runs[len(runs)-1] },
	"rounds": func(loads []Comparison) int { return len(loads[0].SpeedRatio.Rounds) },
	"each":   func(c RunbookCost, of float64) float64 { return of / float64(c.Plans) },
	"float":  func(n int64) float64 { return float64(n) },
}).Parse(page))

func (r *Report) markdown(w io.Writer) error {
	if err := pageTemplate.Execute(w, r); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

func total(counts map[string]float64) (sum float64) {
	for _, n := range counts {
		sum += n
	}
	return sum
}
