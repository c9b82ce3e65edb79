package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/platform"
	"github.com/dpaflow/dpaflow/platform/platformtest"
	"github.com/dpaflow/dpaflow/workflows"
)

// relay is a plan that gives out the list it is given, beside a log that is larger than all that a run keeps of it.
func relay(log string) platformtest.Catalogue {
	return platformtest.Catalogue{Plans: []platformtest.Plan{{
		ID: "p", Title: "relay",
		Inputs: []platformtest.ModelInputs{{ModelID: "md1", Inputs: []platformtest.Input{{Name: "HOSTS", Type: "running"}}}},
		Script: platformtest.Script{Steps: []platformtest.Step{success(50 * time.Millisecond)}, Outputs: []platformtest.ModelOutputs{{
			ModelID: "md1", ModelName: "relay", Nodes: []platformtest.Node{{Name: "log", Result: log}, {Name: "hosts", Result: "{{HOSTS}}"}},
		}}},
	}}}
}

func TestAThousandHostsPassThroughARunbookOfFiftySteps(t *testing.T) {
	t.Parallel()
	log := strings.Repeat("a line of the log\n", 20_000)
	s := newStack(t, relay(log))
	hosts := make([]string, 1000)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("web%04d.production.example.com", i)
	}
	var steps strings.Builder
	value := "${{ vars.hosts.join(',') }}"
	for i := range 50 {
		fmt.Fprintf(&steps, "  - {id: s%d, plan: p, params: {md1: {HOSTS: \"%s\"}}}\n", i, value)
		value = fmt.Sprintf("${{ steps.s%d.outputs['hosts'] }}", i)
	}
	run := s.runbook(s.queue, "name: relay\nonFailure: abort\nvars: {hosts: ["+strings.Join(hosts, ", ")+"]}\nsteps:\n"+steps.String())
	var result workflows.RunbookResult
	require.NoError(t, s.await(run, &result))
	executions := s.sim.Executions()
	require.Len(t, executions, 50)
	for _, execution := range executions {
		require.Equal(t, strings.Join(hosts, ","), execution.Params["md1"]["HOSTS"])
	}
	var shown strings.Builder
	for _, model := range result.Steps[0].Outputs {
		for _, node := range model.Nodes {
			shown.WriteString(node.Result)
		}
	}
	require.Less(t, shown.Len(), len(log), "the log is cut")

	stdout, stderr, code := s.starter("outputs", run.GetID(), "s0", "-o", "json")
	require.Zero(t, code, stderr)
	var models []platform.ModelOutputs
	require.NoError(t, json.Unmarshal([]byte(stdout), &models))
	require.Equal(t, log, models[0].Nodes[0].Result, "the platform has all of it")
	require.Equal(t, strings.Join(hosts, ","), models[0].Nodes[1].Result)
}
