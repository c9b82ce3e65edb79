package platformtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// FaultKind is what goes wrong with a request. Unless a Fault says AfterExecution, what
// was asked for does not happen, and data, truncated and slow-body tell a success
// that was none.
type FaultKind string

// The kinds of faults, and the fields of Fault that each reads.
const (
	FaultCode      FaultKind = "code"      // an envelope with Code, under Status (200)
	FaultStatus    FaultKind = "status"    // Status (502) with a line of text, no envelope
	FaultEmpty     FaultKind = "empty"     // Status (200) and no body
	FaultHTML      FaultKind = "html"      // Status (200) and a page, as a proxy would
	FaultData      FaultKind = "data"      // code 200, with Data in the place of the answer's own
	FaultTruncated FaultKind = "truncated" // half the answer, and its whole length announced
	FaultSlowBody  FaultKind = "slow-body" // the answer, spread over Delay
	FaultRedirect  FaultKind = "redirect"  // Status (307) to Location (the same path)
	FaultReset     FaultKind = "reset"     // the connection is reset
	FaultHang      FaultKind = "hang"      // no answer: the connection is cut after Delay, or stays open if that is 0
	FaultDelay     FaultKind = "delay"     // the answer, late by Delay: it happens although the caller may be gone
)

var kinds = []FaultKind{
	FaultCode, FaultStatus, FaultEmpty, FaultHTML, FaultData, FaultTruncated,
	FaultSlowBody, FaultRedirect, FaultReset, FaultHang, FaultDelay,
}

// Fault is something that goes wrong with requests to one endpoint.
type Fault struct {
	Endpoint       string          `json:"endpoint"` // "P5"
	PlanID         string          `json:"planId"`   // only for this plan, or model; "" for all
	Times          int             `json:"times"`    // how many requests it hits; 0 for all
	AfterExecution bool            `json:"afterExecution"`
	Kind           FaultKind       `json:"kind"`
	Status         int             `json:"status"`   // of HTTP; the kind's own if 0
	Code           int             `json:"code"`     // of the envelope
	Data           json.RawMessage `json:"data"`     // JSON, such as [{"processPlanId":"acf42dd3"}]: no instance id
	Location       string          `json:"location"` // path or URL
	Delay          time.Duration   `json:"delay"`    // not divided by the speed
	Held           <-chan struct{} `json:"-"`        // the answer is held back until this is closed, whatever its kind
}

// Validate tells what about a fault makes no sense.
func (f Fault) Validate() error {
	known := slices.ContainsFunc(routes(DefaultModelExecutePath), func(r route) bool { return r.endpoint == f.Endpoint })
	switch {
	case !known:
		return fmt.Errorf("endpoint %q does not exist: use P1.1, P1.2, P2 to P6, W2 to W4, W6 or W7", f.Endpoint)
	case !slices.Contains(kinds, f.Kind):
		return fmt.Errorf("kind %q does not exist: use one of %q", f.Kind, kinds)
	case f.Kind == FaultCode && f.Code == 0:
		return fmt.Errorf("kind %q needs a code", f.Kind)
	case f.Kind == FaultData && !json.Valid(f.Data):
		return fmt.Errorf("kind %q needs data that is JSON", f.Kind)
	case f.Delay <= 0 && f.Held == nil && (f.Kind == FaultSlowBody || f.Kind == FaultDelay):
		return fmt.Errorf("kind %q needs a delay", f.Kind)
	case f.Times < 0 || f.Delay < 0:
		return fmt.Errorf("times and delay cannot be negative")
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("status %d is not that of an answer", f.Status)
	}
	return nil
}

// CallbackKind is what goes wrong with an execution's callbacks.
type CallbackKind string

// The kinds of callback faults, and the fields of CallbackFault that each reads.
const (
	CallbackDrop         CallbackKind = "drop"          // none is sent
	CallbackDropEnd      CallbackKind = "drop-end"      // the end is not sent
	CallbackDuplicate    CallbackKind = "duplicate"     // each is sent Count (1) times more
	CallbackDelay        CallbackKind = "delay"         // each is late by Delay
	CallbackBeforeAnswer CallbackKind = "before-answer" // the trigger is answered after the last callback
	CallbackReorder      CallbackKind = "reorder"       // all wait for the end, which comes first, and the first last
	CallbackStatus       CallbackKind = "status"        // each says Status instead of its own
	CallbackContradict   CallbackKind = "contradict"    // the end is followed by the opposite one
)

var callbackKinds = []CallbackKind{
	CallbackDrop, CallbackDropEnd, CallbackDuplicate, CallbackDelay,
	CallbackBeforeAnswer, CallbackReorder, CallbackStatus, CallbackContradict,
}

// CallbackFault is something that goes wrong with the callbacks of executions that are
// triggered after it was injected. Several on one execution add up, in their order.
type CallbackFault struct {
	PlanID string        `json:"planId"` // only for this plan, or model; "" for all
	Times  int           `json:"times"`  // how many executions it hits; 0 for all
	Kind   CallbackKind  `json:"kind"`
	Status string        `json:"status"`
	Count  int           `json:"count"`
	Delay  time.Duration `json:"delay"` // not divided by the speed
}

// Validate tells what about a callback fault makes no sense.
func (f CallbackFault) Validate() error {
	switch {
	case !slices.Contains(callbackKinds, f.Kind):
		return fmt.Errorf("kind %q does not exist: use one of %q", f.Kind, callbackKinds)
	case f.Kind == CallbackDelay && f.Delay == 0:
		return fmt.Errorf("kind %q needs a delay", f.Kind)
	case f.Times < 0 || f.Delay < 0 || f.Count < 0:
		return fmt.Errorf("times, delay and count cannot be negative")
	}
	return nil
}

// Inject makes requests go wrong from now on. Of several faults that fit a request
// the first takes it. It panics if the fault is not valid.
func (s *Simulator) Inject(f Fault) {
	if err := f.Validate(); err != nil {
		panic("platformtest: " + err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// InjectCallback makes callbacks go wrong from now on. It panics if the fault is not valid.
func (s *Simulator) InjectCallback(f CallbackFault) {
	if err := f.Validate(); err != nil {
		panic("platformtest: " + err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.callbackFaults = append(s.callbackFaults, &f)
}

// ClearFaults forgets all faults. What is going wrong already still does.
func (s *Simulator) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults, s.callbackFaults = nil, nil
}

func (s *Simulator) takeFault(c *call) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if f.Endpoint != c.route.endpoint || (f.PlanID != "" && f.PlanID != c.subject()) {
			continue
		}
		if f.Times == 1 {
			s.faults = slices.Delete(s.faults, i, i+1)
		}
		f.Times-- // of an endless fault: below 0, and never 1
		return *f, true
	}
	return Fault{}, false
}

// takeCallbackFaults are those that hit an execution of a plan or model; s.mu is held.
func (s *Simulator) takeCallbackFaults(id string) (taken []CallbackFault) {
	s.callbackFaults = slices.DeleteFunc(s.callbackFaults, func(f *CallbackFault) bool {
		if f.PlanID != "" && f.PlanID != id {
			return false
		}
		taken = append(taken, *f)
		f.Times--
		return f.Times == 0
	})
	return taken
}
