// Package serve is what every HTTP server of the programs has in common: its limits and its end, the pages for those
// who operate it, and how another process asks whether it is well.
package serve

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

// drainTimeout leaves a request that came last its time to be read and answered.
const drainTimeout = 25 * time.Second

// Serve serves on ln until ctx ends, then lets the requests in flight finish and returns nil. It closes ln.
// An error says that serving broke off, or that requests were still in flight after 25 s.
func Serve(ctx context.Context, ln net.Listener, h http.Handler) error {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      20 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    8 << 10,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()

	select {
	case err := <-served:
		return fmt.Errorf("serving on %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	err := server.Shutdown(drain)
	<-served
	if err != nil {
		_ = server.Close()
		return fmt.Errorf("waiting for requests in flight on %s: %w", ln.Addr(), err)
	}
	return nil
}
