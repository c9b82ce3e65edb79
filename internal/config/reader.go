package config

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// reader takes variables one by one and gathers what is wrong with them.
type reader struct {
	lookup  Lookup
	faults  []string
	secrets map[string]string // each with the variable that it is from
}

func (r *reader) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

// mustBe reports a value that cannot be used, and shows it: not for secrets.
func (r *reader) mustBe(name, what, got string) {
	const most = 60
	if len(got) > most {
		got = got[:most] + "…"
	}
	r.fault("%s: must be %s, got %q", name, what, got)
}

func (r *reader) err() error {
	if len(r.faults) == 0 {
		return nil
	}
	return errors.New("configuration: " + strings.Join(r.faults, "; "))
}

// optional takes an empty variable for one that is not set: that is how
// compose files and shells pass on what they do not have.
func (r *reader) optional(name string) string {
	value, _ := r.lookup(name)
	return value
}

func (r *reader) text(name, otherwise string) string {
	if value := r.optional(name); value != "" {
		return value
	}
	return otherwise
}

// oneOf reads a word; the first is the default.
func (r *reader) oneOf(name string, words ...string) string {
	value := r.text(name, words[0])
	if !slices.Contains(words, value) {
		r.mustBe(name, strings.Join(words, " or "), value)
	}
	return value
}

func (r *reader) required(name string) string {
	value := r.optional(name)
	if value == "" {
		r.fault("%s is not set", name)
	}
	return value
}

func (r *reader) boolean(name string) bool {
	value := r.optional(name)
	if value == "" {
		return false
	}
	parsed, err := strconv.ParseBool(value)
	if err != nil {
		r.mustBe(name, "true or false", value)
	}
	return parsed
}

func (r *reader) duration(name string, otherwise time.Duration) time.Duration {
	value := r.optional(name)
	if value == "" {
		return otherwise
	}
	parsed, err := time.ParseDuration(value)
	if err != nil || parsed <= 0 {
		r.mustBe(name, "a duration such as 30s", value)
	}
	return parsed
}

// rate reads a ceiling in requests per second; 0 when it is not set.
func (r *reader) rate(name string) float64 {
	value := r.optional(name)
	if value == "" {
		return 0
	}
	parsed, err := strconv.ParseFloat(value, 64)
	if err != nil || !(parsed > 0 && parsed <= math.MaxInt32) {
		r.mustBe(name, "a number of requests per second above 0, and not above 2147483647", value)
	}
	return parsed
}

func (r *reader) level(name string, otherwise slog.Level) slog.Level {
	value := r.optional(name)
	if value == "" {
		return otherwise
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(value)); err != nil {
		r.mustBe(name, "debug, info, warn or error", value)
	}
	return level
}

// listen reads an address to listen on; the host may be empty for all.
func (r *reader) listen(name, otherwise string) string {
	value := r.text(name, otherwise)
	_, port, err := net.SplitHostPort(value)
	if number, numErr := strconv.ParseUint(port, 10, 16); err != nil || numErr != nil || number > 65535 {
		r.mustBe(name, "host:port such as 127.0.0.1:8080", value)
	}
	return value
}

func (r *reader) folder(name string) string {
	value := r.optional(name)
	if value == "" {
		return ""
	}
	if info, err := os.Stat(value); err != nil || !info.IsDir() {
		r.mustBe(name, "a folder that is there", value)
	}
	return value
}

// file reads the name of a file, whose content somebody else checks.
func (r *reader) file(name string) string {
	value := r.optional(name)
	if value == "" {
		return ""
	}
	if _, err := readFile(value); err != nil {
		r.mustBe(name, fmt.Sprintf("a file that can be read (%v)", err), value)
	}
	return value
}
