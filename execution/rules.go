package execution

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"time"
)

// Target is the kind of thing that is triggered.
type Target string

// The targets.
const (
	Plan  Target = "plan"
	Model Target = "model"
	// Scene is a plan's timed scene: its trigger registers it, and names no instance.
	Scene Target = "scene"
)

// Rules say what is run and how. They do not change.
type Rules struct {
	Target Target
	// ID is the plan's or the model's; Name is what messages call it, such as "plan acf42dd3".
	ID, Name string
	// Origin is the original run of the workflow, the same in every reset of it. Label names the execution within
	// it, likewise.
	Origin, Label string
	// Reset is true in a run that was reset: only the trigger's activity sees what an earlier run sent.
	Reset bool
	// Timeout bounds the run from its start to the end of its instance; PollAfter is how long to go without news.
	Timeout, PollAfter time.Duration
	// FailOnUnknown and FailOnBusy end the run where it would wait.
	FailOnUnknown, FailOnBusy bool
	// Exempt triggers are sent also while the worker's policy is frozen: they undo or finish what has begun.
	Exempt bool
	// Preflight has a trigger check first whether it can run: the first one the inputs, too.
	Preflight bool
	// Sync is true where the trigger's answer tells the end of the instance.
	Sync bool
	// TrustPlanStatus lets the plan list's status end the run.
	TrustPlanStatus bool
	// Repairable lets an operator say how an instance ended although the run has given up on it, or it ended FAIL.
	Repairable bool
}

// Kind is "plan" or "model", the label of metrics.
func (r Rules) Kind() string {
	if r.Target == Model {
		return "model"
	}
	return "plan"
}

func (r Rules) planID() string {
	if r.Target == Model {
		return ""
	}
	return r.ID
}

func (r Rules) modelID() string {
	if r.Target == Model {
		return r.ID
	}
	return ""
}

// SceneKeyPrefix begins the keys of timed scenes.
const SceneKeyPrefix = "scene:"

// Key names the trigger of that number of a labelled execution for its callbacks: by the original run of its workflow,
// and by a hash. It is never used for another, and short, since it is part of the callback's address.
func Key(origin, label string, number int, scene bool) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s.%d", label, number))
	key := origin + "." + hex.EncodeToString(sum[:8])
	if scene {
		key = SceneKeyPrefix + key
	}
	return key
}

// IsKey reports whether an address is a trigger's key, and no instance's id.
func IsKey(address string) bool { return keyForm.MatchString(address) }

var keyForm = regexp.MustCompile(`^(` + SceneKeyPrefix + `)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[0-9a-f]{16}$`)

func (r Rules) key(number int) string { return Key(r.Origin, r.Label, number, r.Target == Scene) }

// end translates a word of the platform, and tells whether it ends an instance.
func (r Rules) end(word string) (status string, ended bool) {
	status = normal(word)
	if r.Target == Model && status == "FINISH" {
		status = StatusSuccess
	}
	return status, status == StatusSuccess || status == StatusFail
}

// progress tells whether a word is one of those with which the platform reports that an instance goes on.
func progress(status string) bool {
	switch status {
	case "", "DEFAULT", "RUNNING", "PENDING":
		return true
	}
	return false
}
