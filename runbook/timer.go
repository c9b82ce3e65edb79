package runbook

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dpaflow/dpaflow/internal/zones"
)

// Timer is what a step waits for: that some time has passed, that a time has come, or that a window is open. In JSON it is a
// duration such as "10m", {"until": …}, or {"window": …, "days": …, "timeZone": …}. Expressions in its strings are replaced.
type Timer struct {
	// For is how long.
	For Duration `json:"-"`
	// Until is a time such as 2026-12-01T22:00:00+08:00; one that has passed is not waited for.
	Until string `json:"until,omitempty"`
	// Window is when it opens and closes each day, such as 22:00-04:00; inside it there is no wait.
	Window string `json:"window,omitempty"`
	// Days are those on which the window opens, such as MON-FRI or SAT,SUN; every day if empty.
	Days string `json:"days,omitempty"`
	// TimeZone is where the window's clock is, such as Asia/Shanghai.
	TimeZone string `json:"timeZone,omitempty"`
}

// MarshalJSON writes a duration alone.
func (t Timer) MarshalJSON() ([]byte, error) {
	if t.For != 0 {
		return json.Marshal(t.For)
	}
	type object Timer
	return json.Marshal(object(t))
}

// UnmarshalJSON reads a duration, or an object.
func (t *Timer) UnmarshalJSON(data []byte) error {
	if data[0] != '{' {
		return t.For.UnmarshalJSON(data)
	}
	type object Timer
	return decodeJSON(data, (*object)(t))
}

// String is the timer for people: 10m, or window 22:00-04:00 MON-FRI Asia/Shanghai.
func (t Timer) String() string {
	switch {
	case t.For != 0:
		return t.For.String()
	case t.Until != "":
		return "until " + t.Until
	}
	return strings.Join(strings.Fields("window "+t.Window+" "+t.Days+" "+t.TimeZone), " ")
}

// Over returns when a wait that begins now is over, which is not after now where there is nothing to wait for. A time of a
// window that the clocks leave out is the next that they show, and of one that they show twice it is the first. The timer
// must be one that Program.Timer gave, or that Validate found nothing wrong with and that has no expressions.
func (t Timer) Over(now time.Time) time.Time {
	switch {
	case t.For != 0:
		return now.Add(time.Duration(t.For))
	case t.Until != "":
		until, _ := time.Parse(time.RFC3339, t.Until)
		return until
	}
	window, _ := t.window("", true)
	return window.next(now)
}

// faults are what is wrong with a timer; where it is not rendered, but for expressions.
func (t Timer) faults(path string, rendered bool) (faults Faults) {
	given := 0
	for _, there := range []bool{t.For != 0, t.Until != "", t.Window != ""} {
		if there {
			given++
		}
	}
	known := func(text string) bool { return rendered || !strings.Contains(text, opening) }
	switch {
	case t.For < 0:
		faults.add(path, "must be more than zero, got %s", t.For)
	case given != 1:
		faults.add(path, "must be a duration such as 10m, or have exactly one of until and window")
	case t.Window == "" && t.Days+t.TimeZone != "":
		faults.add(path, "days and timeZone are only for a window")
	case t.Until != "" && known(t.Until):
		if _, err := time.Parse(time.RFC3339, t.Until); err != nil {
			faults.add(join(path, "until"), "must be a time such as 2026-12-01T22:00:00+08:00, got %q", clip(t.Until))
		}
	case t.Window != "":
		_, faults = t.window(path, rendered)
	}
	return faults
}

// window is a timer's that is open a part of some days.
type window struct {
	opens, closes int // minutes of the day; closes may be of the next one
	days          [7]bool
	zone          *time.Location
}

var windowForm = regexp.MustCompile(`^([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|(24):(00))$`)

func (t Timer) window(path string, rendered bool) (w window, faults Faults) {
	known := func(text string) bool { return rendered || !strings.Contains(text, opening) }
	if known(t.Window) {
		form := windowForm.FindStringSubmatch(t.Window)
		if form == nil || t.Window[:5] == t.Window[6:] {
			faults.add(join(path, "window"), "must be two times of day such as 22:00-04:00, got %q", clip(t.Window))
		} else if w.opens, w.closes = minutes(form[1], form[2]), minutes(form[3]+form[5], form[4]+form[6]); w.closes < w.opens {
			w.closes += 24 * 60
		}
	}
	if known(t.Days) {
		var ok bool
		if w.days, ok = daysOf(t.Days); !ok {
			faults.add(join(path, "days"), "must be days such as MON-FRI or SAT,SUN, got %q", clip(t.Days))
		}
	}
	var err error
	switch {
	case t.TimeZone == "":
		faults.add(path, "timeZone is missing: name the place whose clock counts, such as Asia/Shanghai")
	case known(t.TimeZone):
		w.zone, err = zones.Load(t.TimeZone)
		faults.Add(join(path, "timeZone"), err)
	}
	return w, faults
}

func minutes(hours, minutes string) int {
	h, _ := strconv.Atoi(hours)
	m, _ := strconv.Atoi(minutes)
	return h*60 + m
}

var dayNames = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}

// daysOf reads MON, SAT,SUN and FRI-MON; nothing is every day.
func daysOf(text string) (days [7]bool, ok bool) {
	if text == "" {
		text = "MON-SUN"
	}
	for part := range strings.SplitSeq(text, ",") {
		from, to, _ := strings.Cut(strings.TrimSpace(part), "-")
		if !strings.Contains(part, "-") {
			to = from
		}
		first, last := slices.Index(dayNames, from), slices.Index(dayNames, to)
		if first < 0 || last < 0 {
			return days, false
		}
		for day := first; ; day = (day + 1) % 7 {
			days[day] = true
			if day == last {
				break
			}
		}
	}
	return days, true
}

// next returns when the window opens that is open now, or else the next one.
func (w window) next(now time.Time) time.Time {
	year, month, today := now.In(w.zone).Date()
	for day := today - 1; ; day++ { // yesterday's may still be open
		opens, closes := w.at(year, month, day, w.opens), w.at(year, month, day, w.closes)
		on := w.days[time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Weekday()]
		if on && now.Before(closes) && opens.Before(closes) { // it may be left out as a whole
			return opens
		}
	}
}

// at returns when the clocks show a time of a day for the first time, or the next time that they show.
func (w window) at(year int, month time.Month, day, minutes int) (first time.Time) {
	shown := time.Date(year, month, day, 0, minutes, 0, 0, time.UTC)
	before := offset(shown.Add(-24*time.Hour), w.zone)
	for _, seconds := range []int{before, offset(shown.Add(24*time.Hour), w.zone)} {
		at := shown.Add(-time.Duration(seconds) * time.Second)
		if offset(at, w.zone) == seconds && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	if first.IsZero() { // the clocks were put forward over it
		first, _ = shown.Add(-time.Duration(before) * time.Second).In(w.zone).ZoneBounds()
	}
	return first.UTC()
}

func offset(at time.Time, zone *time.Location) int {
	_, seconds := at.In(zone).Zone()
	return seconds
}

func (t Timer) withTexts(path string, visit func(path, text string) string) Timer {
	for _, of := range []struct {
		field string
		text  *string
	}{{"until", &t.Until}, {"window", &t.Window}, {"days", &t.Days}, {"timeZone", &t.TimeZone}} {
		*of.text = visit(join(path, of.field), *of.text)
	}
	return t
}
