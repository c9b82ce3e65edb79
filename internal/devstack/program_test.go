package devstack

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/serve"
	"github.com/dpaflow/dpaflow/internal/wait"
)

const program = "internal/devstack/testdata/program"

// A test process that finds this variable set is a parent to be killed.
const parentOf = "DEVSTACK_PARENT_OF"

func TestMain(m *testing.M) {
	if binary := os.Getenv(parentOf); binary != "" {
		beParent(binary)
		return
	}
	code := wait.Run(m)
	if err := Cleanup(); err != nil {
		panic(err)
	}
	os.Exit(code)
}

func gone(t *testing.T, address string) {
	t.Helper()
	require.Eventually(t, func() bool { return listening(t.Context(), address) != nil }, wait.Limit, 10*time.Millisecond)
}

func TestAProgramIsStartedWhenReadyAndStopsInGoodOrder(t *testing.T) {
	t.Setenv("DPA_SCOPE", "of somebody's real work")
	var output tail
	p, err := StartProgram(t.Context(), ProgramOptions{Program: program, Env: []string{"DPA_TASK_QUEUE=q1"}, Output: &output})
	require.NoError(t, err)
	require.NoError(t, serve.Ready(t.Context(), p.Admin))
	require.Contains(t, output.String(), "settings: q1 \n", "its own settings, and nobody else's")

	require.NoError(t, p.Stop())
	require.NoError(t, p.Wait(), "exit status 0")
	gone(t, p.Admin)
	require.NoError(t, p.Stop(), "stopping twice is no error")
}

func TestAKilledProgramIsGoneAtOnce(t *testing.T) {
	t.Parallel()
	p, err := StartProgram(t.Context(), ProgramOptions{Program: program, Args: []string{"-deaf"}})
	require.NoError(t, err)
	require.NoError(t, p.Kill())
	require.ErrorContains(t, p.Wait(), "killed")
	gone(t, p.Admin)
	require.NoError(t, p.Kill(), "killing twice is no error")
}

func TestAProgramThatEndsBeforeItIsReadyIsAnErrorWithItsOutput(t *testing.T) {
	t.Parallel()
	_, err := StartProgram(t.Context(), ProgramOptions{Program: program, Args: []string{"-fail"}})
	require.ErrorContains(t, err, "no reason to live")
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 3, exit.ExitCode())
}

func TestAProgramThatLostItsPortToSomebodyElseIsStartedAgain(t *testing.T) {
	t.Parallel()
	p, err := StartProgram(t.Context(), ProgramOptions{Program: program, Args: []string{"-busy", filepath.Join(t.TempDir(), "taken")}})
	require.NoError(t, err)
	require.NoError(t, p.Stop())
}

// onOutput is called at the first that a program writes.
type onOutput func()

func (f onOutput) Write(data []byte) (int, error) {
	f()
	return len(data), nil
}

func TestAProgramThatNeverListensIsGivenUpWhenTheContextEnds(t *testing.T) {
	t.Parallel()
	nobody, err := FreeAddress()
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err = StartProgram(ctx, ProgramOptions{Program: program, Env: []string{"DPA_ADMIN_ADDR=127.0.0.1:0"}, Output: onOutput(cancel), Listens: nobody})
	require.ErrorContains(t, err, "did not get ready")
	require.ErrorContains(t, err, "settings:")
}

func TestAProgramThatDoesNotBuildSaysWhy(t *testing.T) {
	t.Parallel()
	_, err := Build(t.Context(), "internal/not/there", false)
	require.ErrorContains(t, err, "build internal/not/there")
}

func TestChildrenDieWithAParentThatIsKilled(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends a child with its parent")
	}
	binary, err := Build(t.Context(), program, false)
	require.NoError(t, err)
	address, err := FreeAddress()
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	parent := exec.Command(self)
	parent.Env = append(os.Environ(), parentOf+"="+binary, "DPA_ADMIN_ADDR="+address)
	require.NoError(t, parent.Start())
	require.Eventually(t, func() bool { return serve.Ready(t.Context(), address) == nil }, wait.Limit, 20*time.Millisecond)

	require.NoError(t, parent.Process.Kill())
	require.Error(t, parent.Wait())
	gone(t, address)
}

// beParent has a child and waits to be killed; both give up when the test has.
func beParent(binary string) {
	cmd := exec.Command(binary, "-deaf")
	child, err := spawn("child", cmd, os.Stderr)
	if err != nil {
		panic(err)
	}
	select {
	case <-child.Done():
	case <-time.After(2 * wait.Limit):
		_ = child.Kill()
	}
}

func TestACommandEndsByItselfOrWithTheContext(t *testing.T) {
	t.Parallel()
	cmd, err := Command(t.Context(), ProgramOptions{Program: program, Args: []string{"-fail"}, Env: []string{"DPA_TASK_QUEUE=q2"}})
	require.NoError(t, err)
	output, err := cmd.Output()
	require.ErrorContains(t, err, "exit status 3")
	require.Equal(t, "settings: q2 \n", string(output))

	ctx, cancel := context.WithCancel(t.Context())
	cmd, err = Command(ctx, ProgramOptions{Program: program, Args: []string{"-deaf"}, Env: []string{"DPA_ADMIN_ADDR=127.0.0.1:0"}})
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	cancel()
	require.ErrorContains(t, cmd.Wait(), "killed")
}

func TestAPreferredAddressThatIsTakenIsReplaced(t *testing.T) {
	t.Parallel()
	taken, err := FreeAddress()
	require.NoError(t, err)
	listener, err := net.Listen("tcp", taken)
	require.NoError(t, err)
	other, err := Preferred(taken)
	require.NoError(t, err)
	require.NotEqual(t, taken, other)

	require.NoError(t, listener.Close())
	same, err := Preferred(taken)
	require.NoError(t, err)
	require.Equal(t, taken, same)
}

func TestFreeAddressesAreNeverTheSame(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 200 {
		address, err := FreeAddress()
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(address, "127.0.0.1:"))
		require.False(t, seen[address])
		seen[address] = true
	}
}
