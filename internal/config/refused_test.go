package config

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatCannotWorkIsRefused(t *testing.T) {
	t.Parallel()
	for name, values := range map[string][]string{
		"DPA_BASE_URL":                   {"/", "https://dpa.example:99999"},
		"DPA_CALLBACK_URL":               {"/", "//"},
		"DPA_BRIDGE_REQUESTS_PER_SECOND": {"1e19"}, // which the handler makes a burst below 0 of: 429 to everybody
	} {
		for _, value := range values {
			w, err := LoadWorker(enough(name, value).lookup, true)
			require.ErrorContains(t, err, name, "%s=%q is taken: callbacks go to %q", name, value, w.CallbackURL)
		}
	}
	b, err := LoadBridge(env{"DPA_CALLBACK_KEYS": callbackKeys, "DPA_BRIDGE_FROM": "::ffff:10.0.0.0/104"}.lookup)
	require.True(t, err != nil || b.From[0].Addr().Is4(), "peers are compared as IPv4, so that this list keeps everybody out: %v", b.From)
}

func TestOneErrorNamesEveryFileAtFault(t *testing.T) {
	t.Parallel()
	none := filepath.Join(t.TempDir(), "none")
	_, err := LoadWorker(enough("DPA_CLIENT_ID", "", "DPA_CA_FILE", none, "DPA_CLIENT_CERT_FILE", none, "DPA_CLIENT_KEY_FILE", none,
		"DPA_POLICY_FILE", none).lookup, false)
	for _, name := range []string{"DPA_CLIENT_ID", "DPA_CA_FILE", "DPA_CLIENT_CERT_FILE", "DPA_CLIENT_KEY_FILE", "DPA_POLICY_FILE"} {
		require.ErrorContains(t, err, name)
	}
}

func TestASecretInThePlaceOfItsFilesNameIsNotShown(t *testing.T) {
	t.Parallel()
	for name, secret := range map[string]string{
		"DPA_CALLBACK_KEYS":          callbackKeys,
		"DPA_ENCRYPTION_KEYS":        encryptionKeys,
		"DPA_CLIENT_SECRET":          "planted-client-secret",
		"DPA_BRIDGE_UNSIGNED_SECRET": "planted-shared-secret",
	} {
		_, err := LoadWorker(enough(name, "", name+"_FILE", secret).lookup, true)
		require.ErrorContains(t, err, name+"_FILE")
		require.NotContains(t, err.Error(), secret)
	}
	_, err := LoadWorker(enough("DPA_CLIENT_CERT_FILE", "certificate", "DPA_CLIENT_KEY_FILE", "-----BEGIN PRIVATE KEY----- planted").lookup, false)
	require.ErrorContains(t, err, "DPA_CLIENT_KEY_FILE")
	require.NotContains(t, err.Error(), "planted")
}
