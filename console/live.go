package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/dpaflow/dpaflow/internal/report"
)

// streamLasts is how long one stream goes on before the browser asks again: within what a server gives an answer, and a
// program that stops.
const streamLasts = 15 * time.Second

// stream says by server-sent events when something has changed. The browser then gets the page anew: what is shown has one
// form, with scripts or without.
func (c *console) stream(w http.ResponseWriter, v *visit, look func(context.Context) (any, error)) error {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // proxies must not keep it back
	ctx, cancel := context.WithTimeout(v.Context(), streamLasts)
	defer cancel()
	defer context.AfterFunc(c.stopping, cancel)()
	tick := time.NewTicker(fresh)
	defer tick.Stop()
	fmt.Fprint(w, "retry: 1000\n\n")
	last := v.Header.Get("Last-Event-ID")
	for {
		if mark, err := fingerprint(ctx, look); err == nil && mark != last {
			fmt.Fprintf(w, "id: %s\ndata: changed\n\n", mark)
			last = mark
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return nil // nobody listens any more
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func fingerprint(ctx context.Context, look func(context.Context) (any, error)) (string, error) {
	seen, err := look(ctx)
	if err != nil {
		return "", err
	}
	data, err := json.Marshal(seen)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", sha256.Sum256(data))[:16], nil
}

func (c *console) liveRuns(w http.ResponseWriter, v *visit) error {
	q := searchOf(v)
	return c.stream(w, v, func(ctx context.Context) (any, error) { return c.find(ctx, q) })
}

func (c *console) liveRun(w http.ResponseWriter, v *visit) error {
	id := v.FormValue("id")
	if id == "" {
		return failure{http.StatusBadRequest, errors.New("the address names no run")}
	}
	return c.stream(w, v, func(ctx context.Context) (any, error) {
		found, err := c.report(ctx, id)
		found.Elapsed = 0 // which alone is no change
		return struct{ report.Report }{found}, err
	})
}
