package e2e

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/proto"

	"github.com/dpaflow/dpaflow/internal/devstack"
	"github.com/dpaflow/dpaflow/internal/encryption"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

// encryptionKey makes a key of DPA_ENCRYPTION_KEYS.
func encryptionKey(id string) string {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	return id + ":" + base64.StdEncoding.EncodeToString(key)
}

func TestWhatIsNotEncryptedIsRefused(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(), "DPA_ENCRYPTION_KEYS="+encryptionKey("k1"))
	naive := dial(t, s.temporal)
	stranger := s.runCLI(s.queue+"-stranger", toJSON(t, input("web1")))
	require.ErrorContains(t, s.await(stranger, nil), "DPA_ENCRYPTION_KEYS")
	require.Zero(t, s.calls()["P5"])

	run := s.run(s.queue, input("web1"))
	s.reaches(run, workflows.PhaseWaiting)
	before := s.undisturbed(run)
	update, err := naive.UpdateWorkflow(t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: run.GetID(), UpdateName: "resolveRun", Args: []any{workflows.ResolveRun{Status: workflows.StatusSuccess}},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	require.NoError(t, err)
	require.Error(t, update.Get(t.Context(), nil))
	require.Equal(t, before, s.undisturbed(run), "a refused update leaves no trace")
	instance := s.instance("web1")
	s.command("workflow", "signal", "--workflow-id", run.GetID(), "--name", "platform-callback:"+instance,
		"--input", `{"instanceId":"`+instance+`","status":"FAIL"}`)
	require.Eventually(t, func() bool { return strings.Contains(s.logs.String(), encryption.ErrPlaintext.Error()) }, patience, 50*time.Millisecond)
	require.Equal(t, workflows.PhaseWaiting, s.state(run).Phase)
	require.NoError(t, s.TerminateWorkflow(t.Context(), run.GetID(), "", "the test is over"))
}

func TestTheTemporalCommandReadsAndWritesThroughTheCodecServer(t *testing.T) {
	t.Parallel()
	s := newStack(t, catalogue(success(100*time.Millisecond)), "DPA_ENCRYPTION_KEYS="+encryptionKey("k1"))
	codec := []string{"--codec-endpoint", s.startCodec(codecToken), "--codec-auth", "Bearer " + codecToken}

	id := s.queue
	s.command(append([]string{"workflow", "start", "--type", "RunPlan", "--task-queue", s.queue, "--workflow-id", id,
		"--input", toJSON(t, input(plantedHost))}, codec...)...)
	run := s.GetWorkflow(t.Context(), id, "")
	require.NoError(t, s.await(run, nil))
	require.NotContains(t, s.raw(run), plantedHost)
	show := []string{"workflow", "show", "--workflow-id", id, "-o", "json"}
	require.NotContains(t, s.shown(show), plantedHost)
	require.Contains(t, s.shown(append(show, codec...)), plantedHost)
	require.Contains(t, s.command(append([]string{"workflow", "result", "--workflow-id", id}, codec...)...), plantedHost)
	require.Contains(t, s.command(append([]string{"workflow", "query", "--workflow-id", id, "--type", "status"}, codec...)...), "ENDED")
}

func TestARotationOfKeysLosesNothing(t *testing.T) {
	t.Parallel()
	before, after := encryptionKey("old"), encryptionKey("new")
	s := newStack(t, catalogue(), "DPA_ENCRYPTION_KEYS="+before)
	waits := s.run(s.queue+"-waits", input("web1"))
	s.reaches(waits, workflows.PhaseWaiting)
	early := s.run(s.queue+"-early", input("web2"))
	s.reaches(early, workflows.PhaseWaiting)

	// Done in the wrong order: the bridge encrypts with a key that the worker does not have yet.
	s.env = append(s.env, "DPA_ENCRYPTION_KEYS="+after+","+before)
	require.NoError(t, s.bridge.Stop())
	s.bridge = s.start("signals/bridge")
	s.callsBack(s.instance("web2"), platformtest.Success)
	require.Eventually(t, func() bool { return strings.Contains(s.logs.String(), encryption.ErrUnknownKey.Error()) }, patience, 50*time.Millisecond)

	require.NoError(t, s.worker.Stop())
	s.worker = s.start("worker")
	s.callsBack(s.instance("web1"), platformtest.Success)
	s.Client = dial(t, s.temporal, "DPA_ENCRYPTION_KEYS="+after+","+before)
	for _, run := range []client.WorkflowRun{waits, early} {
		var result workflows.PlanResult
		require.NoError(t, s.await(s.GetWorkflow(t.Context(), run.GetID(), ""), &result))
		require.Equal(t, workflows.ObservedByCallback, result.ObservedBy)
	}
	require.Len(t, s.sim.Executions(), 2)

	// Whoever has the old key only cannot read what was written since.
	err := dial(t, s.temporal, "DPA_ENCRYPTION_KEYS="+before).GetWorkflow(t.Context(), waits.GetID(), "").Get(t.Context(), new(workflows.PlanResult))
	require.ErrorIs(t, err, encryption.ErrUnknownKey)
}

// What is encrypted with a key that a worker lacks is refused where somebody gets the answer, and waits for the key where it
// would be lost. Nothing panics.
func TestAnUnknownKeyRefusesUpdatesAndQueriesAndHoldsBackSignals(t *testing.T) {
	t.Parallel()
	ours, other := encryptionKey("k1"), encryptionKey("k2")
	s := newStack(t, catalogue(), "DPA_ENCRYPTION_KEYS="+ours)
	foreign := dial(t, s.temporal, "DPA_ENCRYPTION_KEYS="+other)
	run := s.run(s.queue, input("web1"))
	s.reaches(run, workflows.PhaseWaiting)
	before := len(s.history(run))

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	update, err := foreign.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: run.GetID(), UpdateName: "resolveRun", Args: []any{workflows.ResolveRun{Status: workflows.StatusSuccess}},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = update.Get(ctx, nil)
	}
	require.Error(t, err)
	require.NoError(t, ctx.Err(), "it is told at once, although in words that it cannot read")
	require.Len(t, s.history(run), before, "a refused update leaves no trace")
	require.Equal(t, workflows.PhaseWaiting, s.state(run).Phase, "and stops nothing")

	news := map[string]string{"instanceId": s.instance("web1"), "status": "SUCCESS"}
	require.NoError(t, foreign.SignalWorkflow(ctx, run.GetID(), "", "platform-callback:"+s.instance("web1"), news))
	require.Eventually(t, func() bool {
		return strings.Contains(s.logs.String(), `its id is \"k2\"`)
	}, patience, 100*time.Millisecond, "the log says which key is missing")
	require.NotContains(t, s.logs.String(), "panic")

	// Nobody may have the key of a signal: the run is reset to before it, as docs/encryption.md says.
	made := s.run(s.queue+"-made-up", input("web2"))
	s.reaches(made, workflows.PhaseWaiting)
	var completed int64
	for _, event := range s.history(made) {
		if event.GetEventType() == enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			completed = event.GetEventId()
		}
	}
	require.NoError(t, foreign.SignalWorkflow(ctx, made.GetID(), "", "platform-callback:"+s.instance("web2"), news))
	s.command("workflow", "reset", "--workflow-id", made.GetID(), "--event-id", strconv.FormatInt(completed, 10),
		"--reapply-exclude", "Signal", "--reason", "a signal under an unknown key")
	made = s.GetWorkflow(t.Context(), made.GetID(), "")
	s.reaches(made, workflows.PhaseWaiting)
	s.callsBack(s.instance("web2"), platformtest.Success)
	require.NoError(t, s.await(made, nil))
	require.Len(t, s.sim.Executions(), 2)

	s.env = append(s.env, "DPA_ENCRYPTION_KEYS="+ours+","+other)
	require.NoError(t, s.worker.Stop())
	s.worker = s.start("worker")
	var result workflows.PlanResult
	require.NoError(t, s.await(run, &result))
	require.Equal(t, workflows.ObservedByCallback, result.ObservedBy)
}

// startCodec starts the codec server and returns its address.
func (s *stack) startCodec(token string) (url string) {
	s.t.Helper()
	address, err := devstack.FreeAddress()
	require.NoError(s.t, err)
	server, err := devstack.StartProgram(s.t.Context(), devstack.ProgramOptions{
		Program: "codec", Env: append(s.env, "DPA_CODEC_ADDR="+address, "DPA_CODEC_TOKEN="+token),
		Output: &s.logs, Race: true, Listens: address,
	})
	require.NoError(s.t, err)
	s.t.Cleanup(func() { require.NoError(s.t, server.Stop()) })
	return "http://" + address
}

// shown is a history as the temporal command shows it.
func (s *stack) shown(args []string) string {
	s.t.Helper()
	history, err := client.HistoryFromJSON(strings.NewReader(s.command(args...)), client.HistoryJSONOptions{})
	require.NoError(s.t, err)
	data, err := proto.Marshal(history)
	require.NoError(s.t, err)
	return string(data)
}

// raw is everything that the server has of a run, as it has it.
func (s *stack) raw(run client.WorkflowRun) string {
	s.t.Helper()
	var text strings.Builder
	add := func(message proto.Message, err error) {
		require.NoError(s.t, err)
		data, err := proto.Marshal(message) // payloads are plain bytes in it
		require.NoError(s.t, err)
		text.Write(data)
	}
	for _, event := range s.history(run) {
		add(event, nil)
		if event.EventType == enums.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED {
			described, err := s.DescribeWorkflow(s.t.Context(), run.GetID(), run.GetRunID())
			require.NoError(s.t, err)
			add(described.RawResponse, nil)
		}
	}
	return text.String()
}

// metrics are all that a program has counted.
func (s *stack) metrics(program *devstack.Program) string {
	s.t.Helper()
	web := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := web.Get("http://" + program.Admin + "/metrics")
	require.NoError(s.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(s.t, err)
	return string(text)
}
