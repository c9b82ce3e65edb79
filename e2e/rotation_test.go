package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/metric/noop"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/proxy"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/proto"

	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/internal/encryption"
	"github.com/dpaflow/dpaflow/internal/keys"
	"github.com/dpaflow/dpaflow/platform/platformtest"
)

// A new key is known everywhere before it comes first anywhere; an old one goes when nothing needs it.
func TestKeysOfAllKindsAreRotatedUnderLoad(t *testing.T) {
	t.Parallel()
	begun, rng := time.Now(), random(t)
	catalogue := catalogueOfLoad(max(4, sized(40)),
		[]platformtest.Step{{Status: platformtest.Running, Delay: 500 * time.Millisecond}, success(time.Second)},
		[]platformtest.Step{success(3 * time.Second)},
		[]platformtest.Step{success(500 * time.Millisecond)})
	oldCallback, newCallback := encryptionKey("c1"), encryptionKey("c2")
	oldPayload, newPayload := encryptionKey("e1"), encryptionKey("e2")
	secret := filepath.Join(t.TempDir(), "client-secret")
	require.NoError(t, os.WriteFile(secret, []byte(clientSecret), 0o600))
	balancer, front := newBalancer(t)
	s := newStack(t, catalogue, executePath, "DPA_CALLBACK_URL="+front, "DPA_CLIENT_SECRET=", "DPA_CLIENT_SECRET_FILE="+secret,
		"DPA_CALLBACK_KEYS="+oldCallback, "DPA_ENCRYPTION_KEYS="+oldPayload,
		"GORACE=atexit_sleep_ms=0") // restarts are many, and each would take a second more
	first := s.environment("DPA_BRIDGE_ADDR")
	second := s.secondBridge()
	balancer.bridges = []string{"http://" + first, second.url}
	programs := []*restartable{
		{s.bridge, "signals/bridge", []string{"DPA_BRIDGE_ADDR=" + first}},
		{second.Program, "signals/bridge", []string{"DPA_BRIDGE_ADDR=" + strings.TrimPrefix(second.url, "http://")}},
		{s.worker, "worker", nil}, {s.start("worker"), "worker", nil},
	}
	l := &load{stack: s, Rand: rng, models: catalogue.Models}

	rotate := func(callback, payload string) {
		s.env = append(s.env, "DPA_CALLBACK_KEYS="+callback, "DPA_ENCRYPTION_KEYS="+payload)
		s.Client = dial(t, s.temporal, "DPA_ENCRYPTION_KEYS="+payload)
		l.during(func() {
			for _, p := range programs {
				l.more(sized(200) / 12)
				s.restart(p)
			}
		})
	}
	rotate(oldCallback+","+newCallback, oldPayload+","+newPayload)
	l.during(func() {
		tokens := s.sim.Tokens()
		s.sim.ChangeClientSecret("planted-changed-secret-77")
		require.NoError(t, os.WriteFile(secret, []byte("planted-changed-secret-77"), 0o600))
		s.sim.RevokeTokens()
		require.Eventually(t, func() bool { return s.sim.Tokens() >= tokens+2 }, patience, 50*time.Millisecond, "both workers renew")
	})
	rotate(newCallback+","+oldCallback, newPayload+","+oldPayload)
	query := fmt.Sprintf("TaskQueue = '%s' AND CloseTime IS NULL AND StartTime < '%s'", s.queue, time.Now().Format(time.RFC3339Nano))
	l.during(func() {
		require.Eventually(t, func() bool {
			return strings.Contains(s.command("workflow", "count", "--query", query), "Total: 0")
		}, patience, 500*time.Millisecond, "runs that the old key signed for end")
	})
	rotate(newCallback, newPayload+","+oldPayload)
	l.during(func() { l.more(1) })

	each(t, l.jobs, func(j loaded) error {
		var result ended
		if err := s.await(s.GetWorkflow(t.Context(), j.GetID(), ""), &result); err != nil {
			return err
		}
		return l.check(j, result)
	})
	l.requireOnce(t)
	require.NotContains(t, s.logs.String(), "nobody can know", "workers that are stopped leave no doubt")
	repeated := s.requireAnswered()

	byKey := map[string]int{}
	for _, j := range l.jobs {
		require.NoError(t, s.readAll(j, newPayload+","+oldPayload, byKey))
		_, err := s.QueryWorkflow(t.Context(), j.GetID(), "", "status")
		require.NoError(t, err, "a worker replays %s", j.GetID())
	}
	require.Positive(t, byKey["e1"])
	require.Positive(t, byKey["e2"])

	// What the documents say of a key that is gone.
	require.ErrorIs(t, s.readAll(l.jobs[0], newPayload, map[string]int{}), encryption.ErrUnknownKey)
	require.NoError(t, s.readAll(l.jobs[len(l.jobs)-1], newPayload, map[string]int{}))
	executions := s.sim.Executions()
	require.ErrorContains(t, s.sim.Callback(t.Context(), executions[0].InstanceID, platformtest.Success), "404")
	s.callsBack(executions[len(executions)-1].InstanceID, platformtest.Success)
	t.Logf("%d runs, %d executions, %d callbacks, %d of them repeated, payloads by key %v, all in %s", len(l.jobs), len(executions),
		len(s.sim.Callbacks()), repeated, byKey, time.Since(begun).Round(time.Second))
}

// restartable is a program, and what of its environment is its own.
type restartable struct {
	*devstack.Program
	folder string
	env    []string
}

// restart stops a program and starts it with the environment of now.
func (s *stack) restart(p *restartable) {
	s.t.Helper()
	require.NoError(s.t, p.Stop())
	s.env = append(s.env, p.env...)
	p.Program = s.start(p.folder)
}

// requireAnswered requires that every callback was answered SUCCESS in the end, and counts those that were not at once.
func (s *stack) requireAnswered() (repeated int) {
	s.t.Helper()
	answered := map[string]bool{}
	for _, c := range s.sim.Callbacks() {
		answered[c.InstanceID+c.Status] = c.Accepted
		if !c.Accepted {
			repeated++
		}
	}
	for news, accepted := range answered {
		require.True(s.t, accepted, news)
	}
	return repeated
}

// readAll decrypts everything that the server has of a run, and counts it by key.
func (s *stack) readAll(run client.WorkflowRun, list string, byKey map[string]int) error {
	s.t.Helper()
	ring, err := keys.Parse(list)
	require.NoError(s.t, err)
	codec, err := encryption.New(ring, noop.NewMeterProvider())
	require.NoError(s.t, err)
	described, err := s.DescribeWorkflow(s.t.Context(), run.GetID(), "")
	require.NoError(s.t, err)
	messages := []proto.Message{described.RawResponse}
	for _, event := range s.history(run) {
		messages = append(messages, event)
	}
	for _, message := range messages {
		err := proxy.VisitPayloads(s.t.Context(), message, proxy.VisitPayloadsOptions{
			SkipSearchAttributes: true,
			Visitor: func(_ *proxy.VisitPayloadsContext, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
				for _, payload := range payloads {
					byKey[string(payload.GetMetadata()["encryption-key-id"])]++
				}
				_, err := codec.Decode(payloads)
				return payloads, err
			},
		})
		if err != nil {
			return fmt.Errorf("read the history of %s: %w", run.GetID(), err)
		}
	}
	return nil
}

// balancer is what stands in front of several bridges: what one does not take the next one gets.
type balancer struct {
	bridges []string
	turn    atomic.Int64
	client  http.Client
}

// newBalancer starts a balancer that knows no bridges yet, and returns its address.
func newBalancer(t *testing.T) (b *balancer, url string) {
	b = &balancer{client: http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	return b, server.URL
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	turn := int(b.turn.Add(1))
	for i := range b.bridges {
		var status int
		var answer []byte
		if status, answer, err = b.pass(r, b.bridges[(turn+i)%len(b.bridges)], body); err == nil {
			w.WriteHeader(status)
			_, _ = w.Write(answer)
			return
		}
	}
	http.Error(w, fmt.Sprint("no bridge answers: ", err), http.StatusBadGateway)
}

func (b *balancer) pass(r *http.Request, bridge string, body []byte) (status int, answer []byte, err error) {
	request, err := http.NewRequestWithContext(r.Context(), r.Method, bridge+r.RequestURI, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", r.Header.Get("Content-Type"))
	response, err := b.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, errors.Join(err, response.Body.Close())
}
