package cliext

import (
	"github.com/spf13/pflag"
)

// ClientOptions are the flags of every command that connects to a server.
type ClientOptions struct {
	Address                    string
	ClientAuthority            string
	Namespace                  string
	ApiKey                     string
	GrpcMeta                   []string
	Tls                        bool
	TlsCertPath                string
	TlsCertData                string
	TlsKeyPath                 string
	TlsKeyData                 string
	TlsCaPath                  string
	TlsCaData                  string
	TlsDisableHostVerification bool
	TlsServerName              string
	CodecEndpoint              string
	CodecAuth                  string
	CodecHeader                []string
	Identity                   string

	FlagSet *pflag.FlagSet // tells which of them were given
}

// Description is the heading of these flags in a command's help.
func (*ClientOptions) Description() string { return "Flags that say how to connect.\n" }

// BuildFlags adds the flags to f.
func (o *ClientOptions) BuildFlags(f *pflag.FlagSet) {
	o.flags(f)
	o.FlagSet = f
}

// HideFlags leaves the flags out of a command's help: `temporal options` shows them.
func (o *ClientOptions) HideFlags() {
	own := pflag.NewFlagSet("", pflag.ContinueOnError)
	(&ClientOptions{}).flags(own)
	own.VisitAll(func(flag *pflag.Flag) { o.FlagSet.Lookup(flag.Name).Hidden = true })
}

func (o *ClientOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.Address, "address", "localhost:7233", "Host and port of the server's frontend. Env: TEMPORAL_ADDRESS. Config: address.")
	f.StringVar(&o.ClientAuthority, "client-authority", "", "The :authority header of requests.")
	f.StringVarP(&o.Namespace, "namespace", "n", "default", "Namespace. Env: TEMPORAL_NAMESPACE. Config: namespace.")
	f.StringVar(&o.ApiKey, "api-key", "", "API key. Env: TEMPORAL_API_KEY. Config: api_key.")
	f.StringArrayVar(&o.GrpcMeta, "grpc-meta", nil, "Header of requests, as KEY=VALUE; may be given several times. Env: TEMPORAL_GRPC_META_NAME.")
	f.BoolVar(&o.Tls, "tls", false, "Use TLS, as is the default with an API key or any other TLS flag; --tls=false: never. Env: TEMPORAL_TLS. Config: tls.")
	f.StringVar(&o.TlsCertPath, "tls-cert-path", "", "File of the client's certificate. Env: TEMPORAL_TLS_CLIENT_CERT_PATH. Config: tls.client_cert_path.")
	f.StringVar(&o.TlsCertData, "tls-cert-data", "", "The client's certificate itself. Env: TEMPORAL_TLS_CLIENT_CERT_DATA. Config: tls.client_cert_data.")
	f.StringVar(&o.TlsKeyPath, "tls-key-path", "", "File of the client's private key. Env: TEMPORAL_TLS_CLIENT_KEY_PATH. Config: tls.client_key_path.")
	f.StringVar(&o.TlsKeyData, "tls-key-data", "", "The client's private key itself. Env: TEMPORAL_TLS_CLIENT_KEY_DATA. Config: tls.client_key_data.")
	f.StringVar(&o.TlsCaPath, "tls-ca-path", "", "File of the authorities that the server's certificate may come from. Env: TEMPORAL_TLS_SERVER_CA_CERT_PATH. Config: tls.server_ca_cert_path.")
	f.StringVar(&o.TlsCaData, "tls-ca-data", "", "These authorities themselves. Env: TEMPORAL_TLS_SERVER_CA_CERT_DATA. Config: tls.server_ca_cert_data.")
	f.BoolVar(&o.TlsDisableHostVerification, "tls-disable-host-verification", false, "Do not verify the server's name. Env: TEMPORAL_TLS_DISABLE_HOST_VERIFICATION. Config: tls.disable_host_verification.")
	f.StringVar(&o.TlsServerName, "tls-server-name", "", "Name that the server's certificate must be for. Env: TEMPORAL_TLS_SERVER_NAME. Config: tls.server_name.")
	f.StringVar(&o.CodecEndpoint, "codec-endpoint", "", "Address of the codec server; {namespace} in it is replaced. Env: TEMPORAL_CODEC_ENDPOINT. Config: codec.endpoint.")
	f.StringVar(&o.CodecAuth, "codec-auth", "", "Authorization header for the codec server. Env: TEMPORAL_CODEC_AUTH. Config: codec.auth.")
	f.StringArrayVar(&o.CodecHeader, "codec-header", nil, "Header for the codec server, as KEY=VALUE; may be given several times.")
	f.StringVar(&o.Identity, "identity", "", "Who sends the request. Default: temporal-cli:USER@HOST.")
}
