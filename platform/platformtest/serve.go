package platformtest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

const maxBody = 1 << 20

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

// route is one endpoint. Paths are compared as they came, escaped and uncleaned: the
// double slashes of P5 and P6 are part of them.
type route struct {
	endpoint, method, path string
	contentType            string // required; "" if the documents name none
	handle                 func(*Simulator, *call) (any, error)
}

func routes(modelExecutePath string) []route {
	const process = "/api/dpa/process/"
	return []route{
		{"P1.1", "GET", "/api/dp/auth/oauth/authorize", "", (*Simulator).authorize},
		{"P1.2", "POST", "/api/dp/auth/oauth/token", jsonType, (*Simulator).token},
		{"P2", "GET", process + "processPlan/queryPlanByUserId", "", (*Simulator).listPlans},
		{"P3", "POST", process + "processPlan/queryModelByPlanId", jsonType, (*Simulator).planInputs},
		{"P4", "POST", process + "processPlan/saveTimingParam", formType, (*Simulator).saveScene},
		{"P5", "POST", process + "/processPlan/opExecutePlanByApi/{planId}", jsonType, (*Simulator).triggerPlan},
		{"P6", "GET", process + "/processPlan/queryPlanRunOutParam", "", (*Simulator).planOutputs},
		{"W2", "POST", process + "variable/listVar", jsonType, (*Simulator).modelInputs},
		{"W3", "POST", modelExecutePath, jsonType, (*Simulator).triggerModel},
		{"W4", "GET", process + "processrun/getProcessRunStatus", formType, (*Simulator).modelRunStatus},
		{"W6", "POST", process + "processModel/listAll", jsonType, (*Simulator).listModels},
		{"W7", "POST", process + "processModel/getOutParamByModelId", jsonType, (*Simulator).modelOutputs},
	}
}

// call is one request to the platform.
type call struct {
	*http.Request
	route route
	id    string // out of the path
	query url.Values
	fault error // of the query's syntax or the body's transport
	body  []byte
}

// refusal is an answer whose code is not 200.
type refusal struct {
	code    int
	message string
}

func (r *refusal) Error() string { return r.message }

func refuse(code int, format string, args ...any) error {
	return &refusal{code, fmt.Sprintf(format, args...)}
}

// reply is an answer: an envelope under an HTTP status.
type reply struct {
	status, code int
	message      string
	data         any
}

func (r reply) envelope() []byte {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Data    any    `json:"data"`
	}{r.code, r.message, r.data})
	return []byte(b.String())
}

// ServeHTTP answers as the platform would, or as the next fault says.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		http.Error(w, "the simulated platform is closed", http.StatusServiceUnavailable)
		return
	}
	defer s.tasks.Done()
	c := s.read(r)
	request := s.record(c)
	fault, ok := s.takeFault(c)
	if !ok {
		answer := s.answer(c)
		s.answered(request, answer.status, answer.code, "")
		body, contentType := s.options.Readings.body(answer.envelope())
		send(w, answer.status, contentType, body)
		return
	}
	s.serveFault(w, c, request, fault)
}

func send(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func (s *Simulator) read(r *http.Request) *call {
	c := &call{Request: r}
	path, rawQuery, _ := strings.Cut(r.RequestURI, "?")
	for _, route := range s.routes {
		if id, ok := match(route.path, path); ok && route.method == r.Method {
			c.route, c.id = route, id
		}
	}
	var queryErr, bodyErr error
	c.query, queryErr = url.ParseQuery(rawQuery)
	c.body, bodyErr = io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	c.fault = errors.Join(queryErr, bodyErr)
	return c
}

// match compares a path with a route's, in which {…} stands for one segment.
func match(pattern, path string) (id string, ok bool) {
	before, rest, variable := strings.Cut(pattern, "{")
	if !variable {
		return "", path == pattern
	}
	_, after, _ := strings.Cut(rest, "}")
	segment, ok := strings.CutPrefix(path, before)
	if !ok || !strings.HasSuffix(segment, after) {
		return "", false
	}
	segment = strings.TrimSuffix(segment, after)
	id, err := url.PathUnescape(segment)
	return id, err == nil && id != "" && !strings.Contains(segment, "/")
}

// answer does what the call asks for.
func (s *Simulator) answer(c *call) reply {
	data, err := s.handle(c)
	if refused := (*refusal)(nil); errors.As(err, &refused) {
		status := http.StatusOK
		switch {
		case refused.code == 404:
			status = http.StatusNotFound
		case refused.code == 403 && s.options.HTTP401:
			status = http.StatusUnauthorized
		}
		return reply{status, refused.code, refused.message, nil}
	}
	return reply{http.StatusOK, 200, message(c), data}
}

func (s *Simulator) handle(c *call) (any, error) {
	mediaType, _, _ := mime.ParseMediaType(c.Header.Get("Content-Type"))
	switch {
	case c.route.handle == nil:
		return nil, refuse(404, "no such path for this method")
	case !isOAuth(c.route.endpoint) && !s.tokens.accepts(c.Header.Get("Authorization")):
		return nil, refuse(403, "the token is missing, expired or revoked")
	case c.route.contentType != "" && mediaType != c.route.contentType:
		return nil, refuse(400, "the content type is not %s", c.route.contentType)
	case c.fault != nil:
		return nil, refuse(400, "the query or the body cannot be read")
	case len(c.body) > maxBody:
		return nil, refuse(400, "the body is larger than 1 MiB")
	case c.Method == "GET" && len(c.body) > 0:
		return nil, refuse(400, "the body is not empty")
	case c.Method == "POST" && strings.Contains(c.RequestURI, "?"):
		return nil, refuse(400, "there is a query")
	}
	return c.route.handle(s, c)
}

func isOAuth(endpoint string) bool { return endpoint == "P1.1" || endpoint == "P1.2" }

// message is empty in the samples of the OAuth endpoints, and "success" in the others.
func message(c *call) string {
	if isOAuth(c.route.endpoint) {
		return ""
	}
	return "success"
}

// subject is the plan or model that the call is about, "" if it names none.
func (c *call) subject() string {
	var body struct{ ProcessPlanID, ProcessModelID, ModelID string }
	_ = json.Unmarshal(c.body, &body)
	form := url.Values{}
	if c.route.contentType == formType {
		form, _ = url.ParseQuery(string(c.body))
	}
	return cmp.Or(c.id, c.query.Get("processPlanId"), c.query.Get("modelId"),
		body.ProcessPlanID, body.ProcessModelID, body.ModelID, form.Get("processPlanId"))
}
