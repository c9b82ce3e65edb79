package runbook

import (
	"slices"
	"strings"
)

// On is the end of a step that another one needs. A step that was skipped by its condition or by an
// operator has succeeded.
type On string

// The ends that can be needed.
const (
	OnSuccess On = "success"
	OnFailed  On = "failure"
	OnEnd     On = "end" // however it ended; also where it could never start
)

// Join says how many of the steps that are needed it takes.
type Join string

// The ways to join.
const (
	JoinAll Join = "all"
	JoinAny Join = "any"
)

// OnFailure says what becomes of the runbook when a step fails.
type OnFailure string

// What can be done about a failure.
const (
	PauseOnFailure    OnFailure = "pause"    // start nothing new and wait for an operator
	AbortOnFailure    OnFailure = "abort"    // end when running steps have ended
	ContinueOnFailure OnFailure = "continue" // go on; the failure does not fail the runbook
	RollbackOnFailure OnFailure = "rollback" // undo what had succeeded, in reverse order, and end
)

// RollbackWhen says how far a step must have come for its rollback to run.
type RollbackWhen string

// How far a step can have come.
const (
	RollbackSucceeded RollbackWhen = "succeeded"
	RollbackStarted   RollbackWhen = "started" // also where it failed or was given up half done
)

// How a step stands or ended, in expressions and in results.
const (
	StatusWaiting = "WAITING"
	StatusRunning = "RUNNING"
	StatusPaused  = "PAUSED" // it failed, and an operator decides
	StatusSuccess = "SUCCESS"
	StatusFailed  = "FAILED"
	StatusSkipped = "SKIPPED" // by its condition or by an operator, or because it can never start
	StatusAborted = "ABORTED" // the runbook ended before it did
)

// Statuses are all that a step can have.
var Statuses = []string{
	StatusWaiting, StatusRunning, StatusPaused, StatusSuccess, StatusFailed, StatusSkipped, StatusAborted,
}

// How a runbook can end beside SUCCESS, FAILED and ABORTED.
const (
	StatusTimedOut  = "TIMED_OUT"
	StatusCancelled = "CANCELLED"
)

// Outcomes are all that runbook.status can be in Finally.
var Outcomes = []string{StatusSuccess, StatusFailed, StatusAborted, StatusTimedOut, StatusCancelled}

// OnUnknown says what to do when nobody can know whether a trigger ran.
type OnUnknown string

// What can be done about an unknown trigger.
const (
	WaitOnUnknown OnUnknown = "wait"
	FailOnUnknown OnUnknown = "fail"
)

// OnBusy says what to do when a model is busy.
type OnBusy string

// What can be done about a busy model.
const (
	WaitOnBusy OnBusy = "wait"
	FailOnBusy OnBusy = "fail"
)

// OnTimeout is the answer to an approval that nobody gave in time.
type OnTimeout string

// The answers that can be taken for given.
const (
	RejectOnTimeout  OnTimeout = "reject"
	ApproveOnTimeout OnTimeout = "approve"
)

// words lists what each of the types above can be, in the order in which it is told.
var (
	onWords        = []On{OnSuccess, OnFailed, OnEnd}
	joinWords      = []Join{JoinAll, JoinAny}
	onFailureWords = []OnFailure{PauseOnFailure, AbortOnFailure, ContinueOnFailure, RollbackOnFailure}
	rollbackWords  = []RollbackWhen{RollbackSucceeded, RollbackStarted}
	onUnknownWords = []OnUnknown{WaitOnUnknown, FailOnUnknown}
	onBusyWords    = []OnBusy{WaitOnBusy, FailOnBusy}
	onTimeoutWords = []OnTimeout{RejectOnTimeout, ApproveOnTimeout}
)

// checkWord adds a fault where a word is none of those; an empty one is the default.
func checkWord[W ~string](faults *Faults, path string, word W, words []W) {
	if word == "" || slices.Contains(words, word) {
		return
	}
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = string(w)
	}
	faults.add(path, "must be %s, got %q", strings.Join(texts, " | "), clip(string(word)))
}
