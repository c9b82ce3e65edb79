package platform

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"golang.org/x/net/idna"
)

// intendFunc is Intend of a trigger.
type intendFunc = func(ctx context.Context) (until time.Time, err error)

// timed is the hook, whose time is added to spent.
func timed(intend intendFunc, spent *time.Duration) intendFunc {
	if intend == nil {
		return nil
	}
	return func(ctx context.Context) (time.Time, error) {
		start := time.Now()
		defer func() { *spent += time.Since(start) }()
		return intend(ctx)
	}
}

// sendOnce sends what must not be repeated. All that can wait or fail comes before the intent; after it the request is
// written at once, or not at all, and its answer is waited for even if ctx is cancelled: nothing else tells what happened.
//
// The connection serves this request alone. The platform may close one that it kept open just as a request arrives, and
// then nobody knows what became of the request: a person would have to look, to save the milliseconds of a handshake.
func (c *Client) sendOnce(req *http.Request, r request, private redactor) (answer, error) {
	fail := func(sent bool, doing string, err error) (answer, error) {
		return answer{}, &Error{Endpoint: r.endpoint, Sent: sent, Err: fmt.Errorf("%s: %w", doing, err)}
	}
	ctx := req.Context()
	conn, wire, err := c.connect(ctx, req)
	if err != nil {
		return fail(false, "connect to the platform", private.err(err))
	}
	defer func() { _ = conn.Close() }()

	if r.intend == nil {
		wire.begin()
	} else {
		until, err := r.intend(ctx)
		if err != nil {
			return fail(false, "record the intent to send", err)
		}
		wire.beginUntil(until)
		ctx = context.WithoutCancel(ctx)
	}
	limit := c.config.Timeout + r.patience
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no complete answer within %s: %w", limit, context.DeadlineExceeded))
	defer cancel()
	req = req.WithContext(ctx)
	req.GetBody = nil
	resp, err := conn.RoundTrip(req)
	sent, expired := wire.hasSent()
	switch {
	case !sent && expired:
		return fail(false, "write the request", ErrLeaseExpired)
	case err != nil && !sent:
		return fail(false, "write the request", private.err(err))
	case err != nil:
		return fail(true, "wait for the answer", private.err(err))
	}
	c.clock.observe(resp.Header)
	return readAnswer(r.endpoint, resp, private)
}

// connect makes a connection for one request, through the proxy where there is one, and shakes hands. It looks once more
// whether the connection is of use and still wanted: what follows cannot be taken back.
func (c *Client) connect(ctx context.Context, req *http.Request) (*http.ClientConn, *leasedConn, error) {
	address, err := dialAddress(req.URL)
	if err != nil {
		return nil, nil, err
	}
	wire := &leasedConn{}
	sends := c.sends.transport()
	transport := sends.Clone() // with the same TLS sessions
	transport.DisableKeepAlives, transport.DisableCompression = true, true
	transport.DialContext = func(ctx context.Context, network, address string) (_ net.Conn, err error) {
		wire.Conn, err = sends.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return wire, nil
	}
	// NewClientConn asks without the port, for which NO_PROXY may have a rule.
	transport.Proxy = func(*http.Request) (*url.URL, error) { return sends.Proxy(req) }
	limited, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	conn, err := transport.NewClientConn(limited, req.URL.Scheme, address)
	if err != nil {
		return nil, nil, err
	}
	if err := cmp.Or(conn.Err(), ctx.Err()); err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	return conn, wire, nil
}

// dialAddress is what NewClientConn takes: other than the rest of net/http it knows no names beyond ASCII.
func dialAddress(u *url.URL) (string, error) {
	host := u.Hostname()
	if strings.ContainsFunc(host, func(c rune) bool { return c > unicode.MaxASCII }) {
		ascii, err := idna.Lookup.ToASCII(host)
		if err != nil {
			return "", err
		}
		host = ascii
	}
	return net.JoinHostPort(host, u.Port()), nil
}
