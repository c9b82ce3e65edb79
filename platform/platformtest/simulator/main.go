// Command simulator serves a simulated DPA platform with a small example catalogue,
// for demos and for trying things out. People find what it was sent and what it
// executed under /simulator/, apart from the platform's own paths.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/dpaflow/dpaflow/internal/interrupt"
	"github.com/dpaflow/dpaflow/internal/version"
	"github.com/dpaflow/dpaflow/platform/platformtest"
)

func main() {
	ctx, stop := interrupt.Context()
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "simulator:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, and prints its URL once it listens.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("simulator", flag.ContinueOnError)
	flags.SetOutput(stderr)
	env := func(name, fallback string) string { return cmp.Or(getenv(name), fallback) }
	addr := flags.String("addr", env("DPA_SIMULATOR_ADDR", "127.0.0.1:8090"), "`address` to listen on")
	speed := flags.Float64("speed", 1, "how many times as fast as scripted executions run")
	retries := flags.Int("callback-retries", platformtest.DefaultCallbackRetries, "how often it calls back again after a callback that was not accepted")
	retryDelay := flags.Duration("callback-retry-delay", platformtest.DefaultCallbackRetryDelay, "how long it waits before it calls back again")
	state := flags.String("state", "", "`file` to keep executions in, so that they go on after a restart; empty: they are forgotten")
	sceneInterval := flags.Duration("scene-interval", 0, "interval of every timed scene, instead of its own")
	verbose := flags.Bool("v", false, "log every request")
	healthcheck := flags.Bool("healthcheck", false, "ask the simulator that runs beside whether it serves, and exit")
	about := flags.Bool("version", false, "print the version and exit")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *about {
		_, err := fmt.Fprintln(stdout, "simulator", version.Get())
		return err
	}
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q: there are only flags", flags.Arg(0))
	case *speed <= 0 || *retries <= 0 || *retryDelay <= 0 || *sceneInterval < 0:
		return errors.New("-speed, -callback-retries and -callback-retry-delay must be above 0, and -scene-interval not below")
	}
	if *healthcheck {
		return probe(ctx, *addr)
	}
	level := slog.LevelInfo
	if *verbose {
		level = slog.LevelDebug
	}
	secret, err := clientSecret(getenv)
	if err != nil {
		return err
	}

	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *addr)
	if err != nil {
		return fmt.Errorf("listening on %s (-addr, DPA_SIMULATOR_ADDR): %w", *addr, err)
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))
	log.LogAttrs(ctx, slog.LevelInfo, "simulator starts", version.Get().Attrs()...)
	sim := platformtest.New(platformtest.Options{
		// The secret is no flag: it would show in the list of processes.
		ClientID:      env("DPA_CLIENT_ID", platformtest.DefaultClientID),
		ClientSecret:  secret,
		Speed:         *speed,
		SceneInterval: *sceneInterval,
		Logger:        log,

		CallbackRetries:    *retries,
		CallbackRetryDelay: *retryDelay,
	})
	if *state != "" {
		if err := sim.KeepIn(*state); err != nil {
			sim.Close()
			return errors.Join(fmt.Errorf("%w; check -state", err), listener.Close())
		}
	}
	fmt.Fprintf(stdout, "simulated DPA platform on http://%s\n", listener.Addr())
	return serve(ctx, listener, sim)
}

// clientSecret is the one that the programs read, given in the same two ways.
func clientSecret(getenv func(string) string) (string, error) {
	file := getenv("DPA_CLIENT_SECRET_FILE")
	if file == "" {
		return cmp.Or(getenv("DPA_CLIENT_SECRET"), platformtest.DefaultClientSecret), nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("DPA_CLIENT_SECRET_FILE: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// probe asks the simulator on the address whether it serves.
func probe(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/simulator/health", nil)
	if err != nil {
		return fmt.Errorf("asking %s: %w", addr, err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("asking %s: %w", addr, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		return fmt.Errorf("%s is no simulator: it answers %s", addr, answer.Status)
	}
	return nil
}

func serve(ctx context.Context, listener net.Listener, sim *platformtest.Simulator) error {
	server := &http.Server{Handler: handler(sim), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		sim.Close()
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	// Executions and hanging requests end first, so that there is nothing left to wait for.
	sim.Close()
	shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := server.Shutdown(shutdown)
	<-failed
	return err
}

// handler tells the console from the platform. A ServeMux would clean the platform's
// paths of their double slashes.
func handler(sim *platformtest.Simulator) http.Handler {
	console := newConsole(sim)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.RequestURI == "/simulator" || strings.HasPrefix(r.RequestURI, "/simulator/") {
			console.ServeHTTP(w, r)
			return
		}
		sim.ServeHTTP(w, r)
	})
}
