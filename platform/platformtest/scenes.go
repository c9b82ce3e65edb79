package platformtest

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// scene is a timed execution of a plan, which the platform keeps and nobody can delete.
type scene struct {
	id        string
	plan      *job
	execution Execution // what each of its executions starts from
	interval  time.Duration
	cycle     bool
}

var dimensions = map[string]time.Duration{
	"seconds": time.Second, "minutes": time.Minute, "hours": time.Hour,
	"day": 24 * time.Hour, "weeks": 7 * 24 * time.Hour, "month": 30 * 24 * time.Hour,
}

// saveScene is P4. It is answered in the shape of the documents' sample, which was
// copied from another endpoint: instanceId is the scene's.
func (s *Simulator) saveScene(c *call) (any, error) {
	in, err := parseForm(c.body)
	if err != nil {
		return nil, err
	}
	planID, name := in.text("processPlanId"), in.text("sceneName")
	dimension, known := dimensions[in.text("dimension")]
	if !known {
		in.fault(`field "dimension" is not one of seconds, minutes, hours, day, weeks, month`)
	}
	// The documents write "1.single (a single time) 2.cycle": the number may belong to the word.
	strategy := in.text("executeStrategy")
	cycle := strategy == "cycle" || strategy == "2.cycle"
	if !cycle && strategy != "single" && strategy != "1.single" {
		in.fault(`field "executeStrategy" is neither single nor cycle`)
	}
	given := in.text("intervals")
	intervals, err := strconv.Atoi(given)
	interval := time.Duration(intervals) * dimension
	if at, isTime := time.ParseInLocation(time.DateTime, given, time.Local); isTime == nil && !cycle {
		interval = time.Until(at)
	} else if err != nil || intervals < 1 || intervals > 1000 {
		in.fault(`field "intervals" is neither a number from 1 to 1000 nor, for single, a time`)
	}
	address := in.text("callbackUrl")
	if !validCallbackURL(address) {
		in.fault(`field "callbackUrl" is not an absolute http or https URL`)
	}
	params := in.modelVarReq()
	if err := in.end(); err != nil {
		return nil, err
	}
	plan, err := s.plan(planID)
	if err != nil {
		return nil, err
	}
	if err := plan.undeclared(params); err != nil {
		return nil, err
	}
	interval = cmp.Or(s.options.SceneInterval, s.scaled(interval))
	execution := Execution{Scene: name, CallbackURL: address, Params: params}
	saved := s.save(scene{plan: plan, execution: execution, interval: max(interval, time.Millisecond), cycle: cycle})
	s.tasks.Go(func() { s.playScene(saved) })
	return wireStatus{InstanceID: saved.id, Status: "DEFAULT"}, nil
}

// save gives a new scene its id.
func (s *Simulator) save(new scene) scene {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scenes++
	new.id = fmt.Sprintf("sc%d", 10000000+s.scenes)
	s.keep(entry{Scene: &keptScene{new.id, new.plan.id, kept(new.execution), new.interval, new.cycle}})
	return new
}

// without takes away the scene of an id that is played only once, and has been.
func without(scenes []scene, id string) []scene {
	return slices.DeleteFunc(scenes, func(s scene) bool { return s.id == id && !s.cycle })
}

// playScene executes the plan once, or again and again until the simulator is closed or its options
// say that it is enough.
func (s *Simulator) playScene(saved scene) {
	for n := 1; s.sleep(s.life, saved.interval); n++ {
		s.mu.Lock()
		s.keep(entry{Fired: saved.id})
		s.mu.Unlock()
		_, _ = s.trigger(saved.plan, saved.execution) // a plan is never busy
		if !saved.cycle || n == s.options.SceneExecutions {
			return
		}
	}
}

// formFields is a form read strictly, as object reads JSON.
type formFields struct {
	object
	values url.Values
}

func parseForm(body []byte) (*formFields, error) {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, refuse(400, "the body is not a form")
	}
	f := &formFields{values: values}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if len(values[name]) != 1 {
			f.fault("field %q occurs twice", name)
		}
	}
	return f, nil
}

func (f *formFields) take(name string) (string, bool) {
	value, ok := f.values[name]
	delete(f.values, name)
	if !ok {
		return "", false
	}
	return value[0], true
}

func (f *formFields) text(name string) string {
	value, _ := f.take(name)
	if value == "" {
		f.fault("field %q is missing, or empty", name)
	}
	return value
}

var mapParamKey = regexp.MustCompile(`^modelVarReq\[(0|[1-9]\d*)\]\.mapParam\[([^\[\]]+)\]$`)

// modelVarReq takes the parameters, which are keyed modelVarReq[0].modelId and
// modelVarReq[0].mapParam[NAME], counted from 0 without a gap.
func (f *formFields) modelVarReq() map[string]map[string]string {
	var params map[string]map[string]string
	for i := 0; ; i++ {
		id, ok := f.take(fmt.Sprintf("modelVarReq[%d].modelId", i))
		if !ok {
			return params
		}
		if params == nil {
			params = map[string]map[string]string{}
		}
		if _, twice := params[id]; twice {
			f.fault("model %q occurs twice", id)
		}
		params[id] = map[string]string{}
		for _, key := range slices.Sorted(maps.Keys(f.values)) {
			if m := mapParamKey.FindStringSubmatch(key); m != nil && m[1] == strconv.Itoa(i) {
				params[id][m[2]], _ = f.take(key)
			}
		}
	}
}

// end refuses the form if anything about it was wrong, or was not taken.
func (f *formFields) end() error {
	for _, name := range slices.Sorted(maps.Keys(f.values)) {
		f.fault("field %q is unknown", name)
	}
	return f.object.end()
}
