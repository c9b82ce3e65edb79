package interrupt

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// child is set for the process that a test starts from its own binary.
const child = "DPAFLOW_INTERRUPT_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(child) != "" {
		ctx, stop := Context()
		defer stop()
		fmt.Println("runs")
		<-ctx.Done()
		fmt.Println("stops")
		select {} // and takes its time
	}
	os.Exit(m.Run())
}

func TestTheFirstSignalStopsAProgramAndTheSecondEndsIt(t *testing.T) {
	t.Parallel()
	for _, signals := range [][2]syscall.Signal{{syscall.SIGINT, syscall.SIGINT}, {syscall.SIGTERM, syscall.SIGTERM}, {syscall.SIGTERM, syscall.SIGINT}} {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), child+"=1")
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for i, said := range []string{"runs", "stops"} {
			require.True(t, lines.Scan())
			require.Equal(t, said, lines.Text())
			require.NoError(t, cmd.Process.Signal(signals[i]))
		}
		var ended *exec.ExitError
		require.ErrorAs(t, cmd.Wait(), &ended)
		status, ok := ended.Sys().(syscall.WaitStatus)
		require.True(t, ok && status.Signaled() && status.Signal() == signals[1], "%v", ended)
	}
}
