package runbook

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryMistakeInATaskIsFound(t *testing.T) {
	t.Parallel()
	for ask, want := range map[string]string{
		`{}`:                            "ask: message is missing",
		`{message: m}`:                  "ask: fields is missing: name what people fill in, or use an approval",
		`{message: m, fields: {a: {}}}`: "ask.fields.a: type is missing",
		`{message: m, fields: {a: {type: date}}}`:                             "ask.fields.a.type: must be string | number | integer | boolean | list | object",
		`{message: m, fields: {a: {type: string, pattern: "("}}}`:             "ask.fields.a.pattern: must be a regular expression",
		`{message: m, fields: {a: {type: number, pattern: "a"}}}`:             "ask.fields.a.pattern: is only for type: string",
		`{message: m, fields: {a: {type: number, default: x}}}`:               `ask.fields.a.default: must be a number, got "x"`,
		`{message: m, fields: {a: {type: string, default: "${{ vars.x }}"}}}`: "ask.fields.a.default: takes no expressions",
		`{message: m, fields: {a: {type: string, secretRef: s}}}`:             "ask.fields.a.secretRef: does not fit a field",
		`{message: m, fields: {a: {type: string, label: s}}}`:                 "ask.fields.a.label: there is no such field",
		`{message: m, fields: {"a b": {type: string}}}`:                       "ask.fields.a b: the name of a field must be letters",
		`{message: m, fields: {a: {type: string}}, who: [""]}`:                "ask.who[0]: must be the name of a person",
		`{message: m, fields: {a: {type: string}}, who: [li, li]}`:            `ask.who[1]: "li" is named already`,
		`{message: m, fields: {a: {type: string}}, timeout: soon}`:            `ask.timeout: must be a duration such as "90s" or "2h", got "soon"`,
		`{message: "${{ steps.b.status }}", fields: {a: {type: string}}}`:     `ask.message: there is no step "b"`,
		`{message: m, fields: {a: {type: string}}, approvers: [li]}`:          "ask.approvers: there is no such field",
		`how much`: `ask: must be an object, got "how much"`,
	} {
		_, err := Parse([]byte("name: x\nsteps: [{id: a, ask: " + ask + "}]"))
		lines := problems(err)
		if ask == "{}" {
			require.Len(t, lines, 2)
		} else {
			require.Len(t, lines, 1, "%s: one mistake is one finding", ask)
		}
		require.Contains(t, lines[0], want, ask)
	}
	_, err := Parse([]byte("name: x\nsteps: [{id: a, ask: {message: m, fields: {b: {type: string}}}, rollback: {plan: p}, forEach: '[1]', timeout: 1s}]"))
	require.Len(t, problems(err), 3)
	_, err = Parse([]byte("name: x\nsteps: [{id: a, plan: p}]\nfinally: [{id: b, ask: {message: m, fields: {b: {type: string}}}}]"))
	require.Equal(t, []string{"3:19: finally[0].ask: does not fit in finally, which must end without people"}, problems(err))
}

func TestAnAnswerIsCheckedByTheFieldsOfItsTask(t *testing.T) {
	t.Parallel()
	task := Task{Message: "m", Fields: map[string]Var{
		"lag": {Type: NumberVar}, "ticket": {Type: StringVar, Pattern: "FZ-[0-9]+"}, "site": {Type: StringVar, Enum: []any{"a", "b"}, Default: "a"},
		"hosts": {Type: ListVar, Default: []any{}},
	}}
	for name, of := range map[string]struct {
		values  map[string]any
		outputs map[string]string
		wrong   []string
	}{
		"all":          {map[string]any{"lag": 0.3, "ticket": "FZ-1", "site": "b", "hosts": []any{"x", 1}}, map[string]string{"lag": "0.3", "ticket": "FZ-1", "site": "b", "hosts": `["x",1]`}, nil},
		"defaults":     {map[string]any{"lag": 2, "ticket": "FZ-1"}, map[string]string{"lag": "2", "ticket": "FZ-1", "site": "a", "hosts": "[]"}, nil},
		"nothing":      {nil, nil, []string{"values.lag: is missing: it must be a number", "values.ticket: is missing: it must be a string"}},
		"wrong types":  {map[string]any{"lag": "0.3", "ticket": 1}, nil, []string{`values.lag: must be a number, got "0.3"`, "values.ticket: must be a string, got 1"}},
		"null":         {map[string]any{"lag": nil, "ticket": "FZ-1"}, nil, []string{"values.lag: is missing: it must be a number"}},
		"other values": {map[string]any{"lag": 1, "ticket": "FZ-1x", "site": "c"}, nil, []string{`values.site: must be "a" | "b", got "c"`, `values.ticket: must match FZ-[0-9]+, got "FZ-1x"`}},
		"unknown":      {map[string]any{"lag": 1, "ticket": "FZ-1", "tikket": "x"}, nil, []string{"values.tikket: there is no such field"}},
	} {
		outputs, err := task.Answer(of.values)
		require.Equal(t, of.wrong, problems(err), name)
		if of.wrong != nil {
			continue
		}
		got := map[string]string{}
		for _, node := range outputs {
			got[node.Name] = node.Result
		}
		require.Equal(t, of.outputs, got, name)
	}
}
