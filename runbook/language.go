package runbook

import (
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/types"
)

const (
	// maxExpression is how long one expression may be, in characters.
	maxExpression = 4096
	// maxCost ends an expression after some milliseconds; it counts steps, not time, so that a replay
	// ends it at the same place.
	maxCost = 50_000
	// maxLoops is how many map, filter, all and so on one expression may have: checking the types of many
	// inside each other takes long.
	maxLoops = 8
	// maxText is the most that a text made by an expression may have, in bytes.
	maxText = 256 << 10
)

// language has the names that expressions know, with item and index or without them. Both are made
// once: that takes longer than anything done with them.
type language struct{ plain, items *cel.Env }

var theLanguage = sync.OnceValues(newLanguage)

//workflowcheck:ignore
func newLanguage() (language, error) {
	outer, err := cel.NewCustomEnv(
		cel.StdLib(cel.StdLibSubset(env.NewLibrarySubset().AddExcludedFunctions(byTimeZone()...))),
		cel.CustomTypeProvider(provider{types.NewEmptyRegistry()}),
		cel.CustomTypeAdapter(adapter{types.NewEmptyRegistry()}),
		cel.ParserRecursionLimit(50),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ExpressionNodeLimit(4*maxExpression),
		cel.RegexProgramSizeLimit(1000),
		cel.Variable("vars", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable("steps", cel.MapType(cel.StringType, cel.ObjectType(typeStep))),
		cel.Variable("runbook", cel.ObjectType(typeRunbook)),
		cel.Lib(textLibrary{}),
	)
	if err != nil {
		return language{}, err
	}
	inner, err := outer.Extend(cel.Variable("item", cel.DynType), cel.Variable("index", cel.IntType))
	return language{plain: outer, items: inner}, err
}

// byTimeZone lists what looks time zones up on the worker's disk, where two workers may differ.
func byTimeZone() (functions []*env.Function) {
	for _, name := range []string{
		"getFullYear", "getMonth", "getDayOfYear", "getDate", "getDayOfMonth", "getDayOfWeek",
		"getHours", "getMinutes", "getSeconds", "getMilliseconds",
	} {
		functions = append(functions, env.NewFunction(name))
	}
	return functions
}

// The types of what expressions know.
const (
	typeStep    = "dpaflow.Step"
	typeModel   = "dpaflow.Model"
	typeRunbook = "dpaflow.Runbook"
)

var fieldTypes = map[string]map[string]*types.Type{
	typeStep: {
		"status":     types.StringType,
		"instanceId": types.StringType,
		"outputs":    types.NewMapType(types.StringType, types.StringType),
		"models":     types.NewMapType(types.StringType, types.NewObjectType(typeModel)),
		"items":      types.NewListType(types.NewObjectType(typeStep)),
	},
	typeModel:   {"outputs": types.NewMapType(types.StringType, types.StringType)},
	typeRunbook: {"workflowId": types.StringType, "status": types.StringType, "reason": types.StringType},
}

// provider tells the checker the fields of those types. Their values are maps.
type provider struct{ *types.Registry }

func (p provider) FindStructType(name string) (*types.Type, bool) {
	if _, known := fieldTypes[name]; known {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return p.Registry.FindStructType(name)
}

func (p provider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	if fields, known := fieldTypes[name]; known {
		fieldType, found := fields[field]
		return &types.FieldType{Type: fieldType}, found
	}
	return p.Registry.FindStructFieldType(name, field)
}
