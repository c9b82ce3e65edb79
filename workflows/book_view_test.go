package workflows

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/dpaflow/dpaflow/runbook"
)

// Not parallel: allocations are counted for the whole process.
func TestWhatALargeRunbookShowsAndKnowsIsNotMadeAnewForEachStep(t *testing.T) {
	const steps = 1000
	b := newBench(t)
	b.RegisterWorkflowWithOptions(func(ctx workflow.Context) error {
		doc := runbook.Document{Name: "large"}
		for i := range steps {
			doc.Steps = append(doc.Steps, runbook.Step{ID: fmt.Sprintf("s%d", i), Job: runbook.Job{Plan: "p"}})
		}
		book, err := openBook(ctx, RunbookInput{Document: doc})
		if err != nil {
			return err
		}
		book.end(steps/2, runbook.Succeeded, "")
		require.Less(t, testing.AllocsPerRun(5, func() { book.markdown() }), 50.0)
		require.Less(t, testing.AllocsPerRun(5, func() { book.scope() }), 50.0)

		book.end(3, runbook.Failed, "a reason")
		require.Contains(t, book.markdown(), "| s3 | FAILED |  |  | a reason |")
		require.Equal(t, StatusFailed, book.scope().Steps["s3"].Status)
		return nil
	}, workflow.RegisterOptions{Name: "measure"})
	b.ExecuteWorkflow("measure")
	require.NoError(t, b.GetWorkflowError())
}
