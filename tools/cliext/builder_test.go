package cliext

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

// environment is what the process would have.
type environment map[string]string

func (e environment) Environ() (all []string) {
	for name, value := range e {
		all = append(all, name+"="+value)
	}
	return all
}

func (e environment) LookupEnv(name string) (string, bool) {
	value, found := e[name]
	return value, found
}

// given makes a builder of flags as on a command line.
func given(t *testing.T, env environment, args ...string) *ClientOptionsBuilder {
	t.Helper()
	if env == nil {
		env = environment{}
	}
	if env["TEMPORAL_CONFIG_FILE"] == "" {
		env["TEMPORAL_CONFIG_FILE"] = filepath.Join(t.TempDir(), "none.toml")
	}
	b := &ClientOptionsBuilder{EnvLookup: env}
	flags := pflag.NewFlagSet("temporal", pflag.ContinueOnError)
	b.CommonOptions.BuildFlags(flags)
	b.ClientOptions.BuildFlags(flags)
	require.NoError(t, flags.Parse(args))
	return b
}

func build(t *testing.T, env environment, args ...string) client.Options {
	t.Helper()
	options, err := given(t, env, args...).Build(t.Context())
	require.NoError(t, err)
	return options
}

func TestFlagsComeBeforeTheEnvironmentBeforeTheFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "temporal.toml")
	require.NoError(t, os.WriteFile(file, []byte("[profile.default]\naddress = \"file:1\"\nnamespace = \"file\"\n[profile.other]\naddress = \"other:1\"\n"), 0o600))
	for name, c := range map[string]struct {
		env                environment
		args               []string
		address, namespace string
	}{
		"nothing":                   {nil, nil, "localhost:7233", "default"},
		"the file":                  {environment{"TEMPORAL_CONFIG_FILE": file}, nil, "file:1", "file"},
		"another profile":           {environment{"TEMPORAL_CONFIG_FILE": file}, []string{"--profile", "other"}, "other:1", "default"},
		"the environment":           {environment{"TEMPORAL_CONFIG_FILE": file, "TEMPORAL_ADDRESS": "env:1"}, nil, "env:1", "file"},
		"flags":                     {environment{"TEMPORAL_CONFIG_FILE": file, "TEMPORAL_ADDRESS": "env:1"}, []string{"--address", "flag:1", "-n", "flag"}, "flag:1", "flag"},
		"a flag with its default":   {environment{"TEMPORAL_CONFIG_FILE": file}, []string{"--address", "localhost:7233"}, "localhost:7233", "file"},
		"neither file nor env read": {environment{"TEMPORAL_CONFIG_FILE": file, "TEMPORAL_ADDRESS": "env:1"}, []string{"--disable-config-file", "--disable-config-env"}, "localhost:7233", "default"},
	} {
		options := build(t, c.env, c.args...)
		require.Equal(t, c.address, options.HostPort, name)
		require.Equal(t, c.namespace, options.Namespace, name)
	}
}

func TestTLSIsUsedWhereAnythingAsksForIt(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]bool{
		"":                                       false,
		"--tls":                                  true,
		"--api-key secret":                       true,
		"--tls-server-name temporal":             true,
		"--tls-disable-host-verification":        true,
		"--tls=false --tls-server-name temporal": false,
		"--tls=false --api-key secret":           false,
	} {
		options := build(t, nil, strings.Fields(args)...)
		require.Equal(t, want, !options.ConnectionOptions.TLSDisabled && (options.ConnectionOptions.TLS != nil || options.Credentials != nil), args)
	}
	options := build(t, environment{"TEMPORAL_TLS": "true", "TEMPORAL_TLS_SERVER_NAME": "env"}, "--tls=false")
	require.True(t, options.ConnectionOptions.TLSDisabled, "a flag comes before the environment")
	options = build(t, environment{"TEMPORAL_TLS_SERVER_NAME": "env"}, "--tls-server-name", "flag")
	require.Equal(t, "flag", options.ConnectionOptions.TLS.ServerName)
}

func TestFlagsThatAreWrongAreRefusedWithoutTheirValues(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"--grpc-meta s3cret":                                   "--grpc-meta must be KEY=VALUE",
		"--codec-endpoint http://c --codec-header s3cret":      "--codec-header must be KEY=VALUE",
		"--codec-header a=s3cret":                              "--codec-endpoint",
		"--tls-cert-path /none/s3 --tls-key-path /none/k":      "/none/s3",
		"--tls-cert-data s3cret":                               "other must be present",
		"--tls-ca-data s3cret":                                 "CA",
		"--tls-ca-path /none/ca":                               "/none/ca",
		"--disable-config-env --config-file x --profile other": "profile",
	} {
		_, err := given(t, nil, strings.Fields(args)...).Build(t.Context())
		require.ErrorContains(t, err, want, args)
		require.NotContains(t, err.Error(), "s3cret", args)
	}
}

func TestHidingTheConnectionsFlagsHidesNoOther(t *testing.T) {
	t.Parallel()
	flags := pflag.NewFlagSet("temporal", pflag.ContinueOnError)
	flags.String("query", "", "")
	var options ClientOptions
	options.BuildFlags(flags)
	options.HideFlags()
	for _, name := range []string{"address", "namespace", "tls-ca-path", "codec-endpoint", "codec-header", "identity"} {
		require.True(t, flags.Lookup(name).Hidden, name)
	}
	require.False(t, flags.Lookup("query").Hidden)
}

func TestTheLogIsAsItsFlagsSay(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"":                                    "",
		"--log-level never":                   "",
		"--log-level error":                   "",
		"--log-level warn":                    "level=WARN msg=late",
		"--log-level debug --log-format json": `"level":"WARN","msg":"late"`,
	} {
		var output strings.Builder
		logger, err := NewLogger(given(t, nil, strings.Fields(args)...).CommonOptions, &output)
		require.NoError(t, err)
		logger.Warn("late")
		if want == "" {
			require.Empty(t, output.String(), args)
		}
		require.Contains(t, output.String(), want, args)
	}
}
