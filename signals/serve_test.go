package signals

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/serve"
)

func listen(t *testing.T) net.Listener {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return ln
}

func TestStoppingLetsACallbackInFlightFinish(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	ctx, stop := context.WithCancel(t.Context())
	ln := listen(t)
	arrived, release := make(chan struct{}), make(chan struct{})
	b.inbox.hook = func(context.Context) {
		close(arrived)
		<-release
	}
	served := make(chan error, 1)
	go func() { served <- serve.Serve(ctx, ln, b.handler) }()

	type answer struct {
		body string
		err  error
	}
	answered := make(chan answer, 1)
	address := CallbackURL("http://"+ln.Addr().String(), Token(b.keys, planTarget()), KindPlan)
	go func() {
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		response, err := (&http.Client{Transport: transport}).Post(address, "application/json", strings.NewReader(planBody))
		if err != nil {
			answered <- answer{err: err}
			return
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		answered <- answer{string(body), err}
	}()

	<-arrived
	stop()
	require.Eventually(t, func() bool { // nothing new is taken
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err == nil {
			conn.Close()
		}
		return err != nil
	}, waitFor, tick)
	require.Empty(t, served, "the callback in flight is waited for")
	close(release)
	require.Equal(t, answer{body: "SUCCESS"}, <-answered)
	require.NoError(t, <-served)
}

func TestALongestTokenAndOrdinaryHeadersFitThroughTheServer(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	ctx, stop := context.WithCancel(t.Context())
	ln := listen(t)
	served := make(chan error, 1)
	go func() { served <- serve.Serve(ctx, ln, b.handler) }()
	transport := &http.Transport{}
	c := &http.Client{Transport: transport}
	post := func(headerSize int) *http.Response {
		longest := Target{Kind: KindPlan, Namespace: namespace, WorkflowID: strings.Repeat("w", 1000), Key: strings.Repeat("k", 300)}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
			CallbackURL("http://"+ln.Addr().String(), Token(b.keys, longest), KindPlan), bytes.NewReader([]byte(planBody)))
		require.NoError(t, err)
		request.Header.Set("X-Forwarded-For", strings.Repeat("1", headerSize))
		response, err := c.Do(request)
		require.NoError(t, err)
		return response
	}
	ordinary := post(4 << 10)
	requireSuccess(t, ordinary)
	ordinary.Body.Close()
	huge := post(32 << 10)
	requireRefused(t, http.StatusRequestHeaderFieldsTooLarge, huge)
	huge.Body.Close()

	transport.CloseIdleConnections()
	stop()
	require.NoError(t, <-served)
}

func TestAListenerThatBreaksIsAnError(t *testing.T) {
	t.Parallel()
	ln := listen(t)
	require.NoError(t, ln.Close())
	require.ErrorContains(t, serve.Serve(t.Context(), ln, http.NotFoundHandler()), "serving on "+ln.Addr().String())
}
