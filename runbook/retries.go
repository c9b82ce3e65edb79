package runbook

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

const (
	// MaxRetries is how often a step may be triggered afresh after failures.
	MaxRetries = 100
	// MaxRounds is how often a step with Until may be triggered.
	MaxRounds = 200

	maxPause   = Duration(24 * time.Hour)
	maxBackoff = 10
)

// Retries say how often, and after which pauses, a plan or model that definitely failed is triggered afresh. In
// JSON it is a number, or an object such as {"max": 2, "pause": "30s", "backoff": 2}.
type Retries struct {
	// Max is how often.
	Max int `json:"max"`
	// Pause is how long to wait before the first; none if 0.
	Pause Duration `json:"pause,omitzero"`
	// Backoff is how many times as long each pause is as the one before; 1 if 0. No pause is longer than 24h.
	Backoff float64 `json:"backoff,omitempty"`
}

// After returns the pause before the retry of that number, from 1.
func (r Retries) After(retry int) Duration {
	pause := float64(r.Pause)
	if r.Backoff > 0 {
		pause *= math.Pow(r.Backoff, float64(retry-1))
	}
	return Duration(min(pause, float64(maxPause)))
}

// MarshalJSON writes the number alone where there is no pause.
func (r Retries) MarshalJSON() ([]byte, error) {
	if r.Pause == 0 && r.Backoff == 0 {
		return json.Marshal(r.Max)
	}
	type object Retries
	return json.Marshal(object(r))
}

// UnmarshalJSON reads a number or an object.
func (r *Retries) UnmarshalJSON(data []byte) error {
	if data[0] == '{' {
		type object Retries
		var retries object
		err := decodeJSON(data, &retries)
		*r = Retries(retries)
		return err
	}
	var retries int
	if json.Unmarshal(data, &retries) != nil || string(data) == "null" {
		return fmt.Errorf("must be a whole number or an object, got %s", clip(string(data)))
	}
	*r = Retries{Max: retries}
	return nil
}

func (v *validator) retries(s *Step, path string) {
	at, r := join(path, "retries"), s.Retries
	if r.Pause != 0 || r.Backoff != 0 {
		at = join(at, "max")
		if r.Max == 0 {
			v.missing(join(path, "retries"), []string{"", "max"}, "max is missing: say how often to try again")
		}
	}
	v.atLeast(at, r.Max, 0)
	if r.Max > MaxRetries {
		v.faults.add(at, "must be at most %d, got %d", MaxRetries, r.Max)
	}
	if r.Pause > maxPause {
		v.faults.add(join(path, "retries.pause"), "must be at most %s, got %s", maxPause, r.Pause)
	}
	v.notNegative(join(path, "retries.pause"), r.Pause)
	switch {
	case r.Backoff != 0 && (r.Backoff < 1 || r.Backoff > maxBackoff):
		v.faults.add(join(path, "retries.backoff"), "must be from 1 to %d, got %v", maxBackoff, r.Backoff)
	case r.Backoff != 0 && r.Pause == 0:
		v.missing(join(path, "retries"), []string{"pause"}, "backoff needs a pause that it makes longer: add pause, such as 30s")
	}
}

// rounds checks until and every.
func (v *validator) rounds(s *Step, path string) {
	switch {
	case s.Plan+s.Model == "": // which until does not fit
	case s.Until == "" && s.Every != 0:
		v.missing(path, []string{"until"}, "every is only for a step with until")
	case s.Until != "" && s.Every == 0:
		v.missing(path, []string{"every"}, "every is missing: say how long to wait before the next round, such as 30s")
	case s.Until != "" && s.Every < minPollAfter:
		v.faults.add(join(path, "every"), "must be at least %s, got %s", minPollAfter, s.Every)
	case s.Until != "" && s.Timeout/s.Every > MaxRounds:
		v.faults.add(join(path, "every"), "gives more than %d rounds within %s: wait longer between them, at least %s",
			MaxRounds, s.Timeout, Duration(time.Duration(s.Timeout)/MaxRounds))
	}
}
