package connect

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/dpaflow/dpaflow/internal/reread"
)

// settingsServe is how long certificates and keys serve without a look whether they were renewed.
const settingsServe = 5 * time.Second

// settings are what Temporal's variables and profile say, with the contents of the files that they name.
type settings struct {
	apiKey  string
	headers map[string]string
	tls     *tls.Config // nil: the connection is not encrypted
	options client.Options
}

func read(env envconfig.EnvLookup) (settings, error) {
	profile, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{EnvLookup: env})
	if err != nil {
		return settings{}, err
	}
	options, err := profile.ToClientOptions(envconfig.ToClientOptionsRequest{})
	if err != nil {
		return settings{}, err
	}
	return settings{profile.APIKey, profile.GRPCMeta, options.ConnectionOptions.TLS, options}, nil
}

// load returns the options of a client whose certificates, API key and headers are read again while it runs: they
// expire, and are renewed in their files. Where they were not given at the start they are not looked for.
func load(env envconfig.EnvLookup, logger *slog.Logger) (client.Options, error) {
	current := &reread.Value[settings]{
		Read:  func(settings) (settings, error) { return read(env) },
		Every: settingsServe,
	}
	first, err := current.Get()
	if err != nil {
		return client.Options{}, err
	}
	current.Failed = func(err error) {
		logger.Error("Temporal's certificates and keys cannot be read again; the last ones stay in use", "error", err)
	}
	latest := func() settings {
		s, _ := current.Get() // which has logged its error
		return s
	}
	options := first.options
	if first.apiKey != "" {
		options.Credentials = client.NewAPIKeyDynamicCredentials(func(context.Context) (string, error) { return latest().apiKey, nil })
	}
	if len(first.headers) > 0 {
		options.HeadersProvider = renewedHeaders(func() map[string]string { return latest().headers })
	}
	if first.tls != nil {
		options.ConnectionOptions.DialOptions = append(options.ConnectionOptions.DialOptions,
			grpc.WithTransportCredentials(renewedTLS{credentials.NewTLS(first.tls), func() *tls.Config { return latest().tls }}))
	}
	return options, nil
}

type renewedHeaders func() map[string]string

func (h renewedHeaders) GetHeaders(context.Context) (map[string]string, error) { return h(), nil }

// renewedTLS makes each connection with the certificates of that moment.
type renewedTLS struct {
	credentials.TransportCredentials // those of the start
	latest                           func() *tls.Config
}

func (r renewedTLS) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if config := r.latest(); config != nil {
		return credentials.NewTLS(config).ClientHandshake(ctx, authority, conn)
	}
	return r.TransportCredentials.ClientHandshake(ctx, authority, conn)
}

func (r renewedTLS) Clone() credentials.TransportCredentials {
	return renewedTLS{r.TransportCredentials.Clone(), r.latest}
}
