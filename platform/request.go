package platform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// request is one call of an endpoint.
type request struct {
	endpoint    string // for errors and metrics, such as "P2 list plans"
	method      string
	path        string // escaped, and sent as it is: the platform has paths with double slashes
	query       url.Values
	body        any           // url.Values are sent as a form, all else as JSON; nil for none
	contentType string        // for where there is no body
	once        bool          // never repeated: a trigger, or a code that serves once
	intend      intendFunc    // called when nothing but writing is left of what is sent once; may be nil
	patience    time.Duration // beyond Config.Timeout; of what is sent once
	private     []string      // kept out of errors, as the token is
}

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

// fetch calls an endpoint and reads its data as a T. It is all that a read takes.
func fetch[T any](ctx context.Context, c *Client, r request) (T, error) {
	got, err := c.call(ctx, r)
	if err != nil {
		return *new(T), err
	}
	return decode[T](r, got)
}

// call sends a request with the token. A read whose token is refused is sent
// once more with a new one; what is sent once leaves that to its caller.
func (c *Client) call(ctx context.Context, r request) (answer, error) {
	for again := !r.once; ; again = false {
		token, err := c.tokens.get(ctx)
		if err != nil {
			return answer{}, &Error{Endpoint: r.endpoint, Auth: IsAuth(err), Err: fmt.Errorf("get a token: %w", err)}
		}
		got, err := c.exchange(ctx, r, token)
		if IsAuth(err) {
			c.tokens.reject(token)
		}
		if !IsAuth(err) || !again {
			return got, err
		}
	}
}

// exchange performs the HTTP call and reads its envelope. The answer is filled
// as far as it could be read, also where there is an error, which is an *Error.
func (c *Client) exchange(ctx context.Context, r request, token string) (got answer, err error) {
	if err := c.limiter.Wait(ctx); err != nil {
		return got, &Error{Endpoint: r.endpoint, Err: fmt.Errorf("wait for the ceiling of requests per second: %w", err)}
	}
	start := time.Now()
	var intending time.Duration // which is not the platform's
	r.intend = timed(r.intend, &intending)
	ctx, span := c.startSpan(ctx, r)
	defer func() {
		took := time.Since(start) - intending
		endSpan(span, got, err)
		c.meters.called(ctx, r.endpoint, took, err)
		c.config.Logger.DebugContext(ctx, "platform call", "endpoint", r.endpoint, "took", took, "result", resultOf(err))
	}()

	private := c.redactor(slices.Concat(r.private, []string{token})...)
	req, err := c.newRequest(ctx, r, token)
	switch {
	case err != nil:
		return got, &Error{Endpoint: r.endpoint, Err: private.err(err)}
	case r.once:
		return c.sendOnce(req, r, private)
	default:
		return c.sendRead(req, r, private)
	}
}

func (c *Client) newRequest(ctx context.Context, r request, token string) (*http.Request, error) {
	body, contentType, err := r.encode()
	if err != nil {
		return nil, err
	}
	address := c.config.BaseURL + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	passTrace(req)
	return req, nil
}

// sendRead sends what may be repeated over blips.
func (c *Client) sendRead(req *http.Request, r request, private redactor) (got answer, err error) {
	var connected atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }}
	fail := func(err error) (answer, error) {
		return answer{}, &Error{Endpoint: r.endpoint, Sent: connected.Load(), Err: private.err(err)}
	}
	repeatable, err := retryablehttp.FromRequest(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	if err != nil {
		return fail(err)
	}
	var answered error // by the last answer; there may have been others before it
	repeatable.SetResponseHandler(func(resp *http.Response) error {
		c.clock.observe(resp.Header)
		got, answered = readAnswer(r.endpoint, resp, private)
		if isBlip(answered) {
			return answered
		}
		return nil // an answer is an answer, and no reason to drop the connection
	})
	_, err = c.reads.Do(repeatable) //nolint:bodyclose // the handler closes it
	if broken := (*Error)(nil); err != nil && !errors.As(err, &broken) {
		return fail(err)
	}
	return got, answered
}

// encode writes the body: JSON as the platform shows it, with & < > as they are.
func (r request) encode() (body []byte, contentType string, err error) {
	if r.body == nil {
		return nil, r.contentType, nil
	}
	if form, ok := r.body.(url.Values); ok {
		return []byte(form.Encode()), formType, nil
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r.body); err != nil {
		return nil, "", fmt.Errorf("encode the body: %w", err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), jsonType, nil
}

// decode reads an answer's data as a T.
func decode[T any](r request, from answer) (T, error) {
	var data T
	if from.foreign != nil {
		return data, from.fault(r.endpoint, from.foreign)
	}
	if err := json.Unmarshal(from.data, &data); err != nil {
		return *new(T), from.fault(r.endpoint, fmt.Errorf("data is not as documented: %w", err))
	}
	return data, nil
}
