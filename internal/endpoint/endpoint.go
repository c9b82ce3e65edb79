// Package endpoint has the paths of the platform's endpoints, numbered as in docs/platform-api.md, and says by which
// other path a model may be executed.
package endpoint

import (
	"regexp"
	"strings"
)

// The paths, as they are sent: two have two slashes in the middle, which must stay.
const (
	Authorize    = "/api/dp/auth/oauth/authorize"                       // P1.1
	Token        = "/api/dp/auth/oauth/token"                           // P1.2
	Plans        = "/api/dpa/process/processPlan/queryPlanByUserId"     // P2
	PlanInputs   = "/api/dpa/process/processPlan/queryModelByPlanId"    // P3
	SchedulePlan = "/api/dpa/process/processPlan/saveTimingParam"       // P4
	TriggerPlan  = "/api/dpa/process//processPlan/opExecutePlanByApi"   // P5; the plan's id follows
	PlanOutputs  = "/api/dpa/process//processPlan/queryPlanRunOutParam" // P6
	ModelInputs  = "/api/dpa/process/variable/listVar"                  // W2
	ModelStatus  = "/api/dpa/process/processrun/getProcessRunStatus"    // W4
	Models       = "/api/dpa/process/processModel/listAll"              // W6
	ModelOutputs = "/api/dpa/process/processModel/getOutParamByModelId" // W7
)

var all = []string{
	Authorize, Token, Plans, PlanInputs, SchedulePlan, TriggerPlan, PlanOutputs, ModelInputs, ModelStatus, Models, ModelOutputs,
}

// leadsTo returns the endpoint that some server may take a path for, empty for none. It looks for the last two segments,
// which name a controller and its method, anywhere: gateways add to what is before and to what is behind them.
func leadsTo(path string) string {
	for form := path; ; {
		segments := segmentsOf(form)
		for _, known := range all {
			names := segmentsOf(known)
			controller, method := names[len(names)-2], names[len(names)-1]
			for i := range len(segments) - 1 {
				if strings.EqualFold(segments[i], controller) && isMethod(segments[i+1], method) {
					return known
				}
			}
		}
		decoded := decode(form)
		if decoded == form {
			return ""
		}
		form = decoded
	}
}

// segmentsOf are the segments that count: none is empty, and none has what servers take off.
func segmentsOf(path string) (segments []string) {
	for segment := range strings.SplitSeq(path, "/") {
		if end := strings.IndexAny(segment, ";?#"); end >= 0 {
			segment = segment[:end]
		}
		if segment = strings.TrimSpace(segment); segment != "" {
			segments = append(segments, segment)
		}
	}
	return segments
}

// isMethod compares as Java servers do that take saveTimingParam.json for saveTimingParam.
func isMethod(segment, method string) bool {
	name, _, _ := strings.Cut(segment, ".")
	return strings.EqualFold(strings.TrimSpace(name), method)
}

var encoded = regexp.MustCompile(`%[0-9a-fA-F]{2}`)

// decode decodes what can be decoded, and leaves what cannot.
func decode(path string) string {
	const digits = "0123456789abcdef"
	return encoded.ReplaceAllStringFunc(path, func(pair string) string {
		pair = strings.ToLower(pair)
		return string([]byte{byte(strings.IndexByte(digits, pair[1])<<4 | strings.IndexByte(digits, pair[2]))})
	})
}
