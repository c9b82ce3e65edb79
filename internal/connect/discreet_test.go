package connect

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
)

func TestTheLogOfEncryptedRunsShowsTheTypesOfTheirErrorsOnly(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	logger := discreet{log.NewStructuredLogger(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))}
	failed := fmt.Errorf("wrapped: %w", temporal.NewApplicationError("HOST is planted", "TriggerRejected"))
	for _, write := range []func(string, ...any){logger.Debug, logger.Info, logger.Warn, logger.Error, logger.With("Before", failed).Error} {
		out.Reset()
		write("Activity error.", "ActivityType", "DpaTriggerPlan", "Error", failed)
		require.Contains(t, out.String(), "TriggerRejected")
		require.Contains(t, out.String(), "DpaTriggerPlan")
		require.NotContains(t, out.String(), "planted")
	}
	out.Reset()
	logger.Warn("Failed to poll for task.", "Error", errors.New("unavailable"))
	require.Contains(t, out.String(), "unavailable")
}
