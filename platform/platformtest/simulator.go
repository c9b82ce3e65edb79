package platformtest

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// What Options fall back to.
const (
	DefaultClientID           = "demo"
	DefaultClientSecret       = "demo-secret"
	DefaultModelExecutePath   = "/api/dpa/process/processModel/execute/{modelId}"
	DefaultTokenLife          = 18000 * time.Second // as in the documents' sample
	DefaultCallbackRetries    = 3                   // as the documents say
	DefaultCallbackRetryDelay = 200 * time.Millisecond
)

// Options say how a simulator behaves; the zero value is ready to use.
type Options struct {
	Catalogue              Catalogue // Example() if it is empty
	ClientID, ClientSecret string
	TokenLife              time.Duration
	HTTP401                bool          // a refused token is an HTTP 401 too, not only code 403 under HTTP 200
	Speed                  float64       // divides the delays of scripts and the intervals of scenes; 0 is 1
	SceneInterval          time.Duration // replaces the interval of every scene, and is not divided
	SceneExecutions        int           // ends every scene after so many executions; 0 is never, as the platform
	CallbackRetries        int           // attempts to call back after one that was not accepted
	CallbackRetryDelay     time.Duration // before each of them
	CallbackTimeout        time.Duration // of one callback; 10 s if 0
	ModelExecutePath       string        // path of W3, with {modelId}
	Readings               Readings      // of what the documents leave open
	Logger                 *slog.Logger  // none if nil
}

// Simulator is one platform. It is an http.Handler, and safe for concurrent use.
type Simulator struct {
	URL string // "http://127.0.0.1:port" if it was made by Start

	options Options
	tokens  *tokens
	routes  []route
	client  *http.Client // for callbacks
	stop    func()       // of the server that Start started

	life   context.Context // ends with Close
	cancel context.CancelFunc
	tasks  sync.WaitGroup // calls, executions, scenes and callbacks under way

	mu             sync.Mutex // guards everything below, and the runs
	closed         bool
	changed        chan struct{} // closed and replaced whenever there is news to wait for
	plans, models  *shelf
	runs           []*run
	scenes         int
	restored       []scene  // of a journal, until they are played
	journal        *os.File // nil: nothing is kept
	requests       []*Request
	callbacks      []CallbackAttempt
	faults         []*Fault
	callbackFaults []*CallbackFault
}

// New makes a simulator that is served by whoever calls it. Close must be called.
func New(o Options) *Simulator {
	if len(o.Catalogue.Plans)+len(o.Catalogue.Models) == 0 {
		o.Catalogue = Example()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.ClientID = cmp.Or(o.ClientID, DefaultClientID)
	o.ClientSecret = cmp.Or(o.ClientSecret, DefaultClientSecret)
	o.TokenLife = cmp.Or(o.TokenLife, DefaultTokenLife)
	o.Speed = cmp.Or(o.Speed, 1)
	o.CallbackRetries = cmp.Or(o.CallbackRetries, DefaultCallbackRetries)
	o.CallbackRetryDelay = cmp.Or(o.CallbackRetryDelay, DefaultCallbackRetryDelay)
	o.CallbackTimeout = cmp.Or(o.CallbackTimeout, 10*time.Second)
	o.ModelExecutePath = cmp.Or(o.ModelExecutePath, DefaultModelExecutePath)

	s := &Simulator{
		options: o,
		tokens:  newTokens(o.ClientID, o.ClientSecret, o.TokenLife),
		routes:  routes(o.ModelExecutePath),
		client:  newCallbackClient(o.CallbackTimeout),
		stop:    func() {},
		changed: make(chan struct{}),
		plans:   planShelf(o.Catalogue.Plans),
		models:  modelShelf(o.Catalogue.Models),
	}
	s.life, s.cancel = context.WithCancel(context.Background())
	return s
}

// TB is the part of testing.TB that Start needs.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Start makes a simulator that listens on a free port of 127.0.0.1 until the test ends.
func Start(tb TB, o Options) *Simulator {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("listening for the simulated platform: %v", err)
	}
	s := New(o)
	s.URL = "http://" + listener.Addr().String()
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(s.options.Logger.Handler(), slog.LevelDebug)}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	s.stop = func() {
		_ = server.Close()
		<-served
	}
	tb.Cleanup(s.Close)
	return s
}

// Close ends every call, execution and callback under way and waits for them. From
// then on the platform is down: calls are answered by HTTP 503, or not at all if
// Start was used.
func (s *Simulator) Close() {
	s.mu.Lock()
	again := s.closed
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.tasks.Wait()
	if !again {
		if s.journal != nil {
			_ = s.journal.Close()
		}
		s.client.CloseIdleConnections()
		s.stop()
	}
}

// enter counts the caller among the tasks that Close waits for, unless it is too late.
func (s *Simulator) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.tasks.Add(1)
	}
	return !s.closed
}

// sleep tells whether the time passed before ctx, or the simulator, ended.
func (s *Simulator) sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return s.life.Err() == nil
	case <-ctx.Done():
	case <-s.life.Done():
	}
	return false
}

// scaled is a scripted time at the simulator's speed.
func (s *Simulator) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) / s.options.Speed)
}
