package platform

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/dpaflow/dpaflow/internal/endpoint"
)

const accessToken = "P1.2 access token"

// tokens holds the one token that all calls share.
type tokens struct {
	fetch   func(context.Context) (token, error)
	flight  singleflight.Group
	mu      sync.Mutex
	current token
}

type token struct {
	value   string
	renewAt time.Time
}

// get returns the token, or fetches a new one. However many wait, there is one
// fetch, and no one who stops waiting stops it for the others.
func (t *tokens) get(ctx context.Context) (string, error) {
	if value := t.valid(); value != "" {
		return value, nil
	}
	fetched := t.flight.DoChan("token", func() (any, error) {
		if value := t.valid(); value != "" {
			return value, nil // an earlier flight landed between the look and this one
		}
		fresh, err := t.fetch(context.WithoutCancel(ctx)) // it is in the trace of the first who waits
		if err != nil {
			return "", err
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		t.current = fresh
		return fresh.value, nil
	})
	select {
	case result := <-fetched:
		return result.Val.(string), result.Err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (t *tokens) valid() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Now().Before(t.current.renewAt) {
		return t.current.value
	}
	return ""
}

// reject gives up a token that the platform refused, unless it was replaced already.
func (t *tokens) reject(value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current.value == value {
		t.current = token{}
	}
}

// tokenRequest has the fields and their order from the documents.
type tokenRequest struct {
	Code         string `json:"code"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	GrantType    string `json:"grant_type"`
	UserID       string `json:"user_id,omitempty"`
}

// fetchToken gets an authorization code (P1.1) and redeems it for a token (P1.2).
// A code may serve only once, so a blip while it is redeemed is mended with a new one.
func (c *Client) fetchToken(ctx context.Context) (fresh token, err error) {
	defer func() {
		c.meters.renewed(ctx, err)
		c.config.Logger.DebugContext(ctx, "token renewal", "renewAt", fresh.renewAt, "result", resultOf(err))
	}()
	secret, err := c.config.Secret()
	if err == nil && secret == "" {
		err = errors.New("it is empty")
	}
	if err != nil {
		return token{}, &Error{Endpoint: accessToken, Err: fmt.Errorf("get the client secret: %w", err)}
	}
	for again := true; ; again = false {
		code, err := c.authorize(ctx)
		if err != nil {
			return token{}, refusedCredentials(err)
		}
		fresh, err := c.redeem(ctx, code, secret)
		if err == nil || !again || !isBlip(err) {
			return fresh, refusedCredentials(err)
		}
	}
}

func (c *Client) authorize(ctx context.Context) (code string, err error) {
	fields, err := oauth(ctx, c, "code", request{
		endpoint: "P1.1 authorize",
		method:   http.MethodGet,
		path:     endpoint.Authorize,
		query:    url.Values{"client_id": {c.config.ClientID}, "response_type": {"code"}, "scope": {c.config.Scope}},
	})
	return fields["code"], err
}

func (c *Client) redeem(ctx context.Context, code, secret string) (token, error) {
	fields, err := oauth(ctx, c, "access_token", request{
		endpoint: accessToken,
		method:   http.MethodPost,
		path:     endpoint.Token,
		body: tokenRequest{
			Code: code, ClientID: c.config.ClientID, ClientSecret: secret,
			GrantType: "authorization_code", UserID: c.config.UserID,
		},
		once:    true,
		private: []string{secret, code},
	})
	if err != nil {
		return token{}, err
	}
	if kind := fields["token_type"]; kind != "" && !strings.EqualFold(kind, "Bearer") {
		return token{}, &Error{Endpoint: accessToken, Sent: true, Err: errors.New("token_type is not Bearer")}
	}
	value := fields["access_token"]
	return token{value, renewAt(value, time.Now())}, nil
}

// oauth calls an OAuth endpoint, which takes no token, and reads its data, which must have a usable field want.
func oauth(ctx context.Context, c *Client, want string, r request) (map[string]string, error) {
	got, err := c.exchange(ctx, r, "")
	if err != nil {
		return nil, err
	}
	objects, err := decode[list[map[string]text]](r, got)
	if err != nil {
		return nil, err
	}
	fields := map[string]string{}
	if len(objects) == 1 {
		for name, value := range objects[0] {
			fields[name] = strings.TrimSpace(string(value))
		}
	}
	if !isVisible(fields[want]) {
		return nil, got.fault(r.endpoint, fmt.Errorf("the answer has no usable %s", want))
	}
	return fields, nil
}

// isVisible: of a token that has more than visible ASCII no header can be made.
func isVisible(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' })
}

// refusedCredentials marks what the OAuth endpoints answer to a wrong client id or secret.
func refusedCredentials(err error) error {
	var e *Error
	if errors.As(err, &e) && badCredentials[e.Code] && isRefusal(e.HTTPStatus, e.Code) {
		e.Auth = true
	}
	return err
}

// renewAt is when to replace a token: a tenth of its life ahead of its end, and
// a minute at least, unless that is most of its life.
func renewAt(value string, now time.Time) time.Time {
	life := tokenLife
	if end, ok := expiry(value); ok {
		// An end that has passed tells of clocks that differ: the token was made just now.
		if left := end.Sub(now); left > 0 {
			life = left
		}
	}
	ahead := max(life/10, time.Minute)
	if ahead > life/2 {
		ahead = life / 10
	}
	return now.Add(life - ahead)
}

// expiry reads when a token ends, if it is a JWT that says so. Whether it verifies is the platform's business.
func expiry(value string) (end time.Time, ok bool) {
	parts := strings.Split(value, ".")
	if len(parts) != 3 {
		return time.Time{}, false
	}
	claims, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return time.Time{}, false
	}
	var known struct {
		Expiry json.RawMessage `json:"exp"`
	}
	if err := json.Unmarshal(claims, &known); err != nil {
		return time.Time{}, false
	}
	seconds, ok := parseInteger(known.Expiry)
	return time.Unix(seconds, 0), ok
}
