package platform

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// selfSigned is a certificate for servers and clients that is its own authority.
func selfSigned(t *testing.T) *tls.Config {
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
	certificate, err := x509.ParseCertificate(raw)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}}, RootCAs: pool, ClientCAs: pool,
		ClientAuth: tls.RequireAndVerifyClientCert,
	}
}

// trusting is a configuration with these roots.
func trusting(roots *x509.CertPool) func() *tls.Config {
	config := &tls.Config{RootCAs: roots}
	return func() *tls.Config { return config }
}

func TestCertificatesThatAreRenewedServeReadsAndTriggersAtOnce(t *testing.T) {
	t.Parallel()
	var current atomic.Pointer[tls.Config] // of the platform, and ours
	current.Store(selfSigned(t))
	f := &fake{}
	f.Server = httptest.NewUnstartedServer(f.handler(t, data(oneInstance)))
	f.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return current.Load(), nil }}
	f.StartTLS()
	t.Cleanup(f.Close)
	c := newClient(t, f.URL, func(c *Config) { c.TLS = current.Load })
	for range 3 {
		_, err := c.Plans(t.Context())
		require.NoError(t, err)
		_, err = c.TriggerPlan(t.Context(), trigger)
		require.NoError(t, err)
		current.Store(selfSigned(t))
	}

	stranger := selfSigned(t)
	stranger.RootCAs = current.Load().RootCAs
	c = newClient(t, f.URL, func(c *Config) { c.TLS = func() *tls.Config { return stranger } })
	_, err := c.TriggerPlan(t.Context(), trigger)
	require.Error(t, err, "another one's certificate is not let in")
}
