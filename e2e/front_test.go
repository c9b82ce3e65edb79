package e2e

import (
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// front is the platform behind TLS; while it refuses, new connections are taken and never answered.
type front struct {
	*httptest.Server
	ca      string
	refuse  atomic.Bool
	stalled chan struct{}
}

func newFront(t *testing.T, platform http.Handler) *front {
	t.Helper()
	f := &front{stalled: make(chan struct{}, 1)}
	f.Server = httptest.NewUnstartedServer(platform)
	f.Listener = &stalling{Listener: f.Listener, front: f}
	f.StartTLS()
	t.Cleanup(f.Close)
	f.ca = filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw})
	require.NoError(t, os.WriteFile(f.ca, certificate, 0o600))
	return f
}

// stalling is a listener that keeps some connections waiting for ever.
type stalling struct {
	net.Listener
	front *front
	mu    sync.Mutex
	held  []net.Conn
}

func (l *stalling) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil || !l.hold(conn) {
			return conn, err
		}
	}
}

// hold keeps a new connection. Reads go on over the ones they have; a trigger always makes its own.
func (l *stalling) hold(conn net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.front.refuse.Load() {
		return false
	}
	l.held = append(l.held, conn)
	select {
	case l.front.stalled <- struct{}{}:
	default:
	}
	return true
}

func (l *stalling) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range l.held {
		_ = conn.Close()
	}
	return l.Listener.Close()
}
