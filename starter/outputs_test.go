package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/workflows"
)

func TestWhatRanIsFoundByTheStepsPath(t *testing.T) {
	t.Parallel()
	plan := func(instance string) engine.Execution { return engine.Execution{PlanID: "p", InstanceID: instance} }
	undo := plan("undo")
	book := workflows.RunbookResult{Steps: []workflows.StepResult{
		{ID: "a", Execution: plan("in1"), Rollback: &undo},
		{ID: "probe", Items: []workflows.StepResult{{ID: "probe[0]", Execution: plan("in2")}, {ID: "probe[1]", Runbook: &engine.Run{Steps: []workflows.StepResult{{ID: "x", Execution: plan("in3")}}}}}},
		{ID: "verify", Runbook: &engine.Run{Steps: []workflows.StepResult{{ID: "business", Execution: plan("in4")}}}},
		{ID: "cut", Execution: engine.Execution{InstanceID: "in5"}},
	}}
	for path, want := range map[string]string{"a": "in1", "probe[0]": "in2", "probe[1]/x": "in3", "verify/business": "in4"} {
		of, err := executionOf(book, path, false)
		require.NoError(t, err, path)
		require.Equal(t, want, of.InstanceID)
	}
	of, err := executionOf(book, "a", true)
	require.NoError(t, err)
	require.Equal(t, "undo", of.InstanceID)
	for path, want := range map[string]string{
		"b": "there is no step", "probe": "name one, such as probe[0]", "probe[7]": "there is no step", "verify": "no instance",
		"verify/b": "there is no step", "a/b": "there is no step", "cut": "look for instance in5 on the platform",
	} {
		_, err := executionOf(book, path, false)
		require.ErrorContains(t, err, want, path)
	}
	_, err = executionOf(book, "verify", true)
	require.ErrorContains(t, err, "was not rolled back")
	_, err = executionOf(workflows.RunbookResult{Cut: "the result was too large"}, "a", false)
	require.ErrorContains(t, err, "too large")
}
