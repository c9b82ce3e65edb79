package signals

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

// drainTimeout leaves a callback that came last its time to be read and delivered.
const drainTimeout = 25 * time.Second

// Serve serves callbacks on ln until ctx ends, then lets those in flight finish and returns nil.
// It closes ln. An error says that serving broke off, or that callbacks were still in flight after 25 s
// (the platform was not told SUCCESS for them and calls again).
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
