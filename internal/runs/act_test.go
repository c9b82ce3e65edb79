package runs

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

// crossing is a Temporal that answers updates with errors first.
type crossing struct {
	client.WorkflowUpdateHandle
	errs []error
	sent []string // ids
}

func (c *crossing) UpdateWorkflow(_ context.Context, o client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	c.sent = append(c.sent, o.UpdateID)
	if len(c.sent) <= len(c.errs) {
		return nil, c.errs[len(c.sent)-1]
	}
	return c, nil
}

func (*crossing) Get(context.Context, any) error { return nil }

func TestAnUpdateThatNewsGotInTheWayOfIsSentAgainWithItsId(t *testing.T) {
	t.Parallel()
	crossed, other := serviceerror.NewWorkflowNotReady("unexpected workflow task failure"), errors.New("refused")
	for name, test := range map[string]struct {
		errs []error
		ends error
		sent []string
	}{
		"taken at once":            {nil, nil, []string{"u"}},
		"crossed by news":          {[]error{crossed, crossed}, nil, []string{"u", "u", "u"}},
		"refused":                  {[]error{other}, other, []string{"u"}},
		"a run that cannot answer": {[]error{crossed, crossed, crossed, crossed, crossed, crossed}, crossed, []string{"u", "u", "u", "u", "u"}},
	} {
		c := &crossing{errs: test.errs}
		err := sendUpdate(t.Context(), c, client.UpdateWorkflowOptions{UpdateID: "u"}, nil)
		require.Equal(t, test.ends, err, name)
		require.Equal(t, test.sent, c.sent, name)
	}
}
