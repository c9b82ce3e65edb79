package platform_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/platform"
	"github.com/dpaflow/dpaflow/platform/platformtest"
)

const clientID, clientSecret = "JHyhK/XcFKuVlpVijwLCkw==", "EZOXdzyqbGt1CpxtHrt5te35zS9iE6jfcgyvpPpNmPU="

func simulate(t *testing.T, options platformtest.Options) (*platformtest.Simulator, *platform.Client) {
	t.Helper()
	options.ClientID, options.ClientSecret, options.Speed = clientID, clientSecret, 1000
	sim := platformtest.Start(t, options)
	client, err := platform.New(platform.Config{
		BaseURL:  sim.URL,
		ClientID: clientID,
		Secret:   func() (string, error) { return clientSecret, nil },
		Timeout:  500 * time.Millisecond,
	})
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
	}, 5*time.Second, 10*time.Millisecond)
}

func TestNoFaultMakesATriggerRunTwiceOrItsOutcomeALie(t *testing.T) {
	t.Parallel()
	for _, kind := range []platformtest.FaultKind{
		platformtest.FaultCode, platformtest.FaultStatus, platformtest.FaultEmpty, platformtest.FaultHTML, platformtest.FaultData,
		platformtest.FaultTruncated, platformtest.FaultSlowBody, platformtest.FaultRedirect, platformtest.FaultReset,
		platformtest.FaultHang, platformtest.FaultDelay,
	} {
		for _, endpoint := range []string{"P1.1", "P1.2", "P5"} {
			for _, ran := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s at %s, ran %v", kind, endpoint, ran), func(t *testing.T) {
					t.Parallel()
					sim, client := simulate(t, platformtest.Options{})
					sim.Inject(platformtest.Fault{
						Endpoint: endpoint, Kind: kind, AfterExecution: ran, Code: 997,
						Data: json.RawMessage(`[{"processPlanId":"acf42dd3"}]`), Delay: time.Second,
					})
					_, err := client.TriggerPlan(t.Context(), runIt)
					client.Close()
					sim.Close() // what is late has happened by then, or never will
					executions := len(sim.Executions())
					switch outcome := platform.OutcomeOf(err); outcome {
					case platform.Triggered:
						require.Equal(t, 1, executions)
					case platform.Unknown:
						require.Equal(t, "P5", endpoint, "%v", err)
						require.LessOrEqual(t, executions, 1)
					default:
						require.Zero(t, executions, "%v: %v", outcome, err)
					}
				})
			}
		}
	}
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
