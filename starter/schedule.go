package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/dpaflow/dpaflow/internal/report"
)

func (a *app) schedule() *cobra.Command {
	schedule := group("schedule", "Start runs at set times, by Temporal Schedules")
	schedule.AddCommand(
		a.scheduleCreate(),
		a.scheduleList(),
		a.scheduleCommand("describe", "Show a schedule: its times, its next and its last runs", func(_ *cobra.Command, s client.ScheduleHandle) error {
			return nil
		}),
		a.schedulePause(),
		a.scheduleResume(),
		a.scheduleCommand("trigger", "Start a run now; where one is under way, --overlap of the schedule decides", func(cmd *cobra.Command, s client.ScheduleHandle) error {
			return s.Trigger(cmd.Context(), client.ScheduleTriggerOptions{})
		}),
		a.scheduleDelete(),
	)
	return schedule
}

// scheduleCommand is a command that does something with a schedule and then shows it.
func (a *app) scheduleCommand(name, short string, do func(*cobra.Command, client.ScheduleHandle) error) *cobra.Command {
	return &cobra.Command{
		Use:   name + " ID",
		Short: short,
		Args:  exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withSchedule(cmd.Context(), args[0], func(s client.ScheduleHandle) error {
				if err := do(cmd, s); err != nil {
					return fmt.Errorf("%s schedule %q: %w", name, args[0], err)
				}
				return a.showSchedule(cmd.Context(), s)
			})
		},
	}
}

func (a *app) schedulePause() *cobra.Command {
	var note string
	cmd := a.scheduleCommand("pause", "Start no more runs until it is resumed; runs under way go on", func(cmd *cobra.Command, s client.ScheduleHandle) error {
		return s.Pause(cmd.Context(), client.SchedulePauseOptions{Note: cmp.Or(note, "paused by "+userName())})
	})
	cmd.Flags().StringVar(&note, "note", "", "why, for whoever looks at the schedule")
	return cmd
}

func (a *app) scheduleResume() *cobra.Command {
	var note string
	cmd := a.scheduleCommand("resume", "Start runs again; those missed are not made up for", func(cmd *cobra.Command, s client.ScheduleHandle) error {
		return s.Unpause(cmd.Context(), client.ScheduleUnpauseOptions{Note: cmp.Or(note, "resumed by "+userName())})
	})
	cmd.Flags().StringVar(&note, "note", "", "why, for whoever looks at the schedule")
	return cmd
}

func (a *app) scheduleDelete() *cobra.Command {
	return &cobra.Command{
		Use:   "delete ID",
		Short: "Delete a schedule; runs under way go on",
		Args:  exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withSchedule(cmd.Context(), args[0], func(s client.ScheduleHandle) error {
				if err := s.Delete(cmd.Context()); err != nil {
					return fmt.Errorf("delete schedule %q: %w", args[0], err)
				}
				return a.print(map[string]string{"deleted": args[0]}, func(t table.Writer) {
					t.AppendRow(table.Row{"Deleted", args[0]})
				})
			})
		},
	}
}

func (a *app) scheduleList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the schedules of the namespace",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			temporal, _, err := a.temporal(cmd.Context())
			if err != nil {
				return err
			}
			defer temporal.Close()
			found, err := report.Read(cmd.Context(), func(ctx context.Context) ([]schedule, error) { return schedules(ctx, temporal) })
			if err != nil {
				return fmt.Errorf("list the schedules: %w", err)
			}
			return a.print(nonNil(found), func(t table.Writer) { fillSchedules(t, found) })
		},
	}
}

// withSchedule connects and hands a schedule over; one that is not there becomes an error that says so.
func (a *app) withSchedule(ctx context.Context, id string, do func(client.ScheduleHandle) error) error {
	temporal, _, err := a.temporal(ctx)
	if err != nil {
		return err
	}
	defer temporal.Close()
	err = do(temporal.ScheduleClient().GetHandle(ctx, id))
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return fmt.Errorf("there is no schedule %q; see: starter schedule list", id)
	}
	return err
}

// showSchedule prints what a schedule is and does.
func (a *app) showSchedule(ctx context.Context, s client.ScheduleHandle) error {
	described, err := report.Read(ctx, s.Describe)
	if err != nil {
		return fmt.Errorf("describe schedule %q: %w", s.GetID(), err)
	}
	doc := describeSchedule(s.GetID(), described, a.payloads)
	return a.print(doc, func(t table.Writer) { doc.fill(t) })
}
