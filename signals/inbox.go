package signals

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
)

// An inbox is a small workflow that brings together news which came without a token, or for a run that is closed, and the
// run that it is for: either may come first. There is one for each instance of the platform. It forwards the news to the run
// as the signal SignalName(instance id), and ends after that or after a time to live.
const (
	// InboxWorkflow is the inbox's workflow type; its input is an InboxInput.
	InboxWorkflow = "DpaInbox"
	// InboxNews is the signal that brings the platform's news; its payload is a News.
	InboxNews = "news"
	// InboxRegister is the signal by which a run asks for the news of its instance; its payload is a Registration.
	InboxRegister = "register"
)

// inboxTTL is how long news waits for a run. A run learns its instance id within seconds, or when an operator adopts one.
const inboxTTL = "24h"

// InboxInput is the input of an inbox.
type InboxInput struct {
	Kind       Kind   `json:"kind"`
	InstanceID string `json:"instanceId"`
	// TTL is how long the inbox waits for a registration, such as "24h".
	TTL string `json:"ttl"`
}

// News is a callback as an inbox gets it.
type News struct {
	Callback Callback `json:"callback"`
	// From is the closed workflow to whose address it came; empty where it came without a token.
	From string `json:"from,omitempty"`
}

// Registration is a run's wish to be sent the news of an instance.
type Registration struct {
	WorkflowID string `json:"workflowId"`
	// From is the workflow that triggered the instance, where that is another: what came to another's address is not news
	// of it.
	From string `json:"from,omitempty"`
	// Until is when the run stops waiting.
	Until time.Time `json:"until"`
}

// InboxID is the workflow id of the inbox of an instance, such as dpa-inbox:plan:in10000001.
func InboxID(kind Kind, instanceID string) string {
	return "dpa-inbox:" + string(kind) + ":" + instanceID
}

// inboxTarget is where news belongs that came without a token.
func inboxTarget(kind Kind, namespace, instanceID string) Target {
	return Target{Kind: kind, Namespace: namespace, WorkflowID: InboxID(kind, instanceID)}
}

func (t Target) isInbox() bool { return t.Key == "" }

// Register asks the inbox of an instance for its news, and starts the inbox where there is none. It may be repeated.
func Register(ctx context.Context, c client.Client, taskQueue string, kind Kind, instanceID string, r Registration) error {
	if err := signalInbox(ctx, c, taskQueue, kind, instanceID, InboxRegister, r); err != nil {
		return fmt.Errorf("registering workflow %q for the news of %s instance %q: %w", r.WorkflowID, kind, instanceID, err)
	}
	return nil
}

func signalInbox(ctx context.Context, c client.Client, taskQueue string, kind Kind, instanceID, signal string, payload any) error {
	id := InboxID(kind, instanceID)
	_, err := c.SignalWithStartWorkflow(ctx, id, signal, payload, client.StartWorkflowOptions{
		TaskQueue:                taskQueue,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            fmt.Sprintf("callbacks of %s instance %s", kind, instanceID),
	}, InboxWorkflow, InboxInput{Kind: kind, InstanceID: instanceID, TTL: inboxTTL})
	return err
}
