package workflows

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dpaflow/dpaflow/runbook"
)

// Each policy has as many documents as -rapid.checks says; a failure prints the seed that repeats it.
func TestRunbooksDoWhatTheirDocumentsSay(t *testing.T) {
	t.Parallel()
	for _, policy := range []runbook.OnFailure{runbook.PauseOnFailure, runbook.AbortOnFailure, runbook.ContinueOnFailure, runbook.RollbackOnFailure} {
		t.Run(string(policy), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				d := drawing{T: t, world: world{Fails: map[string]int{}, Answers: map[string]string{}, Decides: map[string][]string{}}}
				d.Seed = rapid.Uint64().Draw(t, "seed")
				doc := d.document("r", 5, 12)
				doc.OnFailure = policy
				want := predict(doc, d.world)
				for ; want.Close; want = predict(doc, d.world) {
					d.Seed++
				}
				text, _ := json.Marshal(doc)
				t.Logf("%s\nin the world %+v\ncomes to %+v", text, d.world, want)
				first := perform(t, doc, d.world, want.Acts)
				first.resembles(t, want)
				first.keepsTheRules(t, doc, first.result.Steps)
				if rapid.SampledFrom([]bool{false, false, true}).Draw(t, "again") {
					perform(t, doc, d.world, want.Acts).resembles(t, first.prediction)
				}
			})
		})
	}
}

// resembles compares what happened with what was to happen.
func (p *performance) resembles(t require.TestingT, want prediction) {
	require.Equal(t, want.Acts, p.Acts)
	require.Equal(t, want.Steps, p.Steps)
	require.Equal(t, want.Failed, p.Failed)
	require.Equal(t, want.Undone, p.Undone)
	require.Equal(t, want.Left, p.Left)
	for label, times := range p.Triggers {
		require.Len(t, want.Triggers[label], len(times), label)
		for i := range times {
			require.InDelta(t, want.Triggers[label][i].Seconds(), times[i].Seconds(), margin.Seconds()/2, "trigger %d of %s", i, label)
		}
	}
	require.Len(t, p.Triggers, len(want.Triggers))
}

// keepsTheRules checks, without the model, what must hold of every run.
func (p *performance) keepsTheRules(t require.TestingT, doc *runbook.Document, steps []StepResult) {
	at := map[string]StepResult{}
	for _, step := range steps {
		at[step.ID] = step
	}
	for i, step := range doc.Steps {
		ran := steps[i]
		if step.Runbook != nil && len(ran.Items) > 0 {
			p.keepsTheRules(t, step.Runbook, ran.Items)
		}
		if ran.StartedAt == nil {
			continue
		}
		early, side := 0, 0
		for _, need := range step.Needs {
			if ended := at[need.Step].FinishedAt; ended == nil || ended.After(*ran.StartedAt) {
				early++
			}
		}
		if step.Join == runbook.JoinAny && len(step.Needs) > 0 {
			require.Less(t, early, len(step.Needs), "%s started before any that it needs", step.ID)
		} else {
			require.Zero(t, early, "%s started before all that it needs", step.ID)
		}
		for _, other := range steps {
			if other.StartedAt != nil && !other.StartedAt.After(*ran.StartedAt) && (other.FinishedAt == nil || other.FinishedAt.After(*ran.StartedAt)) {
				side++
			}
		}
		require.True(t, doc.MaxParallel == 0 || side <= doc.MaxParallel, "%d steps run beside %s", side, step.ID)
		times := 1 + step.Retries
		for _, a := range p.Acts {
			if a.Update == "retry" && a.Step == step.ID {
				times += 1 + step.Retries
			}
		}
		for label := range p.Triggers {
			if label == step.ID || strings.HasPrefix(label, step.ID+"[") && !strings.HasSuffix(label, "~rollback") {
				require.LessOrEqual(t, len(p.Triggers[label]), times, label)
			}
		}
	}
	p.undoneInReverse(t, at)
}

// undoneInReverse checks that what had succeeded last is undone first, one after another.
func (p *performance) undoneInReverse(t require.TestingT, at map[string]StepResult) {
	var last firing
	for _, one := range p.fired {
		label, undo := strings.CutSuffix(one.label, "~rollback")
		step, _, _ := strings.Cut(label, "[")
		if _, ours := at[step]; !ours || !undo {
			continue
		}
		if last.label != "" {
			require.Greater(t, one.start, last.end-margin, "%s and %s side by side", last.label, one.label)
			before, _, _ := strings.Cut(strings.TrimSuffix(last.label, "~rollback"), "[")
			require.False(t, at[step].FinishedAt.After(*at[before].FinishedAt), "%s is undone after %s", one.label, last.label)
		}
		last = one
	}
}
