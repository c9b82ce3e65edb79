package cliext

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
)

// server is a frontend that answers what connecting and starting a workflow ask for.
type server struct {
	workflowservice.UnimplementedWorkflowServiceServer
	asked   chan metadata.MD
	started chan *workflowservice.StartWorkflowExecutionRequest
}

func (s *server) GetSystemInfo(ctx context.Context, _ *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	headers, _ := metadata.FromIncomingContext(ctx)
	s.asked <- headers
	return &workflowservice.GetSystemInfoResponse{}, nil
}

func (s *server) StartWorkflowExecution(_ context.Context, req *workflowservice.StartWorkflowExecutionRequest) (*workflowservice.StartWorkflowExecutionResponse, error) {
	s.started <- req
	return &workflowservice.StartWorkflowExecutionResponse{RunId: "run"}, nil
}

func serve(t *testing.T, options ...grpc.ServerOption) (*server, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &server{
		asked:   make(chan metadata.MD, 1),
		started: make(chan *workflowservice.StartWorkflowExecutionRequest, 1),
	}
	g := grpc.NewServer(options...)
	workflowservice.RegisterWorkflowServiceServer(g, s)
	done := make(chan error, 1)
	go func() { done <- g.Serve(listener) }()
	t.Cleanup(func() {
		g.Stop()
		require.NoError(t, <-done)
	})
	return s, listener.Addr().String()
}

// certificate writes a certificate for server and client alike, its own authority.
func certificate(t *testing.T) (certificate, key string, pair tls.Certificate) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "temporal"}, DNSNames: []string{"temporal"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	folder := t.TempDir()
	certificate, key = filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")
	certificatePEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	require.NoError(t, os.WriteFile(certificate, certificatePEM, 0o600))
	require.NoError(t, os.WriteFile(key, keyPEM, 0o600))
	pair, err = tls.X509KeyPair(certificatePEM, keyPEM)
	require.NoError(t, err)
	return certificate, key, pair
}

// patient waits for the first answer for as long as a busy machine may take; by itself the SDK gives up after seconds.
func patient(options client.Options) client.Options {
	options.ConnectionOptions.GetSystemInfoTimeout = 10 * time.Minute
	return options
}

func TestAServerThatWantsACertificateGetsIt(t *testing.T) {
	t.Parallel()
	crt, key, pair := certificate(t)
	authorities := x509.NewCertPool()
	authorities.AddCert(pair.Leaf)
	s, address := serve(t, grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: authorities, ClientAuth: tls.RequireAndVerifyClientCert,
	})))
	data := func(file string) string {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		return string(content)
	}
	for name, args := range map[string][]string{
		"files": {"--tls-cert-path", crt, "--tls-key-path", key, "--tls-ca-path", crt, "--tls-server-name", "temporal"},
		"data":  {"--tls-cert-data", data(crt), "--tls-key-data", data(key), "--tls-ca-data", data(crt), "--tls-server-name", "temporal"},
		"blind": {"--tls-cert-path", crt, "--tls-key-path", key, "--tls-disable-host-verification"},
	} {
		args = append(args, "--address", address, "--api-key", "s3cret", "--grpc-meta", "Team=dr")
		c, err := client.DialContext(t.Context(), patient(build(t, nil, args...)))
		require.NoError(t, err, name)
		headers := <-s.asked
		c.Close()
		require.Equal(t, []string{"Bearer s3cret"}, headers.Get("authorization"), name)
		require.Equal(t, []string{"dr"}, headers.Get("team"), name)
	}
	for name, args := range map[string][]string{
		"no TLS":         nil,
		"no certificate": {"--tls-ca-path", crt, "--tls-server-name", "temporal"},
		"no authority":   {"--tls-cert-path", crt, "--tls-key-path", key, "--tls-server-name", "temporal"},
		"another name":   {"--tls-cert-path", crt, "--tls-key-path", key, "--tls-ca-path", crt, "--tls-server-name", "other"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		_, err := client.DialContext(ctx, build(t, nil, append(args, "--address", address)...))
		cancel()
		require.Error(t, err, name)
	}
}

// reversing is a codec that anybody can read, backwards.
type reversing struct{}

func (reversing) Encode(payloads []*common.Payload) ([]*common.Payload, error) {
	for i, p := range payloads {
		data := make([]byte, len(p.Data))
		for j := range p.Data {
			data[len(data)-1-j] = p.Data[j]
		}
		payloads[i] = &common.Payload{Metadata: p.Metadata, Data: data}
	}
	return payloads, nil
}

func (r reversing) Decode(payloads []*common.Payload) ([]*common.Payload, error) {
	return r.Encode(payloads)
}

func TestTheCodecServerEncodesWhatIsSent(t *testing.T) {
	t.Parallel()
	s, address := serve(t)
	asked := make(chan *http.Request, 2)
	handler := converter.NewPayloadCodecHTTPHandler(reversing{})
	codecServer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r
		handler.ServeHTTP(w, r)
	}))
	defer codecServer.Close()

	b := given(t, environment{"TEMPORAL_CODEC_ENDPOINT": "http://elsewhere.invalid"}, "--address", address, "--namespace", "dr",
		"--codec-endpoint", codecServer.URL+"/{namespace}", "--codec-auth", "Bearer s3cret", "--codec-header", "X-Team=ops=dr",
		"--identity", "me", "--client-authority", "temporal.example")
	options, err := b.Build(t.Context())
	require.NoError(t, err)
	c, err := client.DialContext(t.Context(), patient(options))
	require.NoError(t, err)
	defer c.Close()
	require.Equal(t, []string{"temporal.example"}, (<-s.asked).Get(":authority"))
	_, err = c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: "q"}, "Any", "abc")
	require.NoError(t, err)

	req := <-s.started
	require.Equal(t, `"cba"`, string(req.GetInput().GetPayloads()[0].GetData()))
	require.Equal(t, "dr", req.GetNamespace())
	require.Equal(t, "me", req.GetIdentity())
	call := <-asked
	require.Equal(t, "/dr/encode", call.URL.Path)
	require.Equal(t, "Bearer s3cret", call.Header.Get("Authorization"))
	require.Equal(t, "ops=dr", call.Header.Get("X-Team"))
	require.Equal(t, "dr", call.Header.Get("X-Namespace"))
	decoded, err := b.PayloadCodec.Decode([]*common.Payload{{Data: []byte("cba")}})
	require.NoError(t, err)
	require.Equal(t, "abc", string(decoded[0].Data))

	plain := given(t, nil)
	_, err = plain.Build(t.Context())
	require.NoError(t, err)
	require.Nil(t, plain.PayloadCodec, "without a codec server there is no codec")
}
