package config

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAConsoleThatNobodySignsInToListensOnThisMachineAlone(t *testing.T) {
	t.Parallel()
	c, err := LoadConsole(env{}.lookup)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:8092", c.Addr)
	require.Equal(t, "http://127.0.0.1:8092", c.URL.String())
	for _, address := range []string{":8092", "0.0.0.0:8092", "10.1.2.3:8092"} {
		_, err := LoadConsole(env{"DPA_CONSOLE_ADDR": address}.lookup)
		require.ErrorContains(t, err, "DPA_OIDC_ISSUER is not set", address)
	}
}

func TestAConsoleThatPeopleSignInToNamesEverythingThatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := LoadConsole(env{"DPA_OIDC_ISSUER": "http://login.example"}.lookup)
	for _, name := range []string{"DPA_OIDC_ISSUER", "DPA_OIDC_CLIENT_ID", "DPA_OIDC_OPERATORS", "DPA_CONSOLE_KEYS", "DPA_CONSOLE_URL"} {
		require.ErrorContains(t, err, name)
	}
	enough := env{
		"DPA_OIDC_ISSUER": "https://login.example/realm/", "DPA_OIDC_CLIENT_ID": "console", "DPA_OIDC_OPERATORS": "operators, night",
		"DPA_CONSOLE_KEYS": "c1:" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("c", 32))), "DPA_CONSOLE_ADDR": ":8092",
		"DPA_CONSOLE_URL": "https://console.example", "DPA_OIDC_CLIENT_SECRET": "planted-oidc-secret",
	}
	c, err := LoadConsole(enough.lookup)
	require.NoError(t, err)
	require.Equal(t, []string{"operators", "night"}, c.Operators)
	require.Equal(t, "https://login.example/realm/", c.Issuer, "a provider is told apart by its last slash")
	for _, address := range []string{"http://console.example", "https://console.example/below", "console.example", "https://console.example?a=b"} {
		enough["DPA_CONSOLE_URL"] = address
		_, err := LoadConsole(enough.lookup)
		require.ErrorContains(t, err, "DPA_CONSOLE_URL", address)
		require.NotContains(t, err.Error(), "planted-oidc-secret")
	}
}
