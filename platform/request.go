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
	ctx, span := c.startSpan(ctx, r)
	defer func() {
		took := time.Since(start)
		endSpan(span, got, err)
		c.meters.called(ctx, r.endpoint, took, err)
		c.config.Logger.DebugContext(ctx, "platform call", "endpoint", r.endpoint, "took", took, "result", resultOf(err))
	}()

	var connected atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }}
	private := newRedactor(slices.Concat(r.private, []string{token})...)
	fail := func(err error) (answer, error) {
		return answer{}, &Error{Endpoint: r.endpoint, Sent: connected.Load(), Err: private.err(err)}
	}
	req, err := c.newRequest(httptrace.WithClientTrace(ctx, trace), r, token)
	if err != nil {
		return fail(err)
	}
	var verdict error // of the last answer; reads may have had others before it
	read := func(resp *http.Response) error {
		c.clock.hear(resp.Header)
		got, verdict = readAnswer(r.endpoint, resp, private)
		return verdict
	}
	if r.once {
		err = c.sendOnce(req, r.patience, read)
	} else {
		err = c.sendRead(req, read)
	}
	if answered := (*Error)(nil); err != nil && !errors.As(err, &answered) {
		return fail(err)
	}
	return got, verdict
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

// sendOnce takes away what net/http would need to send a request again.
func (c *Client) sendOnce(req *http.Request, patience time.Duration, read func(*http.Response) error) error {
	req.GetBody = nil
	client := *c.sends
	client.Timeout += patience
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	return read(resp)
}

func (c *Client) sendRead(req *http.Request, read func(*http.Response) error) error {
	repeatable, err := retryablehttp.FromRequest(req)
	if err != nil {
		return err
	}
	repeatable.SetResponseHandler(func(resp *http.Response) error {
		if err := read(resp); isBlip(err) {
			return err
		}
		return nil // an answer is an answer, and no reason to drop the connection
	})
	_, err = c.reads.Do(repeatable) //nolint:bodyclose // the handler closes it
	return err
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
	if err := json.Unmarshal(from.data, &data); err != nil {
		return *new(T), from.fault(r.endpoint, fmt.Errorf("data is not as documented: %w", err))
	}
	return data, nil
}
