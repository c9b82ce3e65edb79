package e2e

import (
	"context"
	crypto "crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/keys"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/signals"
)

// callbacksOfRun is how many callbacks are made for one run: the sum of these.
const (
	callbacksOfRun = freshNews + 1 + duplicates + lateNews + contradictions + forgeries
	freshNews      = 4 // before the end, or side by side with it
	duplicates     = 4 // two of them are of the end, one by each bridge
	lateNews       = 4 // after the end
	contradictions = 3 // after the end too
	forgeries      = 4
)

// trick is what is odd about a callback.
type trick string

const (
	honest     trick = "honest"
	duplicate  trick = "duplicate"
	outOfOrder trick = "out of order"
	contrary   trick = "contrary"
	forged     trick = "forged"
)

// callback is one request to a bridge.
type callback struct {
	url, body string
	trick     trick
}

// news are the statuses before an end. The bridge passes on words that it does not know.
var news = []string{"DEFAULT", "RUNNING", "PENDING", "QUEUED", "STEP_DONE"}

// genuine are the statuses that may come to a run: all but those that only forgeries have.
func genuine(end string) []string { return append(slices.Clone(news), end, opposite(end)) }

func opposite(end string) string {
	if end == platformtest.Success {
		return platformtest.Fail
	}
	return platformtest.Success
}

// forger makes callbacks by chance. It has the keys of the bridges.
type forger struct {
	*rand.Rand
	keys    keys.Ring
	bridges []bridge
}

// callbacks makes those of one run, whose trigger gave the platform this address.
func (f forger) callbacks(t *testing.T, r *stormRun, address string) {
	t.Helper()
	token := path.Base(address)
	var err error
	r.target, err = signals.Verify(f.keys, signals.KindPlan, server.Namespace, token)
	require.NoError(t, err)
	say := func(t trick, status string, b bridge) callback {
		return callback{signals.CallbackURL(b.url, token, signals.KindPlan), body(signals.KindPlan, r, status), t}
	}
	first := []callback{say(honest, r.end, f.bridge())}
	for _, i := range f.Perm(len(news))[:freshNews] {
		first = append(first, say(honest, news[i], f.bridge()))
	}
	for range duplicates - len(f.bridges) {
		again := first[f.IntN(1+freshNews)]
		first = append(first, callback{again.url, again.body, duplicate})
	}
	var second []callback
	for _, b := range f.bridges {
		second = append(second, say(duplicate, r.end, b))
	}
	for range lateNews {
		second = append(second, say(outOfOrder, news[f.IntN(len(news))], f.bridge()))
	}
	for range contradictions {
		second = append(second, say(contrary, opposite(r.end), f.bridge()))
	}
	r.stages = [2][]callback{first, second}
	for range forgeries {
		stage := &r.stages[f.IntN(2)]
		*stage = append(*stage, f.forgery(r, token))
	}
	for _, stage := range r.stages {
		f.Shuffle(len(stage), func(i, j int) { stage[i], stage[j] = stage[j], stage[i] })
	}
}

func (f forger) bridge() bridge { return f.bridges[f.IntN(len(f.bridges))] }

// forgery is a callback that would do harm if its token were taken.
func (f forger) forgery(r *stormRun, token string) callback {
	kind := signals.KindPlan
	raw, _ := base64.RawURLEncoding.DecodeString(token)
	switch f.IntN(4) {
	case 0:
		raw[f.IntN(len(raw))] ^= 1 << f.IntN(8)
		token = base64.RawURLEncoding.EncodeToString(raw)
	case 1:
		kind = signals.KindModel
	case 2:
		elsewhere := r.target
		elsewhere.Namespace = "elsewhere"
		token = signals.Token(f.keys, elsewhere)
	case 3:
		_, _ = crypto.Read(raw)
		token = base64.RawURLEncoding.EncodeToString(raw)
	}
	status := []string{"FORGED", opposite(r.end)}[f.IntN(2)]
	return callback{signals.CallbackURL(f.bridge().url, token, kind), body(kind, r, status), forged}
}

// body is what the platform sends (P7, W5).
func body(kind signals.Kind, r *stormRun, status string) string {
	if kind == signals.KindModel {
		return fmt.Sprintf(`{"instanceId":%q,"modelId":%q,"status":%q}`, r.instance, r.plan, status)
	}
	return fmt.Sprintf(`{"planInstanceId":%q,"processPlanId":%q,"status":%q}`, r.instance, r.plan, status)
}

// poster sends callbacks, as the platform would: again where the bridge could not hand one on in time.
type poster struct {
	*http.Client
	repeated atomic.Int64
}

func newPoster(t *testing.T) *poster {
	p := &poster{Client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	t.Cleanup(p.CloseIdleConnections)
	return p
}

// send is an error unless the bridge answers SUCCESS to what is genuine, and 404 to what is not.
func (p *poster) send(ctx context.Context, c callback) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, strings.NewReader(c.body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := p.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode == http.StatusServiceUnavailable {
		p.repeated.Add(1)
		return p.send(ctx, c)
	}
	wellAnswered := answer.StatusCode == http.StatusOK && string(text) == "SUCCESS"
	if c.trick == forged {
		wellAnswered = answer.StatusCode == http.StatusNotFound && !strings.Contains(string(text), "SUCCESS")
	}
	if err == nil && !wellAnswered {
		err = fmt.Errorf("a callback that is %s, %s, was answered %d %q", c.trick, c.body, answer.StatusCode, text)
	}
	return err
}
