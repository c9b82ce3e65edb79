package devstack

import (
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path"

	"github.com/dpaflow/dpaflow/internal/serve"
)

// ProgramOptions say which program to start, and how.
type ProgramOptions struct {
	Program string    // its folder, such as "worker" or "signals/bridge"
	Args    []string  // flags and arguments
	Env     []string  // NAME=value; of this process's own, all but DPA_… and TEMPORAL_… is passed on
	Output  io.Writer // receives both of its outputs; nil: they are kept for errors only
	Race    bool      // build it with the race detector
	Listens string    // host:port to wait for; empty: wait until its admin server says it is ready
}

// Program is a program of this repository that runs.
type Program struct {
	*process
	Admin string // host:port of /healthz, /readyz and /metrics; empty when it has none
}

// StartProgram builds the program unless this process already has, starts it
// and waits until it is ready. Its admin server gets a free port.
func StartProgram(ctx context.Context, o ProgramOptions) (*Program, error) {
	binary, err := Build(ctx, o.Program, o.Race)
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		p, err := startProgram(ctx, binary, o)
		if err == nil || attempt == attempts || !portTaken(err) {
			return p, err
		}
	}
}

// Command returns the command of a program that ends by itself, such as the
// starter, built unless this process already has, and not started yet. It is
// killed when the context ends. Its outputs are the caller's to set.
func Command(ctx context.Context, o ProgramOptions) (*exec.Cmd, error) {
	binary, err := Build(ctx, o.Program, o.Race)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, binary, o.Args...)
	cmd.Env = environment(o.Env)
	cmd.WaitDelay = lastOutput
	return cmd, nil
}

// attempts are made when a port that was free is taken by somebody else.
const attempts = 3

func startProgram(ctx context.Context, binary string, o ProgramOptions) (*Program, error) {
	cmd := exec.Command(binary, o.Args...)
	cmd.Env = environment(o.Env)
	ready := func(ctx context.Context) error { return listening(ctx, o.Listens) }
	var address string
	if o.Listens == "" {
		var err error
		if address, err = FreeAddress(); err != nil {
			return nil, err
		}
		cmd.Env = append(cmd.Env, "DPA_ADMIN_ADDR="+address)
		ready = func(ctx context.Context) error { return serve.Ready(ctx, address) }
	}
	p, err := spawn(path.Base(o.Program), cmd, o.Output)
	if err != nil {
		return nil, err
	}
	if err := p.waitReady(ctx, ready); err != nil {
		_ = p.Kill() // what is wrong is in err
		return nil, err
	}
	return &Program{process: p, Admin: address}, nil
}

func listening(ctx context.Context, address string) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("reach %s: %w", address, err)
	}
	return conn.Close()
}
