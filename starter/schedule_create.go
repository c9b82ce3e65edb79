package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

// overlaps are the words of --overlap; the first is the default.
var overlaps = []struct {
	word   string
	policy enums.ScheduleOverlapPolicy
}{
	{"skip", enums.SCHEDULE_OVERLAP_POLICY_SKIP},
	{"buffer-one", enums.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE},
	{"buffer-all", enums.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL},
	{"cancel-other", enums.SCHEDULE_OVERLAP_POLICY_CANCEL_OTHER},
	{"terminate-other", enums.SCHEDULE_OVERLAP_POLICY_TERMINATE_OTHER},
	{"allow-all", enums.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL},
}

// leastCatchUp is the shortest that Temporal honours.
const leastCatchUp = 10 * time.Second

// scheduleFlags say when a schedule starts runs, and how.
type scheduleFlags struct {
	times     times
	overlap   choice
	catchUp   duration
	note      string
	paused    bool
	remaining int
}

func (f *scheduleFlags) add(flags *pflag.FlagSet) {
	flags.Func("cron", "a cron `expression`: minute hour day-of-month month day-of-week; may be given again", f.times.addCron)
	flags.Func("every", "an `interval`, with an offset if wanted: 1h or 1h@15m; may be given again", f.times.addInterval)
	flags.Func("time-zone", "the time `zone` of --cron, such as Asia/Shanghai (default UTC)", f.times.setZone)
	flags.Var(&f.overlap, "overlap", "when the last run is still under way: skip, buffer-one, buffer-all, cancel-other, terminate-other\n"+
		"or allow-all; the two that end the other run end only its waiting: the platform cannot cancel\nan instance, which then runs on beside the new one")
	flags.Var(&f.catchUp, "catch-up", "how late a run may still be started after an outage of Temporal")
	flags.StringVar(&f.note, "note", "", "what the schedule is for")
	flags.BoolVar(&f.paused, "paused", false, "start no runs until it is resumed")
	flags.IntVar(&f.remaining, "remaining", 0, "start so many runs and no more (default unlimited)")
}

// check finds what is wrong with the flags together; each alone was checked as it was read.
func (f *scheduleFlags) check(flags *pflag.FlagSet) (faults []error) {
	if len(f.times.CronExpressions)+len(f.times.Intervals) == 0 {
		faults = append(faults, errors.New("--cron or --every is required"))
	}
	if flags.Changed("remaining") && f.remaining < 1 {
		faults = append(faults, fmt.Errorf("--remaining must be 1 or more, got %d", f.remaining))
	}
	return faults
}

func (f *scheduleFlags) options(id, taskQueue string, job job) client.ScheduleOptions {
	return client.ScheduleOptions{
		ID:   id,
		Spec: f.times.ScheduleSpec,
		Action: &client.ScheduleWorkflowAction{
			ID:            job.name + "-" + id, // Temporal appends the time; what two schedules start at one moment does not collide
			Workflow:      job.workflow,
			Args:          []any{job.input},
			TaskQueue:     taskQueue,
			Memo:          map[string]any{"schedule": id},
			StaticSummary: job.summary + ", by schedule " + id,
		},
		Overlap:          overlaps[slices.Index(f.overlap.words, f.overlap.value)].policy,
		CatchupWindow:    f.catchUp.value,
		Note:             f.note,
		Paused:           f.paused,
		RemainingActions: f.remaining,
		Memo:             map[string]any{memoRun: job.summary},
	}
}

func (a *app) scheduleCreate() *cobra.Command {
	f := scheduleFlags{overlap: choice{value: overlaps[0].word}, catchUp: duration{value: time.Minute, least: leastCatchUp}}
	for _, o := range overlaps {
		f.overlap.words = append(f.overlap.words, o.word)
	}
	all := a.kinds()
	cmd := &cobra.Command{
		Use:   "create ID KIND WHAT",
		Short: "Create a schedule",
		Long: "Create a schedule named ID that starts runs at its times. KIND and WHAT, and the flags of the run, are those of\n" +
			"starter run. What only the platform knows is checked when a run starts, not now: see how the first one goes with\n" +
			"schedule trigger. A runbook's file is read now; a change of the file does not change the schedule.",
		Example: "  starter schedule create nightly plan acf42dd3 --cron '30 2 * * MON-FRI' --time-zone Asia/Shanghai\n" +
			"  starter schedule create check plan acf42dd3 --every 1h@15m --paused\n" +
			"  starter schedule create drill runbook switch-over.yaml --var site=beijing --cron '0 3 1 * *'",
		Args: exactly("ID", "KIND", "WHAT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			kind, err := chosen(all, args[1], cmd.Flags())
			if err != nil {
				return exit{exitUsage, err}
			}
			job, err := kind.job(args[2])
			if faults := append(f.check(cmd.Flags()), err); errors.Join(faults...) != nil {
				return exit{exitUsage, errors.Join(faults...)}
			}
			return a.createSchedule(cmd.Context(), args[0], job, &f)
		},
	}
	f.add(cmd.Flags())
	for _, kind := range all {
		cmd.Flags().AddFlagSet(kind.flags)
	}
	return cmd
}

// chosen finds a kind of run and refuses the flags of others.
func chosen(all []kind, name string, given *pflag.FlagSet) (kind, error) {
	var names []string
	for _, kind := range all {
		names = append(names, kind.name)
	}
	i := slices.Index(names, name)
	if i < 0 {
		return kind{}, fmt.Errorf("KIND must be one of %s, got %q", strings.Join(names, ", "), name)
	}
	var faults []error
	for _, other := range all {
		other.flags.VisitAll(func(flag *pflag.Flag) {
			if given.Changed(flag.Name) && all[i].flags.Lookup(flag.Name) == nil {
				faults = append(faults, fmt.Errorf("--%s is not for a %s", flag.Name, name))
			}
		})
	}
	return all[i], errors.Join(faults...)
}

func (a *app) createSchedule(ctx context.Context, id string, job job, f *scheduleFlags) error {
	c, cfg, err := a.temporal(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	created, err := c.ScheduleClient().Create(ctx, f.options(id, cfg.TaskQueue, job))
	var there *serviceerror.AlreadyExists
	switch {
	case errors.Is(err, temporal.ErrScheduleAlreadyRunning) || errors.As(err, &there):
		return fmt.Errorf("there is a schedule %q already; delete it first: starter schedule delete %s", id, id)
	case err != nil:
		return fmt.Errorf("create schedule %q: %w", id, err)
	}
	return a.showSchedule(ctx, created)
}
