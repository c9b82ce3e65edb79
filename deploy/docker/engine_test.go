//go:build docker

// Package docker builds the images and runs docker-compose.yml, each profile as a whole, through kills of its parts.
// It needs Docker Engine with Compose, and the images that the files name: `make test-docker`.
package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// root is the repository.
const root = "../.."

// grafana is left out where its image cannot be had: nothing depends on it.
var grafana = true

func TestMain(m *testing.M) {
	stop, err := ready()
	if err != nil {
		fmt.Println("test-docker: not run:", err)
		if os.Getenv("DPAFLOW_DOCKER") != "optional" {
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	stop()
	os.Exit(code)
}

// ready has an engine with all images, within a bounded time, or says why there is none.
func ready() (stop func(), err error) {
	stop, err = engine()
	if err == nil {
		err = images()
	}
	if err != nil {
		stop()
	}
	return stop, err
}

// engine starts dockerd where it is installed and none answers; stop ends the one that it started.
func engine() (stop func(), err error) {
	stop = func() {}
	for _, plugin := range []string{"compose", "buildx"} {
		if _, err := run(10*time.Second, "docker", plugin, "version"); err != nil {
			return stop, fmt.Errorf("there is no docker %s: %w", plugin, err)
		}
	}
	if answers() {
		return stop, nil
	}
	program, err := exec.LookPath("dockerd")
	if err != nil || os.Getenv("DOCKER_HOST") != "" {
		return stop, errors.New("no engine answers, and none is installed here")
	}
	log, err := os.CreateTemp("", "dockerd-*.log")
	if err != nil {
		return stop, err
	}
	defer os.Remove(log.Name())
	defer log.Close()
	// One that was killed has left the file of its process id, which may be another process's by now.
	daemon := exec.Command(program, "--pidfile", log.Name()+".pid")
	daemon.Stdout, daemon.Stderr = log, log
	daemon.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the tests, which clean up first
	if err := daemon.Start(); err != nil {
		return stop, err
	}
	ended := make(chan struct{})
	go func() { _ = daemon.Wait(); close(ended) }()
	stop = func() {
		_ = daemon.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(time.Minute):
			_ = daemon.Process.Kill()
			<-ended
		}
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		select {
		case <-ended:
			text, _ := os.ReadFile(log.Name())
			return stop, fmt.Errorf("dockerd ends again: %s", text[max(0, len(text)-500):])
		case <-time.After(time.Second):
		}
		if answers() {
			return stop, nil
		}
	}
	return stop, errors.New("dockerd does not answer within a minute")
}

func answers() bool {
	_, err := run(10*time.Second, "docker", "info", "--format", "{{.ServerVersion}}")
	return err == nil
}

// images has the images that the stacks are made of: what is not here is pulled.
func images() error {
	dockerfile, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		return err
	}
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^(?:# syntax=|ARG GO_IMAGE=)(\S+)`).FindAllStringSubmatch(string(dockerfile), -1) {
		names = append(names, match[1])
	}
	for _, s := range services(root, "small", "full") {
		if !strings.HasPrefix(s.Image, "dpaflow-") {
			names = append(names, s.Image)
		}
	}
	deadline := time.Now().Add(10 * time.Minute)
	for _, name := range names {
		if _, err := run(10*time.Second, "docker", "image", "inspect", name); err == nil {
			continue
		}
		_, err := run(time.Until(deadline), "docker", "pull", "--quiet", name)
		switch {
		case err != nil && strings.HasPrefix(name, "grafana/"):
			grafana = false
			fmt.Println("test-docker: without Grafana:", err)
		case err != nil:
			return err
		}
	}
	return nil
}

// service is what docker-compose.yml says of one.
type service struct {
	Image       string
	NetworkMode string `json:"network_mode"`
	Ports       []struct {
		Target int
	}
}

// services are those of profiles, and the command lines.
func services(folder string, profiles ...string) map[string]service {
	args := []string{"compose", "-f", filepath.Join(folder, "docker-compose.yml"), "--profile", "starter"}
	for _, profile := range profiles {
		args = append(args, "--profile", profile)
	}
	out, err := run(time.Minute, "docker", append(args, "config", "--format", "json")...)
	if err != nil {
		panic(err)
	}
	var config struct{ Services map[string]service }
	if err := json.Unmarshal([]byte(out), &config); err != nil {
		panic(err)
	}
	return config.Services
}

// run runs a command for so long at most, and returns what it printed.
func run(limit time.Duration, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	command.WaitDelay = time.Second
	out, err := command.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}
