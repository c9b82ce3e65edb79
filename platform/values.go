package platform

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"errors"
	"github.com/dpaflow/dpaflow/internal/ids"
	"reflect"
)

// The types below read one documented type each, however the platform wobbles.

// list reads a list; null and {} are an empty one, an object is a list of one.
type list[T any] []T

func (l *list[T]) UnmarshalJSON(raw []byte) error {
	*l = nil
	if raw[0] == '[' {
		var items []*T
		if err := json.Unmarshal(raw, &items); err != nil {
			return err
		}
		for _, item := range items {
			if item != nil {
				*l = append(*l, *item)
			}
		}
		return nil
	}
	if string(raw) == "null" || raw[0] == '{' && len(bytes.TrimSpace(raw[1:len(raw)-1])) == 0 {
		return nil
	}
	var item T
	if err := json.Unmarshal(raw, &item); err != nil {
		return err
	}
	if !isOne(raw, reflect.TypeFor[T]()) {
		return errors.New("an object with none of the documented fields, such as a page of a list")
	}
	*l = list[T]{item}
	return nil
}

// isOne reports whether an object has a field of a struct: one that has none is something else. Of other types every object
// is one.
func isOne(raw []byte, of reflect.Type) bool {
	if of.Kind() != reflect.Struct {
		return true
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return false
	}
	for field := range of.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		for key := range fields {
			if strings.EqualFold(key, name) {
				return true
			}
		}
	}
	return false
}

// text reads a string; whatever is none stays the JSON it is, and null is empty.
type text string

func (t *text) UnmarshalJSON(raw []byte) error {
	*t = text(parseText(raw))
	return nil
}

// identity reads an id: a string or a number. Anything else is no id, and reads as empty.
type identity string

func (i *identity) UnmarshalJSON(raw []byte) error {
	*i = identity(ids.Parse(raw))
	return nil
}

// status reads a word such as RUNNING, in upper case whatever its own.
type status string

func (s *status) UnmarshalJSON(raw []byte) error {
	*s = status(strings.ToUpper(strings.TrimSpace(parseText(raw))))
	return nil
}

// integer reads a whole number or the text of one; anything else is 0.
type integer int64

func (i *integer) UnmarshalJSON(raw []byte) error {
	number, _ := parseInteger(raw)
	*i = integer(number)
	return nil
}

// millis reads milliseconds since 1970; anything else is the zero time.
type millis time.Time

func (m *millis) UnmarshalJSON(raw []byte) error {
	*m = millis{}
	if number, ok := parseInteger(raw); ok && number > 0 {
		*m = millis(time.UnixMilli(number).UTC())
	}
	return nil
}

func parseText(raw json.RawMessage) string {
	var s string
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var compact bytes.Buffer
	if json.Compact(&compact, raw) != nil {
		return string(raw)
	}
	return compact.String()
}

// parseInteger also accepts what JavaScript makes of whole numbers: 1.0, 1.6e12.
func parseInteger(raw json.RawMessage) (int64, bool) {
	digits := strings.TrimSpace(parseText(raw))
	if number, err := strconv.ParseInt(digits, 10, 64); err == nil {
		return number, true
	}
	number, err := strconv.ParseFloat(digits, 64)
	if err != nil || number != float64(int64(number)) || number > 1<<53 || number < -1<<53 {
		return 0, false
	}
	return int64(number), true
}
