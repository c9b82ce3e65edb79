package platformtest

import (
	"encoding/json"
	"strconv"
	"time"
)

func (s *Simulator) model(id string) (*job, error) {
	if j, ok := s.models.byID[id]; ok {
		return j, nil
	}
	return nil, refuse(999, "model %q does not exist", id)
}

// modelInputs is W2: null for a model without inputs.
func (s *Simulator) modelInputs(c *call) (any, error) {
	in := parseObject("the body", c.body)
	id := in.text("processModelId")
	if in.text("type") != "running" {
		in.fault(`field "type" is not running`)
	}
	if err := in.end(); err != nil {
		return nil, err
	}
	model, err := s.model(id)
	if err != nil || len(model.inputs[0].Inputs) == 0 {
		return nil, err
	}
	return wireInputList(model.inputs[0].Inputs), nil
}

type wireStatus struct {
	InstanceID any    `json:"instanceId"`
	ModelID    string `json:"modelId"`
	Status     string `json:"status"`
}

// triggerModel is W3, whose path and answer are not published. It answers as W4 does,
// with the outputs as in P6 if the call is synchronous and saw the end.
func (s *Simulator) triggerModel(c *call) (any, error) {
	in := parseObject("the body", c.body)
	execution := Execution{CallbackURL: in.callbackURL(), Params: map[string]map[string]string{}}
	if params := in.mapParam(); params != nil {
		execution.Params[c.id] = params
	}
	sync := in.oneOf("sync", "true", "false") == "true"
	designated := in.oneOf("paramFlag", "true", "false") == "true"
	second := in.optional("second")
	seconds, err := strconv.Atoi(second)
	if second != "" && (err != nil || seconds < 1) {
		in.fault(`field "second" is not a number of seconds in a string`)
	}
	if err := in.end(); err != nil {
		return nil, err
	}
	model, err := s.model(c.id)
	if err != nil {
		return nil, err
	}
	if err := model.undeclared(execution.Params); err != nil {
		return nil, err
	}
	r, err := s.trigger(model, execution)
	if err != nil {
		return nil, err
	}
	s.holdAnswer(c, r)
	if sync {
		s.awaitEnd(c, r, time.Duration(seconds)*time.Second)
	}
	reading := s.options.Readings
	status := s.wireStatus(r)
	if !sync && reading.AnswerStatus != "" {
		status.Status = reading.status(reading.AnswerStatus)
	}
	switch nodes, err := s.modelNodes(r, designated); {
	case reading.BareInstance:
		return reading.named(status.InstanceID), nil
	case !sync || !s.hasEnded(r) || err != nil:
		return reading.named(status), nil
	default:
		return reading.named(struct {
			wireStatus
			MapParam []wireNode `json:"mapParam"`
		}{status, nodes}), nil
	}
}

// awaitEnd waits until the run is over, but no longer than the time given, if any is.
func (s *Simulator) awaitEnd(c *call, r *run, limit time.Duration) {
	var timeout <-chan time.Time
	if limit > 0 {
		timeout = time.After(limit)
	}
	select {
	case <-r.played:
	case <-timeout:
	case <-c.Context().Done():
	case <-s.life.Done():
	}
}

func (s *Simulator) wireStatus(r *run) wireStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return wireStatus{s.options.Readings.instance(r.InstanceID), r.ModelID, s.options.Readings.status(modelStatus(r.Status))}
}

func (s *Simulator) hasEnded(r *run) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return ended(r.Status)
}

// modelRun is the instance that a request of W4 or W7 names.
func (s *Simulator) modelRun(modelID, instanceID string) (*run, error) {
	model, err := s.model(modelID)
	if err != nil {
		return nil, err
	}
	return s.find(model, instanceID)
}

// modelRunStatus is W4.
func (s *Simulator) modelRunStatus(c *call) (any, error) {
	if err := query(c.query, "modelId", "instanceId"); err != nil {
		return nil, err
	}
	r, err := s.modelRun(c.query.Get("modelId"), c.query.Get("instanceId"))
	if err != nil {
		return nil, err
	}
	return s.wireStatus(r), nil
}

type wireModel struct {
	ProcessModelID string `json:"processModelId"`
	ModelName      string `json:"modelName"`
	StepNums       int    `json:"stepNums"`
	Status         string `json:"status"`
	CreateUser     string `json:"createUser"`
	CreateTime     int64  `json:"createTime"`
	UpdateTime     int64  `json:"updateTime"`
}

// listModels is W6. It has no documented body: none, or an empty object.
func (s *Simulator) listModels(c *call) (any, error) {
	if len(c.body) > 0 {
		if err := parseObject("the body", c.body).end(); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []wireModel{}
	if s.options.Readings.Unlisted {
		return list, nil
	}
	for _, j := range s.models.order {
		status := s.options.Readings.status(j.status)
		list = append(list, wireModel{j.id, j.name, max(1, len(j.script.Steps)), status, "U100032", created, j.updated})
	}
	return list, nil
}

// modelOutputs is W7.
func (s *Simulator) modelOutputs(c *call) (any, error) {
	in := parseObject("the body", c.body)
	modelID, instanceID := in.text("modelId"), in.text("instanceId")
	designated := in.oneOf("paramFlag", "true", "false") == "true"
	if err := in.end(); err != nil {
		return nil, err
	}
	r, err := s.modelRun(modelID, instanceID)
	if err != nil {
		return nil, err
	}
	return s.modelNodes(r, designated)
}

func (s *Simulator) modelNodes(r *run, designated bool) ([]wireNode, error) {
	outputs, err := s.outputs(r)
	nodes := []wireNode{}
	for _, m := range outputs {
		for _, n := range m.Nodes {
			if n.Designated || !designated {
				nodes = append(nodes, wireNode{n.Result, n.Name})
			}
		}
	}
	return nodes, err
}

// modelStatus is a status in the words of W4 and W5.
func modelStatus(status string) string {
	if status == Success {
		return "FINISH"
	}
	return status
}

// modelNews is the body of W5.
func (s *Simulator) modelNews(r *run, status string) []byte {
	body, _ := json.Marshal(wireStatus{s.options.Readings.instance(r.InstanceID), r.ModelID, s.options.Readings.status(status)})
	return body
}
