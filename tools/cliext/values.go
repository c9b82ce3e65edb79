package cliext

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FlagDuration is a flag's duration: Go's notation, with days ("2d", "1d12h")
// as well.
type FlagDuration time.Duration

// ParseFlagDuration reads a duration as flags take it.
func ParseFlagDuration(s string) (time.Duration, error) {
	days, rest, found := strings.Cut(s, "d")
	if !found {
		return time.ParseDuration(s)
	}
	n, err := strconv.ParseUint(days, 10, 16) // 65535 days are within a time.Duration
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration such as 30s, 24h or 2d", s)
	}
	whole := time.Duration(n) * 24 * time.Hour
	if rest == "" {
		return whole, nil
	}
	part, err := time.ParseDuration(rest)
	if err != nil || part < 0 {
		return 0, fmt.Errorf("%q is not a duration such as 30s, 24h or 2d", s)
	}
	return whole + part, nil
}

// MustParseFlagDuration is ParseFlagDuration for a flag's default.
func MustParseFlagDuration(s string) FlagDuration {
	d, err := ParseFlagDuration(s)
	if err != nil {
		panic(err)
	}
	return FlagDuration(d)
}

// Duration returns the flag's value.
func (d FlagDuration) Duration() time.Duration { return time.Duration(d) }

// String returns the duration in Go's notation.
func (d *FlagDuration) String() string { return d.Duration().String() }

// Set reads the flag.
func (d *FlagDuration) Set(s string) error {
	parsed, err := ParseFlagDuration(s)
	if err != nil {
		return err
	}
	*d = FlagDuration(parsed)
	return nil
}

// Type names the kind of value in a command's help.
func (*FlagDuration) Type() string { return "duration" }

// FlagTimestamp is a flag's point in time, by RFC 3339.
type FlagTimestamp time.Time

// Time returns the flag's value.
func (t FlagTimestamp) Time() time.Time { return time.Time(t) }

// String returns the time by RFC 3339, or nothing if there is none.
func (t *FlagTimestamp) String() string {
	if t.Time().IsZero() {
		return ""
	}
	return t.Time().Format(time.RFC3339)
}

// Set reads the flag.
func (t *FlagTimestamp) Set(s string) error {
	parsed, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return fmt.Errorf("%q is not a time such as 2006-01-02T15:04:05Z", s)
	}
	*t = FlagTimestamp(parsed)
	return nil
}

// Type names the kind of value in a command's help.
func (*FlagTimestamp) Type() string { return "timestamp" }

// FlagStringEnum is a flag that takes one of a few words.
type FlagStringEnum struct {
	Allowed            []string
	Value              string
	ChangedFromDefault bool
}

// NewFlagStringEnum makes the flag, with the value that it has if not given.
func NewFlagStringEnum(allowed []string, value string) FlagStringEnum {
	return FlagStringEnum{Allowed: allowed, Value: value}
}

func (e *FlagStringEnum) String() string { return e.Value }

// Set takes one of the words, whatever its case.
func (e *FlagStringEnum) Set(s string) error {
	word, err := among(e.Allowed, s)
	if err != nil {
		return err
	}
	e.Value, e.ChangedFromDefault = word, true
	return nil
}

// Type names the kind of value in a command's help.
func (*FlagStringEnum) Type() string { return "string" }

// FlagStringEnumArray is a flag that takes one of a few words, and may be
// given several times.
type FlagStringEnumArray struct {
	Allowed []string
	Values  []string
}

// NewFlagStringEnumArray makes the flag, with the values that it has if not given.
func NewFlagStringEnumArray(allowed, values []string) FlagStringEnumArray {
	return FlagStringEnumArray{Allowed: allowed, Values: values}
}

func (e *FlagStringEnumArray) String() string { return strings.Join(e.Values, ",") }

// Set adds one of the words, whatever its case.
func (e *FlagStringEnumArray) Set(s string) error {
	word, err := among(e.Allowed, s)
	if err != nil {
		return err
	}
	e.Values = append(e.Values, word)
	return nil
}

// Type names the kind of value in a command's help.
func (*FlagStringEnumArray) Type() string { return "string" }

func among(allowed []string, s string) (string, error) {
	i := slices.IndexFunc(allowed, func(word string) bool { return strings.EqualFold(word, s) })
	if i < 0 {
		return "", fmt.Errorf("%q is none of: %s", s, strings.Join(allowed, ", "))
	}
	return allowed[i], nil
}
