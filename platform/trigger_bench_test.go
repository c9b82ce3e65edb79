package platform

import (
	"crypto/x509"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkTrigger is what one trigger costs, with the server of the test: it is sent over a connection of its own.
func BenchmarkTrigger(b *testing.B) {
	for _, scheme := range []string{"http", "https"} {
		b.Run(scheme, func(b *testing.B) {
			server := httptest.NewUnstartedServer(data(oneInstance))
			config := Config{ClientID: "demo", Secret: func() (string, error) { return testSecret, nil }}
			if scheme == "http" {
				server.Start()
			} else {
				server.StartTLS()
				roots := x509.NewCertPool()
				roots.AddCert(server.Certificate())
				config.TLS = trusting(roots)
			}
			defer server.Close()
			config.BaseURL = server.URL
			c, err := New(config)
			require.NoError(b, err)
			defer c.Close()
			withToken(c)
			b.ReportAllocs()
			for b.Loop() {
				_, err := c.TriggerPlan(b.Context(), trigger)
				require.NoError(b, err)
			}
		})
	}
}
