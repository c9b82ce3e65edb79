package platformtest

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
)

// Readings are what the platform's documents leave open, each as somebody could mean it. The zero value is what the
// example programs show; "Assumptions" in docs/platform-api.md has what the client makes of each.
type Readings struct {
	// OutputsAfter is how long after its end an execution's outputs can be read. Before, the answer is an empty list, or
	// OutputsCode if it is not 0.
	OutputsAfter time.Duration
	OutputsCode  int
	// LowerCase writes statuses so, and Padded puts spaces around them and around the ids of instances.
	LowerCase, Padded bool
	// NumericIDs writes the ids of instances as numbers, ExponentIDs with an exponent.
	NumericIDs, ExponentIDs bool
	// Twice has triggers' answers (P5, W3) name the instance twice.
	Twice bool
	// BareInstance has W3 answer with the id of the instance alone.
	BareInstance bool
	// AnswerStatus is what W3 says of an instance that it has just triggered without waiting for its end.
	AnswerStatus string
	// Unlisted has W6 list no models; they run all the same.
	Unlisted bool
	// Charset is that of all answers, such as GBK. Unnamed keeps it out of the Content-Type.
	Charset string
	Unnamed bool
}

// status writes a status.
func (r Readings) status(word string) string {
	if r.LowerCase {
		word = strings.ToLower(word)
	}
	if r.Padded {
		word = " " + word + " "
	}
	return word
}

// instance writes the id of an instance. All of them are numbers behind "in".
func (r Readings) instance(id string) any {
	number, err := strconv.ParseFloat(strings.TrimPrefix(id, "in"), 64)
	switch {
	case err == nil && r.ExponentIDs:
		return json.RawMessage(strconv.FormatFloat(number, 'E', -1, 64))
	case err == nil && r.NumericIDs:
		return json.RawMessage(strconv.FormatFloat(number, 'f', -1, 64))
	case r.Padded:
		return " " + id + " "
	}
	return id
}

// instanceID is the id of the n-th execution, from 0.
func (r Readings) instanceID(n int) string {
	id := strconv.Itoa(10000001 + n)
	if r.NumericIDs || r.ExponentIDs {
		return id
	}
	return "in" + id
}

// named is the data of a trigger's answer that names an instance.
func (r Readings) named(answer any) any {
	if r.Twice {
		return []any{answer, answer}
	}
	return answer
}

// body writes an answer in its charset, and returns the Content-Type.
func (r Readings) body(text []byte) (body []byte, contentType string) {
	charset := "UTF-8"
	if r.Charset != "" {
		charset = r.Charset
		if found, err := htmlindex.Get(charset); err == nil {
			text, _ = encoding.ReplaceUnsupported(found.NewEncoder()).Bytes(text)
		}
	}
	if r.Unnamed {
		return text, "application/json"
	}
	return text, "application/json;charset=" + charset
}
