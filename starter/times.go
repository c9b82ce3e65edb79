package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a machine without time zones must not refuse them

	"go.temporal.io/sdk/client"
)

// field is one field of a calendar.
type field struct {
	name        string
	least, most int
	otherwise   string   // its value in a calendar that does not name it
	names       []string // of its values, from least on
	of          func(client.ScheduleCalendarSpec) []client.ScheduleRange
}

// fields are those of a cron expression of seven fields, in its order.
var fields = []field{
	{"second", 0, 59, "0", nil, func(c client.ScheduleCalendarSpec) []client.ScheduleRange { return c.Second }},
	{"minute", 0, 59, "0", nil, func(c client.ScheduleCalendarSpec) []client.ScheduleRange { return c.Minute }},
	{"hour", 0, 23, "0", nil, func(c client.ScheduleCalendarSpec) []client.ScheduleRange { return c.Hour }},
	{"dayOfMonth", 1, 31, "*", nil, func(c client.ScheduleCalendarSpec) []client.ScheduleRange { return c.DayOfMonth }},
	{"month", 1, 12, "*", strings.Fields("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"),
		func(c client.ScheduleCalendarSpec) []client.ScheduleRange { return c.Month }},
	{"dayOfWeek", 0, 7, "*", strings.Fields("SUN MON TUE WED THU FRI SAT"), // 7 is Sunday too
		func(c client.ScheduleCalendarSpec) []client.ScheduleRange { return c.DayOfWeek }},
	{"year", 2000, 2100, "*", nil, func(c client.ScheduleCalendarSpec) []client.ScheduleRange { return c.Year }},
}

// shorthands stand for a whole cron expression.
var shorthands = []string{"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}

// times gathers the flags that say when a schedule starts its runs. What it takes, the server takes.
type times struct{ client.ScheduleSpec }

func (t *times) addCron(text string) error {
	values := strings.Fields(text)
	if len(values) == 1 && slices.Contains(shorthands, values[0]) {
		t.CronExpressions = append(t.CronExpressions, values[0])
		return nil
	}
	first := 1 // without seconds
	if len(values) == len(fields) {
		first = 0
	}
	if len(values) < 5 || len(values) > len(fields) {
		return errors.New("wants 5 fields (minute hour day-of-month month day-of-week), 6 with the year behind, 7 with seconds in front, or a word such as @daily")
	}
	var faults []error
	for i, value := range values {
		faults = append(faults, fields[first+i].check(value))
	}
	t.CronExpressions = append(t.CronExpressions, strings.Join(values, " "))
	return errors.Join(faults...)
}

// addCalendar reads texts such as hour=2,minute=30,dayOfWeek=MON,FRI. The server turns cron
// expressions into calendars; that way it reads both alike.
func (t *times) addCalendar(text string) error {
	values := map[string]string{}
	last := ""
	var faults []error
	for part := range strings.SplitSeq(text, ",") {
		name, value, named := strings.Cut(strings.TrimSpace(part), "=")
		_, twice := values[name]
		switch {
		case !named && last == "":
			return errors.New("wants fields such as hour=2,minute=30,dayOfWeek=MON-FRI")
		case !named: // one more value of the field before
			values[last] += "," + name
			continue
		case twice:
			faults = append(faults, fmt.Errorf("%s is given twice", name))
		case !slices.ContainsFunc(fields, func(f field) bool { return f.name == name }):
			faults = append(faults, fmt.Errorf("there is no field %q; there are second, minute, hour, dayOfMonth, month, dayOfWeek and year", name))
		}
		values[name], last = value, name
	}
	cron := make([]string, len(fields))
	for i, f := range fields {
		cron[i] = f.otherwise
		if value, given := values[f.name]; given {
			cron[i] = value
			faults = append(faults, f.check(value))
		}
	}
	t.CronExpressions = append(t.CronExpressions, strings.Join(cron, " "))
	return errors.Join(faults...)
}

// check refuses what is not a list of values, ranges and steps, such as 1-5/2,10.
func (f field) check(text string) error {
	for part := range strings.SplitSeq(text, ",") {
		span, step, stepped := strings.Cut(part, "/")
		if n, err := strconv.Atoi(step); stepped && (err != nil || n < 1) {
			return fmt.Errorf("%s wants a step of 1 or more behind the /, got %q", f.name, part)
		}
		if span == "*" {
			continue
		}
		from, to, ranged := strings.Cut(span, "-")
		low, err := f.value(from)
		high := low
		if err == nil && ranged {
			high, err = f.value(to)
		}
		switch {
		case err != nil:
			return err
		case high < low:
			return fmt.Errorf("%s wants ranges from low to high, got %q", f.name, part)
		}
	}
	return nil
}

func (f field) value(text string) (int, error) {
	if i := slices.Index(f.names, strings.ToUpper(text)); i >= 0 {
		return f.least + i, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < f.least || n > f.most {
		names := ""
		if len(f.names) > 0 {
			names = ", " + f.names[0] + "-" + f.names[len(f.names)-1]
		}
		return 0, fmt.Errorf("%s wants %d-%d%s, got %q", f.name, f.least, f.most, names, text)
	}
	return n, nil
}

// addInterval reads texts such as 1h and 1h@15m.
func (t *times) addInterval(text string) error {
	every, offset, given := strings.Cut(text, "@")
	var interval client.ScheduleIntervalSpec
	var err error
	if interval.Every, err = time.ParseDuration(every); err == nil && given {
		interval.Offset, err = time.ParseDuration(offset)
	}
	switch {
	case err != nil:
		return errors.New("wants a duration such as 1h, or with an offset such as 1h@15m")
	case interval.Every < time.Second || interval.Every%time.Second != 0 || interval.Offset%time.Second != 0:
		return errors.New("wants whole seconds, at least one")
	case interval.Offset < 0 || interval.Offset >= interval.Every:
		return errors.New("wants an offset from 0 to less than the interval")
	}
	t.Intervals = append(t.Intervals, interval)
	return nil
}

func (t *times) setZone(name string) error {
	if _, err := time.LoadLocation(name); err != nil || name == "" || name == "Local" {
		return errors.New("wants the name of a time zone such as Asia/Shanghai")
	}
	t.TimeZoneName = name
	return nil
}

// describeTimes writes the times of a schedule as the flags --every and --calendar take them.
func describeTimes(spec *client.ScheduleSpec) (texts []string) {
	for _, interval := range spec.Intervals {
		text := "every " + interval.Every.String()
		if interval.Offset > 0 {
			text += "@" + interval.Offset.String()
		}
		texts = append(texts, text)
	}
	for _, calendar := range spec.Calendars {
		var parts []string
		for _, f := range fields {
			value := f.describe(f.of(calendar))
			if f.name == "hour" || f.name == "minute" || value != f.otherwise {
				parts = append(parts, f.name+"="+value)
			}
		}
		texts = append(texts, strings.Join(parts, ","))
	}
	return texts
}

func (f field) describe(ranges []client.ScheduleRange) string {
	var parts []string
	for _, r := range ranges {
		text := strconv.Itoa(r.Start)
		switch {
		case r.Start == f.least && (r.End == f.most || f.name == "dayOfWeek" && r.End == 6):
			text = "*"
		case r.End > r.Start:
			text += "-" + strconv.Itoa(r.End)
		}
		if r.Step > 1 {
			text += "/" + strconv.Itoa(r.Step)
		}
		parts = append(parts, text)
	}
	if parts == nil {
		return "*" // of years only: the other fields always have a range
	}
	return strings.Join(parts, ",")
}
