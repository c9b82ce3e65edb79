package platform

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// maxAnswer bounds how much of an answer is read.
const maxAnswer = 16 << 20

// answer is the platform's envelope {code, message, data}, and the HTTP status it came with.
type answer struct {
	status  int
	code    int
	message string
	data    json.RawMessage // null where there was none
	foreign error           // ErrEncoding, where only the ASCII of it can be relied on
}

// readAnswer reads a whole answer and closes its body. It is an error unless
// both HTTP and the envelope say that all went well.
func readAnswer(endpoint string, resp *http.Response, private redactor) (answer, error) {
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		err = fmt.Errorf("the answer broke off: %w", err)
	case len(body) > maxAnswer:
		err = fmt.Errorf("the answer is longer than %d MiB", maxAnswer>>20)
	}
	if err != nil {
		broken := answer{status: resp.StatusCode}
		return broken, broken.fault(endpoint, private.err(err))
	}
	text, foreign := inUTF8(resp.Header.Get("Content-Type"), body)
	got, err := parseAnswer(endpoint, resp.StatusCode, text, private)
	got.foreign = foreign
	return got, err
}

func parseAnswer(endpoint string, status int, body []byte, private redactor) (answer, error) {
	got, err := parseEnvelope(body)
	got.status = status
	if err != nil {
		fault := got.fault(endpoint, err)
		fault.Body = private.text(string(body))
		return got, fault
	}
	if got.code == http.StatusOK && isSuccess(status) {
		return got, nil
	}
	fault := got.fault(endpoint, nil)
	fault.Message = private.text(got.message)
	fault.Auth = isAuthFailure(status, got.code)
	return got, fault
}

// parseEnvelope accepts one whole JSON object that has a code.
func parseEnvelope(body []byte) (answer, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return answer{}, errors.New("the answer is empty")
	}
	var fields map[string]json.RawMessage // a struct would take Code and CODE for code
	if err := json.Unmarshal(body, &fields); err != nil {
		return answer{}, fmt.Errorf("the answer is not the documented JSON object: %w", err)
	}
	code, ok := parseInteger(fields["code"])
	if !ok || code <= 0 || code > 1<<30 {
		return answer{}, errors.New("the answer has no code")
	}
	data := fields["data"]
	if data == nil {
		data = json.RawMessage("null")
	}
	return answer{code: int(code), message: parseText(fields["message"]), data: data}, nil
}

// fault is an error about this answer.
func (a answer) fault(endpoint string, err error) *Error {
	return &Error{
		Endpoint: endpoint, HTTPStatus: a.status, Code: a.code, Sent: true,
		Auth: isAuthFailure(a.status, a.code), Err: err,
	}
}

func isSuccess(status int) bool { return status >= 200 && status < 300 }
