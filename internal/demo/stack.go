package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/dpaflow/dpaflow/internal/devstack"
)

const clientID = "demo"

var errEnded = errors.New("a part of the stack has ended before its time")

// stack is everything that the demo runs, in the order it was started.
type stack struct {
	out       io.Writer
	folder    string   // of logs and the database
	dev       bool     // listen on the usual ports where they are free
	simulator []string // flags of the platform

	temporal    *devstack.Temporal
	platform    *devstack.Program
	receiver    *devstack.Program
	console     *devstack.Program
	worker      *devstack.Program
	platformURL string
	consoleURL  string
	secret      string // of the OAuth application, new at every start as all keys are
	callbacks   string // host:port of the bridge
	key         string // of callbacks
	notifyEnv   []string
	notified    *notified
	logs        []*os.File
}

// start starts one thing after the other, each once the former is ready.
func (s *stack) start(ctx context.Context) error {
	s.secret = rand.Text()
	for _, step := range []struct {
		says string
		do   func(context.Context) error
	}{
		{"Temporal dev server", s.startTemporal},
		{"simulated DPA platform", s.startPlatform},
		{"receiver of notifications", s.startReceiver},
		{"operators' console", s.startConsole},
		{"worker with the callback bridge", s.startWorker},
	} {
		fmt.Fprintf(s.out, "starting the %s …\n", step.says)
		if err := step.do(ctx); err != nil {
			return err
		}
	}
	fmt.Fprintf(s.out, "all is ready; the console is at %s, Temporal's Web UI at %s\n", s.consoleURL, s.temporal.UIURL)
	return nil
}

func (s *stack) startTemporal(ctx context.Context) error {
	log, err := s.log("temporal")
	if err != nil {
		return err
	}
	address, uiAddress, err := s.addresses("127.0.0.1:7233", "127.0.0.1:8233")
	if err != nil {
		return err
	}
	s.temporal, err = devstack.StartTemporal(ctx, devstack.TemporalOptions{
		Address:          address,
		UI:               true,
		UIAddress:        uiAddress,
		Database:         filepath.Join(s.folder, "temporal.db"),
		SearchAttributes: true,
		Output:           log,
		Progress:         s.out,
	})
	return err
}

func (s *stack) startPlatform(ctx context.Context) error {
	log, err := s.log("platform")
	if err != nil {
		return err
	}
	address, _, err := s.addresses("127.0.0.1:8090", "")
	if err != nil {
		return err
	}
	s.platformURL = "http://" + address
	s.platform, err = devstack.StartProgram(ctx, devstack.ProgramOptions{
		Program: "platform/platformtest/simulator",
		Args:    s.simulator,
		Env:     []string{"DPA_SIMULATOR_ADDR=" + address, "DPA_CLIENT_ID=" + clientID, "DPA_CLIENT_SECRET=" + s.secret},
		Output:  log,
		Listens: address,
	})
	return err
}

func (s *stack) startWorker(ctx context.Context) error {
	log, err := s.log("worker")
	if err != nil {
		return err
	}
	s.callbacks, _, err = s.addresses("127.0.0.1:8088", "")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.secrets(), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.secrets(), "db-password"), []byte(rand.Text()), 0o600); err != nil {
		return err
	}
	key := make([]byte, 32)
	rand.Read(key)
	s.key = base64.StdEncoding.EncodeToString(key)
	s.worker, err = devstack.StartProgram(ctx, devstack.ProgramOptions{
		Program: "worker",
		Args:    []string{"-bridge"},
		Env:     append(s.workerEnv(), "DPA_BRIDGE_ADDR="+s.callbacks),
		Output:  log,
	})
	return err
}

// env is what the starter needs to reach this stack.
func (s *stack) env() []string {
	return append(s.temporal.Env(), "DPA_BASE_URL="+s.platformURL, "DPA_CLIENT_ID="+clientID, "DPA_CLIENT_SECRET="+s.secret)
}

// workerEnv is what a worker needs beside, also one of the user's own.
func (s *stack) workerEnv() []string {
	return append(append(s.env(), s.notifyEnv...),
		"DPA_CALLBACK_URL=http://"+s.callbacks,
		"DPA_CALLBACK_KEYS=demo:"+s.key,
		"DPA_MODEL_EXECUTE_PATH=/api/dpa/process/processModel/execute/{modelId}",
		"DPA_SECRETS_DIR="+s.secrets(),
	)
}

// secrets is the folder of what the examples need: db-password.
func (s *stack) secrets() string { return filepath.Join(s.folder, "secrets") }

// addresses are the usual ones for dev where they are free, and others for a
// demo, which must not meet what its user has running.
func (s *stack) addresses(usual, second string) (first, other string, err error) {
	find := func(address string) string {
		if err != nil || address == "" {
			return ""
		}
		if s.dev {
			address, err = devstack.Preferred(address)
		} else {
			address, err = devstack.FreeAddress()
		}
		return address
	}
	first, other = find(usual), find(second)
	return first, other, err
}

func (s *stack) log(name string) (*os.File, error) {
	file, err := os.Create(filepath.Join(s.folder, name+".log"))
	if err != nil {
		return nil, fmt.Errorf("make a log: %w", err)
	}
	s.logs = append(s.logs, file)
	return file, nil
}

// guard returns a context that ends when a part of the stack does, with that
// as its cause: nobody should wait for what cannot come any more.
func (s *stack) guard(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	for name, done := range map[string]<-chan struct{}{
		"Temporal": s.temporal.Done(), "the platform": s.platform.Done(), "the receiver": s.receiver.Done(),
		"the console": s.console.Done(), "the worker": s.worker.Done(),
	} {
		go func() {
			select {
			case <-done:
				cancel(fmt.Errorf("%w: %s", errEnded, name))
			case <-ctx.Done():
			}
		}()
	}
	return ctx, func() { cancel(context.Canceled) }
}

// stop stops what was started, the last first.
func (s *stack) stop() error {
	var errs []error
	if s.worker != nil {
		errs = append(errs, s.worker.Stop())
	}
	if s.console != nil {
		errs = append(errs, s.console.Stop())
	}
	if s.receiver != nil {
		errs = append(errs, s.receiver.Stop())
	}
	if s.platform != nil {
		errs = append(errs, s.platform.Stop())
	}
	if s.temporal != nil {
		errs = append(errs, s.temporal.Stop())
	}
	for _, file := range s.logs {
		errs = append(errs, file.Close())
	}
	return errors.Join(errs...)
}
