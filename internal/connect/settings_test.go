package connect

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/dpaflow/dpaflow/internal/wait"
)

// identity is a certificate for servers and clients on loopback that is its own authority.
func identity(t *testing.T, folder string) (certificate tls.Certificate, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
	privatePEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	require.NoError(t, os.WriteFile(filepath.Join(folder, "cert.pem"), publicPEM, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "key.pem"), privatePEM, 0o600))
	certificate, err = tls.X509KeyPair(publicPEM, privatePEM)
	require.NoError(t, err)
	pool = x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(publicPEM))
	return certificate, pool
}

// serve serves a frontend on the address until the test ends, or stop.
func serve(t *testing.T, address string, options ...grpc.ServerOption) (at string, stop func()) {
	t.Helper()
	var listener net.Listener
	require.Eventually(t, func() bool {
		var err error
		listener, err = net.Listen("tcp", address)
		return err == nil
	}, wait.Limit, 10*time.Millisecond)
	server := grpc.NewServer(options...)
	workflowservice.RegisterWorkflowServiceServer(server, frontend{})
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	return listener.Addr().String(), server.Stop
}

func TestCertificatesOfTemporalAreReadAgainWhenTheyAreRenewed(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	certificate, pool := identity(t, folder)
	mutual := func() grpc.ServerOption {
		return grpc.Creds(credentials.NewTLS(&tls.Config{
			Certificates: []tls.Certificate{certificate}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
		}))
	}
	address, stop := serve(t, "127.0.0.1:0", mutual())
	o := options(address, env{
		"TEMPORAL_TLS_CLIENT_CERT_PATH":    filepath.Join(folder, "cert.pem"),
		"TEMPORAL_TLS_CLIENT_KEY_PATH":     filepath.Join(folder, "key.pem"),
		"TEMPORAL_TLS_SERVER_CA_CERT_PATH": filepath.Join(folder, "cert.pem"),
	})
	o.Lazy = true
	c, err := Dial(t.Context(), o)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.Ready(t.Context()))

	// Everything is renewed: the server's certificate, ours, and who is trusted on both sides.
	stop()
	certificate, pool = identity(t, folder)
	serve(t, address, mutual())
	require.Eventually(t, func() bool { return c.Ready(t.Context()) == nil }, wait.Limit, 100*time.Millisecond)

	// While one of the files is half written the last good ones are used.
	require.NoError(t, os.WriteFile(filepath.Join(folder, "key.pem"), []byte("-----BEGIN"), 0o600))
	require.Never(t, func() bool { return c.Ready(t.Context()) != nil }, settingsServe+time.Second, 500*time.Millisecond)
}

func TestAnAPIKeyAndHeadersInTheProfileAreReadAgainWhenTheyChange(t *testing.T) {
	t.Parallel()
	var expected atomic.Value
	expected.Store("first")
	certificate, _ := identity(t, t.TempDir())
	address, _ := serve(t, "127.0.0.1:0", grpc.Creds(credentials.NewServerTLSFromCert(&certificate)),
		grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
			key, header := metadata.ValueFromIncomingContext(ctx, "authorization"), metadata.ValueFromIncomingContext(ctx, "x-team")
			value := expected.Load().(string)
			if len(key) != 1 || key[0] != "Bearer "+value || len(header) != 1 || header[0] != value {
				return nil, status.Error(codes.PermissionDenied, "Request unauthorized.")
			}
			return handle(ctx, req)
		}))
	file := filepath.Join(t.TempDir(), "config.toml")
	write := func(value string) {
		text := fmt.Sprintf("[profile.default]\naddress = %q\napi_key = %q\n[profile.default.grpc_meta]\nx-team = %q\n"+
			"[profile.default.tls]\ndisable_host_verification = true\n", address, value, value)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	write("first")
	o := options("", env{"TEMPORAL_CONFIG_FILE": file})
	delete(o.Env.(env), "TEMPORAL_ADDRESS")
	o.Lazy = true
	c, err := Dial(t.Context(), o)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.Ready(t.Context()))

	expected.Store("second")
	require.Error(t, c.Ready(t.Context()), "a key that is revoked is no readiness")
	write("second")
	require.Eventually(t, func() bool { return c.Ready(t.Context()) == nil }, wait.Limit, 100*time.Millisecond)
}
