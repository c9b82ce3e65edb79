package platformtest

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Request is one request that the platform was sent. The Authorization header is not kept.
type Request struct {
	Endpoint    string        `json:"endpoint"` // "P5"; "" if there is no such path and method
	Method      string        `json:"method"`
	Path        string        `json:"path"` // raw, with the query
	ContentType string        `json:"contentType,omitempty"`
	Authorized  bool          `json:"authorized"` // it carried a token that counts
	Traceparent string        `json:"traceparent,omitempty"`
	Body        string        `json:"-"`      // may hold parameters and callback URLs; not kept for P1.2
	Status      int           `json:"status"` // HTTP status of the answer; 0 while, or if, there is none
	Code        int           `json:"code"`   // of the answer's envelope; 0 if there is none
	Fault       FaultKind     `json:"fault,omitempty"`
	At          time.Time     `json:"at"`
	Took        time.Duration `json:"-"` // 0 while there is no answer
}

// record keeps a request as it comes; its answer is filled in by answered.
func (s *Simulator) record(c *call) *Request {
	request := &Request{
		Endpoint: c.route.endpoint, Method: c.Method, Path: c.RequestURI,
		ContentType: c.Header.Get("Content-Type"), Authorized: s.tokens.accepts(c.Header.Get("Authorization")),
		Traceparent: c.Header.Get("traceparent"),
		Body:        string(c.body), At: time.Now(),
	}
	if request.Endpoint == "P1.2" {
		request.Body = ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, request)
	s.notify()
	return request
}

func (s *Simulator) answered(r *Request, status, code int, fault FaultKind) {
	s.options.Logger.Debug("request", "endpoint", r.Endpoint, "status", status, "code", code, "fault", fault)
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Status, r.Code, r.Fault, r.Took = status, code, fault, time.Since(r.At)
	s.notify()
}

// Requests are all requests so far, in order, those under way included.
func (s *Simulator) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Request, len(s.requests))
	for i, r := range s.requests {
		list[i] = *r
	}
	return list
}

// Executions are all executions so far, in order.
func (s *Simulator) Executions() []Execution {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Execution, len(s.runs))
	for i, r := range s.runs {
		list[i] = r.Execution
	}
	return list
}

// Callbacks are all attempts to call back so far, in the order of their answers.
func (s *Simulator) Callbacks() []CallbackAttempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.callbacks)
}

// SetScript changes how executions of a plan, or of a model, go from now on. It panics
// if the catalogue has neither.
func (s *Simulator) SetScript(id string, script Script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, ok := s.plans.byID[id]
	if !ok {
		j, ok = s.models.byID[id]
	}
	if !ok {
		panic(fmt.Sprintf("platformtest: no plan or model %q in the catalogue", id))
	}
	j.script = script
}

// WaitExecutions waits until there are n executions, and returns all there are.
func (s *Simulator) WaitExecutions(ctx context.Context, n int) ([]Execution, error) {
	err := s.wait(ctx, func() bool { return len(s.runs) >= n })
	return s.Executions(), err
}

// WaitDelivered waits until an instance has played its script and its last callback
// was accepted or given up. It is an error if there is no such instance.
func (s *Simulator) WaitDelivered(ctx context.Context, instanceID string) (Execution, error) {
	r, err := s.find(nil, instanceID)
	if err != nil {
		return Execution{}, err
	}
	err = s.wait(ctx, func() bool {
		select {
		case <-r.delivered:
			return true
		default:
			return false
		}
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	return r.Execution, err
}

// wait blocks until condition, which is called with s.mu held, is true.
func (s *Simulator) wait(ctx context.Context, condition func() bool) error {
	for {
		s.mu.Lock()
		done, changed := condition(), s.changed
		s.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.life.Done():
			return s.life.Err()
		}
	}
}

// notify wakes whoever waits; s.mu is held.
func (s *Simulator) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}
