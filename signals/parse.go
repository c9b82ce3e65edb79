package signals

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/dpaflow/dpaflow/internal/ids"
)

const (
	maxStatus = 32
	letters   = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// What is wrong with a body. It goes into logs, so it never quotes the body.
var (
	errNotObject  = errors.New("the body is not exactly one JSON object")
	errFieldTwice = errors.New("a known field is given twice")
	errFieldCase  = errors.New("a known field is spelled in another case")
	errInstanceID = errors.New("the instance id is not a string of 1 to 256 bytes without control characters, or a whole number")
	errStatus     = errors.New("the status is not a word of 1 to 32 letters and underscores")
	errEncoding   = errors.New("the instance id is not in UTF-8")
)

// fields are the names of what is read from a callback: of plans (P7) and models (W5) they differ.
type fields struct{ instance, subject, status string }

func (k Kind) fields() fields {
	if k == KindPlan {
		return fields{"planInstanceId", "processPlanId", "status"}
	}
	return fields{"instanceId", "modelId", "status"}
}

// byteOrderMark begins what some programs write as UTF-8.
var byteOrderMark = []byte("\ufeff")

// parse reads a callback's body more strictly than encoding/json would: a field given twice, or in another case,
// reads differently in different programs, and so is refused. The id of the plan or model is not needed (the token says
// which trigger this is) and may be missing. Fields that are not known may hold anything, also in GBK.
func parse(kind Kind, body []byte) (Callback, error) {
	body = bytes.TrimPrefix(body, byteOrderMark)
	sent, inUTF8 := body, utf8.Valid(body)
	if !inUTF8 {
		// The second byte of a character may look like a backslash. What is no GBK either is replaced.
		var err error
		if body, err = simplifiedchinese.GB18030.NewDecoder().Bytes(body); err != nil {
			return Callback{}, errNotObject
		}
	}
	known := kind.fields()
	values, err := readFields(body, known)
	if !inUTF8 && errors.Is(err, errNotObject) { // UTF-8 of which a part is broken reads as GBK in which a quote may be lost
		values, err = readFields(bytes.ToValidUTF8(sent, []byte("\uFFFD")), known)
	}
	if err != nil {
		return Callback{}, err
	}
	id := ids.Parse(values[known.instance]) // as from the trigger's answer
	if id == "" {
		return Callback{}, errInstanceID
	}
	if !inUTF8 && strings.ContainsFunc(id, func(r rune) bool { return r > unicode.MaxASCII }) {
		return Callback{}, errEncoding // only the sender knows what it means
	}
	var status string
	err = json.Unmarshal(values[known.status], &status)
	status = strings.TrimSpace(status)
	if err != nil || status == "" || len(status) > maxStatus || strings.Trim(status, letters+"_") != "" {
		return Callback{}, errStatus
	}
	return Callback{InstanceID: id, Status: strings.ToUpper(status)}, nil
}

// readFields returns the known fields of the object in body, each of which may occur once.
func readFields(body []byte, known fields) (map[string]json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, errNotObject
	}
	values := map[string]json.RawMessage{}
	for decoder.More() {
		token, err := decoder.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, errNotObject
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, errNotObject
		}
		for _, field := range [...]string{known.instance, known.subject, known.status} {
			switch {
			case name == field && values[field] != nil:
				return nil, errFieldTwice
			case name == field:
				values[field] = value
			case strings.EqualFold(name, field):
				return nil, errFieldCase
			}
		}
	}
	if _, err := decoder.Token(); err != nil {
		return nil, errNotObject
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotObject
	}
	return values, nil
}
