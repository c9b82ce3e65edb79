package notify

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/invopop/jsonschema"
	judge "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/engine"
)

var update = flag.Bool("update", false, "write schema.json anew")

func TestTheSchemaIsCurrent(t *testing.T) {
	t.Parallel()
	reflector := &jsonschema.Reflector{Anonymous: true}
	require.NoError(t, reflector.AddGoComments("github.com/dpaflow/dpaflow/notify", "."))
	made := reflector.Reflect(&Event{})
	made.ID = SchemaURL
	of := func(kind, field string) *jsonschema.Schema { return made.Definitions[kind].Properties.Value(field) }
	for _, name := range Types() {
		of("Event", "type").Enum = append(of("Event", "type").Enum, name)
	}
	of("Event", "specversion").Const = "1.0"
	of("Event", "datacontenttype").Const = "application/json"
	of("Event", "source").Format, of("Event", "dataschema").Format = "uri-reference", "uri"
	of("Event", "id").Pattern = "^[0-9a-f]{32}$"
	of("Ended", "status").Enum = []any{"FAILED", "CANCELED", "TERMINATED", "TIMED_OUT"}
	of("Schedule", "reason").Enum = []any{"overlap", "late"}
	for _, name := range []string{"Data", "Run", "Waits", "Ended", "Schedule", "Links", "Event"} {
		made.Definitions[name].AdditionalProperties = nil // there may be more in the future
	}
	data, err := json.MarshalIndent(made, "", "  ")
	require.NoError(t, err)
	data = append(data, '\n')
	if *update {
		require.NoError(t, os.WriteFile("schema.json", data, 0o644))
		return
	}
	require.Equal(t, string(data), string(Schema()), "run go generate ./notify")
}

// every has an event of each type in its state.
func every() (s State) {
	s.Next(site, Seen{At: now, Schedules: map[string]Counts{"nightly": {}}})
	w := waits(engine.ForApproval, "confirm", now)
	w.Until, w.Who, w.Have, w.Need = &now, []string{"zhang", "li"}, 1, 2
	rolledBack := failed("c", now)
	rolledBack.RolledBack = true
	s.Next(site, Seen{
		At: now, Open: []Open{{Run: run("a"), Waits: []engine.WaitsFor{w, waits(OverdueKind, "switch", now)}}},
		Closed: []Closed{failed("b", now), rolledBack}, Schedules: map[string]Counts{"nightly": {Late: 1}},
	})
	return s
}

func TestEveryEventIsWhatTheSchemaSaysAndACloudEvent(t *testing.T) {
	t.Parallel()
	doc, err := judge.UnmarshalJSON(bytes.NewReader(Schema()))
	require.NoError(t, err)
	compiler := judge.NewCompiler()
	compiler.AssertFormat()
	require.NoError(t, compiler.AddResource(SchemaURL, doc))
	compiled, err := compiler.Compile(SchemaURL)
	require.NoError(t, err)
	var types []string
	for _, p := range every().Pending {
		instance, err := judge.UnmarshalJSON(bytes.NewReader(p.Body))
		require.NoError(t, err)
		require.NoError(t, compiled.Validate(instance), "%s", p.Body)
		types = append(types, p.Type)

		var e event.Event // as the project's own library reads it
		require.NoError(t, json.Unmarshal(p.Body, &e))
		require.NoError(t, e.Validate())
		require.Equal(t, p.ID, e.ID())
		require.Equal(t, "/dpaflow/default/dpa", e.Source())
		var data Data
		require.NoError(t, e.DataAs(&data))
		require.NotEmpty(t, data.Command)
	}
	require.ElementsMatch(t, Types(), types)
	for _, wrong := range []string{`{}`, `{"specversion":"1.0","id":"x","type":"other"}`} {
		instance, err := judge.UnmarshalJSON(bytes.NewReader([]byte(wrong)))
		require.NoError(t, err)
		require.Error(t, compiled.Validate(instance))
	}
}
