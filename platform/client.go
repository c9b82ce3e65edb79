package platform

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"
)

// Client talks to one platform as one OAuth application. It may be used by any
// number of goroutines, which share its token and its ceiling of calls.
type Client struct {
	config  Config
	limiter *rate.Limiter
	meters  meters
	tracer  trace.Tracer
	tokens  tokens
	clock   clock
	reads   *retryablehttp.Client
	sends   *renewed // what connections for one request each are made as
}

// New makes a client, or names everything that is wrong with the configuration.
// It connects to nothing: the first call fetches the token.
func New(config Config) (*Client, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	meters, err := newMeters(config.MeterProvider)
	if err != nil {
		return nil, err
	}
	limit := rate.Inf
	if config.RequestsPerSecond > 0 {
		limit = rate.Limit(config.RequestsPerSecond)
	}
	connections := &renewed{certificates: config.TLS}
	c := &Client{
		config:  config,
		limiter: rate.NewLimiter(limit, 1),
		meters:  meters,
		tracer:  newTracer(config.TracerProvider),
		sends:   connections,
	}
	c.tokens.fetch = c.fetchToken
	c.reads = newReads(newHTTPClient(config, connections), c.limiter)
	return c, nil
}

// CallTimeout is Config.Timeout, or its default: it bounds the exchange that a trigger's intent is followed by.
func (c *Client) CallTimeout() time.Duration { return c.config.Timeout }

// Close gives up idle connections. Calls under way are not disturbed.
func (c *Client) Close() {
	c.reads.HTTPClient.CloseIdleConnections()
}

// newHTTPClient makes a client that follows no redirect: the bearer token goes
// nowhere else, and a 307 would repeat a trigger.
func newHTTPClient(config Config, transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     transport,
		Timeout:       config.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// newTransport speaks HTTP/1.1 only: HTTP/2 repeats requests by itself when the
// server sends GOAWAY.
func newTransport(certificates *tls.Config) *http.Transport {
	encryption := &tls.Config{}
	if certificates != nil {
		encryption = certificates.Clone()
	}
	encryption.MinVersion = tls.VersionTLS12
	http1 := new(http.Protocols)
	http1.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  httpsOnly(http.ProxyFromEnvironment),
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        encryption,
		TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{},
		Protocols:              http1,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxIdleConnsPerHost:    32,
		MaxResponseHeaderBytes: 1 << 20,
		IdleConnTimeout:        90 * time.Second,
		ExpectContinueTimeout:  time.Second,
	}
}

// httpsOnly uses a proxy for https alone: through a CONNECT tunnel it can
// neither read nor repeat a request.
func httpsOnly(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(r *http.Request) (*url.URL, error) {
		if r.URL.Scheme != "https" {
			return nil, nil
		}
		address, err := proxy(r)
		if err != nil { // its text shows the proxy's password
			return nil, errors.New("the address in HTTPS_PROXY is malformed")
		}
		return address, nil
	}
}
