package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/hashicorp/golang-lru/v2"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/dpaflow/dpaflow/notify"
)

// A sink passes a message on to people.
type sink struct {
	name string
	send func(message) error
}

// receiver verifies what it gets and passes it on. What a sink has got it does not get again: dpaflow sends an event until
// it is answered, and more than once where an answer is lost.
type receiver struct {
	hook  *standardwebhooks.Webhook
	out   io.Writer
	sinks []sink

	mu   sync.Mutex // one event at a time: they are rare, and robots have their limits
	done *lru.Cache[string, bool]
}

const (
	remembered = 10_000 // ids, a day's worth and more
	maxBody    = 64 << 10
)

func newReceiver(secret string, out io.Writer, sinks ...sink) (*receiver, error) {
	if secret == "" {
		return nil, errors.New("it is empty")
	}
	hook, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return nil, err
	}
	done, err := lru.New[string, bool](remembered)
	screen := sink{"screen", func(m message) error { _, err := fmt.Fprintln(out, m.plain()); return err }}
	return &receiver{hook: hook, out: out, sinks: append([]sink{screen}, sinks...), done: done}, err
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, maxBody))
	if err != nil {
		http.Error(w, "cannot be read", http.StatusBadRequest)
		return
	}
	if err := r.hook.Verify(body, request.Header); err != nil {
		http.Error(w, "not signed with the secret of this receiver", http.StatusUnauthorized)
		return
	}
	var event notify.Event
	if err := json.Unmarshal(body, &event); err != nil {
		http.Error(w, "no event in JSON", http.StatusBadRequest)
		return
	}
	if err := r.pass(event); err != nil {
		_, _ = fmt.Fprintln(r.out, err)
		http.Error(w, "not passed on", http.StatusBadGateway) // dpaflow sends it again
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// pass hands an event to the sinks that do not have it.
func (r *receiver) pass(event notify.Event) (failed error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := newMessage(event)
	for _, s := range r.sinks {
		key := s.name + " " + event.ID
		if r.done.Contains(key) {
			continue
		}
		if err := s.send(m); err != nil {
			failed = errors.Join(failed, fmt.Errorf("pass %s on to %s: %w", event.ID, s.name, err))
			continue
		}
		r.done.Add(key, true)
	}
	return failed
}
