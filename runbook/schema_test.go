package runbook

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"

	"github.com/invopop/jsonschema"
	judge "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write schema.json anew")

func TestTheSchemaIsCurrent(t *testing.T) {
	t.Parallel()
	made := makeSchema(t)
	if *update {
		require.NoError(t, os.WriteFile("schema.json", made, 0o600))
		return
	}
	require.Equal(t, string(made), string(Schema()), "run go generate ./runbook")
}

// ours are the fields that a document's objects may have beside those of the language.
var ours = map[string]*jsonschema.Schema{"^" + extension: jsonschema.TrueSchema}

// makeSchema reflects the types and their comments, and adds what types cannot say.
func makeSchema(t *testing.T) []byte {
	t.Helper()
	reflector := &jsonschema.Reflector{Anonymous: true, Mapper: mapType}
	require.NoError(t, reflector.AddGoComments("github.com/dpaflow/dpaflow/runbook", "."))
	schema := reflector.Reflect(&Document{})
	document, step := schema.Definitions["Document"], schema.Definitions["Step"]
	variable := reflector.Reflect(&Var{}).Definitions["Var"]
	schema.Definitions["Var"] = variable
	document.Properties.Value("vars").AdditionalProperties = &jsonschema.Schema{ // an object with type is a declaration
		If: &jsonschema.Schema{Type: "object", Required: []string{"type"}}, Then: &jsonschema.Schema{Ref: "#/$defs/Var"},
	}
	step.Properties.Set("runbook", &jsonschema.Schema{
		Description: "Runbook is run as a part of this one: its steps are known by path, such as verify/business. In a file it may be the name of another one.",
		OneOf:       []*jsonschema.Schema{{Ref: "#/$defs/Document"}, {Type: "string", MinLength: new(uint64(1))}},
	})
	for _, object := range schema.Definitions {
		object.PatternProperties = ours
	}
	one, most := uint64(1), uint64(MaxSteps)
	document.Properties.Value("steps").MinItems, document.Properties.Value("steps").MaxItems = &one, &most
	step.Properties.Value("id").Pattern = idForm.String()
	step.OneOf = oneRequired("plan", "model", "approval", "ask", "wait", "runbook")
	schema.Definitions["Rollback"].OneOf = oneRequired("plan", "model")
	limit := json.Number("0")
	for _, number := range []*jsonschema.Schema{
		document.Properties.Value("maxParallel"), step.Properties.Value("maxParallel"),
		schema.Definitions["Approval"].Properties.Value("quorum"),
	} {
		number.Minimum = limit
	}
	data, err := json.MarshalIndent(schema, "", "  ")
	require.NoError(t, err)
	return append(data, '\n')
}

func oneRequired(fields ...string) (schemas []*jsonschema.Schema) {
	for _, field := range fields {
		schemas = append(schemas, &jsonschema.Schema{Required: []string{field}})
	}
	return schemas
}

// mapType gives the schemas of the types that have a JSON of their own.
func mapType(t reflect.Type) *jsonschema.Schema {
	text := &jsonschema.Schema{Type: "string", MinLength: new(uint64(1))}
	object := func(of *jsonschema.Schema) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "object", AdditionalProperties: of}
	}
	switch t {
	case reflect.TypeFor[Duration]():
		return &jsonschema.Schema{
			Type: "string", Examples: []any{"90s", "2h"},
			Pattern: `^\+?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`,
		}
	case reflect.TypeFor[MaxFailures]():
		return &jsonschema.Schema{Examples: []any{1, "20%"}, OneOf: []*jsonschema.Schema{
			{Type: "integer", Minimum: "0"}, {Type: "string", Pattern: `^(100|[0-9]{1,2})%$`},
		}}
	case reflect.TypeFor[Retries]():
		fields := jsonschema.NewProperties()
		fields.Set("max", &jsonschema.Schema{Type: "integer", Minimum: "1"})
		fields.Set("pause", mapType(reflect.TypeFor[Duration]()))
		fields.Set("backoff", &jsonschema.Schema{Type: "number", Minimum: "1", Maximum: json.Number(strconv.Itoa(maxBackoff))})
		return &jsonschema.Schema{Examples: []any{1, map[string]any{"max": 2, "pause": "30s", "backoff": 2}}, OneOf: []*jsonschema.Schema{
			{Type: "integer", Minimum: "0"},
			{Type: "object", Properties: fields, Required: []string{"max"}, AdditionalProperties: jsonschema.FalseSchema, PatternProperties: ours},
		}}
	case reflect.TypeFor[Need]():
		fields := jsonschema.NewProperties()
		fields.Set("step", text)
		fields.Set("on", words(onWords))
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{
			text, {Type: "object", Properties: fields, Required: []string{"step"}, AdditionalProperties: jsonschema.FalseSchema, PatternProperties: ours},
		}}
	case reflect.TypeFor[Timer]():
		fields := jsonschema.NewProperties()
		for _, name := range []string{"until", "window", "days", "timeZone"} {
			fields.Set(name, text)
		}
		return &jsonschema.Schema{
			Description: "A duration, a time to wait for, or a window to wait for",
			Examples:    []any{"10m", map[string]string{"until": "2026-12-01T22:00:00+08:00"}, map[string]string{"window": "22:00-04:00", "days": "MON-FRI", "timeZone": "Asia/Shanghai"}},
			OneOf: []*jsonschema.Schema{
				mapType(reflect.TypeFor[Duration]()),
				{Type: "object", Properties: fields, OneOf: oneRequired("until", "window"), AdditionalProperties: jsonschema.FalseSchema, PatternProperties: ours},
			},
		}
	case reflect.TypeFor[Params]():
		fields := jsonschema.NewProperties()
		fields.Set("secretRef", text)
		value := &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
			{Type: "string"}, {Type: "number"}, {Type: "boolean"},
			{Type: "object", Properties: fields, Required: []string{"secretRef"}, AdditionalProperties: jsonschema.FalseSchema},
		}}
		return object(&jsonschema.Schema{AnyOf: append(value.AnyOf[:4:4], object(value))})
	case reflect.TypeFor[Vars]():
		return object(jsonschema.TrueSchema)
	case reflect.TypeFor[VarType]():
		return words(varTypes)
	case reflect.TypeFor[On]():
		return words(onWords)
	case reflect.TypeFor[Join]():
		return words(joinWords)
	case reflect.TypeFor[OnFailure]():
		return words(onFailureWords)
	case reflect.TypeFor[RollbackWhen]():
		return words(rollbackWords)
	case reflect.TypeFor[OnUnknown]():
		return words(onUnknownWords)
	case reflect.TypeFor[OnBusy]():
		return words(onBusyWords)
	case reflect.TypeFor[OnTimeout]():
		return words(onTimeoutWords)
	}
	return nil
}

func words[W ~string](words []W) *jsonschema.Schema {
	schema := &jsonschema.Schema{Type: "string"}
	for _, word := range words {
		schema.Enum = append(schema.Enum, string(word))
	}
	return schema
}

// bySchema says whether the schema accepts a document.
func bySchema(t *testing.T, document []byte) error {
	t.Helper()
	schema, err := judge.UnmarshalJSON(bytes.NewReader(Schema()))
	require.NoError(t, err)
	compiler := judge.NewCompiler()
	require.NoError(t, compiler.AddResource("runbook.json", schema))
	compiled, err := compiler.Compile("runbook.json")
	require.NoError(t, err)
	instance, err := judge.UnmarshalJSON(bytes.NewReader(document))
	require.NoError(t, err)
	return compiled.Validate(instance)
}

// asJSON is a document of YAML as it was written, in JSON.
func asJSON(t *testing.T, text []byte) []byte {
	t.Helper()
	root, faults := read(text)
	require.Empty(t, faults)
	require.True(t, newSurveyor().slot(&root, ""))
	return toJSON(root)
}

func TestTheSchemaAcceptsTheExamples(t *testing.T) {
	t.Parallel()
	for _, file := range examples(t) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, bySchema(t, asJSON(t, text)), filepath.Base(file))
	}
}

func TestTheSchemaRefusesWhatHasTheWrongStructure(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]string{
		"no kind":                 `{"id": "a"}`,
		"two kinds":               `{"id": "a", "plan": "p", "wait": "1s"}`,
		"no id":                   `{"plan": "p"}`,
		"an id of other letters":  `{"id": "1", "plan": "p"}`,
		"an unknown field":        `{"id": "a", "plan": "p", "retry": 1}`,
		"an unknown word":         `{"id": "a", "plan": "p", "onFailure": "ignore"}`,
		"a number for a duration": `{"id": "a", "wait": 10}`,
		"a text for a number":     `{"id": "a", "plan": "p", "retries": "1"}`,
		"a share without percent": `{"id": "a", "plan": "p", "forEach": "[1]", "maxFailures": "1"}`,
		"an unknown end":          `{"id": "a", "plan": "p", "needs": [{"step": "b", "on": "begin"}]}`,
		"a list for an input":     `{"id": "a", "plan": "p", "params": {"md1": {"A": []}}}`,
		"null":                    `{"id": "a", "plan": "p", "needs": null}`,
		"a message missing":       `{"id": "a", "approval": {}}`,
		"a rollback of nothing":   `{"id": "a", "plan": "p", "rollback": {"timeout": "1s"}}`,
		"with for a plan":         `{"id": "a", "plan": "p", "with": 1}`,
		"a fault in a nested one": `{"id": "a", "runbook": {"name": "n", "steps": []}}`,
	} {
		document := []byte(`{"name": "x", "steps": [` + step + `]}`)
		require.Error(t, bySchema(t, document), name)
		_, err := Parse(document)
		require.Error(t, err, "%s: and so does Parse", name)
	}
}
