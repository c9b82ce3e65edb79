package platform_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/wait"
	"github.com/dpaflow/dpaflow/platform"
	"github.com/dpaflow/dpaflow/platform/platformtest"
)

const clientID, clientSecret = "JHyhK/XcFKuVlpVijwLCkw==", "EZOXdzyqbGt1CpxtHrt5te35zS9iE6jfcgyvpPpNmPU="

func simulate(t *testing.T, options platformtest.Options, change ...func(*platform.Config)) (*platformtest.Simulator, *platform.Client) {
	t.Helper()
	options.ClientID, options.ClientSecret, options.Speed = clientID, clientSecret, 1000
	sim := platformtest.Start(t, options)
	config := platform.Config{
		BaseURL:  sim.URL,
		ClientID: clientID,
		Secret:   func() (string, error) { return clientSecret, nil },

		ModelExecutePath: platformtest.DefaultModelExecutePath,
	}
	for _, f := range change {
		f(&config)
	}
	client, err := platform.New(config)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return sim, client
}

var runIt = platform.PlanTrigger{
	PlanID: "acf42dd3",
	Params: map[string]map[string]string{"md1606743910508": {"DPA_MODEL_WORKDIR": "/opt"}},
}

func TestTheStrictSimulatorUnderstandsEveryCall(t *testing.T) {
	t.Parallel()
	_, client := simulate(t, platformtest.Options{})
	plans, err := client.Plans(t.Context())
	require.NoError(t, err)
	require.Equal(t, "acf42dd3", plans[0].ID)
	require.NotZero(t, plans[0].UpdateTime)

	inputs, err := client.PlanInputs(t.Context(), "acf42dd3")
	require.NoError(t, err)
	require.Equal(t, []platform.Input{{Name: "DPA_MODEL_WORKDIR", Type: "running"}}, inputs[0].Inputs)

	instance, err := client.TriggerPlan(t.Context(), runIt)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		outputs, err := client.PlanOutputs(t.Context(), "acf42dd3", instance)
		return err == nil && len(outputs) > 0 && outputs[0].Nodes[0].Result == "/opt"
	}, wait.Limit, 10*time.Millisecond)
}

// A gateway takes its own path off, and passes on what is behind it as it is: the platform has paths with double slashes.
func TestAPlatformBehindAPathOfAGatewayIsReached(t *testing.T) {
	t.Parallel()
	sim := platformtest.Start(t, platformtest.Options{ClientID: clientID, ClientSecret: clientSecret, Speed: 1000})
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		behind, ok := strings.CutPrefix(r.RequestURI, "/gw/dpa")
		if !ok {
			http.NotFound(w, r)
			return
		}
		r.RequestURI, r.URL.Path = behind, strings.TrimPrefix(r.URL.Path, "/gw/dpa")
		sim.ServeHTTP(w, r)
	}))
	defer gateway.Close()
	client, err := platform.New(platform.Config{
		BaseURL: gateway.URL + "/gw/dpa/", ClientID: clientID, Secret: func() (string, error) { return clientSecret, nil },
		ModelExecutePath: platformtest.DefaultModelExecutePath,
	})
	require.NoError(t, err)
	defer client.Close()
	_, err = client.Plans(t.Context())
	require.NoError(t, err)
	_, err = client.TriggerPlan(t.Context(), runIt)
	require.NoError(t, err)
	require.Len(t, sim.Executions(), 1)
}

func TestTheStrictSimulatorUnderstandsEveryCallAboutModels(t *testing.T) {
	t.Parallel()
	const model = "md1606743910508"
	_, client := simulate(t, platformtest.Options{})
	models, err := client.Models(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{model, "DEFAULT"}, []string{models[0].ID, models[0].Status})
	require.NotZero(t, models[0].UpdateTime)

	inputs, err := client.ModelInputs(t.Context(), model)
	require.NoError(t, err)
	require.Equal(t, []platform.Input{{Name: "DPA_MODEL_WORKDIR", Type: "running"}}, inputs)
	inputs, err = client.ModelInputs(t.Context(), "am10080")
	require.NoError(t, err)
	require.Empty(t, inputs, "null, for there are none")

	trigger := platform.ModelTrigger{ModelID: model, Params: map[string]string{"DPA_MODEL_WORKDIR": "/opt"}, CallbackURL: "http://127.0.0.1:1/"}
	answer, err := client.TriggerModel(t.Context(), trigger)
	require.NoError(t, err)
	require.Nil(t, answer.Outputs)
	require.Eventually(t, func() bool {
		instance, err := client.ModelStatus(t.Context(), model, answer.InstanceID)
		return err == nil && instance.Status == "FINISH"
	}, wait.Limit, 10*time.Millisecond)
	all := []platform.NodeOutput{{Name: "工作目录", Result: "/opt"}, {Name: "磁盘剩余空间", Result: "128GB"}}
	for designated, want := range map[bool][]platform.NodeOutput{false: all, true: all[:1]} {
		outputs, err := client.ModelOutputs(t.Context(), model, answer.InstanceID, designated)
		require.NoError(t, err)
		require.Equal(t, want, outputs)
	}

	trigger.Sync, trigger.DesignatedOutputsOnly = true, true
	answer, err = client.TriggerModel(t.Context(), trigger)
	require.NoError(t, err)
	require.Equal(t, platform.ModelAnswer{InstanceID: "in10000002", Status: "FINISH", Outputs: all[:1]}, answer)
}

func TestABusyModelRejectsATrigger(t *testing.T) {
	t.Parallel()
	sim, client := simulate(t, platformtest.Options{})
	sim.SetScript("am10080", platformtest.Script{Steps: []platformtest.Step{{Status: platformtest.Pending}}})
	trigger := platform.ModelTrigger{ModelID: "am10080"}
	_, err := client.TriggerModel(t.Context(), trigger)
	require.NoError(t, err)
	_, err = client.TriggerModel(t.Context(), trigger)
	require.Equal(t, platform.Rejected, platform.OutcomeOf(err), "%v", err)
	require.Len(t, sim.Executions(), 1)
}

func TestTheStrictSimulatorTakesAScene(t *testing.T) {
	t.Parallel()
	sim, client := simulate(t, platformtest.Options{})
	scene := everySecond
	scene.Params = runIt.Params
	answer, err := client.SchedulePlan(t.Context(), scene)
	require.NoError(t, err)
	require.Equal(t, platform.SceneAnswer{InstanceID: "sc10000001", Status: "DEFAULT"}, answer)
	execution := waitForOne(t, sim)
	require.Equal(t, "夜间 切换", execution.Scene)
	require.Equal(t, scene.Params, execution.Params)
	require.Equal(t, scene.CallbackURL, execution.CallbackURL)
}

func waitForOne(t *testing.T, sim *platformtest.Simulator) platformtest.Execution {
	t.Helper()
	executions, err := sim.WaitExecutions(wait.Context(t), 1)
	require.NoError(t, err)
	return executions[0]
}

var everySecond = platform.PlanScene{
	PlanID: "acf42dd3", SceneName: "夜间 切换", ExecuteStrategy: "single", Dimension: "seconds", Intervals: "1",
	CallbackURL: "http://127.0.0.1:1/?a=b&c=d",
}

// triggers are the calls that run something, by their endpoints.
var triggers = map[string]func(context.Context, *platform.Client) error{
	"P5": func(ctx context.Context, client *platform.Client) error {
		_, err := client.TriggerPlan(ctx, runIt)
		return err
	},
	"W3": func(ctx context.Context, client *platform.Client) error {
		_, err := client.TriggerModel(ctx, platform.ModelTrigger{ModelID: "am10080"})
		return err
	},
	"P4": func(ctx context.Context, client *platform.Client) error {
		_, err := client.SchedulePlan(ctx, everySecond)
		return err
	},
}

func TestNoFaultMakesATriggerRunTwiceOrItsOutcomeALie(t *testing.T) {
	t.Parallel()
	for _, kind := range []platformtest.FaultKind{
		platformtest.FaultCode, platformtest.FaultStatus, platformtest.FaultEmpty, platformtest.FaultHTML, platformtest.FaultData,
		platformtest.FaultTruncated, platformtest.FaultSlowBody, platformtest.FaultRedirect, platformtest.FaultReset,
		platformtest.FaultHang, platformtest.FaultDelay,
	} {
		for trigger, send := range triggers {
			for _, endpoint := range []string{"P1.1", "P1.2", trigger} {
				for _, ran := range []bool{false, true} {
					if endpoint == "P4" && kind == platformtest.FaultData && !ran {
						continue // code 200 is all that P4 promises: such a lie nobody can see through
					}
					t.Run(fmt.Sprintf("%s, %s at %s, ran %v", trigger, kind, endpoint, ran), func(t *testing.T) {
						t.Parallel()
						sim, client := simulate(t, platformtest.Options{}, func(c *platform.Config) { c.Timeout = time.Second })
						sim.Inject(platformtest.Fault{
							Endpoint: endpoint, Kind: kind, AfterExecution: ran, Code: 997,
							Data: json.RawMessage(`[{"processPlanId":"acf42dd3"}]`), Delay: 2 * time.Second,
						})
						err := send(t.Context(), client)
						outcome := platform.OutcomeOf(err)
						switch outcome {
						case platform.Triggered: // a scene takes its time
							waitForOne(t, sim)
						case platform.Unknown: // what was sent may still have to be read
							require.Eventually(t, func() bool { return sent(sim, trigger) > 0 }, wait.Limit, time.Millisecond)
						}
						client.Close()
						sim.Close() // what is late has happened by then, or never will
						executions, sent := len(sim.Executions()), sent(sim, trigger)
						switch outcome {
						case platform.Triggered:
							require.Equal(t, []int{1, 1}, []int{sent, executions})
						case platform.Unknown:
							require.Equal(t, trigger, endpoint, "%v", err)
							require.Equal(t, 1, sent)
							require.LessOrEqual(t, executions, 1)
						default:
							require.Zero(t, sent+executions, "%v: %v", outcome, err)
						}
					})
				}
			}
		}
	}
}

// sent counts the requests to an endpoint.
func sent(sim *platformtest.Simulator, endpoint string) (n int) {
	for _, r := range sim.Requests() {
		if r.Endpoint == endpoint {
			n++
		}
	}
	return n
}

func TestATokenThatThePlatformRevokedIsReplaced(t *testing.T) {
	t.Parallel()
	for _, http401 := range []bool{false, true} {
		sim, client := simulate(t, platformtest.Options{HTTP401: http401})
		_, err := client.Plans(t.Context())
		require.NoError(t, err)
		sim.RevokeTokens()
		_, err = client.Plans(t.Context())
		require.NoError(t, err)

		sim.RevokeTokens()
		_, err = client.TriggerPlan(t.Context(), runIt)
		require.True(t, platform.IsAuth(err), "%v", err)
		require.Equal(t, platform.Rejected, platform.OutcomeOf(err))
		_, err = client.TriggerPlan(t.Context(), runIt)
		require.NoError(t, err)
		require.Len(t, sim.Executions(), 1)
	}
}
