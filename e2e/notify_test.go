package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/notify"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

const notifySecret = "whsec_cGxhbnRlZC1ub3RpZnktc2VjcmV0LTZlMWY="

// receiver is a program of somebody else's, which verifies what it gets with the public library.
type receiver struct {
	t       *testing.T
	address string
	server  *http.Server

	mu     sync.Mutex
	events []notify.Event
	bodies []string
	wrong  []string
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	address, err := devstack.FreeAddress()
	require.NoError(t, err)
	r := &receiver{t: t, address: address}
	t.Cleanup(r.down)
	return r
}

// env is what a worker needs to send to it.
func (r *receiver) env() []string {
	return []string{
		"DPA_NOTIFY_URL=http://" + r.address + "/hooks?token=planted-notify-token", "DPA_NOTIFY_SECRET=" + notifySecret,
		"DPA_TEMPORAL_UI_URL=https://temporal.example", "DPA_CONSOLE_URL=https://console.example",
	}
}

func (r *receiver) up() {
	r.t.Helper()
	var listener net.Listener
	require.Eventually(r.t, func() (ok bool) {
		var err error
		listener, err = net.Listen("tcp", r.address)
		return err == nil
	}, patience, 50*time.Millisecond)
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: patience}
	go func(s *http.Server) { _ = s.Serve(listener) }(r.server)
}

func (r *receiver) down() {
	if r.server != nil {
		_ = r.server.Close()
	}
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	hook, err := standardwebhooks.NewWebhook(notifySecret)
	if err == nil {
		err = hook.Verify(body, request.Header)
	}
	var event notify.Event
	if err == nil {
		err = json.Unmarshal(body, &event)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil || event.ID != request.Header.Get("webhook-id") || !strings.HasPrefix(request.Header.Get("Content-Type"), notify.ContentType) {
		r.wrong = append(r.wrong, fmt.Sprint(err, request.Header))
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	r.events, r.bodies = append(r.events, event), append(r.bodies, string(body))
	w.WriteHeader(http.StatusNoContent)
}

// named are the events by what they say, each id once: what is sent twice has the same.
func (r *receiver) named() (names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Empty(r.t, r.wrong)
	seen := map[string]bool{}
	for _, e := range r.events {
		if seen[e.ID] {
			continue
		}
		seen[e.ID] = true
		name := strings.TrimPrefix(e.Type, notify.TypePrefix) + " " + e.Subject
		if w := e.Data.Waits; w != nil {
			name += " " + w.Kind
			if w.Step != "" {
				name += " " + w.Step
			}
		}
		names = append(names, name)
	}
	return names
}

// gets waits until an event has come, and returns it.
func (r *receiver) gets(name string) (event notify.Event) {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return slices.Contains(r.named(), name) }, patience, 100*time.Millisecond, "%s", name)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events[slices.IndexFunc(r.events, func(e notify.Event) bool {
		w := e.Data.Waits
		return strings.HasPrefix(name, strings.TrimPrefix(e.Type, notify.TypePrefix)+" "+e.Subject) && (w == nil || strings.Contains(name, w.Kind))
	})]
}

const watched = `
name: watched-switchover
steps:
  - {id: freeze, plan: freeze}
  - {id: confirm, approval: {message: "Switch?", approvers: [zhang, li]}}
  - {id: switch, plan: switch, rollback: {plan: switch-back}}
  - {id: check, plan: check, onFailure: pause}
  - {id: lag, ask: {message: "Replication lag?", fields: {lag: {type: number}}}}
  - {id: finish, plan: finish, onFailure: rollback}
`

func TestPeopleAreNotifiedOnceOfEachThingThatASwitchoverNeedsThemFor(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	r.up()
	s := newStack(t, simple("freeze", "switch", "switch-back", "check", "finish", "good"), r.env()...)
	other := s.start("worker") // one of the two watches
	s.sim.SetScript("switch", platformtest.Script{})
	for _, plan := range []string{"check", "finish"} {
		s.sim.SetScript(plan, platformtest.Ends(platformtest.Fail, 50*time.Millisecond))
	}
	s.sim.Inject(platformtest.Fault{Endpoint: "P5", PlanID: "switch", Times: 1, AfterExecution: true, Kind: platformtest.FaultStatus, Status: http.StatusBadGateway})

	run := s.runbook(s.queue, watched)
	asks := r.gets("run.waits " + s.queue + " approval confirm")
	require.Equal(t, notify.Data{
		Namespace: server.Namespace, TaskQueue: s.queue, Command: "starter approve " + s.queue + " confirm --by NAME",
		Run:   &notify.Run{WorkflowID: s.queue, RunID: run.GetRunID(), WorkflowType: "Runbook", What: "watched-switchover", Status: workflows.IndexedApproval},
		Waits: &notify.Waits{Kind: "approval", Step: "confirm", Reason: "Switch?", Since: asks.Data.Waits.Since, Who: []string{"zhang", "li"}, Need: 1},
		Links: &notify.Links{
			Temporal: "https://temporal.example/namespaces/" + server.Namespace + "/workflows/" + s.queue + "/" + run.GetRunID(),
			Console:  "https://console.example/run?id=" + s.queue,
		},
	}, asks.Data)
	s.act(run, "approve", workflows.StepAction{Step: "confirm", By: "zhang"})
	r.gets("run.waits " + s.queue + " doubt switch")
	s.callsBack(s.triggered("switch").InstanceID, platformtest.Success)
	r.gets("run.waits " + s.queue + " decision check")
	s.sim.SetScript("check", platformtest.Ends(platformtest.Success, 50*time.Millisecond))
	s.act(run, "retry", workflows.StepAction{Step: "check", By: "zhang"})
	r.gets("run.waits " + s.queue + " answer lag")
	s.act(run, "answer", map[string]any{"step": "lag", "values": map[string]any{"lag": 3}, "by": "li"})
	end := r.gets("run.rolledback " + s.queue)
	require.Equal(t, workflows.ErrorRunbookFailed, end.Data.Ended.Error)
	require.Equal(t, "FAILED", end.Data.Ended.Status)
	s.failed(run, workflows.ErrorRunbookFailed)

	// Runs that go well, and one that fails plainly: the latter comes last.
	good := s.run(s.queue+"-good", workflows.PlanInput{PlanID: "good"})
	require.NoError(t, s.await(good, nil))
	s.sim.SetScript("good", platformtest.Ends(platformtest.Fail, 50*time.Millisecond))
	require.Error(t, s.await(s.run(s.queue+"-bad", workflows.PlanInput{PlanID: "good"}), nil))
	failed := r.gets("run.failed " + s.queue + "-bad")
	require.Equal(t, "PlanFailed", failed.Data.Ended.Error)

	require.Equal(t, []string{
		"run.waits " + s.queue + " approval confirm", "run.waits " + s.queue + " doubt switch", "run.waits " + s.queue + " decision check",
		"run.waits " + s.queue + " answer lag", "run.rolledback " + s.queue, "run.failed " + s.queue + "-bad",
	}, r.named())
	require.Len(t, r.events, 6, "nothing was sent twice, as nothing died")
	require.Equal(t, 6, s.counter(s.worker, "dpaflow_notifications", `outcome="sent"`)+s.counter(other, "dpaflow_notifications", `outcome="sent"`))
	require.NotContains(t, s.logs.String(), "planted-notify")

	// A worker that stops hands over at once.
	watching, rests := s.worker, other
	if !strings.Contains(s.metrics(watching), watchesHere) {
		watching, rests = other, s.worker
	}
	require.NotContains(t, s.metrics(rests), watchesHere)
	require.NoError(t, watching.Stop())
	s.watches(rests)
}

const watchesHere = "\ndpaflow_notifications_watching 1"

// watches waits until a worker is the one that watches.
func (s *stack) watches(worker *devstack.Program) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return strings.Contains(s.metrics(worker), watchesHere) }, patience, 100*time.Millisecond)
}

// outage is real: pauses grow meanwhile, and workers die.
const outage = 2 * time.Minute

func TestNothingIsMissingAfterAnOutageOfTheReceiverInWhichWorkersDie(t *testing.T) {
	t.Parallel()
	r := newReceiver(t) // it is down
	s := newStack(t, simple("freeze", "switch", "switch-back", "check", "finish", "silent"), r.env()...)
	up := time.After(outage)
	var want []string
	asks := s.runbook(s.queue+"-asks", watched)
	want = append(want, "run.waits "+asks.GetID()+" approval confirm")
	s.stands(asks, 1, workflows.StatusRunning)
	s.sim.Inject(platformtest.Fault{Endpoint: "P5", PlanID: "freeze", Times: 1, Kind: platformtest.FaultStatus, Status: http.StatusBadGateway})
	doubt := s.run(s.queue+"-doubt", workflows.PlanInput{PlanID: "freeze"})
	s.reaches(doubt, workflows.PhaseUnknown)
	want = append(want, "run.waits "+doubt.GetID()+" doubt")
	s.killWorker()
	s.sim.SetScript("silent", platformtest.Script{})
	overdue := s.run(s.queue+"-overdue", workflows.PlanInput{PlanID: "silent", Policy: workflows.Policy{PollAfter: runbook.Duration(time.Second)}})
	want = append(want, "run.overdue "+overdue.GetID()+" overdue")
	s.killWorker()
	s.sim.SetScript("finish", platformtest.Ends(platformtest.Fail, 50*time.Millisecond))
	for i := range 5 {
		failed := s.run(fmt.Sprintf("%s-failed-%d", s.queue, i), workflows.PlanInput{PlanID: "finish"})
		require.Error(t, s.await(failed, nil))
		want = append(want, "run.failed "+failed.GetID())
	}
	for killing := true; killing; {
		select {
		case <-up:
			killing = false
		case <-time.After(20 * time.Second):
			s.killWorker()
		}
	}
	r.up()
	for _, name := range want {
		r.gets(name)
	}
	require.ElementsMatch(t, want, r.named())
	require.Contains(t, s.logs.String(), "the receiver of notifications does not take them")
}

func TestAScheduleThatMissesItsTimeIsNotifiedOf(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	r.up()
	s := newStack(t, rename(catalogue(), "endless"), r.env()...) // its instances do not end
	s.starterJSON(new(any), "schedule", "create", s.queue, "plan", "endless", "--every", "1s", "--param", "md1.HOST=web1", "--secret", "md1.PASSWORD=db-password")
	missed := r.gets("schedule.missed " + s.queue)
	require.Equal(t, "overlap", missed.Data.Schedule.Reason)
	require.Positive(t, missed.Data.Schedule.Missed)
	require.Equal(t, "https://temporal.example/namespaces/"+server.Namespace+"/schedules/"+s.queue, missed.Data.Links.Temporal)
	s.starterJSON(new(any), "schedule", "delete", s.queue)
}

func TestWhatIsEncryptedInAHistoryIsInNoNotification(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	r.up()
	s := newStack(t, simple("freeze"), append(r.env(), "DPA_ENCRYPTION_KEYS="+encryptionKey("k1"))...)
	s.sim.SetScript("freeze", platformtest.Ends(platformtest.Fail, 50*time.Millisecond))
	run := s.runbook(s.queue, `
name: visible
steps:
  - {id: planted-step, approval: {message: planted-question, approvers: [planted-name]}}
  - {id: planted-other, plan: freeze, onFailure: abort}
`)
	asks := r.gets("run.waits " + s.queue + " approval")
	require.Equal(t, "starter status "+s.queue, asks.Data.Command)
	s.act(run, "approve", workflows.StepAction{Step: "planted-step", By: "planted-name"})
	r.gets("run.failed " + s.queue)
	require.NotContains(t, strings.Join(r.bodies, "\n"), "planted")
	require.Contains(t, r.bodies[0], "visible", "it is a search attribute")
}

func TestWithoutSearchAttributesAWorkerSaysThatNothingIsSent(t *testing.T) {
	t.Parallel()
	temporal, err := devstack.StartTemporal(t.Context(), devstack.TemporalOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = temporal.Stop() })
	r := newReceiver(t)
	s := newStackOn(t, temporal, platformtest.Options{Catalogue: catalogue()}, r.env()...)
	require.Eventually(t, func() bool {
		return strings.Contains(s.logs.String(), "no notifications are sent: the namespace lacks")
	}, patience, 100*time.Millisecond)
	require.Contains(t, s.metrics(s.worker), "\ndpaflow_notifications_watching 0")
}
