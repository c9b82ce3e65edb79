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

// shorthands stand for a whole cron expression.
var shorthands = []string{"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}

// times gathers the flags that say when a schedule starts its runs.
type times struct{ client.ScheduleSpec }

// addCron takes what means the same to Temporal as to everybody else; the server checks the fields.
func (t *times) addCron(text string) error {
	values := strings.Fields(text)
	if len(values) == 1 && slices.Contains(shorthands, values[0]) {
		t.CronExpressions = append(t.CronExpressions, values[0])
		return nil
	}
	anyDay := func(value string) bool { return value == "*" || value == "?" }
	switch {
	case len(values) == 6:
		return errors.New("must be 5 fields (minute hour day-of-month month day-of-week), got 6: " +
			"other programs read six with the seconds in front, Temporal with the year behind")
	case len(values) != 5:
		return fmt.Errorf("must be 5 fields (minute hour day-of-month month day-of-week) or a word such as @daily, got %d fields", len(values))
	case !anyDay(values[2]) && !anyDay(values[4]):
		return errors.New("must not name both days of the month and days of the week: " +
			"cron starts on days that are either, Temporal only on days that are both; give --cron twice for either")
	}
	t.CronExpressions = append(t.CronExpressions, strings.Join(values, " "))
	return nil
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
		return errors.New("must be a duration such as 1h, or with an offset such as 1h@15m")
	case interval.Every < time.Second || interval.Every%time.Second != 0 || interval.Offset%time.Second != 0:
		return errors.New("must be whole seconds, at least one")
	case interval.Offset < 0 || interval.Offset >= interval.Every:
		return errors.New("must have an offset from 0 to less than the interval")
	}
	t.Intervals = append(t.Intervals, interval)
	return nil
}

func (t *times) setZone(name string) error {
	if _, err := time.LoadLocation(name); err != nil || name == "" || name == "Local" {
		return errors.New("must be the name of a time zone such as Asia/Shanghai")
	}
	t.TimeZoneName = name
	return nil
}

// describeTimes writes the times of a schedule, whoever made it: intervals as --every takes them, and calendars, which the
// server makes of cron expressions too, as --cron does as far as that goes.
func describeTimes(spec *client.ScheduleSpec) (texts []string) {
	for _, interval := range spec.Intervals {
		text := "every " + interval.Every.String()
		if interval.Offset > 0 {
			text += "@" + interval.Offset.String()
		}
		texts = append(texts, text)
	}
	for _, c := range spec.Calendars {
		text := strings.Join([]string{
			ranges(c.Minute, 0, 59), ranges(c.Hour, 0, 23), ranges(c.DayOfMonth, 1, 31), ranges(c.Month, 1, 12), ranges(c.DayOfWeek, 0, 6),
		}, " ")
		if second := ranges(c.Second, 0, 59); second != "0" {
			text += ", at second " + second
		}
		if year := ranges(c.Year, 0, 0); year != "*" {
			text += ", in the year " + year
		}
		texts = append(texts, text)
	}
	return texts
}

// ranges writes the values of a field, * for all from least to most.
func ranges(values []client.ScheduleRange, least, most int) string {
	var parts []string
	for _, r := range values {
		text := strconv.Itoa(r.Start)
		switch {
		case r.Start == least && r.End >= most && most > 0:
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
