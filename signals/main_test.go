package signals

import (
	"cmp"
	"context"
	"encoding/base64"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/keys"
	"github.com/dpaflow/dpaflow/internal/wait"
)

func TestMain(m *testing.M) { os.Exit(wait.Run(m)) }

const namespace = "ops"

// keysOf makes keys with the given ids; the same id always gets the same secret.
func keysOf(t testing.TB, ids ...string) keys.Ring {
	entries := make([]string, len(ids))
	for i, id := range ids {
		secret := strings.Repeat(id, keys.Size)[:keys.Size]
		entries[i] = id + ":" + base64.StdEncoding.EncodeToString([]byte(secret))
	}
	ring, err := keys.Parse(strings.Join(entries, ","))
	require.NoError(t, err)
	return ring
}

func planTarget() Target {
	return Target{Kind: KindPlan, Namespace: namespace, WorkflowID: "switch over/预案 7", Key: "step-2/1"}
}

// news is an arrival without its time.
type news struct {
	target   Target
	callback Callback
}

// arrival is a callback that came just now.
func arrival(t Target, c Callback) Arrival { return Arrival{t, c, time.Now()} }

// inbox is a Deliverer that records what it was given and answers with err.
type inbox struct {
	mu      sync.Mutex
	got     []news
	err     error
	outcome Outcome // OutcomeStored unless set
	hook    func(ctx context.Context)
}

func (i *inbox) Deliver(ctx context.Context, a Arrival) (Outcome, error) {
	if i.hook != nil {
		i.hook(ctx)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.got = append(i.got, news{a.Target, a.Callback})
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

const (
	waitFor = wait.Limit
	tick    = 10 * time.Millisecond
)
