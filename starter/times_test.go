package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

func TestTimesAreReadAsTheServerReadsThem(t *testing.T) {
	t.Parallel()
	for text, expected := range map[string]string{
		"30 2 * * MON-FRI":          "30 2 * * MON-FRI",
		" */15  8-18/2 1,15 jan * ": "*/15 8-18/2 1,15 jan *",
		"  @daily ":                 "@daily",
	} {
		var read times
		require.NoError(t, read.addCron(text), text)
		require.Equal(t, []string{expected}, read.CronExpressions, text)
	}
	var read times
	require.NoError(t, read.addInterval("1h"))
	require.NoError(t, read.addInterval("24h@90m"))
	require.Equal(t, []client.ScheduleIntervalSpec{{Every: time.Hour}, {Every: 24 * time.Hour, Offset: 90 * time.Minute}}, read.Intervals)
}

func TestWrongTimesAreRefusedWithWhatIsWanted(t *testing.T) {
	t.Parallel()
	var read times
	for _, test := range []struct {
		add        func(string) error
		text, want string
	}{
		{read.addCron, "", "must be 5 fields"},
		{read.addCron, "1 2 3 4", "got 4 fields"},
		{read.addCron, "0 0 2 * * *", "other programs read six with the seconds in front, Temporal with the year behind"},
		{read.addCron, "1 2 3 4 5 2030 7", "got 7 fields"},
		{read.addCron, "@every 1h", "must be 5 fields"},
		{read.addCron, "TZ=UTC 0 2 * * *", "must be 5 fields"},
		{read.addCron, "0 0 1,15 * MON", "give --cron twice for either"},
		{read.addInterval, "1d", "must be a duration such as 1h"},
		{read.addInterval, "1h@", "must be a duration such as 1h"},
		{read.addInterval, "-1h", "must be whole seconds, at least one"},
		{read.addInterval, "1500ms", "must be whole seconds"},
		{read.addInterval, "1h@1h", "less than the interval"},
		{read.addInterval, "1h@-1m", "less than the interval"},
	} {
		require.ErrorContains(t, test.add(test.text), test.want, test.text)
	}
}

func TestTimesAreShownAsTheFlagsTakeThem(t *testing.T) {
	t.Parallel()
	value := func(n int) []client.ScheduleRange { return []client.ScheduleRange{{Start: n}} }
	all := func(least, most int) []client.ScheduleRange { return []client.ScheduleRange{{Start: least, End: most}} }
	spec := &client.ScheduleSpec{
		Intervals: []client.ScheduleIntervalSpec{{Every: time.Hour}, {Every: 2 * time.Hour, Offset: time.Minute}},
		Calendars: []client.ScheduleCalendarSpec{
			{Second: value(0), Minute: value(0), Hour: value(0), DayOfMonth: all(1, 31), Month: all(1, 12), DayOfWeek: all(0, 6)},
			{Second: value(5), Minute: []client.ScheduleRange{{End: 59, Step: 15}}, Hour: []client.ScheduleRange{{Start: 9, End: 17, Step: 2}, {Start: 20}},
				DayOfMonth: all(1, 31), Month: value(3), DayOfWeek: all(1, 5), Year: value(2030)},
		},
	}
	require.Equal(t, []string{
		"every 1h0m0s", "every 2h0m0s@1m0s", "0 0 * * *",
		"*/15 9-17/2,20 * 3 1-5, at second 5, in the year 2030",
	}, describeTimes(spec))
}
