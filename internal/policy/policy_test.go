package policy

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dpaflow/dpaflow/activities"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const teamA = `
frozen: ""
plans: [acf42dd3, "dr-*", 0123]
models: [md1, "备份?"]
executePaths: ["/api/execute/{modelId}", "/api/other/*", "/api/md1/run"]
secrets:
  db-password: {plans: [acf42dd3], models: [md1]}
  "mail-*": {models: ["*"]}
`

func parse(t *testing.T, text string) Policy {
	t.Helper()
	p, err := Parse([]byte(text))
	require.NoError(t, err)
	return p
}

func TestAPolicyAllowsWhatItListsAndNothingElse(t *testing.T) {
	t.Parallel()
	p := parse(t, teamA)
	for name, row := range map[string]struct {
		trigger activities.PolicyTrigger
		paths   []string // of what is not allowed
	}{
		"a plan that is listed":                {trigger: activities.PolicyTrigger{PlanID: "acf42dd3"}},
		"a plan of a pattern":                  {trigger: activities.PolicyTrigger{PlanID: "dr-7"}},
		"an id of digits":                      {trigger: activities.PolicyTrigger{PlanID: "0123"}},
		"another plan":                         {activities.PolicyTrigger{PlanID: "bcf42dd4"}, []string{"planId"}},
		"a plan in another case":               {activities.PolicyTrigger{PlanID: "ACF42DD3"}, []string{"planId"}},
		"a plan with a space":                  {activities.PolicyTrigger{PlanID: " acf42dd3"}, []string{"planId"}},
		"a model by the id of a plan":          {activities.PolicyTrigger{ModelID: "acf42dd3"}, []string{"modelId"}},
		"a model that is listed":               {trigger: activities.PolicyTrigger{ModelID: "md1"}},
		"one character, whatever its bytes":    {trigger: activities.PolicyTrigger{ModelID: "备份一"}},
		"two characters":                       {activities.PolicyTrigger{ModelID: "备份一二"}, []string{"modelId"}},
		"its own path":                         {trigger: activities.PolicyTrigger{ModelID: "md1", ExecutePath: "/api/execute/md1"}},
		"its own path as a template":           {trigger: activities.PolicyTrigger{ModelID: "md1", ExecutePath: "/api/execute/{modelId}"}},
		"a template for a path that is listed": {trigger: activities.PolicyTrigger{ModelID: "md1", ExecutePath: "/api/{modelId}/run"}},
		"another model's path":                 {activities.PolicyTrigger{ModelID: "备份一", ExecutePath: "/api/md1/ruin"}, []string{"executePath"}},
		"another model behind the template":    {activities.PolicyTrigger{ModelID: "md1", ExecutePath: "/api/execute/md2"}, []string{"executePath"}},
		"an encoded id in its own path":        {trigger: activities.PolicyTrigger{ModelID: "备份一", ExecutePath: "/api/execute/%E5%A4%87%E4%BB%BD%E4%B8%80"}},
		"one segment":                          {trigger: activities.PolicyTrigger{ModelID: "md1", ExecutePath: "/api/other/x"}},
		"two segments":                         {activities.PolicyTrigger{ModelID: "md1", ExecutePath: "/api/other/x/y"}, []string{"executePath"}},
		"two segments that look like one":      {activities.PolicyTrigger{ModelID: "md1", ExecutePath: "/api/other/x%2Fy"}, []string{"executePath"}},
		"a secret for its plan":                {trigger: activities.PolicyTrigger{PlanID: "acf42dd3", Secrets: []activities.SecretUse{{Name: "db-password", Path: "params.md1.P"}}}},
		"a secret for another plan":            {activities.PolicyTrigger{PlanID: "dr-7", Secrets: []activities.SecretUse{{Name: "db-password", Path: "params.md1.P"}}}, []string{"params.md1.P"}},
		"a secret for its model":               {trigger: activities.PolicyTrigger{ModelID: "md1", Secrets: []activities.SecretUse{{Name: "mail-relay", Path: "params.P"}}}},
		"a secret for no plan":                 {activities.PolicyTrigger{PlanID: "acf42dd3", Secrets: []activities.SecretUse{{Name: "mail-relay", Path: "params.md1.P"}}}, []string{"params.md1.P"}},
		"everything at once": {activities.PolicyTrigger{ModelID: "x", ExecutePath: "/x", Secrets: []activities.SecretUse{{Name: "a", Path: "params.A"}, {Name: "b", Path: "params.B"}}},
			[]string{"modelId", "executePath", "params.A", "params.B"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var paths []string
			for _, finding := range p.Check(row.trigger) {
				paths = append(paths, finding.Path)
				require.Contains(t, finding.Problem, "DPA_POLICY_FILE")
			}
			require.Equal(t, row.paths, paths)
		})
	}
}

func TestAPolicyThatListsNothingAllowsEverything(t *testing.T) {
	t.Parallel()
	all := activities.PolicyTrigger{ModelID: "md/1", ExecutePath: "/a/b%2F/c", Secrets: []activities.SecretUse{{Name: "any", Path: "params.P"}}}
	require.Empty(t, Policy{}.Check(all))
	require.Empty(t, parse(t, "{}").Check(all))
	require.Empty(t, parse(t, "frozen: audit").Check(all))
	require.Empty(t, parse(t, `{models: ["*"], executePaths: ["*"], secrets: {"*": {models: ["*"]}}}`).Check(all))
	require.Len(t, parse(t, "plans: []").Check(all), 3, "one list is enough to forbid what the others do not allow")
}

func TestFrozenIsAReason(t *testing.T) {
	t.Parallel()
	for text, reason := range map[string]string{
		"frozen: change freeze until Monday": "change freeze until Monday",
		"frozen: ' 变更冻结 '":                   "变更冻结",
		"frozen: ''":                         "",
		"frozen:":                            "",
		"{}":                                 "",
	} {
		require.Equal(t, reason, parse(t, text).Frozen(), text)
	}
}

func TestAPolicyNamesEverythingThatIsWrongWithIt(t *testing.T) {
	t.Parallel()
	_, err := Parse([]byte("frozen: true\nplan: [x]\nplans: acf42dd3\nmodels: ['[', '', ' x']\nsecrets:\n  db: {plan: [x]}\n  'a[': {}\nplans: []\n"))
	require.EqualError(t, err, `line 1: frozen must be the reason, a string; leave it out where nothing is frozen; `+
		`line 2: "plan" is unknown; there are frozen, plans, models, executePaths and secrets; `+
		`line 3: must be a list; ["*"] is everything, and [] nothing; `+
		`line 4: "[" must be an id, or a pattern such as "dr-*"; `+
		`line 4: "" must be an id, or a pattern such as "dr-*"; `+
		`line 4: " x" must be an id, or a pattern such as "dr-*"; `+
		`line 6: "plan" is unknown; a secret has plans and models that may be given it; `+
		`line 7: "a[" must be an id, or a pattern such as "dr-*"; `+
		`line 8: "plans" is given twice`)
	for text, problem := range map[string]string{
		"":                       "is empty",
		"# soon\n":               "is empty",
		"- plans":                "must be a mapping",
		"plans: [a\n":            "yaml",
		"frozen: x\n---\n{}\n":   "more than one document",
		"plans:":                 "must be a list",
		"plans: [{a: b}, ~]":     "must be a string",
		"secrets: [db]":          "must be a mapping",
		"secrets: {db: [a]}":     "must be a mapping",
		"frozen: [a]":            "must be the reason",
		"frozen: 2026-11-25":     "must be the reason",
		"a: &a [x]\nplans: *a\n": `"a" is unknown`,
		"plans: \"\xff\"":        "",
	} {
		_, err := Parse([]byte(text))
		require.ErrorContains(t, err, problem, text)
	}
}
