package devstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A program that fails to start ends, which is noticed at once; one that does neither is given up after a time
// that a busy machine does not take.
const (
	startTimeout = 5 * time.Minute  // until a program is ready
	stopTimeout  = 2 * time.Minute  // from SIGTERM to SIGKILL, far beyond what programs allow themselves
	lastOutput   = 10 * time.Second // for what has ended to be read to its end
	pollEvery    = 50 * time.Millisecond
)

// process is a child that is waited for from its start on, so that it never
// stays behind as a zombie.
type process struct {
	name string
	cmd  *exec.Cmd
	out  *tail
	done chan struct{} // closed once it has ended
	err  error         // how it ended; read after done
}

// spawn starts a command that writes both of its outputs to output.
func spawn(name string, cmd *exec.Cmd, output io.Writer) (*process, error) {
	p := &process{name: name, cmd: cmd, out: &tail{to: output}, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.out, p.out
	cmd.SysProcAttr = attributes()
	cmd.WaitDelay = lastOutput
	started := make(chan error)
	go func() {
		// The child is told to die when this thread does, which therefore has
		// to live as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			started <- fmt.Errorf("start %s: %w", name, err)
			return
		}
		started <- nil
		p.err = cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// waitReady polls until ready returns nil. A process that ends or takes too
// long is an error with the last of its output.
func (p *process) waitReady(ctx context.Context, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return &endedError{name: p.name, err: p.err, output: p.out.String()}
		case <-ctx.Done():
			return fmt.Errorf("%s did not get ready: %w; its output ends with:\n%s", p.name, err, p.out)
		case <-time.After(pollEvery):
		}
	}
}

// Stop asks the process to end (SIGTERM), and kills it when it does not within
// two minutes, which is an error. One that has ended before is left alone.
func (p *process) Stop() error {
	if p.ended() {
		return nil
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return errors.Join(fmt.Errorf("stop %s: %w", p.name, err), p.Kill())
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(stopTimeout):
		return errors.Join(fmt.Errorf("stop %s: it still ran %s after SIGTERM, and was killed", p.name, stopTimeout), p.Kill())
	}
}

// Kill ends the process at once (SIGKILL), as a power cut would.
func (p *process) Kill() error {
	if p.ended() {
		return nil
	}
	if err := p.cmd.Process.Kill(); err != nil && !p.ended() {
		return fmt.Errorf("kill %s: %w", p.name, err)
	}
	<-p.done
	return nil
}

// Done is closed once the process has ended, for whatever reason.
func (p *process) Done() <-chan struct{} { return p.done }

// Wait waits until the process has ended and returns how: nil for exit status
// 0, and an [exec.ExitError] for others.
func (p *process) Wait() error {
	<-p.done
	return p.err
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// endedError is a process that ended before it was ready.
type endedError struct {
	name   string
	err    error
	output string
}

func (e *endedError) Error() string {
	return fmt.Sprintf("%s ended before it was ready (%v); its output ends with:\n%s", e.name, e.err, e.output)
}

func (e *endedError) Unwrap() error { return e.err }

// portTaken says whether the process ended because somebody else was quicker
// to listen on a port that had been free.
func portTaken(err error) bool {
	var ended *endedError
	return errors.As(err, &ended) && strings.Contains(ended.output, "address already in use")
}

// tail passes output on and remembers the end of it. It is for any number of
// goroutines.
type tail struct {
	mu   sync.Mutex
	to   io.Writer // may be nil
	last []byte
}

func (t *tail) Write(data []byte) (int, error) {
	const most = 8 << 10
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, data...)
	t.last = t.last[max(0, len(t.last)-most):]
	if t.to != nil {
		return t.to.Write(data)
	}
	return len(data), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.last)
}
