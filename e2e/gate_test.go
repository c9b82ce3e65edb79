package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/devstack"
)

// gate is an address in front of the platform. While it is shut no new connection comes about:
// with https because of its certificate, else because nobody listens. Those that there are stay.
type gate struct {
	t               *testing.T
	address, caFile string
	https           bool
	known, strange  *tls.Certificate
	shown           atomic.Pointer[tls.Certificate]
	server          *http.Server
	listener        net.Listener
}

// newGate makes a gate that is shut, and not there at all before serve.
func newGate(t *testing.T, https bool) *gate {
	t.Helper()
	address, err := devstack.FreeAddress()
	require.NoError(t, err)
	g := &gate{t: t, address: address, https: https, known: certificate(t), strange: certificate(t)}
	g.caFile = filepath.Join(t.TempDir(), "ca.pem")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: g.known.Certificate[0]})
	require.NoError(t, os.WriteFile(g.caFile, ca, 0o600))
	return g
}

// env makes the programs use the gate.
func (g *gate) env() []string {
	if g.https {
		return []string{"DPA_BASE_URL=https://" + g.address, "DPA_CA_FILE=" + g.caFile}
	}
	return []string{"DPA_BASE_URL=http://" + g.address}
}

func (g *gate) serve(platform http.Handler) {
	g.t.Helper()
	g.server = &http.Server{Handler: platform, ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	g.t.Cleanup(func() { _ = g.server.Close() })
	if g.https {
		g.shown.Store(g.strange)
		g.listen()
	}
}

func (g *gate) open() {
	g.t.Helper()
	if g.https {
		g.shown.Store(g.known)
		return
	}
	g.listen()
}

func (g *gate) shut() {
	if g.https {
		g.shown.Store(g.strange)
	} else if g.listener != nil {
		_ = g.listener.Close()
	}
}

func (g *gate) listen() {
	g.t.Helper()
	listener, err := net.Listen("tcp", g.address)
	require.NoError(g.t, err)
	g.listener = listener
	if g.https {
		listener = tls.NewListener(listener, &tls.Config{
			MinVersion:     tls.VersionTLS12,
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return g.shown.Load(), nil },
		})
	}
	go func() { _ = g.server.Serve(listener) }() // until the gate is shut
}

// certificate makes one for 127.0.0.1 that nobody but itself has signed.
func certificate(t *testing.T) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
