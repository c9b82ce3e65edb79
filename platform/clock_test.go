package platform

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestThePlatformsClockIsReadFromItsAnswers(t *testing.T) {
	t.Parallel()
	var c Client
	_, known := c.ClockAhead()
	require.False(t, known)

	c.clock.observe(http.Header{"Date": {time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}})
	c.clock.observe(http.Header{"Date": {"yesterday"}})
	c.clock.observe(http.Header{})
	ahead, known := c.ClockAhead()
	require.True(t, known)
	require.InDelta(t, time.Hour, ahead, float64(2*time.Second))
}
