// Package admin is the programs' HTTP server for those who operate them:
// whether they live, whether they are ready, and their metrics. It belongs on
// an address that only operators reach.
package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// Check says whether something that the program depends on can be used.
type Check struct {
	Name   string
	Ready  func(context.Context) error
	Remark func() string // what else operators should know, such as a backlog; nil or empty: nothing
}

const checkTimeout = 3 * time.Second // of all checks of one request, side by side

// Handler serves GET /healthz (200 while the process lives), GET /readyz (200
// when every check passes, with a line per remark, else 503 with a line per
// check that does not) and GET /metrics.
func Handler(metrics http.Handler, checks ...Check) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, req *http.Request) {
		if err := run(req.Context(), checks); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
		for _, check := range checks {
			if check.Remark == nil {
				continue
			}
			if remark := check.Remark(); remark != "" {
				fmt.Fprintf(w, "%s: %s\n", check.Name, remark)
			}
		}
	})
	mux.Handle("GET /metrics", metrics)
	return mux
}

func run(ctx context.Context, checks []Check) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	faults := make([]error, len(checks))
	var g errgroup.Group
	for i, check := range checks {
		g.Go(func() error {
			if err := check.Ready(ctx); err != nil {
				faults[i] = fmt.Errorf("%s: %w", check.Name, err)
			}
			return nil
		})
	}
	_ = g.Wait() // faults are gathered, not the first of them
	return errors.Join(faults...)
}

// Probe asks the program whose admin server listens on the address whether it
// is ready. The error of one that is not says why.
func Probe(ctx context.Context, address string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("ask %s whether it is ready: %w", address, err)
	}
	client := http.Client{Timeout: checkTimeout + time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("ask %s whether it is ready: %w", address, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
	if err != nil {
		return fmt.Errorf("ask %s whether it is ready: %w", address, err)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s is not ready (%s): %s", address, answer.Status, strings.TrimSpace(string(body)))
	}
	return nil
}
