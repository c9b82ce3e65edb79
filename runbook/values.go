package runbook

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration that is written as a text such as "90s" or "2h".
type Duration time.Duration

// String is the duration in its shortest form, such as 2h or 1m30s.
func (d Duration) String() string {
	text := time.Duration(d).String()
	for _, nothing := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, nothing) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// MarshalJSON writes the duration as a text.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads a text such as "90s"; it must be more than zero.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) != nil {
		return fmt.Errorf(`must be a duration such as "90s" or "2h", got %s`, clip(string(data)))
	}
	parsed, err := time.ParseDuration(text)
	if err != nil || parsed <= 0 {
		return fmt.Errorf(`must be a duration such as "90s" or "2h", got %q`, clip(text))
	}
	*d = Duration(parsed)
	return nil
}

// MaxFailures is how many items of a step may fail: a number, or a share of all. In JSON it is 2 or "20%".
type MaxFailures struct {
	// Count is the number where Percent is 0.
	Count int
	// Percent is the share, 1 to 100.
	Percent int
}

// Exceeded reports whether so many failures among so many items are too many.
func (m MaxFailures) Exceeded(failed, items int) bool {
	if m.Percent > 0 {
		return failed*100 > m.Percent*items
	}
	return failed > m.Count
}

// MarshalJSON writes the number or the share.
func (m MaxFailures) MarshalJSON() ([]byte, error) {
	if m.Percent > 0 {
		return json.Marshal(strconv.Itoa(m.Percent) + "%")
	}
	return json.Marshal(m.Count)
}

// UnmarshalJSON reads a number or a share such as "20%".
func (m *MaxFailures) UnmarshalJSON(data []byte) error {
	var count int
	if json.Unmarshal(data, &count) == nil && string(data) != "null" && count >= 0 {
		*m = MaxFailures{Count: count}
		return nil
	}
	var text string
	_ = json.Unmarshal(data, &text) // what is no text has no % either
	digits, share := strings.CutSuffix(text, "%")
	percent, err := strconv.ParseUint(digits, 10, 8)
	if !share || err != nil || percent > 100 {
		return fmt.Errorf(`must be a number such as 2 or a share such as "20%%", got %s`, clip(string(data)))
	}
	*m = MaxFailures{Percent: int(percent)}
	return nil
}

// MarshalJSON writes the id alone where nothing is said about the end.
func (n Need) MarshalJSON() ([]byte, error) {
	if n.On == "" {
		return json.Marshal(n.Step)
	}
	type object Need
	return json.Marshal(object(n))
}

// UnmarshalJSON reads an id, or an object of step and on.
func (n *Need) UnmarshalJSON(data []byte) error {
	var id string
	if data[0] == '"' {
		err := json.Unmarshal(data, &id)
		*n = Need{Step: id}
		return err
	}
	if data[0] != '{' {
		return fmt.Errorf(`must be a step's id, or {step: id, on: end}, got %s`, clip(string(data)))
	}
	type object Need
	var need object
	err := decodeJSON(data, &need)
	*n = Need(need)
	return err
}
