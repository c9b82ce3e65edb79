package platform

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// paths are what a trigger may be sent over.
var paths = []string{"http", "https", "https through a proxy"}

// line is a platform that looks at connections rather than at requests: it shakes hands and keeps all that it reads.
type line struct {
	url      string
	roots    *x509.CertPool
	proxy    *url.URL
	received chan []byte // by one connection, from the handshake to its end
}

// listen starts a line, which does with each connection what before says before it reads.
func listen(t *testing.T, path string, before func(net.Conn)) *line {
	t.Helper()
	scheme, rest, _ := strings.Cut(path, " ")
	l := &line{received: make(chan []byte, 10)}
	config := &tls.Config{}
	if scheme == "https" {
		borrowed := httptest.NewTLSServer(http.NotFoundHandler())
		defer borrowed.Close()
		l.roots = x509.NewCertPool()
		l.roots.AddCert(borrowed.Certificate())
		config.Certificates = borrowed.TLS.Certificates
	}
	l.url = scheme + "://" + accept(t, func(conn net.Conn) {
		if scheme == "https" {
			secure := tls.Server(conn, config)
			if secure.HandshakeContext(t.Context()) != nil {
				l.received <- nil // a reset outran the end of the handshake
				return
			}
			conn = secure
		}
		before(conn)
		all, _ := io.ReadAll(conn) // which TLS may end without a goodbye
		l.received <- all
	})
	if rest != "" {
		l.proxy = &url.URL{Scheme: "http", Host: accept(t, connect)}
	}
	return l
}

// accept serves the connections to an address, which it returns, until the test ends.
func accept(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	var group sync.WaitGroup
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.(*net.TCPConn).SetReadBuffer(1 << 20) // by itself it may grow until it holds the longest request
			group.Go(func() {
				defer func() { _ = conn.Close() }()
				serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		group.Wait()
	})
	return listener.Addr().String()
}

// connect serves a connection as a proxy that only CONNECTs.
func connect(near net.Conn) {
	request, err := http.ReadRequest(bufio.NewReader(near))
	if err != nil || request.Method != http.MethodConnect {
		return
	}
	far, err := net.Dial("tcp", request.Host)
	if err != nil {
		return
	}
	_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(near, far)
		_ = near.(*net.TCPConn).CloseWrite()
	})
	_, _ = io.Copy(far, near)
	_ = far.Close()
	back.Wait()
}

func (l *line) client(t *testing.T) *Client {
	t.Helper()
	c := withToken(newClient(t, l.url, func(c *Config) { c.TLS, c.Timeout = trusting(l.roots), time.Minute }))
	c.sends.transport().Proxy = http.ProxyURL(l.proxy)
	return c
}

// requireUnused waits for the end of the one connection there was: nothing came over it.
func (l *line) requireUnused(t *testing.T) {
	t.Helper()
	require.Empty(t, <-l.received)
	require.Empty(t, l.received, "there was another connection")
}
