package platform

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"golang.org/x/time/rate"
)

const (
	extraTries  = 2
	firstPause  = 100 * time.Millisecond
	pauseAtMost = 2 * time.Second // also where the platform's Retry-After asks for more
)

// newReads repeats reads over blips, quickly. Whoever calls has the patience for more.
func newReads(client *http.Client, limiter *rate.Limiter) *retryablehttp.Client {
	return &retryablehttp.Client{
		HTTPClient:   client,
		RetryMax:     extraTries,
		RetryWaitMin: firstPause,
		RetryWaitMax: pauseAtMost,
		CheckRetry: func(ctx context.Context, _ *http.Response, err error) (bool, error) {
			return ctx.Err() == nil && isBlip(err), nil
		},
		Backoff: func(least, most time.Duration, attempt int, resp *http.Response) time.Duration {
			return min(retryablehttp.DefaultBackoff(least, most, attempt, resp), most)
		},
		PrepareRetry: func(r *http.Request) error { return limiter.Wait(r.Context()) },
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
}

// isBlip tells what may well be gone in a moment: a broken connection, or an
// answer that says so. A timeout was waited for long enough already.
func isBlip(err error) bool {
	var answered *Error
	var broken *net.OpError
	var untrusted *tls.CertificateVerificationError
	var timeout net.Error
	switch {
	case err == nil, errors.As(err, &untrusted), errors.As(err, &timeout) && timeout.Timeout():
		return false
	case !errors.As(err, &answered) || answered.HTTPStatus == 0, errors.As(err, &broken), errors.Is(err, io.ErrUnexpectedEOF):
		return true
	}
	switch answered.HTTPStatus {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return answered.Code == http.StatusServiceUnavailable
}
