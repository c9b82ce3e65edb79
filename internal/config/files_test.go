package config

import (
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestASecretFileIsReadAgainAtEveryUse(t *testing.T) {
	t.Parallel()
	file := write(t, "first\n")
	w, err := LoadWorker(enough("DPA_CLIENT_SECRET", "", "DPA_CLIENT_SECRET_FILE", file).lookup, false)
	require.NoError(t, err)
	secret, err := w.Platform.Secret()
	require.NoError(t, err)
	require.Equal(t, "first", secret)

	require.NoError(t, os.WriteFile(file, []byte("second\n"), 0o600))
	secret, err = w.Platform.Secret()
	require.NoError(t, err)
	require.Equal(t, "second", secret)

	require.NoError(t, os.Remove(file))
	_, err = w.Platform.Secret()
	require.ErrorContains(t, err, "DPA_CLIENT_SECRET_FILE")
}

func TestFilesMayHoldKeysAndRoots(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	roots := write(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	w, err := LoadWorker(enough(
		"DPA_CA_FILE", roots,
		"DPA_CALLBACK_KEYS", "", "DPA_CALLBACK_KEYS_FILE", write(t, callbackKeys+"\n"),
		"DPA_ENCRYPTION_KEYS_FILE", write(t, encryptionKeys+"\n"),
	).lookup, false)
	require.NoError(t, err)
	require.NotNil(t, w.Platform.TLS().RootCAs)
	require.Equal(t, "keys[k1]", w.EncryptionKeys.String())
}

func TestCertificatesForThePlatformAreReadAgainWhenTheyChange(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	ca, cert, key := filepath.Join(folder, "ca"), filepath.Join(folder, "cert"), filepath.Join(folder, "key")
	renew := func() {
		server := httptest.NewTLSServer(nil) // whose certificate is its own authority, and is ours here
		defer server.Close()
		private, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
		require.NoError(t, err)
		for file, block := range map[string]*pem.Block{
			ca: {Type: "CERTIFICATE", Bytes: server.Certificate().Raw}, cert: {Type: "CERTIFICATE", Bytes: server.Certificate().Raw},
			key: {Type: "PRIVATE KEY", Bytes: private},
		} {
			require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
		}

	}
	renew()
	w, err := LoadWorker(enough("DPA_CA_FILE", ca, "DPA_CLIENT_CERT_FILE", cert, "DPA_CLIENT_KEY_FILE", key).lookup, false)
	require.NoError(t, err)
	first := w.Platform.TLS()
	require.Len(t, first.Certificates, 1)
	require.NotNil(t, first.RootCAs)
	require.Same(t, first, w.Platform.TLS())

	require.NoError(t, os.WriteFile(ca, []byte("half"), 0o600))
	require.Never(t, func() bool { return w.Platform.TLS() != first }, certificatesServe+time.Second, 500*time.Millisecond, "the last good one stays")
	renew()
	file, err := os.OpenFile(cert, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString("\n# renewed\n") // the test's certificate is always the same
	require.NoError(t, err)
	require.NoError(t, file.Close())
	require.Eventually(t, func() bool { return w.Platform.TLS() != first }, 4*certificatesServe, 100*time.Millisecond)
	require.Len(t, w.Platform.TLS().Certificates, 1)
}
