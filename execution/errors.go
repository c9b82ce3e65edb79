package execution

// The contract's application error types that concern one execution.
const (
	// ErrorInvalidInput: what was asked for is wrong, and nothing was sent to run it.
	ErrorInvalidInput = "InvalidInput"
	// ErrorTriggerRejected: the platform refused the trigger; nothing runs.
	ErrorTriggerRejected = "TriggerRejected"
	// ErrorTriggerNotSent: the trigger provably never left; nothing runs.
	ErrorTriggerNotSent = "TriggerNotSent"
	// ErrorTriggerOutcomeUnknown: nobody can know whether the trigger ran.
	ErrorTriggerOutcomeUnknown = "TriggerOutcomeUnknown"
	// ErrorWaitTimeout: the run's timeout passed before its instance ended.
	ErrorWaitTimeout = "WaitTimeout"
	// ErrorPlatformAuth: the platform refused dpaflow's credentials.
	ErrorPlatformAuth = "PlatformAuth"
	// ErrorPlatform: a read from the platform failed.
	ErrorPlatform = "PlatformError"
)

// ErrorLost marks a Sent whose activity did not end by itself: its worker died, or no worker took it.
const ErrorLost = "lost"

// Failure is why an execution ended without the end of its instance, or without its outputs.
type Failure struct {
	// Cancelled is true where the run was cancelled; it has no type then.
	Cancelled     bool
	Type, Message string
	// Phase is where the execution stood.
	Phase Phase
}
