package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
)

// What the leak tests plant. The last word of the password is looked for by itself: errors show others' words, and
// the characters before it are written in other ways in JSON, HTML and URLs.
const (
	hardPassword   = `a"b\c<d>&e/f planted-password-51aa`
	unsignedSecret = "planted-unsigned-secret-e6f0"
	codecToken     = "planted-codec-token-93d1"

	plantedHost    = "planted-host-77d1"
	plantedModel   = "planted-model-param-a042"
	plantedOutput  = "planted-output-4c1e"
	plantedVar     = "planted-var-09bd"
	plantedRefused = "planted-refused-d3c8"
	plantedBy      = "planted-by-5e7a"
	plantedComment = "planted-comment-2b90"
)

// plantedParams are hidden by encryption: what runs take, give and say.
var plantedParams = []string{plantedHost, plantedModel, plantedOutput, plantedVar, plantedRefused, plantedBy, plantedComment}

// evidence is all that others may see, by where they see it.
type evidence map[string]*strings.Builder

func (e evidence) add(where string, texts ...string) {
	if e[where] == nil {
		e[where] = new(strings.Builder)
	}
	for _, text := range texts {
		e[where].WriteString(text)
	}
}

// addFiles adds what is in files.
func (e evidence) addFiles(t *testing.T, where, pattern string) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	require.NoError(t, err)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		e.add(where, string(data))
	}
}

// requireNone requires that none of the words is anywhere, be it in base64.
func (e evidence) requireNone(t *testing.T, words []string) {
	t.Helper()
	for where, text := range e {
		text := text.String()
		require.NotEmpty(t, text, where)
		for _, word := range words {
			for _, form := range forms(word) {
				if at := strings.Index(text, form); at >= 0 {
					require.Fail(t, "a planted word was found", "%q in %s: %q", word, where, text[max(0, at-300):min(len(text), at+100)])
				}
			}
		}
	}
}

// forms are a word, and what is always the same in the base64 of texts that contain it.
func forms(word string) []string {
	list := []string{word}
	for before := range 3 {
		encoded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat(" ", before) + word))
		list = append(list, encoded[(before*8+5)/6:len(encoded)-1])
	}
	return list
}

// observe adds what the programs have counted so far: those that are stopped forget it.
func (s *stack) observe(e evidence) {
	s.t.Helper()
	e.add("metrics", s.metrics(s.worker), s.metrics(s.bridge))
}

// stored adds everything that the server has, run by run, schedule by schedule, and as it lies on the disk.
func (s *stack) stored(e evidence, database string, schedules ...string) {
	s.t.Helper()
	var token []byte
	for {
		found, err := s.ListWorkflow(s.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{NextPageToken: token})
		require.NoError(s.t, err)
		for _, execution := range found.Executions {
			e.add("histories", s.raw(s.GetWorkflow(s.t.Context(), execution.Execution.WorkflowId, execution.Execution.RunId)))
		}
		if token = found.NextPageToken; len(token) == 0 {
			break
		}
	}
	for _, id := range schedules {
		described, err := s.WorkflowService().DescribeSchedule(s.t.Context(),
			&workflowservice.DescribeScheduleRequest{Namespace: s.temporal.Namespace, ScheduleId: id})
		require.NoError(s.t, err)
		data, err := proto.Marshal(described)
		require.NoError(s.t, err)
		e.add("schedules", string(data))
	}
	e.addFiles(s.t, "database", database+"*")
}

// echo is a platform that, when told to, answers with an error in which it repeats what it was sent. It
// remembers the codes and tokens that it gave.
type echo struct {
	platform http.Handler

	mu     sync.Mutex
	next   []echoed
	issued []string
}

// echoed is one answer with an error.
type echoed struct {
	part   string // of the address or the body
	head   bool   // the head is repeated, else the body
	ran    bool   // what was asked for happens all the same
	answer func(w http.ResponseWriter, text string)
}

func (e *echo) inject(times int, f echoed) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.next = append(e.next, slices.Repeat([]echoed{f}, times)...)
}

func (e *echo) take(request string) (echoed, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := slices.IndexFunc(e.next, func(f echoed) bool { return strings.Contains(request, f.part) })
	if i < 0 {
		return echoed{}, false
	}
	f := e.next[i]
	e.next = slices.Delete(e.next, i, i+1)
	return f, true
}

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	f, fails := e.take(r.RequestURI + " " + string(body))
	answer := httptest.NewRecorder()
	if !fails || f.ran {
		e.platform.ServeHTTP(answer, r)
	}
	if strings.Contains(r.RequestURI, "/oauth/") {
		e.remember(answer.Body.Bytes())
	}
	if fails {
		if f.head { // an error keeps the beginning only
			body = fmt.Appendf(nil, "%v %s", r.Header, r.RequestURI)
		}
		f.answer(w, string(body))
		return
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

func (e *echo) remember(body []byte) {
	var envelope struct {
		Data struct {
			Code  string `json:"code"`
			Token string `json:"access_token"`
		} `json:"data"`
	}
	_ = json.Unmarshal(body, &envelope) // a refusal has nothing to remember
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, word := range []string{envelope.Data.Code, envelope.Data.Token} {
		if word != "" {
			e.issued = append(e.issued, word)
		}
	}
}

// in writes the text under an HTTP status, in an envelope unless the code is 0.
func in(status, code int) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, text string) {
		body := []byte(text)
		if code != 0 {
			body, _ = json.Marshal(map[string]any{"code": code, "message": text})
		}
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}
}

// broken begins an envelope and never ends it.
func broken(w http.ResponseWriter, text string) { _, _ = io.WriteString(w, `{"code":200,"data":`+text) }
