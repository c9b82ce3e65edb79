package platform

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAPageOfAListIsNoItem(t *testing.T) {
	t.Parallel()
	c := newClient(t, serve(t, data(`{"total":1,"records":[{"processPlanId":"p1"}]}`)).URL)
	_, err := c.Plans(t.Context())
	require.ErrorContains(t, err, "none of the documented fields")
}
