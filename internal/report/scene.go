package report

import (
	"encoding/json"
	"strconv"

	"github.com/dpaflow/dpaflow/workflows"
)

// SceneState is how a timed scene stands. While it runs, Runs is their number; in the end it lists them.
type SceneState struct {
	workflows.TimedStatus
	Runs json.RawMessage   `json:"runs"`
	Open []json.RawMessage `json:"open"`
}

func (s *SceneState) rows() [][2]string {
	var ended []workflows.PlanResult
	number := string(s.Runs)
	if json.Unmarshal(s.Runs, &ended) == nil {
		number = strconv.Itoa(len(ended))
	}
	rows := [][2]string{
		{"Plan", s.PlanID}, {"Scene", s.SceneName}, {"Phase", string(s.Phase)}, {"Reason", s.Reason}, {"Runs that ended", number},
		{"Open", strconv.Itoa(len(s.Open))}, {"To stop it", s.Hint},
	}
	for _, run := range ended {
		rows = append(rows, [2]string{"Run " + At(&run.FinishedAt), Joined(" ", run.InstanceID, run.Status, run.OutputsError)})
	}
	return append(rows, record(s.Notes, s.Actions)...)
}
