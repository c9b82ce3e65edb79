package platform

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/dpaflow/dpaflow/internal/endpoint"
)

const defaultTimeout = 30 * time.Second

// Config is what a Client needs to know. BaseURL, ClientID and Secret are required.
type Config struct {
	// BaseURL is the platform's address, https://host[:port], and a path where it lies behind a gateway's.
	BaseURL string
	// ClientID names the OAuth application.
	ClientID string
	// Secret returns the OAuth application's secret. It is called whenever a token
	// is fetched, so a secret kept in a file may change while the program runs. Its
	// error must not show the secret.
	Secret func() (string, error)
	// Scope is the OAuth scope, "default" (which is the default) or "all".
	Scope string
	// UserID is the optional user_id that tokens are fetched for.
	UserID string
	// TLS returns how connections are encrypted: which roots verify the platform's certificate, and which certificate
	// shows it who calls. It is asked at every call, so that certificates may be renewed; the same pointer says that
	// nothing has changed. Nil means the system's roots, and no certificate.
	TLS func() *tls.Config
	// Timeout bounds one HTTP call; 30 s by default. A trigger's begins with its intent, and the connection for it,
	// which comes before, may take as long.
	Timeout time.Duration
	// RequestsPerSecond is one ceiling over all HTTP calls, evenly spaced; 0 is no ceiling.
	RequestsPerSecond float64
	// ModelExecutePath is the path of W3, which the platform does not publish, with
	// {modelId} in place of the model's id, as endpoint.CheckExecutePath says. Empty where no
	// model is run, or each with a path of its own.
	ModelExecutePath string
	// AllowHTTP accepts plain http towards other hosts than loopback ones.
	AllowHTTP bool
	// Private returns values that no error may show, whatever call the platform repeats them in; nil means none.
	Private func() []string
	// Logger gets debug records of calls and token renewals; nil means none.
	Logger *slog.Logger
	// MeterProvider gets dpaflow_platform_calls, a histogram in seconds by endpoint
	// and result, and dpaflow_token_renewals, a counter by result; nil means none.
	MeterProvider metric.MeterProvider
	// TracerProvider gets a span for each call, named after its endpoint; nil means none. A call that belongs to a
	// trace, because of it or of its context, says so to the platform in the header traceparent.
	TracerProvider trace.TracerProvider
}

// withDefaults fills in what may be left out, or names every field at fault.
func (c Config) withDefaults() (Config, error) {
	var faults []string
	fault := func(err error, field string) {
		if err != nil {
			faults = append(faults, field+": "+err.Error())
		}
	}
	require := func(ok bool, text string) {
		if !ok {
			faults = append(faults, text)
		}
	}
	c.BaseURL = strings.TrimSuffix(c.BaseURL, "/")
	fault(CheckBaseURL(c.BaseURL, c.AllowHTTP), "BaseURL")
	require(c.ClientID != "", "ClientID: must not be empty")
	require(c.Secret != nil, "Secret: must not be nil")
	if c.Scope == "" {
		c.Scope = "default"
	}
	require(c.Scope == "default" || c.Scope == "all", `Scope: must be "default" or "all"`)
	require(c.Timeout >= 0, "Timeout: must not be negative")
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	require(c.RequestsPerSecond >= 0 && !math.IsInf(c.RequestsPerSecond, 0),
		"RequestsPerSecond: must be a number from 0 (no ceiling) up")
	if c.ModelExecutePath != "" {
		fault(endpoint.CheckExecutePath(c.ModelExecutePath), "ModelExecutePath")
		require(strings.Contains(c.ModelExecutePath, endpoint.ModelPlaceholder), "ModelExecutePath: must contain "+endpoint.ModelPlaceholder)
	}
	if c.TLS == nil {
		c.TLS = func() *tls.Config { return nil }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.MeterProvider == nil {
		c.MeterProvider = noop.NewMeterProvider()
	}
	if c.TracerProvider == nil {
		c.TracerProvider = tracenoop.NewTracerProvider()
	}
	if len(faults) > 0 {
		return Config{}, fmt.Errorf("platform configuration: %s", strings.Join(faults, "; "))
	}
	return c, nil
}

// CheckBaseURL tells what is wrong with the address of the platform, or of what it calls. It does not show the URL, which may
// carry a password.
func CheckBaseURL(value string, allowHTTP bool) error {
	u, err := url.Parse(value)
	switch {
	case value == "":
		return errors.New("must not be empty")
	case err != nil || u.Opaque != "" || u.Hostname() == "" || !isPort(u.Port()):
		return errors.New("must be https://host[:port], with a path or without")
	case u.User != nil || strings.ContainsAny(value, "?#"):
		return errors.New("must have neither user, query nor fragment")
	case u.Path != "" && (strings.HasSuffix(u.Path, "/") || endpoint.CheckPath(u.EscapedPath()) != nil):
		return errors.New("its path must be a plain one, such as https://gateway.example/dpa")
	case u.Scheme == "http" && !allowHTTP && !isLoopback(u.Hostname()):
		return errors.New("must be https; plain http is for this machine alone, unless it is allowed (DPA_ALLOW_HTTP=true)")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("must be https")
	}
	return nil
}

// isPort: none is that of the scheme.
func isPort(port string) bool {
	number, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && number > 0
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}
