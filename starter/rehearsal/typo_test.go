package rehearsal

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAStepThatThereIsNotMakesAStoryFail(t *testing.T) {
	t.Parallel()
	doc := document(t, "name: b\nsteps:\n- {id: probe, plan: p1}\n- {id: switch, plan: p2, needs: [probe]}\n")
	for name, story := range map[string]string{
		"no attempts at a step that there is not": "- probe fails\n- expect: {attempts: {swich: 0}}",
		"a refusal for that reason alone":         "- probe fails\n- refused: {sentence: li retries prboe}\n- li aborts",
		"nothing is expected":                     "- the rest succeeds\n- expect: {}",
		"outputs without a value":                 "- probe succeeds with disk, cpu=2",
	} {
		script, err := Parse([]byte("story:\n" + story + "\n"))
		if err == nil {
			_, err = script.Play(doc)
		}
		require.Error(t, err, name)
	}
}
