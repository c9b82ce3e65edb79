package watcher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/dpaflow/dpaflow/internal/version"
	"github.com/dpaflow/dpaflow/notify"
)

// sendTimeout is what a receiver may take to answer; it should store the event and answer at once.
const sendTimeout = 10 * time.Second

func newWeb() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true // events are rare, and a connection may be dead when the next one comes
	return &http.Client{
		Timeout: sendTimeout, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// deliver sends an event, and takes in what became of it.
func (w *Watcher) deliver(ctx context.Context, state *notify.State, p notify.Pending, now time.Time) {
	outcome, after, err := w.send(ctx, p)
	failures := state.Failures
	outcome = state.Take(p.ID, outcome, after, now)
	w.metrics.attempt(ctx, p.Type, outcome)
	log := w.Log.With("id", p.ID, "type", p.Type, "noticed", p.At)
	switch {
	case outcome == notify.Sent && failures > 0:
		log.Info("notification sent: the receiver answers again", "failures", failures, "pending", len(state.Pending))
	case outcome == notify.Sent:
		log.Info("notification sent")
	case outcome == notify.GivenUp:
		log.Error("notification given up: the receiver has refused it for a day; look at its log", "error", err)
	case outcome == notify.Refused:
		log.Warn("the receiver refuses a notification, which is sent again; check the receiver and DPA_NOTIFY_SECRET", "error", err)
	default: // an outage may take hours, and is said loudly only once
		level := slog.LevelDebug
		if failures == 0 {
			level = slog.LevelWarn
		}
		log.Log(ctx, level, "the receiver of notifications does not take them; they are kept and sent again", "error", err, "next", state.Wake())
	}
}

// send makes one attempt. A receiver that cannot take anything now may say for how long.
func (w *Watcher) send(ctx context.Context, p notify.Pending) (outcome notify.Outcome, after time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(p.Body))
	if err != nil {
		return notify.Unreached, 0, errors.New("DPA_NOTIFY_URL is no address")
	}
	request.Header.Set("Content-Type", notify.ContentType+"; charset=utf-8")
	request.Header.Set("User-Agent", "dpaflow/"+version.Get().Version)
	signer, err := w.Signer()
	if err == nil {
		err = signer.Sign(request.Header, p.ID, time.Now(), p.Body)
	}
	if err != nil {
		return notify.Unreached, 0, err
	}
	answer, err := w.web.Do(request)
	if err != nil {
		var withAddress *url.Error
		if errors.As(err, &withAddress) {
			err = withAddress.Err
		}
		return notify.Unreached, 0, err
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, 64<<10) // what it says is of no matter
	seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
	return outcomeOf(answer.StatusCode), time.Duration(max(seconds, 0)) * time.Second, fmt.Errorf("the receiver answers %s", answer.Status)
}

func outcomeOf(status int) notify.Outcome {
	switch {
	case status >= 200 && status < 300:
		return notify.Sent
	case status >= 400 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests:
		return notify.Refused
	}
	return notify.Unreached
}
