package config

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const clientSecret = "kept-to-itself"

var (
	callbackKeys   = "k1:" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", 32)))
	encryptionKeys = "k1:" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("y", 32)))
)

type env map[string]string

func (e env) lookup(name string) (string, bool) {
	value, set := e[name]
	return value, set
}

// enough is the least that a worker starts with, changed by pairs of names
// and values.
func enough(pairs ...string) env {
	e := env{
		"DPA_BASE_URL":      "https://dpa.example:8443",
		"DPA_CLIENT_ID":     "app",
		"DPA_CLIENT_SECRET": clientSecret,
		"DPA_CALLBACK_URL":  "https://bridge.example/hooks/",
		"DPA_CALLBACK_KEYS": callbackKeys,
	}
	for i := 0; i < len(pairs); i += 2 {
		e[pairs[i]] = pairs[i+1]
	}
	return e
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

func TestAWorkerStartsWithTheRequiredVariablesAndTheDocumentedDefaults(t *testing.T) {
	t.Parallel()
	w, err := LoadWorker(enough().lookup, true)
	require.NoError(t, err)
	require.Equal(t, "https://dpa.example:8443", w.Platform.BaseURL)
	require.Equal(t, "default", w.Platform.Scope)
	require.Equal(t, 30*time.Second, w.Platform.Timeout)
	require.Zero(t, w.Platform.RequestsPerSecond)
	require.Nil(t, w.Platform.TLS)
	require.Equal(t, "https://bridge.example/hooks", w.CallbackURL)
	require.Equal(t, "dpa", w.TaskQueue)
	require.Equal(t, slog.LevelInfo, w.LogLevel)
	require.Equal(t, "127.0.0.1:9090", w.AdminAddr)
	require.Equal(t, "127.0.0.1:9090", w.Bridge.AdminAddr, "one process, one admin server")
	require.Equal(t, ":8088", w.Bridge.Addr)
	secret, err := w.Platform.Secret()
	require.NoError(t, err)
	require.Equal(t, clientSecret, secret)
}

func TestWhatAWorkerIsToldAboutThePlatformIsTaken(t *testing.T) {
	t.Parallel()
	const path = "/api/dpa/process//processModel/execute/{modelId}"
	w, err := LoadWorker(enough("DPA_SCOPE", "all", "DPA_MODEL_EXECUTE_PATH", path).lookup, false)
	require.NoError(t, err)
	require.Equal(t, "all", w.Platform.Scope)
	require.Equal(t, path, w.Platform.ModelExecutePath)
}

func TestABridgeNeedsItsKeysOnly(t *testing.T) {
	t.Parallel()
	b, err := LoadBridge(env{"DPA_CALLBACK_KEYS": callbackKeys}.lookup)
	require.NoError(t, err)
	require.Equal(t, ":8088", b.Addr)
	require.Equal(t, "127.0.0.1:9091", b.AdminAddr)
	require.Zero(t, b.RequestsPerSecond)

	_, err = LoadBridge(env{}.lookup)
	require.EqualError(t, err, "configuration: DPA_CALLBACK_KEYS is not set, nor is DPA_CALLBACK_KEYS_FILE")
}

func TestTheFixedURLsCanBeNarrowed(t *testing.T) {
	t.Parallel()
	const secret = "shared-with-gateway"
	e := env{
		"DPA_CALLBACK_KEYS": callbackKeys, "DPA_BRIDGE_UNSIGNED": "true", "DPA_BRIDGE_REQUESTS_PER_SECOND": "7.5",
		"DPA_BRIDGE_UNSIGNED_SECRET": secret, "DPA_BRIDGE_UNSIGNED_FROM": "10.1.2.3, 10.2.0.0/16,::ffff:10.9.9.9,fd00::/8",
	}
	b, err := LoadBridge(e.lookup)
	require.NoError(t, err)
	require.True(t, b.Unsigned)
	require.InDelta(t, 7.5, b.RequestsPerSecond, 0)
	require.Equal(t, secret, b.UnsignedSecret.Reveal())
	require.Equal(t, "[10.1.2.3/32 10.2.0.0/16 10.9.9.9/32 fd00::/8]", fmt.Sprint(b.UnsignedFrom))
	require.NotContains(t, fmt.Sprintf("%+v", b), secret)

	delete(e, "DPA_BRIDGE_UNSIGNED_SECRET")
	e["DPA_BRIDGE_UNSIGNED_SECRET_FILE"] = write(t, secret+"\n")
	b, err = LoadBridge(e.lookup)
	require.NoError(t, err)
	require.Equal(t, secret, b.UnsignedSecret.Reveal())

	e["DPA_BRIDGE_UNSIGNED_SECRET_FILE"] = write(t, "guessable")
	_, err = LoadBridge(e.lookup)
	require.ErrorContains(t, err, "DPA_BRIDGE_UNSIGNED_SECRET_FILE: must have at least 16 characters")
	require.NotContains(t, err.Error(), "guessable")
}

func TestACodecServerNeedsItsKeysAndATokenWhereOthersReachIt(t *testing.T) {
	t.Parallel()
	e := env{"DPA_ENCRYPTION_KEYS": callbackKeys, "DPA_CODEC_ORIGINS": "https://temporal.example, http://127.0.0.1:8233"}
	c, err := LoadCodec(e.lookup)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:8089", c.Addr)
	require.Equal(t, []string{"https://temporal.example", "http://127.0.0.1:8233"}, c.Origins)
	require.Equal(t, "keys[k1]", c.EncryptionKeys.String())

	for _, address := range []string{":8089", "0.0.0.0:8089", "codec.example:8089"} {
		e["DPA_CODEC_ADDR"] = address
		delete(e, "DPA_CODEC_TOKEN")
		_, err = LoadCodec(e.lookup)
		require.ErrorContains(t, err, "DPA_CODEC_TOKEN is not set", address)
		e["DPA_CODEC_TOKEN"] = "long-enough-for-a-token"
		c, err = LoadCodec(e.lookup)
		require.NoError(t, err, address)
		require.Equal(t, "long-enough-for-a-token", c.Token.Reveal())
	}
	e["DPA_CODEC_TOKEN"] = "short"
	for _, origins := range []string{"*", "temporal.example", "https://temporal.example/", "https://temporal.example/ui", "https://Temporal.example", "null", "https://a.example,"} {
		e["DPA_CODEC_ORIGINS"] = origins
		_, err = LoadCodec(e.lookup)
		require.ErrorContains(t, err, "DPA_CODEC_ORIGINS", origins)
		require.ErrorContains(t, err, "DPA_CODEC_TOKEN: must have at least 16 characters")
	}
	_, err = LoadCodec(env{}.lookup)
	require.EqualError(t, err, "configuration: DPA_ENCRYPTION_KEYS is not set, nor is DPA_ENCRYPTION_KEYS_FILE")
}

func TestTheCommandLineNeedsThePlatformOnlyWhenItAsksIt(t *testing.T) {
	t.Parallel()
	s, err := LoadStarter(env{}.lookup, false)
	require.NoError(t, err)
	require.Equal(t, "dpa", s.TaskQueue)

	_, err = LoadStarter(env{}.lookup, true)
	require.EqualError(t, err, "configuration: DPA_BASE_URL is not set; DPA_CLIENT_ID is not set; "+
		"DPA_CLIENT_SECRET is not set, nor is DPA_CLIENT_SECRET_FILE")
}

func TestOneErrorNamesEveryVariableAtFault(t *testing.T) {
	t.Parallel()
	e := enough("DPA_BASE_URL", "", "DPA_HTTP_TIMEOUT", "soon\nor later", "DPA_CALLBACK_URL", "bridge", "DPA_BRIDGE_ADDR", "8088")
	_, err := LoadWorker(e.lookup, true)
	require.EqualError(t, err, `configuration: DPA_BASE_URL is not set; `+
		`DPA_CALLBACK_URL: must be https://host[:port], with a path or without; `+
		`DPA_HTTP_TIMEOUT: must be a duration such as 30s, got "soon\nor later"; `+
		`DPA_BRIDGE_ADDR: must be host:port such as 127.0.0.1:8080, got "8088"`)
}

func TestEveryMalformedValueIsRefusedByName(t *testing.T) {
	t.Parallel()
	file := write(t, "no certificate, no keys")
	for name, values := range map[string][]string{
		"DPA_BASE_URL": {"dpa.example", "ftp://dpa.example", "https://", "https://dpa.example/a//b/../c", "https://dpa.example?x=1",
			"https://u:p@dpa.example", "https://dpa.example/#top", "http://dpa.example", "http://10.0.0.1", "https://dpa.example:port"},
		"DPA_CALLBACK_URL": {"/callbacks", "https://bridge.example/?a=b", "https://u@bridge.example", "bridge:8088", "http://bridge.example", "http://10.0.0.1/dpa"},
		"DPA_MODEL_EXECUTE_PATH": {"execute/{modelId}", "/execute/{model}", "https://elsewhere/{modelId}", "/execute?id={modelId}",
			"//elsewhere/{modelId}", "/api/%2e%2e/{modelId}", "/api/..;/{modelId}", "/execute/one-for-all",
			"/api/dpa/process/processModel/listAll/{modelId}"},
		"DPA_SCOPE":                      {"everything", "ALL", "default,all"},
		"DPA_HTTP_TIMEOUT":               {"30", "0s", "-1s", "soon", "4m1s"},
		"DPA_ACTIVITIES_PER_SECOND":      {"0", "NaN", "many"},
		"DPA_REQUESTS_PER_SECOND":        {"0", "-1", "NaN", "Inf", "many"},
		"DPA_BRIDGE_REQUESTS_PER_SECOND": {"0", "few"},
		"DPA_BRIDGE_UNSIGNED":            {"maybe", "true"}, // which lets anybody in
		"DPA_BRIDGE_FROM":                {"10.0.0.0/33", "gateway", "10.0.0.1,"},
		"DPA_BRIDGE_UNSIGNED_FROM":       {"10.0.0.0/33", "gateway", "10.0.0.1,", "10.0.0.1 10.0.0.2"},
		"DPA_BRIDGE_UNSIGNED_SECRET":     {"short"},
		"DPA_ALLOW_HTTP":                 {"sure"},
		"DPA_ADMIN_ADDR":                 {"9090", "localhost", "localhost:http2", "localhost:70000"},
		"DPA_BRIDGE_ADDR":                {"8088", ":-1"},
		"DPA_SECRETS_DIR":                {"/not/there", file},
		"DPA_SPOOL_DIR":                  {"/not/there", file},
		"DPA_CA_FILE":                    {"/not/there", file},
		"DPA_CLIENT_CERT_FILE":           {file}, // without DPA_CLIENT_KEY_FILE
		"DPA_CLIENT_KEY_FILE":            {file},
		"DPA_CLIENT_SECRET_FILE":         {file}, // DPA_CLIENT_SECRET is set too
		"DPA_CALLBACK_KEYS":              {"k1", "k1:short", "k1:" + base64.StdEncoding.EncodeToString([]byte("short"))},
		"DPA_CALLBACK_KEYS_FILE":         {file},
		"DPA_ENCRYPTION_KEYS":            {"k1:short"},
		"DPA_ENCRYPTION_KEYS_FILE":       {file, "/not/there"},
		"DPA_LOG_LEVEL":                  {"loud"},
		"DPA_DEPLOYMENT_NAME":            {"without a build id"},
		"DPA_BUILD_ID":                   {"without a deployment name"},
	} {
		for _, value := range values {
			_, err := LoadWorker(enough(name, value).lookup, true)
			require.ErrorContains(t, err, name, "%s=%q", name, value)
			require.NotContains(t, err.Error(), "\n")
			require.NotContains(t, err.Error(), clientSecret)
		}
	}
}

func TestPlainHTTPIsForLoopbackHostsUnlessAllowed(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"localhost", "127.0.0.1:8090", "127.9.9.9", "[::1]:8090"} {
		_, err := LoadWorker(enough("DPA_BASE_URL", "http://"+host).lookup, false)
		require.NoError(t, err, host)
	}
	w, err := LoadWorker(enough("DPA_BASE_URL", "http://dpa.example", "DPA_CALLBACK_URL", "http://bridge.example", "DPA_ALLOW_HTTP", "true").lookup, false)
	require.NoError(t, err)
	require.True(t, w.Platform.AllowHTTP)
	require.Equal(t, "http://bridge.example", w.CallbackURL)
}

func TestAPathOfAGatewayIsKept(t *testing.T) {
	t.Parallel()
	w, err := LoadWorker(enough("DPA_BASE_URL", "https://gw.example/dpa/", "DPA_CALLBACK_URL", "https://gw.example/back/").lookup, false)
	require.NoError(t, err)
	require.Equal(t, "https://gw.example/dpa", w.Platform.BaseURL)
	require.Equal(t, "https://gw.example/back", w.CallbackURL)
}

func TestTheFixedAddressesNeedASecretOrAListThatKeepsAnybodyOut(t *testing.T) {
	t.Parallel()
	fixed := func(pairs ...string) error {
		e := env{"DPA_CALLBACK_KEYS": callbackKeys, "DPA_BRIDGE_UNSIGNED": "true"}
		for i := 0; i < len(pairs); i += 2 {
			e[pairs[i]] = pairs[i+1]
		}
		_, err := LoadBridge(e.lookup)
		return err
	}
	const secret, from = "DPA_BRIDGE_UNSIGNED_SECRET", "DPA_BRIDGE_UNSIGNED_FROM"
	require.ErrorContains(t, fixed(), "lets anybody end any run")
	require.ErrorContains(t, fixed(from, "0.0.0.0/0"), "lets anybody end any run")
	require.ErrorContains(t, fixed(from, "10.0.0.1,::/0"), "lets anybody end any run")
	require.NoError(t, fixed(secret, "shared-with-gateway"))
	require.NoError(t, fixed(from, "10.0.0.1"))
	require.NoError(t, fixed(from, "0.0.0.0/0", secret, "shared-with-gateway"))
	_, err := LoadWorker(enough("DPA_BRIDGE_UNSIGNED", "true").lookup, false)
	require.NoError(t, err, "a worker alone lets nobody in")
}

func TestPeersThatMayCallSignedAddressesAreRead(t *testing.T) {
	t.Parallel()
	b, err := LoadBridge(env{"DPA_CALLBACK_KEYS": callbackKeys, "DPA_BRIDGE_FROM": "10.1.2.3, 10.2.0.0/16"}.lookup)
	require.NoError(t, err)
	require.Equal(t, "[10.1.2.3/32 10.2.0.0/16]", fmt.Sprint(b.From))
}

func TestWhatProvesDifferentThingsMustNotBeTheSame(t *testing.T) {
	t.Parallel()
	key := callbackKeys[3:]
	other := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("z", 32)))
	for name, c := range map[string]struct {
		pairs []string
		both  [2]string
	}{
		"two lists of keys":     {[]string{"DPA_ENCRYPTION_KEYS", "old:" + other + ",new:" + key}, [2]string{"DPA_ENCRYPTION_KEYS", "DPA_CALLBACK_KEYS"}},
		"one of them in a file": {[]string{"DPA_ENCRYPTION_KEYS_FILE", write(t, "k9:"+key)}, [2]string{"DPA_ENCRYPTION_KEYS_FILE", "DPA_CALLBACK_KEYS"}},
		"a key as a secret":     {[]string{"DPA_BRIDGE_UNSIGNED_SECRET", key}, [2]string{"DPA_BRIDGE_UNSIGNED_SECRET", "DPA_CALLBACK_KEYS"}},
		"the platform's secret": {[]string{"DPA_CLIENT_SECRET", key}, [2]string{"DPA_CLIENT_SECRET", "DPA_CALLBACK_KEYS"}},
		"secrets that are no keys": {[]string{"DPA_CLIENT_SECRET", "", "DPA_CLIENT_SECRET_FILE", write(t, "shared-with-gateway\n"),
			"DPA_BRIDGE_UNSIGNED_SECRET", "shared-with-gateway"}, [2]string{"DPA_CLIENT_SECRET_FILE", "DPA_BRIDGE_UNSIGNED_SECRET"}},
	} {
		_, err := LoadWorker(enough(c.pairs...).lookup, true)
		require.ErrorContains(t, err, c.both[0], name)
		require.ErrorContains(t, err, c.both[1], name)
		require.ErrorContains(t, err, "the same secret", name)
		require.NotContains(t, err.Error(), key, name)
		require.NotContains(t, err.Error(), "shared-with-gateway", name)
	}
	_, err := LoadCodec(env{"DPA_ENCRYPTION_KEYS": callbackKeys, "DPA_CODEC_TOKEN": key}.lookup)
	require.ErrorContains(t, err, "DPA_CODEC_TOKEN")
	require.ErrorContains(t, err, "the same secret")
	_, err = LoadWorker(enough("DPA_ENCRYPTION_KEYS", encryptionKeys, "DPA_BRIDGE_UNSIGNED", "true", "DPA_BRIDGE_UNSIGNED_SECRET", other).lookup, true)
	require.NoError(t, err)
}

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	w, err := LoadWorker(enough("DPA_ENCRYPTION_KEYS", encryptionKeys).lookup, true)
	require.NoError(t, err)
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("loaded", "keys", w.EncryptionKeys, "all", w.Common)
	asJSON, err := json.Marshal(w.Common)
	require.NoError(t, err)
	for _, text := range []string{
		fmt.Sprintf("%v %+v %#v", w, w, w), fmt.Sprintf("%d %x %q", w.EncryptionKeys, w.EncryptionKeys, w.EncryptionKeys),
		logged.String(), string(asJSON),
	} {
		require.NotContains(t, text, callbackKeys[3:20])
		require.NotContains(t, text, encryptionKeys[3:20])
		require.NotContains(t, text, clientSecret)
	}
	require.Contains(t, logged.String(), "keys[k1]", "its id only")
}

func TestVariablesListsWhatIsReadAndNothingElse(t *testing.T) {
	t.Parallel()
	read := map[string]bool{}
	lookup := func(name string) (string, bool) {
		read[name] = true
		return "", false
	}
	_, err := LoadWorker(lookup, true)
	require.Error(t, err)
	_, err = LoadCodec(lookup)
	require.Error(t, err)
	_, err = LoadConsole(func(name string) (string, bool) {
		_, _ = lookup(name)
		return map[string]string{"DPA_OIDC_ISSUER": "https://login.example"}[name], true
	})
	require.Error(t, err)
	require.Equal(t, slices.Sorted(slices.Values(Variables)), slices.Sorted(maps.Keys(read)))
}

func TestNotificationsAreSentWhereThereAreAnAddressAndASecret(t *testing.T) {
	t.Parallel()
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	w, err := LoadWorker(enough().lookup, false)
	require.NoError(t, err)
	require.Zero(t, w.Notify.URL)
	file := write(t, secret+"\n")
	w, err = LoadWorker(enough("DPA_NOTIFY_URL", "https://hooks.example/dpa?token=planted", "DPA_NOTIFY_SECRET_FILE", file,
		"DPA_TEMPORAL_UI_URL", "https://temporal.example/", "DPA_CONSOLE_URL", "https://console.example").lookup, false)
	require.NoError(t, err)
	require.Equal(t, "https://hooks.example/dpa?token=planted", w.Notify.URL.Reveal())
	require.Equal(t, "https://temporal.example", w.Notify.TemporalURL)
	require.NotContains(t, fmt.Sprintf("%+v", w.Notify.URL), "planted")
	signer, err := w.Notify.Signer()
	require.NoError(t, err)
	require.Len(t, signer, 1)
	require.NoError(t, os.WriteFile(file, []byte(secret+","+secret), 0o600))
	signer, err = w.Notify.Signer()
	require.NoError(t, err)
	require.Len(t, signer, 2, "it is read again")

	for problem, pairs := range map[string][]string{
		"DPA_NOTIFY_SECRET is not set, nor is DPA_NOTIFY_SECRET_FILE": {"DPA_NOTIFY_URL", "https://hooks.example"},
		"DPA_NOTIFY_URL is not set, and goes with DPA_NOTIFY_SECRET":  {"DPA_NOTIFY_SECRET", secret},
		"DPA_NOTIFY_SECRET: must be whsec_":                           {"DPA_NOTIFY_URL", "https://hooks.example", "DPA_NOTIFY_SECRET", "planted-secret"},
		"DPA_NOTIFY_URL: must be https; plain http":                   {"DPA_NOTIFY_URL", "http://hooks.example/planted", "DPA_NOTIFY_SECRET", secret},
		"DPA_NOTIFY_URL: must be https://host":                        {"DPA_NOTIFY_URL", "https://user:planted@hooks.example", "DPA_NOTIFY_SECRET", secret},
		`DPA_TEMPORAL_UI_URL: must be an address`:                     {"DPA_TEMPORAL_UI_URL", "temporal.example"},
	} {
		_, err := LoadWorker(enough(pairs...).lookup, false)
		require.ErrorContains(t, err, problem)
		require.NotContains(t, err.Error(), "planted")
	}
}
