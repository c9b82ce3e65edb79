package platformtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// CallbackAttempt is one POST of P7 or W5.
type CallbackAttempt struct {
	InstanceID string    `json:"instanceId"`
	Status     string    `json:"status"`     // as it was sent
	Attempt    int       `json:"attempt"`    // from 1; the platform calls again 3 times, or as its options say
	HTTPStatus int       `json:"httpStatus"` // 0 if there was no answer
	Answer     string    `json:"answer"`     // its first 200 bytes, or what went wrong; never the address
	Accepted   bool      `json:"accepted"`   // HTTP 200 and exactly SUCCESS
	At         time.Time `json:"at"`
}

func newCallbackClient(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: timeout}).DialContext,
			MaxIdleConnsPerHost: 64,
			IdleConnTimeout:     30 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// courier delivers a run's callbacks one after another, as its faults say.
func (s *Simulator) courier(r *run) {
	defer func() {
		close(r.delivered)
		s.mu.Lock()
		s.notify()
		s.mu.Unlock()
	}()
	var held []delivery
	called := r.called
	for status := range r.news {
		called++
		if r.CallbackURL == "" || r.script.NoCallbacks || (r.job.model && !ended(status)) {
			continue
		}
		deliveries := applyCallbackFaults(r.faults, status)
		if has(r.faults, CallbackReorder) && !ended(status) {
			held = slices.Concat(deliveries, held)
			continue
		}
		for _, d := range slices.Concat(deliveries, held) {
			if !s.sleep(s.life, d.delay) {
				return
			}
			s.deliver(r, d.status)
		}
		held = nil
		s.mu.Lock()
		if s.life.Err() == nil {
			s.keep(entry{InstanceID: r.InstanceID, Called: called})
		}
		s.mu.Unlock()
	}
}

// deliver calls back until the answer is SUCCESS, or the attempts are used up.
func (s *Simulator) deliver(r *run, status string) {
	for attempt := 1; attempt <= 1+s.options.CallbackRetries; attempt++ {
		if attempt > 1 && !s.sleep(s.life, s.options.CallbackRetryDelay) {
			return
		}
		if s.callBack(s.life, r, status, attempt).Accepted {
			return
		}
	}
	s.options.Logger.Warn("callback given up", "id", r.job.id, "instance", r.InstanceID, "status", status)
}

func (s *Simulator) callBack(ctx context.Context, r *run, status string, attempt int) CallbackAttempt {
	a := CallbackAttempt{InstanceID: r.InstanceID, Status: status, Attempt: attempt, At: time.Now()}
	body := s.planNews(r, status)
	if r.job.model {
		a.Status = modelStatus(status)
		body = s.modelNews(r, a.Status)
	}
	answer, httpStatus, err := s.post(ctx, r.CallbackURL, body)
	if err != nil {
		// A url.Error quotes the address, which is a capability.
		if e := (*url.Error)(nil); errors.As(err, &e) {
			err = e.Err
		}
		answer = err.Error()
	}
	a.HTTPStatus, a.Answer = httpStatus, answer
	a.Accepted = err == nil && httpStatus == http.StatusOK && answer == "SUCCESS"

	s.mu.Lock()
	defer s.mu.Unlock()
	s.callbacks = append(s.callbacks, a)
	s.notify()
	return a
}

func (s *Simulator) post(ctx context.Context, address string, body []byte) (answer string, status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return "", 0, err
	}
	request.Header.Set("Content-Type", jsonType)
	response, err := s.client.Do(request)
	if err != nil {
		return "", 0, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 200))
	return string(text), response.StatusCode, err
}

// Callback sends one callback by hand, once, to the address that the execution was
// given. The status is sent as it is, but for a model's SUCCESS, which is FINISH.
// It is an error if there is no such instance or address, or no SUCCESS in answer.
func (s *Simulator) Callback(ctx context.Context, instanceID, status string) error {
	if !s.enter() {
		return errors.New("the simulator is closed")
	}
	defer s.tasks.Done()
	r, err := s.find(nil, instanceID)
	if err != nil {
		return err
	}
	if r.CallbackURL == "" {
		return fmt.Errorf("instance %s was triggered without a callback URL", instanceID)
	}
	if a := s.callBack(ctx, r, status, 1); !a.Accepted {
		return fmt.Errorf("callback of instance %s was answered %d %q instead of SUCCESS", instanceID, a.HTTPStatus, a.Answer)
	}
	return nil
}
