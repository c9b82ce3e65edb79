// Package signals is the callback's way in: it makes the address that the platform calls back,
// and turns what arrives there into a Temporal signal of the run that waits for it.
//
// The address carries a signed token that names the workflow and the trigger, so a callback needs no look-up
// and no database: the handler verifies the token, delivers the callback, and answers SUCCESS once it is durable.
// Durable is what Temporal has stored, or what the spool has on disk. A callback that comes without a token finds its run
// through an inbox.
package signals

import (
	"encoding/json"
	"time"
	"unicode/utf8"

	"github.com/dpaflow/dpaflow/internal/ids"
)

// Kind says which of the platform's two kinds of execution a callback is about.
type Kind string

// The kinds: plans call back as P7, models as W5.
const (
	KindPlan  Kind = "plan"
	KindModel Kind = "model"
)

// Callback is the payload of the signal: what the platform says of one instance. Its JSON form is part of the contract.
type Callback struct {
	// InstanceID is the platform's planInstanceId (P7) or instanceId (W5), as text.
	InstanceID string `json:"instanceId"`
	// Status is the platform's word in upper case, such as RUNNING, SUCCESS, FINISH or FAIL; words unknown to this project are passed on.
	Status string `json:"status"`
}

// UnmarshalJSON reads one that is delivered by hand, too: its id may be a number.
func (c *Callback) UnmarshalJSON(data []byte) error {
	var given struct {
		InstanceID json.RawMessage `json:"instanceId"`
		Status     string          `json:"status"`
	}
	if err := json.Unmarshal(data, &given); err != nil {
		return err
	}
	c.InstanceID, c.Status = ids.Parse(given.InstanceID), given.Status
	return nil
}

// SignalName is the name of the signal that carries a callback to a run. The key is that of a trigger,
// or an instance id where the callback comes without a token: from the inbox, or from an operator.
func SignalName(key string) string {
	return "platform-callback:" + key
}

const (
	maxWorkflowID = 1000 // Temporal's own limit
	maxKey        = 300
)

// SceneKeyPrefix begins the key of a timed scene's address (P4). Such an address is called for ever new instances,
// so the handler lets much more through to it; the workflow has to continue as new in time.
const SceneKeyPrefix = "scene:"

// Target is where a callback belongs: one trigger of one workflow, across its resets and continue-as-new,
// or the inbox of one instance.
type Target struct {
	Kind Kind
	// Namespace is covered by the token's signature but not carried in it: the bridge knows its own.
	Namespace string
	// WorkflowID is any UTF-8 text of 1 to 1000 bytes.
	WorkflowID string
	// Key tells the triggers of one workflow apart; UTF-8 text of 1 to 300 bytes. It is empty for an inbox.
	Key string
	// Trace is where the spans of its callbacks belong; they have traces of their own without one.
	Trace Trace
}

func (t Target) valid() bool {
	return (t.Kind == KindPlan || t.Kind == KindModel) && text(t.WorkflowID, maxWorkflowID) && text(t.Key, maxKey) &&
		(t.Trace.isNone() || t.Trace.span().IsValid() && t.Trace[24] <= 1)
}

func text(s string, limit int) bool {
	return s != "" && len(s) <= limit && utf8.ValidString(s)
}

// Arrival is a callback that came, and where it belongs.
type Arrival struct {
	Target   Target
	Callback Callback
	// At is when it came. What is delivered again is the same arrival; what the platform sends again is another one.
	At time.Time
}
