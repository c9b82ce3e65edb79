package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

func TestTimesAreReadAsTheServerReadsThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"30 2 * * MON-FRI":         "30 2 * * MON-FRI",
		"*/15 8-18/2 1,15 jan *":   "*/15 8-18/2 1,15 jan *",
		"0 0 1 1 * 2030":           "0 0 1 1 * 2030",
		"*/5 0 2 * * 7 2030-2040":  "*/5 0 2 * * 7 2030-2040",
		"  @daily ":                "@daily",
		"hour=2,minute=30":         "0 30 2 * * * *",
		"dayOfWeek=MON,WED,hour=9": "0 0 9 * * MON,WED *",
		"dayOfWeek=MON-FRI, hour=9-17/4, second=*/30, year=2030": "*/30 0 9-17/4 * * MON-FRI 2030",
	} {
		var read times
		add := read.addCron
		if strings.Contains(text, "=") {
			add = read.addCalendar
		}
		require.NoError(t, add(text), text)
		require.Equal(t, []string{want}, read.CronExpressions, text)
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
		{read.addCron, "", "wants 5 fields"},
		{read.addCron, "1 2 3 4", "wants 5 fields"},
		{read.addCron, "1 2 3 4 5 2030 7 8", "wants 5 fields"},
		{read.addCron, "@every 1h", "wants 5 fields"},
		{read.addCron, "TZ=UTC 0 2 * * *", `minute wants 0-59, got "TZ=UTC"`},
		{read.addCron, "60 24 0 13 8", "minute wants 0-59, got \"60\"\nhour wants 0-23, got \"24\"\ndayOfMonth wants 1-31"},
		{read.addCron, "0 0 * * FRI-MON", `dayOfWeek wants ranges from low to high, got "FRI-MON"`},
		{read.addCron, "0 0 * FEBRUARY *", `month wants 1-12, JAN-DEC, got "FEBRUARY"`},
		{read.addCron, "*/0 * * * *", "minute wants a step of 1 or more"},
		{read.addCron, "5/ * * * *", "minute wants a step of 1 or more"},
		{read.addCron, "1- * * * *", "minute wants 0-59"},
		{read.addCron, "1,,2 * * * *", "minute wants 0-59"},
		{read.addCron, "0 0 1 1 * 1999", "year wants 2000-2100"},
		{read.addCalendar, "", "wants fields such as"},
		{read.addCalendar, "2,hour=3", "wants fields such as"},
		{read.addCalendar, "hour=", `hour wants 0-23, got ""`},
		{read.addCalendar, "hour=2,hour=3", "hour is given twice"},
		{read.addCalendar, "Hour=2", `there is no field "Hour"`},
		{read.addCalendar, "hour=2 3", "hour wants 0-23"},
		{read.addInterval, "1d", "wants a duration such as 1h"},
		{read.addInterval, "1h@", "wants a duration such as 1h"},
		{read.addInterval, "-1h", "wants whole seconds, at least one"},
		{read.addInterval, "1500ms", "wants whole seconds"},
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
		"every 1h0m0s", "every 2h0m0s@1m0s", "minute=0,hour=0",
		"second=5,minute=*/15,hour=9-17/2,20,month=3,dayOfWeek=1-5,year=2030",
	}, describeTimes(spec))
}

func FuzzACalendarThatIsTakenIsACronExpression(f *testing.F) {
	for _, seed := range []string{"hour=2", "dayOfWeek=MON,7,hour=*/2", "year=2030,,", "=", "hour=+5"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var calendar, cron times
		if calendar.addCalendar(text) != nil {
			return
		}
		require.NoError(t, cron.addCron(calendar.CronExpressions[0]))
		require.Equal(t, calendar.CronExpressions, cron.CronExpressions)
	})
}
