package platformtest

import (
	"regexp"
	"slices"
	"time"
)

// job is a plan or a model: what it is, and how its last execution stands.
type job struct {
	id, name string
	model    bool
	inputs   []ModelInputs
	script   Script

	status  string
	updated int64 // Unix milliseconds
	active  int   // executions that have not ended
	begun   int   // executions
}

// created is when every plan and model was made, as in the documents' sample.
const created = 1626944836628

// shelf holds jobs by id, and in order.
type shelf struct {
	order []*job
	byID  map[string]*job
}

func (s *shelf) add(j *job) {
	j.status, j.updated = "DEFAULT", created
	s.order = append(s.order, j)
	s.byID[j.id] = j
}

func planShelf(plans []Plan) *shelf {
	s := &shelf{byID: map[string]*job{}}
	for _, p := range plans {
		s.add(&job{id: p.ID, name: p.Title, inputs: p.Inputs, script: p.Script})
	}
	return s
}

func modelShelf(models []Model) *shelf {
	s := &shelf{byID: map[string]*job{}}
	for _, m := range models {
		inputs := []ModelInputs{{ModelID: m.ID, ModelName: m.Name, Inputs: m.Inputs}}
		s.add(&job{id: m.ID, name: m.Name, model: true, inputs: inputs, script: m.Script})
	}
	return s
}

// undeclared refuses parameters that the job does not take.
func (j *job) undeclared(params map[string]map[string]string) error {
	o := &object{}
	for id, values := range params {
		i := slices.IndexFunc(j.inputs, func(m ModelInputs) bool { return m.ModelID == id })
		if i < 0 {
			o.fault("%s has no inputs for model %q", j.id, id)
			continue
		}
		for name := range values {
			if !slices.ContainsFunc(j.inputs[i].Inputs, func(in Input) bool { return in.Name == name }) {
				o.fault("model %q does not declare the parameter %q", id, name)
			}
		}
	}
	return o.end()
}

// Execution is one execution of a plan or a model.
type Execution struct {
	PlanID      string                       `json:"planId,omitempty"`
	ModelID     string                       `json:"modelId,omitempty"` // set instead of PlanID if it was W3 that triggered it
	InstanceID  string                       `json:"instanceId"`
	Scene       string                       `json:"scene,omitempty"` // name of the timed scene (P4) that triggered it
	Params      map[string]map[string]string `json:"-"`               // by model id, then by name; some are secret
	CallbackURL string                       `json:"-"`               // a capability
	Status      string                       `json:"status"`          // a model's success is SUCCESS here
	TriggeredAt time.Time                    `json:"triggeredAt"`
	EndedAt     time.Time                    `json:"endedAt,omitzero"`
}

// run is an execution under way, or past.
type run struct {
	Execution
	job       *job
	script    Script
	faults    []CallbackFault
	steps     int           // of the script, done before the simulator started
	called    int           // of those, called back before it started
	news      chan string   // statuses to call back, closed after the last
	played    chan struct{} // closed when the script has been played
	delivered chan struct{} // closed when the last callback was accepted or given up
}

// trigger starts an execution, unless the job is a model that is busy.
func (s *Simulator) trigger(j *job, e Execution) (*run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j.model && j.active > 0 {
		return nil, refuse(999, "model %s is running or suspended", j.id)
	}
	if j.model {
		e.ModelID = j.id
	} else {
		e.PlanID = j.id
	}
	e.InstanceID = s.options.Readings.instanceID(len(s.runs))
	e.TriggeredAt = time.Now()
	r := s.admit(j, e)
	r.faults = s.takeCallbackFaults(j.id)
	triggered := kept(r.Execution)
	s.keep(entry{Triggered: &triggered})
	s.start(r)
	return r, nil
}

// admit makes an execution one of the simulator's; s.mu is held.
func (s *Simulator) admit(j *job, e Execution) *run {
	r := &run{
		Execution: e, job: j, script: j.script.turn(j.begun),
		news: make(chan string, len(j.script.Steps)), played: make(chan struct{}), delivered: make(chan struct{}),
	}
	s.runs = append(s.runs, r)
	j.begun++
	j.active++
	s.move(r, Running, e.TriggeredAt)
	return r
}

func (s *Simulator) start(r *run) {
	s.tasks.Go(func() { s.play(r) })
	s.tasks.Go(func() { s.courier(r) })
}

// settle makes a run one that there is nothing left to do for.
func (r *run) settle() {
	close(r.news)
	close(r.played)
	close(r.delivered)
}

// play follows the script. Callbacks do not hold it up.
func (s *Simulator) play(r *run) {
	defer close(r.played)
	defer close(r.news)
	for n, step := range r.script.Steps {
		if n >= r.steps {
			if !s.sleep(s.life, s.scaled(step.Delay)) {
				return
			}
			s.mu.Lock()
			now := time.Now()
			s.move(r, step.Status, now)
			s.keep(entry{InstanceID: r.InstanceID, Steps: n + 1, At: now})
			s.mu.Unlock()
		}
		if n >= r.called {
			r.news <- step.Status
		}
	}
}

// move changes the status of a run and of its job; s.mu is held.
func (s *Simulator) move(r *run, status string, at time.Time) {
	r.Status, r.job.status = status, status
	// Two changes within a millisecond can still be told apart by updateTime.
	r.job.updated = max(at.UnixMilli(), r.job.updated+1)
	if ended(status) && r.EndedAt.IsZero() {
		r.EndedAt = at
		r.job.active--
		s.options.Logger.Info("execution ended", "id", r.job.id, "instance", r.InstanceID, "status", status)
	}
	s.notify()
}

// Move changes the status of an execution by hand, without a callback. It panics if there is no such
// instance.
func (s *Simulator) Move(instanceID, status string) {
	r, err := s.find(nil, instanceID)
	if err != nil {
		panic("platformtest: " + err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.move(r, status, time.Now())
}

// find is the run of an instance, if it is one of j; s.mu is not held.
func (s *Simulator) find(j *job, instanceID string) (*run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.lookUp(j, instanceID); r != nil {
		return r, nil
	}
	return nil, refuse(999, "there is no such instance %s", instanceID)
}

// lookUp is find, or nil; s.mu is held.
func (s *Simulator) lookUp(j *job, instanceID string) *run {
	for _, r := range s.runs {
		if r.InstanceID == instanceID && (j == nil || r.job == j) {
			return r
		}
	}
	return nil
}

var placeholder = regexp.MustCompile(`\{\{(\w+)\}\}`)

// outputs are what the run has brought forth: nothing before its end.
func (s *Simulator) outputs(r *run) ([]ModelOutputs, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	reading := s.options.Readings
	switch {
	case r.EndedAt.IsZero():
		return nil, nil
	case time.Since(r.EndedAt) < reading.OutputsAfter && reading.OutputsCode != 0:
		return nil, refuse(reading.OutputsCode, "instance %s has no outputs", r.InstanceID)
	case time.Since(r.EndedAt) < reading.OutputsAfter:
		return nil, nil
	}
	var out []ModelOutputs
	for _, m := range r.script.Outputs {
		m.Nodes = slices.Clone(m.Nodes)
		for i := range m.Nodes {
			m.Nodes[i].Result = placeholder.ReplaceAllStringFunc(m.Nodes[i].Result, func(name string) string {
				return r.Params[m.ModelID][name[2:len(name)-2]]
			})
		}
		out = append(out, m)
	}
	return out, nil
}
