package runbook

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAWindowIsWaitedForByTheClockOfItsPlace(t *testing.T) {
	t.Parallel()
	night := Timer{Window: "22:00-04:00", Days: "MON-FRI", TimeZone: "Asia/Shanghai"}
	for name, test := range map[string]struct {
		timer      Timer
		now, until string // the window's opening
	}{
		"in the afternoon, until the evening":             {night, "2026-12-01T15:00:00+08:00", "2026-12-01T22:00:00+08:00"},
		"at the opening":                                  {night, "2026-12-01T22:00:00+08:00", "2026-12-01T22:00:00+08:00"},
		"inside, before midnight":                         {night, "2026-12-01T23:59:59+08:00", "2026-12-01T22:00:00+08:00"},
		"inside, after midnight":                          {night, "2026-12-02T03:59:59+08:00", "2026-12-01T22:00:00+08:00"},
		"at the close":                                    {night, "2026-12-02T04:00:00+08:00", "2026-12-02T22:00:00+08:00"},
		"the day is that of the opening: Saturday 1 a.m.": {night, "2026-12-05T01:00:00+08:00", "2026-12-04T22:00:00+08:00"},
		"and not that of the close: Monday 1 a.m.":        {night, "2026-12-07T01:00:00+08:00", "2026-12-07T22:00:00+08:00"},
		"over the weekend":                                {night, "2026-12-05T04:00:00+08:00", "2026-12-07T22:00:00+08:00"},
		"wherever the worker is":                          {night, "2026-12-01T07:00:00Z", "2026-12-01T14:00:00Z"},
		"every day, where none is named":                  {Timer{Window: "09:00-17:00", TimeZone: "UTC"}, "2026-12-05T17:00:00Z", "2026-12-06T09:00:00Z"},
		"until midnight":                                  {Timer{Window: "00:00-24:00", Days: "SUN", TimeZone: "UTC"}, "2026-12-06T23:59:00Z", "2026-12-06T00:00:00Z"},
		"some days":                                       {Timer{Window: "09:00-17:00", Days: "SAT-SUN,WED", TimeZone: "UTC"}, "2026-12-07T10:00:00Z", "2026-12-09T09:00:00Z"},
		"days around the week's end":                      {Timer{Window: "09:00-17:00", Days: "FRI-MON", TimeZone: "UTC"}, "2026-12-07T18:00:00Z", "2026-12-11T09:00:00Z"},

		// On 29 March 2026 the clocks of Berlin go from 02:00 to 03:00, on 25 October from 03:00 to 02:00.
		"an opening that is left out is the next time there is": {Timer{Window: "02:30-05:00", TimeZone: "Europe/Berlin"},
			"2026-03-29T01:59:59+01:00", "2026-03-29T03:00:00+02:00"},
		"a close that is left out too": {Timer{Window: "01:00-02:30", TimeZone: "Europe/Berlin"},
			"2026-03-29T03:00:00+02:00", "2026-03-30T01:00:00+02:00"},
		"until then it is open": {Timer{Window: "01:00-02:30", TimeZone: "Europe/Berlin"},
			"2026-03-29T01:59:59+01:00", "2026-03-29T01:00:00+01:00"},
		"one that is left out as a whole does not open": {Timer{Window: "02:10-02:50", TimeZone: "Europe/Berlin"},
			"2026-03-29T01:00:00+01:00", "2026-03-30T02:10:00+02:00"},
		"an opening that is there twice is the first": {Timer{Window: "02:30-05:00", TimeZone: "Europe/Berlin"},
			"2026-10-25T02:00:00+02:00", "2026-10-25T02:30:00+02:00"},
		"after which it is open": {Timer{Window: "02:30-05:00", TimeZone: "Europe/Berlin"},
			"2026-10-25T02:10:00+01:00", "2026-10-25T02:30:00+02:00"},
		"a close that is there twice is the first": {Timer{Window: "01:00-02:30", TimeZone: "Europe/Berlin"},
			"2026-10-25T02:30:00+02:00", "2026-10-26T01:00:00+01:00"},
		"the same instant by the other half of the year": {Timer{Window: "22:00-04:00", TimeZone: "Europe/Berlin"},
			"2026-03-28T12:00:00+01:00", "2026-03-28T22:00:00+01:00"},
		"a close after the clocks went forward": {Timer{Window: "22:00-04:00", TimeZone: "Europe/Berlin"},
			"2026-03-29T01:59:00Z", "2026-03-28T22:00:00+01:00"},
		// In Santiago, that is at midnight: on 6 September 2026 the clocks go from 00:00 to 01:00, on 5 April they went back to 23:00.
		"midnight that is left out": {Timer{Window: "00:00-02:00", TimeZone: "America/Santiago"},
			"2026-09-05T23:59:00-04:00", "2026-09-06T01:00:00-03:00"},
		"the last hour of a day that is there twice": {Timer{Window: "23:30-01:00", Days: "SAT", TimeZone: "America/Santiago"},
			"2026-04-04T23:00:00-03:00", "2026-04-04T23:30:00-03:00"},
		"half an hour": {Timer{Window: "02:15-04:00", TimeZone: "Australia/Lord_Howe"},
			"2026-10-04T01:50:00+10:30", "2026-10-04T02:30:00+11:00"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, test.timer.faults("wait", true).Err())
			now, until := at3339(t, test.now), at3339(t, test.until)
			require.WithinDuration(t, until, test.timer.Over(now), 0)
		})
	}
}

func at3339(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return at
}

func TestAWaitIsAWhileATimeOrAWindow(t *testing.T) {
	t.Parallel()
	now := at3339(t, "2026-12-01T15:00:00+08:00")
	for text, want := range map[string]struct{ over, name string }{
		"10m":                                {"2026-12-01T15:10:00+08:00", "10m"},
		"{until: 2026-12-01T22:00:00+08:00}": {"2026-12-01T22:00:00+08:00", "until 2026-12-01T22:00:00+08:00"},
		"{until: '2026-11-30T22:00:00Z'}":    {"2026-11-30T22:00:00Z", "until 2026-11-30T22:00:00Z"},
		"{window: 22:00-04:00, days: MON-FRI, timeZone: Asia/Shanghai}": {"2026-12-01T22:00:00+08:00", "window 22:00-04:00 MON-FRI Asia/Shanghai"},
		"{window: '${{ vars.window }}', timeZone: '${{ vars.zone }}'}":  {"2026-12-01T16:30:00+08:00", "window 08:30-09:00 Etc/UTC"},
		"{until: '${{ vars.start }}'}":                                  {"2027-01-01T00:00:00Z", "until 2027-01-01T00:00:00Z"},
	} {
		document := parse(t, "name: r\nvars: {window: '08:30-09:00', zone: Etc/UTC, start: '2027-01-01T00:00:00Z'}\nsteps: [{id: night, wait: "+text+"}]")
		program, err := document.Compile()
		require.NoError(t, err, text)
		timer, err := program.Timer(0, Scope{Vars: document.Vars})
		require.NoError(t, err, text)
		require.WithinDuration(t, at3339(t, want.over), timer.Over(now), 0, text)
		require.Equal(t, want.name, timer.String())
	}
}

func TestWhatAWaitIsGivenByExpressionsIsCheckedToo(t *testing.T) {
	t.Parallel()
	document := New("r", Vars{"at": "tonight", "zone": "Mars/Base", "odd": "$${{"},
		WaitFor("a", Timer{Until: "${{ vars.at }}"}), WaitFor("b", Timer{Window: "22:00-04:00", Days: "${{ vars.at }}", TimeZone: "${{ vars.zone }}"}),
		WaitFor("c", Timer{Until: "${{ vars.odd }}"}))
	program, err := document.Compile()
	require.NoError(t, err)
	for step, want := range [][]string{
		{`steps[0].wait.until: must be a time such as 2026-12-01T22:00:00+08:00, got "tonight"`},
		{`steps[1].wait.days: must be days such as MON-FRI or SAT,SUN, got "tonight"`, `steps[1].wait.timeZone: there is no time zone "Mars/Base"`},
		{`steps[2].wait.until: must be a time such as 2026-12-01T22:00:00+08:00, got "$${{"`},
	} {
		_, err := program.Timer(step, Scope{Vars: document.Vars})
		require.Equal(t, want, problems(err))
	}
}
