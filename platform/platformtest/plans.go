package platformtest

import "encoding/json"

// plan is the plan of an id, which the documents' code for a business error denies.
func (s *Simulator) plan(id string) (*job, error) {
	if j, ok := s.plans.byID[id]; ok {
		return j, nil
	}
	return nil, refuse(999, "plan %q does not exist", id)
}

type wirePlan struct {
	ProcessPlanID string `json:"processPlanId"`
	Title         string `json:"title"`
	Status        string `json:"status"`
	StepNums      int    `json:"stepNums"`
	Version       int    `json:"version"`
	CreateTime    int64  `json:"createTime"`
	CreateUser    string `json:"createUser"`
	UpdateTime    int64  `json:"updateTime"`
	UpdateUser    string `json:"updateUser"`
}

// listPlans is P2. A plan's status is that of whichever execution moved last.
func (s *Simulator) listPlans(c *call) (any, error) {
	if err := query(c.query); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []wirePlan{}
	for _, j := range s.plans.order {
		list = append(list, wirePlan{
			ProcessPlanID: j.id, Title: j.name, Status: s.options.Readings.status(j.status), StepNums: max(1, len(j.inputs)),
			CreateTime: created, CreateUser: "U100000", UpdateTime: j.updated,
		})
	}
	return list, nil
}

type wireInput struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

type wireInputs struct {
	ModelName      string      `json:"modelName"`
	ProcessModelID string      `json:"processModelId"`
	MapParam       []wireInput `json:"mapParam"`
}

// planInputs is P3.
func (s *Simulator) planInputs(c *call) (any, error) {
	in := parseObject("the body", c.body)
	id := in.text("processPlanId")
	if err := in.end(); err != nil {
		return nil, err
	}
	plan, err := s.plan(id)
	if err != nil {
		return nil, err
	}
	list := []wireInputs{}
	for _, m := range plan.inputs {
		list = append(list, wireInputs{m.ModelName, m.ModelID, wireInputList(m.Inputs)})
	}
	return list, nil
}

func wireInputList(inputs []Input) []wireInput {
	list := []wireInput{}
	for _, in := range inputs {
		list = append(list, wireInput(in))
	}
	return list
}

type wireInstance struct {
	ProcessPlanID  string `json:"processPlanId"`
	PlanInstanceID any    `json:"planInstanceId"`
}

// triggerPlan is P5.
func (s *Simulator) triggerPlan(c *call) (any, error) {
	in := parseObject("the body", c.body)
	if id := in.text("processPlanId"); id != c.id {
		in.fault(`field "processPlanId" is not the plan in the path`)
	}
	execution := Execution{CallbackURL: in.callbackURL(), Params: in.modelVarReq()}
	if err := in.end(); err != nil {
		return nil, err
	}
	plan, err := s.plan(c.id)
	if err != nil {
		return nil, err
	}
	if err := plan.undeclared(execution.Params); err != nil {
		return nil, err
	}
	r, err := s.trigger(plan, execution)
	if err != nil {
		return nil, err
	}
	s.holdAnswer(c, r)
	answer := wireInstance{plan.id, s.options.Readings.instance(r.InstanceID)}
	if s.options.Readings.Twice {
		return []wireInstance{answer, answer}, nil
	}
	return []wireInstance{answer}, nil
}

type wireNode struct {
	Result   string `json:"result"`
	NodeName string `json:"nodeName"`
}

type wireOutputs struct {
	ModelName      string     `json:"modelName"`
	ProcessModelID string     `json:"processModelId"`
	MapParam       []wireNode `json:"mapParam"`
}

// planOutputs is P6.
func (s *Simulator) planOutputs(c *call) (any, error) {
	if err := query(c.query, "processPlanId", "planInstanceId"); err != nil {
		return nil, err
	}
	plan, err := s.plan(c.query.Get("processPlanId"))
	if err != nil {
		return nil, err
	}
	r, err := s.find(plan, c.query.Get("planInstanceId"))
	if err != nil {
		return nil, err
	}
	outputs, err := s.outputs(r)
	if err != nil {
		return nil, err
	}
	list := []wireOutputs{}
	for _, m := range outputs {
		nodes := []wireNode{}
		for _, n := range m.Nodes {
			nodes = append(nodes, wireNode{n.Result, n.Name})
		}
		list = append(list, wireOutputs{m.ModelName, m.ModelID, nodes})
	}
	return list, nil
}

// planNews is the body of P7.
func (s *Simulator) planNews(r *run, status string) []byte {
	body, _ := json.Marshal(struct {
		PlanInstanceID any    `json:"planInstanceId"`
		ProcessPlanID  string `json:"processPlanId"`
		Status         string `json:"status"`
	}{s.options.Readings.instance(r.InstanceID), r.PlanID, s.options.Readings.status(status)})
	return body
}
