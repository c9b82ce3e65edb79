package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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

// Admin serves those who operate a program: GET /healthz (200 while the process lives), GET /readyz (200 when every
// check passes, with a line per remark, else 503 with a line per check that does not) and GET /metrics. It belongs on an
// address that only they reach.
func Admin(metrics http.Handler, checks ...Check) http.Handler {
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
	failed := make([]error, len(checks))
	var g errgroup.Group
	for i, check := range checks {
		g.Go(func() error {
			if err := check.Ready(ctx); err != nil {
				failed[i] = fmt.Errorf("%s: %w", check.Name, err)
			}
			return nil
		})
	}
	_ = g.Wait() // failed are gathered, not the first of them
	return errors.Join(failed...)
}
