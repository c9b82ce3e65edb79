package signals

import (
	"cmp"
	"context"
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const namespace = "ops"

// keysOf makes keys with the given ids; the same id always gets the same secret.
func keysOf(t testing.TB, ids ...string) Keys {
	entries := make([]string, len(ids))
	for i, id := range ids {
		secret := strings.Repeat(id, keySize)[:keySize]
		entries[i] = id + ":" + base64.StdEncoding.EncodeToString([]byte(secret))
	}
	keys, err := ParseKeys(strings.Join(entries, ","))
	require.NoError(t, err)
	return keys
}

func planTarget() Target {
	return Target{Kind: KindPlan, Namespace: namespace, WorkflowID: "switch over/预案 7", Key: "step-2/1"}
}

// inbox is a Deliverer that records what it was given and answers with err.
type inbox struct {
	mu      sync.Mutex
	got     []news
	err     error
	outcome Outcome // OutcomeStored unless set
	hook    func(ctx context.Context)
}

func (i *inbox) Deliver(ctx context.Context, t Target, c Callback) (Outcome, error) {
	if i.hook != nil {
		i.hook(ctx)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.got = append(i.got, news{t, c})
	if i.err != nil {
		return "", i.err
	}
	return cmp.Or(i.outcome, OutcomeStored), nil
}

func (i *inbox) delivered() []news {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]news(nil), i.got...)
}

// Deadlines of polling, far beyond what is ever needed.
const (
	waitFor = 10 * time.Second
	tick    = 10 * time.Millisecond
)
