package platform

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAThousandCallersFetchOneToken(t *testing.T) {
	t.Parallel()
	server := serve(t, data("[]"))
	c := newClient(t, server.URL)
	c.tokens.current = token{"ended", time.Now().Add(-time.Second)}
	var group sync.WaitGroup
	var failed atomic.Int64
	for range 1000 {
		group.Go(func() {
			if _, err := c.tokens.get(t.Context()); err != nil {
				failed.Add(1)
			}
		})
	}
	group.Wait()
	require.Zero(t, failed.Load())
	require.Len(t, server.to("/authorize"), 1)
	require.Len(t, server.to("/token"), 1)
}

func TestARefusedTokenIsRenewedOnceForAllReads(t *testing.T) {
	t.Parallel()
	const readers = 50
	var arrived sync.WaitGroup
	arrived.Add(readers)
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer a-token-at-hand" {
			arrived.Done()
			arrived.Wait() // all are on their way with the token that will be refused
			says(http.StatusOK, envelope(403, "null"))(w, r)
			return
		}
		data("[]")(w, r)
	})
	c := withToken(newClient(t, server.URL))
	errs := make(chan error, readers)
	for range readers {
		go func() {
			_, err := c.Plans(t.Context())
			errs <- err
		}()
	}
	for range readers {
		require.NoError(t, <-errs)
	}
	require.Len(t, server.to("/oauth/token"), 1)
	require.Len(t, server.to("queryPlanByUserId"), 2*readers)
}

func TestAReadGivesUpWhenTheNewTokenIsRefusedToo(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]http.HandlerFunc{
		"code 403": says(200, envelope(403, "null")), "HTTP 401": says(401, ""), "HTTP 403": says(403, page),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, refusal)
			_, err := newClient(t, server.URL).Plans(t.Context())
			require.True(t, IsAuth(err), "%v", err)
			require.Len(t, server.to("queryPlanByUserId"), 2)
			require.Len(t, server.to("/oauth/token"), 2)
		})
	}
}

func TestARefusedTriggerGivesUpTheTokenAndIsNotRepeated(t *testing.T) {
	t.Parallel()
	server := serve(t, inTurn(says(401, ""), data(oneInstance)))
	c := newClient(t, server.URL)
	_, err := c.TriggerPlan(t.Context(), trigger)
	require.Equal(t, Rejected, OutcomeOf(err))
	require.True(t, IsAuth(err))
	require.Len(t, server.to("opExecutePlanByApi"), 1)

	instance, err := c.TriggerPlan(t.Context(), trigger)
	require.NoError(t, err)
	require.Equal(t, "in10000001", instance)
	sent := server.to("opExecutePlanByApi")
	require.NotEqual(t, sent[0].header.Get("Authorization"), sent[1].header.Get("Authorization"))
}

func TestAWaiterThatGivesUpDisturbsNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tokens := &tokens{fetch: func(ctx context.Context) (token, error) {
			select {
			case <-time.After(time.Minute):
				return token{"fresh", time.Now().Add(time.Hour)}, nil
			case <-ctx.Done():
				return token{}, ctx.Err()
			}
		}}
		hasty, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		patient := make(chan string)
		start := time.Now()
		go func() {
			_, err := tokens.get(hasty) // the one that starts the fetch
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
				t.Errorf("the hasty one got %v after %v", err, time.Since(start))
			}
		}()
		synctest.Wait()
		go func() {
			value, _ := tokens.get(t.Context())
			patient <- value
		}()
		require.Equal(t, "fresh", <-patient)
		require.Equal(t, time.Minute, time.Since(start))
	})
}

func TestThoseWhoWaitShareAFailedFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		failure := errors.New("out of order")
		fetches := 0
		tokens := &tokens{fetch: func(context.Context) (token, error) {
			fetches++
			time.Sleep(time.Second)
			return token{}, failure
		}}
		errs := make(chan error)
		for range 100 {
			go func() {
				_, err := tokens.get(t.Context())
				errs <- err
			}()
		}
		for range 100 {
			require.ErrorIs(t, <-errs, failure)
		}
		require.Equal(t, 1, fetches)
	})
}

func TestATokenIsRenewedAheadOfItsEnd(t *testing.T) {
	t.Parallel()
	now := time.Unix(1688624775, 0)
	end := func(life time.Duration) any { return now.Add(life).Unix() }
	for name, row := range map[string]struct {
		value string
		want  time.Duration
	}{
		"as in the sample, five hours":    {testToken(t, map[string]any{"exp": end(18000 * time.Second), "sub": 508045167951456}), 16200 * time.Second},
		"the end as text":                 {testToken(t, map[string]any{"exp": "1688642775"}), 16200 * time.Second},
		"five minutes: a minute ahead":    {testToken(t, map[string]any{"exp": end(5 * time.Minute)}), 4 * time.Minute},
		"a minute: a tenth ahead":         {testToken(t, map[string]any{"exp": end(time.Minute)}), 54 * time.Second},
		"a second":                        {testToken(t, map[string]any{"exp": end(time.Second)}), 900 * time.Millisecond},
		"no end":                          {testToken(t, map[string]any{"sub": "x"}), 27 * time.Minute},
		"an end that is no time":          {testToken(t, map[string]any{"exp": "soon"}), 27 * time.Minute},
		"an end in the past: clocks skew": {testToken(t, map[string]any{"exp": end(-time.Hour)}), 27 * time.Minute},
		"no JWT":                          {"opaque", 27 * time.Minute},
		"no JSON in it":                   {"a.bm9uZQ.c", 27 * time.Minute},
		"no base64 in it":                 {"a.{}.c", 27 * time.Minute},
		"a padded one":                    {"e30=.eyJleHAiOjE2ODg2NDI3NzV9Cg==.x", 16200 * time.Second},
		"an algorithm unheard of":         {"eyJhbGciOiJTTTIifQ.eyJleHAiOjE2ODg2NDI3NzV9.x", 16200 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, row.want, renewAt(row.value, now).Sub(now))
		})
	}
}

func TestABlipWhileACodeIsRedeemedCostsANewCode(t *testing.T) {
	t.Parallel()
	var codes, redeemed atomic.Int64
	server := serve(t, data("[]"))
	granting := server.Config.Handler
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/authorize"):
			codes.Add(1)
		case strings.HasSuffix(r.URL.Path, "/token") && redeemed.Add(1) == 1:
			hijacks(t, "")(w, r)
			return
		}
		granting.ServeHTTP(w, r)
	})
	_, err := newClient(t, server.URL).Plans(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 2, codes.Load())
	require.EqualValues(t, 2, redeemed.Load())
}

func TestTheSecretIsReadAgainForEachToken(t *testing.T) {
	t.Parallel()
	server := serve(t, data("[]"))
	secrets := []string{"first", "second"}
	c := newClient(t, server.URL, func(c *Config) {
		c.Secret = func() (string, error) {
			secret := secrets[0]
			secrets = secrets[1:]
			return secret, nil
		}
	})
	for range 2 {
		value, err := c.tokens.get(t.Context())
		require.NoError(t, err)
		c.tokens.reject(value)
		c.tokens.reject(value)
	}
	sent := server.to("/oauth/token")
	require.Contains(t, sent[0].body, `"client_secret":"first"`)
	require.Contains(t, sent[1].body, `"client_secret":"second"`)
}
