package notify

import (
	_ "embed"
	"slices"
)

// schema is made from the types by TestTheSchemaIsCurrent with -update.
//
//go:generate go test -run ^TestTheSchemaIsCurrent$ . -update
//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema (draft 2020-12) of [Event].
func Schema() []byte { return slices.Clone(schema) }
