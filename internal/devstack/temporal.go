package devstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/dpaflow/dpaflow/workflows"
)

// Namespace is the one that a dev server starts with.
const Namespace = "default"

// TemporalOptions say how a dev server is to run; the zero value is usable.
type TemporalOptions struct {
	Address          string    // host:port; empty: a free one
	UI               bool      // serve the Web UI too
	UIAddress        string    // host:port of the Web UI, on Address's host; empty: a free one
	Database         string    // file that outlives the server; empty: in memory, gone when it stops
	SearchAttributes bool      // register those that runs are found by
	Args             []string  // more flags of `temporal server start-dev`
	Output           io.Writer // receives the server's output; nil: it is kept for errors only
	Progress         io.Writer // is told when the CLI has to be built; nil: standard error
}

// Temporal is a dev server that runs.
type Temporal struct {
	*process
	Address   string // host:port
	Namespace string
	UIURL     string // of the Web UI, without a slash at its end; empty without one
	CLI       string // path of the command line that it was started with

	options TemporalOptions // with the addresses filled in
}

// StartTemporal starts a dev server and waits until it serves.
func StartTemporal(ctx context.Context, o TemporalOptions) (*Temporal, error) {
	if o.Progress == nil {
		o.Progress = os.Stderr
	}
	cli, err := CLI(ctx, o.Progress)
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		t := &Temporal{CLI: cli, Namespace: Namespace, options: o}
		err := t.start(ctx)
		if err == nil {
			return t, nil
		}
		// The server takes some ports of its own choice as well.
		if attempt == attempts || !portTaken(err) {
			return nil, err
		}
	}
}

// Restart starts a server that was stopped or killed once more, with the same
// addresses and database, and waits until it serves.
func (t *Temporal) Restart(ctx context.Context) error {
	if !t.ended() {
		return errors.New("restart temporal: it still runs")
	}
	return t.start(ctx)
}

// Env returns the variables that make the programs, and Temporal's own tools,
// use this server.
func (t *Temporal) Env() []string {
	return []string{"TEMPORAL_ADDRESS=" + t.Address, "TEMPORAL_NAMESPACE=" + t.Namespace, "TEMPORAL_CONFIG_FILE=" + os.DevNull}
}

func (t *Temporal) start(ctx context.Context) error {
	o := &t.options
	if err := fill(&o.Address); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(o.Address)
	if err != nil {
		return fmt.Errorf("start temporal: %w", err)
	}
	args := []string{
		"server", "start-dev", "--ip", host, "--port", port, "--namespace", Namespace, "--log-level", "error",
		"--dynamic-config-value", "frontend.WorkflowPauseEnabled=true", // off in a server of its own
	}
	if o.UI {
		if err := fill(&o.UIAddress); err != nil {
			return err
		}
		_, uiPort, err := net.SplitHostPort(o.UIAddress)
		if err != nil {
			return fmt.Errorf("start temporal: %w", err)
		}
		args = append(args, "--ui-port", uiPort)
	} else {
		args = append(args, "--headless")
	}
	if o.Database != "" {
		args = append(args, "--db-filename", o.Database)
	}
	if o.SearchAttributes {
		for _, key := range workflows.Attributes() {
			args = append(args, "--search-attribute", key.Name+"="+key.Type.String())
		}
	}
	cmd := exec.Command(t.CLI, append(args, o.Args...)...)
	cmd.Env = environment(nil)
	p, err := spawn("temporal", cmd, o.Output)
	if err != nil {
		return err
	}
	t.process, t.Address = p, o.Address
	if o.UI {
		t.UIURL = "http://" + o.UIAddress
	}
	if err := t.waitServing(ctx); err != nil {
		_ = p.Kill() // what is wrong is in err
		return err
	}
	return nil
}

func fill(address *string) (err error) {
	if *address == "" {
		*address, err = FreeAddress()
	}
	return err
}

// waitServing waits for the services behind the frontend too: a server that
// only answers health checks still refuses its first workflows.
func (t *Temporal) waitServing(ctx context.Context) error {
	c, err := t.lazy()
	if err != nil {
		return err
	}
	defer c.Close()
	return t.waitReady(ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		service := c.WorkflowService()
		if _, err := service.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: Namespace}); err != nil {
			return err
		}
		if _, err := c.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: Namespace}); err != nil {
			return err
		}
		if _, err := service.DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
			Namespace: Namespace, TaskQueue: &taskqueue.TaskQueue{Name: "ready"}, TaskQueueType: enums.TASK_QUEUE_TYPE_WORKFLOW,
		}); err != nil {
			return err
		}
		return t.serving(ctx)
	})
}

// serving asks the Web UI for its page.
func (t *Temporal) serving(ctx context.Context) error {
	if t.UIURL == "" {
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.UIURL+"/", nil)
	if err != nil {
		return fmt.Errorf("reach the Web UI: %w", err)
	}
	web := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := web.Do(req)
	if err != nil {
		return fmt.Errorf("reach the Web UI: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("reach the Web UI: it answers %s", answer.Status)
	}
	return nil
}
