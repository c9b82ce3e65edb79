package runbook

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// folder is a file system of texts.
type folder map[string]string

func (f folder) load(file string) ([]byte, error) {
	text, there := f[file]
	if !there {
		return nil, &fs.PathError{Op: "open", Path: file, Err: fs.ErrNotExist}
	}
	return []byte(text), nil
}

func TestARunbookInAFileIsPutInItsPlace(t *testing.T) {
	t.Parallel()
	files := folder{
		"dir/outer.yaml": `
name: outer
vars: {site: east}
x-verify: &verify {runbook: ./checks/verify.yaml}
steps:
  - {id: first, with: {database: "${{ vars.site }}"}, <<: *verify}
  - {id: second, with: {database: two}, <<: *verify}
  - {id: third, forEach: "['a']", runbook: notify.json}
finally: [{id: last, runbook: notify.json}]
`,
		"dir/checks/verify.yaml": `
name: verify
vars: {database: {type: string, required: true}, url: "db://${{ vars.database }}"}
steps:
  - {id: business, plan: p, params: {md1: {URL: "${{ vars.url }}"}}}
  - {id: tell, runbook: ../notify.json}
`,
		"dir/notify.json": `{"name": "notify", "steps": [{"id": "mail", "model": "m"}]}`,
	}
	whole, err := ParseFile("dir/outer.yaml", files.load)
	require.NoError(t, err)
	notify := New("notify", Model("mail", "m"))
	verify := New("verify", Vars{"database": Var{Type: StringVar, Required: true}, "url": "db://${{ vars.database }}"},
		Plan("business", "p", With(Params{"md1": Inputs(Params{"URL": Text("${{ vars.url }}")})})),
		Nest("tell", notify, Give(Vars{})))
	require.Equal(t, New("outer", Vars{"site": "east"},
		Nest("first", verify, Give(Vars{"database": "${{ vars.site }}"})),
		Nest("second", verify, Give(Vars{"database": "two"})),
		Nest("third", notify, Each("['a']"), Give(Vars{})),
		Option(func(d *Document) { d.Finally = []Step{Nest("last", notify, Give(Vars{}))} })), whole)

	written, err := whole.YAML()
	require.NoError(t, err)
	require.Equal(t, whole, parse(t, string(written)), "as it is printed")
	data, err := json.Marshal(whole)
	require.NoError(t, err)
	require.NoError(t, bySchema(t, data))
	require.NoError(t, bySchema(t, asJSON(t, []byte(files["dir/outer.yaml"]))), "as it is written")

	_, err = Parse([]byte(files["dir/outer.yaml"]))
	require.Equal(t, "4:20: steps[0].runbook: is in a file, ./checks/verify.yaml: starter runbook resolve puts it in its place, and prints the whole document", problems(err)[0])
	require.Len(t, problems(err), 4)
}

func TestWhatIsWrongInAFileIsAtItsPlaceThere(t *testing.T) {
	t.Parallel()
	_, err := ParseFile("outer.yaml", folder{
		"outer.yaml": `name: outer
steps:
  - {id: a, runbook: dir/inner.yaml, with: {n: many}}
  - {id: b, runbook: dir/none.yaml}
  - {id: c, runbook: dir/broken.yaml}
  - {id: d, runbook: dir/list.yaml}
  - {id: e, runbook: "${{ vars.x }}.yaml"}
  - {id: f, plan: p, retires: 1}
  - {id: g, runbook: dir/empty.yaml}
`,
		"dir/inner.yaml": `name: inner
vars:
  n: 1
  to: {type: string, required: true}
steps:
  - {id: a, plan: p, when: vars.m == 1}
  - {id: b, runbook: innermost.yaml}
`,
		"dir/innermost.yaml": "name: innermost\nsteps: [{id: a, plan: p, pln: q},\n  {id: a, wait: 1s}]",
		"dir/broken.yaml":    "name: broken\nsteps: [",
		"dir/list.yaml":      "- 1",
		"dir/empty.yaml":     "description: nothing\n",
	}.load)
	require.Equal(t, []string{
		`dir/broken.yaml:2:1: this is neither YAML nor JSON: did not find expected node content`,
		`dir/empty.yaml:1:1: name is missing`,
		`dir/empty.yaml:1:1: steps is missing: a runbook must have at least one`,
		`dir/inner.yaml:6:22: steps[0].when: there is no variable "m" in vars`,
		`dir/innermost.yaml:2:26: steps[0].pln: there is no such field`,
		`dir/innermost.yaml:3:4: steps[1].id: "a" is the id of steps[0] already`,
		`dir/list.yaml:1:1: the document must be an object, got a list`,
		`outer.yaml:3:38: steps[0].with: must give the variable "to" a value: it has no default`,
		`outer.yaml:3:45: steps[0].with.n: must be a number, got "many"`,
		`outer.yaml:4:22: steps[1].runbook: open dir/none.yaml: file does not exist`,
		`outer.yaml:7:22: steps[4].runbook: takes no expressions: the file is read before the run begins`,
		`outer.yaml:8:22: steps[5].retires: there is no such field`,
	}, problems(err))
	_, err = ParseFile("none.yaml", folder{}.load)
	require.EqualError(t, err, "open none.yaml: file does not exist")
	_, err = ParseFile("a.yaml", folder{"a.yaml": ":"}.load)
	require.ErrorContains(t, err, "a.yaml:")
}

func TestFilesDoNotGoOnForEver(t *testing.T) {
	t.Parallel()
	book := func(name string) string { return "name: r\nsteps: [{id: a, runbook: " + name + "}]\n" }
	_, err := ParseFile("./a.yaml", folder{"./a.yaml": book("sub/b.yaml"), "sub/b.yaml": book("../c.yaml"), "c.yaml": book("./sub/../a.yaml")}.load)
	require.Equal(t, []string{"c.yaml:2:26: steps[0].runbook: the runbooks stand inside each other in a circle: a.yaml → sub/b.yaml → c.yaml → a.yaml"}, problems(err))

	chain := folder{}
	for i := range 9 {
		chain[fmt.Sprintf("%d.yaml", i)] = book(fmt.Sprintf("%d.yaml", i+1))
	}
	_, err = ParseFile("0.yaml", chain.load)
	require.Equal(t, []string{"4.yaml:2:26: steps[0].runbook: at most 5 runbooks may stand inside each other"}, problems(err))

	large := "name: l\ndescription: " + strings.Repeat("x", 400<<10) + "\nsteps: [{id: a, plan: p}]"
	many := "name: r\nsteps: [{id: a, runbook: l.yaml}, {id: b, runbook: l.yaml}, {id: c, runbook: l.yaml}, {id: d, runbook: l.yaml}]"
	_, err = ParseFile("r.yaml", folder{"r.yaml": many, "l.yaml": large}.load)
	require.Len(t, problems(err), 2)
	require.Contains(t, problems(err)[0], "r.yaml:2:78: steps[2].runbook: the document must have at most 1048576 bytes in all")
	params := "x-p: &p {A: " + strings.Repeat("x", 60<<10) + "}\nname: l\nsteps:\n"
	for i := range 16 {
		params += fmt.Sprintf("- {id: s%d, model: m, params: *p}\n", i)
	}
	_, err = ParseFile("l.yaml", folder{"l.yaml": params}.load)
	require.NoError(t, err)
	_, err = ParseFile("r.yaml", folder{"r.yaml": "name: r\nsteps: [{id: a, runbook: l.yaml}, {id: b, runbook: l.yaml}]", "l.yaml": params}.load)
	require.ErrorContains(t, err, "more than 1048576 bytes in all", "what aliases stand for counts over all files")
	_, err = ParseFile("r.yaml", folder{"r.yaml": "name: r\nsteps: [{id: a, plan: p, name: \"" + strings.Repeat(`\u0001`, 200<<10) + "\"}]"}.load)
	require.Error(t, err)
}
