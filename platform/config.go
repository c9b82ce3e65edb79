package platform

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
)

const defaultTimeout = 30 * time.Second

// Config is what a Client needs to know. BaseURL, ClientID and Secret are required.
type Config struct {
	// BaseURL is the platform's address, https://host or https://host:port.
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
	// RootCAs verify the platform's certificate; nil means the system's roots.
	RootCAs *x509.CertPool
	// Timeout bounds one HTTP call; 30 s by default.
	Timeout time.Duration
	// RequestsPerSecond is one ceiling over all HTTP calls, evenly spaced; 0 is no ceiling.
	RequestsPerSecond float64
	// ModelExecutePath is the path of W3, which the platform does not publish, with
	// {modelId} in place of the model's id, as CheckExecutePath wants it. Empty where no
	// model is run, or each with a path of its own.
	ModelExecutePath string
	// AllowHTTP accepts plain http towards other hosts than loopback ones.
	AllowHTTP bool
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
	fault(checkBaseURL(c.BaseURL, c.AllowHTTP), "BaseURL")
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
		fault(CheckExecutePath(c.ModelExecutePath), "ModelExecutePath")
		require(strings.Contains(c.ModelExecutePath, modelPlaceholder), "ModelExecutePath: must contain "+modelPlaceholder)
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

// checkBaseURL does not show the URL: it may carry a password.
func checkBaseURL(value string, allowHTTP bool) error {
	u, err := url.Parse(value)
	switch {
	case value == "":
		return errors.New("must not be empty")
	case err != nil || u.Opaque != "" || u.Hostname() == "":
		return errors.New("must be https://host or https://host:port")
	case u.User != nil || u.Path != "" || strings.ContainsAny(value, "?#"):
		return errors.New("must have neither user, path, query nor fragment")
	case u.Scheme == "http" && !allowHTTP && !isLoopback(u.Hostname()):
		return errors.New("must be https, unless plain http is allowed")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("must be https")
	}
	return nil
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}
