package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/internal/report"
)

func (a *app) watch() *cobra.Command {
	return &cobra.Command{
		Use:   "watch WORKFLOW",
		Short: "Follow a run to its end",
		Args:  exactly("WORKFLOW"),
		RunE: func(cmd *cobra.Command, args []string) error {
			temporal, _, err := a.temporal(cmd.Context())
			if err != nil {
				return err
			}
			defer temporal.Close()
			return a.follow(cmd.Context(), temporal, temporal.GetWorkflow(cmd.Context(), args[0], ""))
		},
	}
}

// A followed run is asked where it stands at once, and then more and more seldom.
const (
	lookFirst = 500 * time.Millisecond
	lookLast  = 5 * time.Second
	redraw    = 500 * time.Millisecond
)

// follow shows a run's progress until it has ended, and then its result. A break leaves the run alone.
func (a *app) follow(ctx context.Context, c client.Client, run client.WorkflowRun) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var result json.RawMessage
	ended := make(chan error, 1)
	go func() { ended <- run.Get(ctx, &result) }()
	seen := make(chan look)
	go watchRun(ctx, c, run, seen)

	fmt.Fprintf(a.log, "run %s\n", run.GetID())
	show := newProgress(a.log)
	ticker := time.NewTicker(redraw)
	defer ticker.Stop()
	for {
		select {
		case err := <-ended:
			a.lastLook(ctx, c, run, show)
			show.end()
			if ctx.Err() != nil {
				return fmt.Errorf("no longer watching; the run goes on: starter watch %s", run.GetID())
			}
			return a.finish(run, result, err)
		case now := <-seen:
			show.tell(now)
		case <-ticker.C:
			show.draw()
		}
	}
}

// lastLook shows what has changed since the run was last asked, if somebody answers soon.
func (a *app) lastLook(ctx context.Context, c client.Client, run client.WorkflowRun, show *progress) {
	ctx, cancel := context.WithTimeout(ctx, lookLast)
	defer cancel()
	if last := lookAt(ctx, c, run.GetID(), run.GetRunID()); last.err == nil {
		show.tell(last)
	}
}

// look is what a run has answered.
type look struct {
	view view
	err  error
}

// watchRun asks a run where it stands until the context ends.
func watchRun(ctx context.Context, c client.Client, run client.WorkflowRun, seen chan<- look) {
	for pause := lookFirst; ; pause = min(pause*11/10, lookLast) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		now := lookAt(ctx, c, run.GetID(), run.GetRunID())
		select {
		case <-ctx.Done():
			return
		case seen <- now:
		}
	}
}

// ended is what -o json shows of a run that ended without a result or details.
type ended struct {
	started
	Error string `json:"error"`
}

// finish shows how a run ended, and decides the exit status.
func (a *app) finish(run client.WorkflowRun, result json.RawMessage, err error) error {
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return fmt.Errorf("there is no run %q; it may be older than the namespace keeps", run.GetID())
	}
	result = report.OrDetails(result, err)
	if len(result) == 0 && err != nil && a.json {
		return errors.Join(a.print(ended{started{run.GetID(), run.GetRunID()}, err.Error()}, nil), verdict(err))
	}
	if len(result) > 0 {
		var last report.State
		if err := json.Unmarshal(result, &last); err != nil {
			return fmt.Errorf("read what run %q tells of its end: %w", run.GetID(), err)
		}
		if err := a.show(run.GetID(), last); err != nil {
			return err
		}
	}
	return verdict(err)
}

// verdict is a run's failure with the exit status that it deserves; nil for a run that succeeded.
func verdict(err error) error {
	var failed *temporal.ApplicationError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &failed):
		return exit{exitFailed, err}
	}
	code := exitFailed
	switch failed.Type() {
	case activities.ErrorTriggerOutcomeUnknown, activities.ErrorWaitTimeout:
		code = exitInDoubt
	}
	return exit{code, report.Failure(err)}
}
