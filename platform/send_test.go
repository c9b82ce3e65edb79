package platform

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/wait"
)

func TestALeaseThatRanOutSendsNothing(t *testing.T) {
	t.Parallel()
	for name, intend := range map[string]intendFunc{
		"a time that has passed": func(context.Context) (time.Time, error) { return time.Now(), nil },
		"no time":                func(context.Context) (time.Time, error) { return time.Time{}, nil },
		"an intent that was recorded too slowly": func(context.Context) (time.Time, error) {
			until := time.Now().Add(50 * time.Millisecond)
			<-time.After(time.Until(until))
			return until, nil
		},
	} {
		for _, path := range paths {
			t.Run(name+", "+path, func(t *testing.T) {
				t.Parallel()
				l := listen(t, path, func(net.Conn) {})
				_, err := l.client(t).TriggerPlan(t.Context(), with(intend))
				require.Equal(t, NotSent, OutcomeOf(err), "%v", err)
				require.ErrorIs(t, err, ErrLeaseExpired)
				requireDiscreet(t, err)
				l.requireUnused(t)
			})
		}
	}
}

func TestATriggerWhoseIntentFailsIsNotSent(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{
		"an error":  errors.New("the server does not answer"),
		"cancelled": context.Canceled,
		"an error of another call, which was sent": &Error{Endpoint: "another", Sent: true, HTTPStatus: 500, Auth: true},
	} {
		for _, path := range paths {
			t.Run(name+", "+path, func(t *testing.T) {
				t.Parallel()
				l := listen(t, path, func(net.Conn) {})
				c := l.client(t)
				_, err := c.TriggerPlan(t.Context(), with(func(context.Context) (time.Time, error) { return time.Time{}, failure }))
				require.Equal(t, NotSent, OutcomeOf(err), "%v", err)
				require.ErrorIs(t, err, failure)
				require.NotErrorIs(t, err, ErrLeaseExpired)
				require.False(t, IsAuth(err))
				require.NotEmpty(t, c.tokens.valid(), "the token was not refused")
				l.requireUnused(t)
			})
		}
	}
}

func TestAConnectionThatDiesWhileTheIntentIsRecordedSendsNothing(t *testing.T) {
	t.Parallel()
	for _, path := range paths {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			intending, noticed := make(chan struct{}), make(chan struct{})
			l := listen(t, path, func(conn net.Conn) {
				<-intending
				_ = conn.(interface{ CloseWrite() error }).CloseWrite()
				n, _ := conn.Read(make([]byte, 1)) // until the client has closed it too
				if n > 0 {
					t.Error("something was sent")
				}
				close(noticed)
			})
			_, err := l.client(t).TriggerPlan(t.Context(), with(func(ctx context.Context) (time.Time, error) {
				close(intending)
				select {
				case <-noticed:
					return forAWhile(ctx)
				case <-time.After(wait.Limit):
					return time.Time{}, errors.New("there is no connection that could die")
				}
			}))
			require.Equal(t, NotSent, OutcomeOf(err), "%v", err)
			require.ErrorContains(t, err, "write the request")
			require.NotErrorIs(t, err, ErrLeaseExpired)
			l.requireUnused(t) // nor another: the intent was for this one
		})
	}
}

func TestARequestThatIsCutShortByItsLeaseIsUnknown(t *testing.T) {
	t.Parallel()
	for _, path := range paths {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			given := make(chan struct{})
			c := listen(t, path, func(net.Conn) { <-given }).client(t) // it reads nothing
			long := with(func(context.Context) (time.Time, error) { return time.Now().Add(brief), nil })
			long.Params = map[string]map[string]string{"md1": {"A": strings.Repeat("x", 32<<20)}}
			_, err := c.TriggerPlan(t.Context(), long)
			close(given)
			require.Equal(t, Unknown, OutcomeOf(err), "%v", err)
			require.NotErrorIs(t, err, ErrLeaseExpired)
			require.ErrorContains(t, err, "ran out while it was being written")
		})
	}
}

func TestTheProxyIsChosenByTheWholeAddress(t *testing.T) {
	t.Parallel()
	server := serve(t, data(oneInstance))
	c := withToken(newClient(t, server.URL))
	var asked []string
	c.sends.transport().Proxy = func(r *http.Request) (*url.URL, error) {
		asked = append(asked, r.URL.Scheme+"://"+r.URL.Host)
		return nil, nil
	}
	_, err := c.TriggerPlan(t.Context(), trigger)
	require.NoError(t, err)
	require.Equal(t, []string{server.URL}, asked)
}

func TestTheAddressToDialIsAsTheURLSays(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://platform.example":      "platform.example:",
		"https://platform.example:8443": "platform.example:8443",
		"http://[::1]:80":               "[::1]:80",
		"https://[::1]":                 "[::1]:",
		"https://with_underscore":       "with_underscore:",
		"https://例子.example":            "xn--fsqu00a.example:",
	} {
		parsed, err := url.Parse(address)
		require.NoError(t, err)
		got, err := dialAddress(parsed)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}
