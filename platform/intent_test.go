package platform

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func with(intend intendFunc) PlanTrigger {
	intended := trigger
	intended.Intend = intend
	return intended
}

// forAWhile is a lease that is long enough on any machine.
func forAWhile(context.Context) (time.Time, error) { return time.Now().Add(time.Minute), nil }

func TestTheIntentIsRecordedOnceForEachKindOfTrigger(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"an instance": data(`[{"instanceId":"in1","planInstanceId":"in1"}]`), "a page": says(502, page), "a refused token": says(401, ""),
		"a redirect": redirects(http.StatusTemporaryRedirect), "a reset": hijacks(t, ""), "a busy platform": says(503, ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, answer)
			c := newModelClient(t, server.URL)
			intents := 0
			intend := func(ctx context.Context) (time.Time, error) {
				require.Len(t, server.to("/api/dpa"), intents, "it comes before its request")
				intents++
				return forAWhile(ctx)
			}
			_, _ = c.TriggerPlan(t.Context(), with(intend))
			_, _ = c.TriggerModel(t.Context(), ModelTrigger{ModelID: "md1", Intend: intend})
			_, _ = c.SchedulePlan(t.Context(), PlanScene{
				PlanID: "p", SceneName: "s", ExecuteStrategy: "cycle", Dimension: "day", Intervals: "1", CallbackURL: testCallback, Intend: intend,
			})
			require.Equal(t, 3, intents)
			require.Len(t, server.to("/api/dpa"), 3)
		})
	}
}

func TestATriggerThatCannotArriveAsGivenIsNotIntended(t *testing.T) {
	t.Parallel()
	intended := with(func(context.Context) (time.Time, error) { return time.Time{}, errors.New("intended") })
	intended.PlanID = ".."
	_, err := newClient(t, "http://127.0.0.1:1").TriggerPlan(t.Context(), intended)
	require.ErrorIs(t, err, ErrInput)
}

func TestTheIntentComesWhenTheTriggersTurnUnderTheCeilingHas(t *testing.T) {
	t.Parallel()
	const calls, apart = 5, 100 * time.Millisecond
	server := serve(t, data(oneInstance))
	c := withToken(newClient(t, server.URL, func(c *Config) { c.RequestsPerSecond = float64(time.Second / apart) }))
	start := time.Now()
	var mu sync.Mutex
	var after []time.Duration
	errs := make(chan error)
	for range calls {
		go func() {
			_, err := c.TriggerPlan(t.Context(), with(func(ctx context.Context) (time.Time, error) {
				mu.Lock()
				defer mu.Unlock()
				after = append(after, time.Since(start))
				return forAWhile(ctx)
			}))
			errs <- err
		}()
	}
	for range calls {
		require.NoError(t, <-errs)
	}
	slices.Sort(after)
	for i, took := range after {
		require.GreaterOrEqual(t, took, time.Duration(i)*apart, "%v", after)
	}
}

func TestTheIntentComesWhenThereIsAToken(t *testing.T) {
	t.Parallel()
	var granted atomic.Bool
	server := serve(t, data(oneInstance))
	granting := server.Config.Handler
	asked, grant := make(chan struct{}), make(chan struct{})
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/token") {
			close(asked)
			<-grant
			granted.Store(true)
		}
		granting.ServeHTTP(w, r)
	})
	done := make(chan error, 1)
	go func() {
		_, err := newClient(t, server.URL).TriggerPlan(t.Context(), with(func(ctx context.Context) (time.Time, error) {
			if !granted.Load() {
				return time.Time{}, errors.New("intended without a token")
			}
			return forAWhile(ctx)
		}))
		done <- err
	}()
	select {
	case <-asked:
	case err := <-done:
		require.NoError(t, err)
	}
	close(grant)
	require.NoError(t, <-done)
}

// TestTheIntentComesWhenTheConnectionIsReady holds up what makes a connection, and lets it go on or gives up.
func TestTheIntentComesWhenTheConnectionIsReady(t *testing.T) {
	t.Parallel()
	for name, way := range map[string]struct{ https, slowDial bool }{
		"dialled": {false, true}, "dialled for TLS": {true, true}, "shaken hands": {true, false},
	} {
		for _, giveUp := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", or not at all"}[giveUp], func(t *testing.T) {
				t.Parallel()
				waiting, ready := make(chan struct{}), make(chan struct{})
				var isReady atomic.Bool
				hold := func(ctx context.Context) error {
					close(waiting)
					select {
					case <-ready:
						isReady.Store(true)
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				}
				f := &fake{}
				f.Server = httptest.NewUnstartedServer(f.handler(t, data(oneInstance)))
				ended, end := context.WithCancel(t.Context())
				var roots *x509.CertPool
				if way.https {
					f.TLS = &tls.Config{}
					if !way.slowDial {
						f.TLS.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, hold(ended) }
					}
					f.StartTLS()
					roots = x509.NewCertPool()
					roots.AddCert(f.Certificate())
				} else {
					f.Start()
				}
				t.Cleanup(f.Close)
				t.Cleanup(end)
				c := withToken(newClient(t, f.URL, func(c *Config) { c.TLS = trusting(roots) }))
				if dial := c.sends.transport().DialContext; way.slowDial {
					c.sends.transport().DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
						if err := hold(ctx); err != nil {
							return nil, err
						}
						return dial(ctx, network, address)
					}
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				done := make(chan error, 1)
				var intents atomic.Int64
				go func() {
					_, err := c.TriggerPlan(ctx, with(func(ctx context.Context) (time.Time, error) {
						intents.Add(1)
						if !isReady.Load() {
							return time.Time{}, errors.New("intended without a connection")
						}
						return forAWhile(ctx)
					}))
					done <- err
				}()
				select {
				case <-waiting:
				case err := <-done:
					require.FailNow(t, "it did not wait", "%v", err)
				}
				if !giveUp {
					close(ready)
					require.NoError(t, <-done)
					require.EqualValues(t, 1, intents.Load())
					return
				}
				cancel()
				err := <-done
				require.Equal(t, NotSent, OutcomeOf(err), "%v", err)
				require.ErrorIs(t, err, context.Canceled)
				require.Zero(t, intents.Load())
			})
		}
	}
}

func TestATriggerThatGotNoConnectionInTimeIsNotIntended(t *testing.T) {
	t.Parallel()
	c := withToken(newClient(t, "http://127.0.0.1:1", func(c *Config) { c.Timeout = 50 * time.Millisecond }))
	c.sends.transport().DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	_, err := c.TriggerPlan(t.Context(), with(func(context.Context) (time.Time, error) { return time.Time{}, errors.New("intended") }))
	require.Equal(t, NotSent, OutcomeOf(err))
	require.EqualError(t, err, "P5 trigger plan: connect to the platform: context deadline exceeded")
}

func TestACallThatWasIntendedGoesOnThoughItIsCancelled(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"before it is written", "while it runs"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			server := serve(t, func(w http.ResponseWriter, r *http.Request) {
				cancel()
				data(oneInstance)(w, r)
			})
			instance, err := withToken(newClient(t, server.URL)).TriggerPlan(ctx, with(func(ctx context.Context) (time.Time, error) {
				if when == "before it is written" {
					cancel()
				}
				return forAWhile(ctx)
			}))
			require.NoError(t, err)
			require.Equal(t, "in10000001", instance)
		})
	}
}

func TestTheTimeOfACallCountsFromItsIntent(t *testing.T) {
	t.Parallel()
	server := serve(t, inTurn(data(oneInstance), hangs))
	c := withToken(newClient(t, server.URL, func(c *Config) { c.Timeout = brief }))
	slowly := with(func(ctx context.Context) (time.Time, error) {
		<-time.After(c.CallTimeout())
		return forAWhile(ctx)
	})
	_, err := c.TriggerPlan(t.Context(), slowly)
	require.NoError(t, err)
	_, err = c.TriggerPlan(t.Context(), slowly)
	require.Equal(t, Unknown, OutcomeOf(err))
	require.EqualError(t, err, "P5 trigger plan: wait for the answer: no complete answer within "+brief.String()+": context deadline exceeded")
}
