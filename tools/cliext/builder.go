package cliext

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"google.golang.org/grpc"
)

// ClientOptionsBuilder makes a client's options of the flags, over the
// environment, over the configuration file's profile.
type ClientOptionsBuilder struct {
	CommonOptions CommonOptions
	ClientOptions ClientOptions
	EnvLookup     envconfig.EnvLookup // nil: the process's own
	Logger        *slog.Logger        // nil: none

	PayloadCodec converter.PayloadCodec // set by Build; nil without a codec server
}

// Build makes the options. A codec server is asked by an interceptor, not by a
// data converter: the command line has a converter of its own.
func (b *ClientOptionsBuilder) Build(context.Context) (client.Options, error) {
	profile, err := b.profile()
	if err != nil {
		return client.Options{}, err
	}
	if err := b.ClientOptions.override(&profile); err != nil {
		return client.Options{}, err
	}
	options, err := profile.ToClientOptions(envconfig.ToClientOptionsRequest{})
	if err != nil {
		return client.Options{}, fmt.Errorf("connect as configured: %w", err)
	}
	options.Identity = b.ClientOptions.Identity
	if b.Logger != nil {
		options.Logger = log.NewStructuredLogger(b.Logger)
	}
	if b.PayloadCodec, err = codec(profile, b.ClientOptions.CodecHeader); err != nil || b.PayloadCodec == nil {
		return options, err
	}
	intercept, err := converter.NewPayloadCodecGRPCClientInterceptor(converter.PayloadCodecGRPCClientInterceptorOptions{
		Codecs: []converter.PayloadCodec{b.PayloadCodec},
	})
	if err != nil {
		return client.Options{}, fmt.Errorf("use the codec server: %w", err)
	}
	options.ConnectionOptions.DialOptions = append(options.ConnectionOptions.DialOptions, grpc.WithChainUnaryInterceptor(intercept))
	return options, nil
}

// profile reads the configuration file and the environment.
func (b *ClientOptionsBuilder) profile() (envconfig.ClientConfigProfile, error) {
	common := b.CommonOptions
	if common.DisableConfigFile && common.DisableConfigEnv {
		return envconfig.ClientConfigProfile{}, nil
	}
	profile, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{
		ConfigFilePath:    common.ConfigFile,
		ConfigFileProfile: common.Profile,
		DisableFile:       common.DisableConfigFile,
		DisableEnv:        common.DisableConfigEnv,
		EnvLookup:         b.EnvLookup,
	})
	if err != nil {
		return envconfig.ClientConfigProfile{}, fmt.Errorf("read how to connect: %w", err)
	}
	return profile, nil
}

// override puts the flags that were given into the profile, and the defaults
// of address and namespace where it has none.
func (o *ClientOptions) override(profile *envconfig.ClientConfigProfile) error {
	if profile.Address == "" || o.given("address") {
		profile.Address = o.Address
	}
	if profile.Namespace == "" || o.given("namespace") {
		profile.Namespace = o.Namespace
	}
	replace(&profile.APIKey, o.ApiKey)
	replace(&profile.Authority, o.ClientAuthority)
	headers, err := pairs("--grpc-meta", o.GrpcMeta)
	if err != nil {
		return err
	}
	for key, value := range headers {
		if profile.GRPCMeta == nil {
			profile.GRPCMeta = map[string]string{}
		}
		profile.GRPCMeta[envconfig.NormalizeGRPCMetaKey(key)] = value
	}
	o.overrideTLS(profile)
	if profile.Codec == nil {
		profile.Codec = &envconfig.ClientConfigCodec{}
	}
	replace(&profile.Codec.Endpoint, o.CodecEndpoint)
	replace(&profile.Codec.Auth, o.CodecAuth)
	return nil
}

// overrideTLS replaces a certificate, a key or authorities by what was given
// in whichever form: a path and data together are an error further on.
func (o *ClientOptions) overrideTLS(profile *envconfig.ClientConfigProfile) {
	if o.given("tls") && !o.Tls {
		profile.TLS = &envconfig.ClientConfigTLS{Disabled: true}
		return
	}
	given := envconfig.ClientConfigTLS{
		ClientCertPath: o.TlsCertPath, ClientCertData: []byte(o.TlsCertData),
		ClientKeyPath: o.TlsKeyPath, ClientKeyData: []byte(o.TlsKeyData),
		ServerCACertPath: o.TlsCaPath, ServerCACertData: []byte(o.TlsCaData),
	}
	certificate := o.TlsCertPath+o.TlsCertData != ""
	key := o.TlsKeyPath+o.TlsKeyData != ""
	authorities := o.TlsCaPath+o.TlsCaData != ""
	if !certificate && !key && !authorities && !o.Tls && o.TlsServerName == "" && !o.TlsDisableHostVerification {
		return
	}
	if profile.TLS == nil || profile.TLS.Disabled {
		profile.TLS = &envconfig.ClientConfigTLS{}
	}
	if certificate {
		profile.TLS.ClientCertPath, profile.TLS.ClientCertData = given.ClientCertPath, given.ClientCertData
	}
	if key {
		profile.TLS.ClientKeyPath, profile.TLS.ClientKeyData = given.ClientKeyPath, given.ClientKeyData
	}
	if authorities {
		profile.TLS.ServerCACertPath, profile.TLS.ServerCACertData = given.ServerCACertPath, given.ServerCACertData
	}
	replace(&profile.TLS.ServerName, o.TlsServerName)
	if o.given("tls-disable-host-verification") {
		profile.TLS.DisableHostVerification = o.TlsDisableHostVerification
	}
}

func (o *ClientOptions) given(flag string) bool {
	return o.FlagSet != nil && o.FlagSet.Changed(flag)
}

// codec returns what encodes and decodes payloads by the codec server; nil
// without one.
func codec(profile envconfig.ClientConfigProfile, flags []string) (converter.PayloadCodec, error) {
	headers, err := pairs("--codec-header", flags)
	if err != nil {
		return nil, err
	}
	if profile.Codec == nil || profile.Codec.Endpoint == "" {
		if len(headers) > 0 {
			return nil, errors.New("--codec-header: there is no codec server; name one by --codec-endpoint")
		}
		return nil, nil
	}
	return converter.NewRemotePayloadCodec(converter.RemotePayloadCodecOptions{
		Endpoint: strings.ReplaceAll(profile.Codec.Endpoint, "{namespace}", profile.Namespace),
		ModifyRequest: func(req *http.Request) error {
			req.Header.Set("X-Namespace", profile.Namespace)
			for key, value := range headers {
				req.Header.Set(key, value)
			}
			if profile.Codec.Auth != "" {
				req.Header.Set("Authorization", profile.Codec.Auth)
			}
			return nil
		},
	}), nil
}

func replace(setting *string, flag string) {
	if flag != "" {
		*setting = flag
	}
}

func pairs(flag string, given []string) (map[string]string, error) {
	read := map[string]string{}
	for _, pair := range given {
		key, value, found := strings.Cut(pair, "=")
		if !found || key == "" {
			// A value may be a secret.
			return nil, fmt.Errorf("%s must be KEY=VALUE", flag)
		}
		read[key] = value
	}
	return read, nil
}
