package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/metric/noop"
	"go.temporal.io/sdk/converter"

	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/encryption"
	"github.com/dpaflow/dpaflow/internal/serve"
	"github.com/dpaflow/dpaflow/internal/wait"
)

func TestMain(m *testing.M) { os.Exit(wait.Run(m)) }

const (
	token  = "planted-codec-token"
	origin = "https://temporal.example"
)

func configure(t *testing.T, more ...string) config.Codec {
	t.Helper()
	env := map[string]string{"DPA_ENCRYPTION_KEYS": "k1:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32))}
	for i := 0; i < len(more); i += 2 {
		env[more[i]] = more[i+1]
	}
	cfg, err := config.LoadCodec(func(name string) (string, bool) { value, set := env[name]; return value, set })
	require.NoError(t, err)
	return cfg
}

func start(t *testing.T, cfg config.Codec) (url string) {
	t.Helper()
	handler, err := newHandler(cfg)
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// call sends a request with pairs of header names and values.
func call(t *testing.T, method, url, body string, headers ...string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	require.NoError(t, err)
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	answer.Body = io.NopCloser(bytes.NewReader(text))
	return answer
}

func TestWhatTheProgramsEncryptTheCodecServerShowsAndTheOtherWayRound(t *testing.T) {
	t.Parallel()
	cfg := configure(t, "DPA_CODEC_TOKEN", token)
	url := start(t, cfg)
	codec, err := encryption.New(cfg.EncryptionKeys, noop.NewMeterProvider())
	require.NoError(t, err)
	programs := converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), codec)
	people := converter.NewCodecDataConverter(converter.GetDefaultDataConverter(),
		converter.NewRemotePayloadCodec(converter.RemotePayloadCodecOptions{
			Endpoint: url,
			ModifyRequest: func(r *http.Request) error {
				r.Header.Set("Authorization", "Bearer "+token)
				r.Close = true
				return nil
			},
		}))
	for name, way := range map[string]struct{ write, read converter.DataConverter }{
		"show": {programs, people}, "send": {people, programs}, "show what is not encrypted": {converter.GetDefaultDataConverter(), people},
	} {
		payloads, err := way.write.ToPayloads("预案", map[string]any{"a": "b"})
		require.NoError(t, err, name)
		var text string
		var object map[string]any
		require.NoError(t, way.read.FromPayloads(payloads, &text, &object), name)
		require.Equal(t, "预案", text)
		require.Equal(t, map[string]any{"a": "b"}, object)
	}
}

func TestOnlyWhoHasTheTokenIsAnswered(t *testing.T) {
	t.Parallel()
	url := start(t, configure(t, "DPA_CODEC_TOKEN", token))
	for header, status := range map[string]int{
		"": 401, token: 401, "Bearer": 401, "Bearer ": 401, "Bearer " + token[1:]: 401, "Basic " + token: 401, "Bearer " + token + " ": 200,
		"Bearer " + token: 200, "bearer " + token: 200, "Bearer x" + token: 401,
	} {
		require.Equal(t, status, call(t, "POST", url+"/decode", "{}", "Authorization", header).StatusCode, "%q", header)
	}
	require.Equal(t, 200, call(t, "POST", start(t, configure(t))+"/decode", "{}").StatusCode, "on loopback it may do without")
}

func TestOnlyPagesOfTheConfiguredOriginsMayCall(t *testing.T) {
	t.Parallel()
	url := start(t, configure(t, "DPA_CODEC_TOKEN", token, "DPA_CODEC_ORIGINS", origin+",http://127.0.0.1:8233"))
	preflight := call(t, "OPTIONS", url+"/decode", "", "Origin", origin, "Access-Control-Request-Method", "POST",
		"Access-Control-Request-Headers", "authorization,content-type,x-namespace")
	require.Equal(t, http.StatusNoContent, preflight.StatusCode, "a browser asks without the token")
	require.Equal(t, origin, preflight.Header.Get("Access-Control-Allow-Origin"))
	answer := call(t, "POST", url+"/decode", "{}", "Origin", origin, "Authorization", "Bearer "+token)
	require.Equal(t, 200, answer.StatusCode)
	require.Equal(t, origin, answer.Header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "no-store", answer.Header.Get("Cache-Control"))
	require.Equal(t, 401, call(t, "POST", url+"/decode", "{}", "Origin", origin).StatusCode)

	for _, stranger := range []string{"https://evil.example", "null", "https://temporal.example.evil.example", "http://temporal.example", url} {
		for _, method := range []string{"OPTIONS", "POST"} {
			answer := call(t, method, url+"/decode", "{}", "Origin", stranger, "Authorization", "Bearer "+token)
			require.Equal(t, 403, answer.StatusCode, "%s %s", method, stranger)
			require.Empty(t, answer.Header.Get("Access-Control-Allow-Origin"))
		}
	}
}

func TestAConfiguredPageMaySendTheHeadersThatItAsksFor(t *testing.T) {
	t.Parallel()
	url := start(t, configure(t, "DPA_CODEC_TOKEN", token, "DPA_CODEC_ORIGINS", origin))
	// With OIDC the Web UI sends the ID token too, as Authorization-Extras.
	const asked = "authorization,authorization-extras,content-type,x-namespace"
	preflight := call(t, "OPTIONS", url+"/decode", "", "Origin", origin, "Access-Control-Request-Method", "POST",
		"Access-Control-Request-Headers", asked)
	require.Equal(t, http.StatusNoContent, preflight.StatusCode)
	allowed := strings.Split(strings.ReplaceAll(strings.ToLower(preflight.Header.Get("Access-Control-Allow-Headers")), " ", ""), ",")
	require.Subset(t, allowed, strings.Split(asked, ","))
	stranger := call(t, "OPTIONS", url+"/decode", "", "Origin", "https://evil.example", "Access-Control-Request-Headers", asked)
	require.Empty(t, stranger.Header.Get("Access-Control-Allow-Headers"))
}

func TestWhatIsNotPayloadsIsRefused(t *testing.T) {
	t.Parallel()
	url := start(t, configure(t))
	require.Equal(t, 404, call(t, "GET", url+"/decode", "").StatusCode)
	require.Equal(t, 404, call(t, "POST", url+"/", "{}").StatusCode)
	require.Equal(t, 400, call(t, "POST", url+"/decode", `{"payloads":[{"metadata":{"encoding":"YmluYXJ5L2VuY3J5cHRlZA=="},"data":"AAAA"}]}`).StatusCode)
	large := `{"payloads":[{"data":"` + strings.Repeat("A", maxBody) + `"}]}`
	require.Equal(t, 400, call(t, "POST", url+"/encode", large).StatusCode)
}

func TestTheServerStopsWhenItIsAskedTo(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	handler, err := newHandler(configure(t))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- serve.Serve(ctx, listener, handler) }()
	require.Equal(t, 200, call(t, "POST", "http://"+listener.Addr().String()+"/encode", "{}").StatusCode)
	stop()
	require.NoError(t, <-served)
}

func TestATakenPortNamesTheVariableToChange(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	require.ErrorContains(t, run(t.Context(), configure(t, "DPA_CODEC_ADDR", taken.Addr().String())), "check DPA_CODEC_ADDR")
}

func TestAHealthcheckIsPassedByTheCodecServerOfTheSameConfiguration(t *testing.T) {
	t.Parallel()
	cfg := configure(t, "DPA_CODEC_TOKEN", token)
	cfg.Addr = strings.TrimPrefix(start(t, cfg), "http://")
	require.NoError(t, probe(t.Context(), cfg))
	stranger := configure(t, "DPA_CODEC_TOKEN", token+"-of-another", "DPA_CODEC_ADDR", cfg.Addr)
	err := probe(t.Context(), stranger)
	require.ErrorContains(t, err, "401")
	require.NotContains(t, err.Error(), token)
	require.Error(t, probe(t.Context(), configure(t, "DPA_CODEC_ADDR", "127.0.0.1:1")))
}
