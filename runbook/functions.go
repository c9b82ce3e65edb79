package runbook

import (
	"encoding/json"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// textLibrary has the functions on texts that outputs of scripts call for, as CEL's own extension
// names them. That one bounds neither their results nor their cost.
type textLibrary struct{}

func (textLibrary) LibraryName() string { return "dpaflow.text" }

func (textLibrary) CompileOptions() []cel.EnvOption {
	text, list := cel.StringType, cel.ListType(cel.StringType)
	member := func(name string, result *cel.Type, args []*cel.Type, call func(args ...string) ref.Val) cel.EnvOption {
		return cel.Function(name, cel.MemberOverload(textPrefix+name, args, result, cel.FunctionBinding(
			func(values ...ref.Val) ref.Val {
				texts := make([]string, len(values))
				for i, value := range values {
					texts[i] = string(value.(types.String)) // the library checks arguments by their overload
				}
				return call(texts...)
			})))
	}
	return []cel.EnvOption{
		member("trim", text, []*cel.Type{text}, func(args ...string) ref.Val {
			return types.String(strings.TrimSpace(args[0]))
		}),
		member("lowerAscii", text, []*cel.Type{text}, func(args ...string) ref.Val {
			return types.String(mapASCII(args[0], 'A', 'Z', 'a'-'A'))
		}),
		member("upperAscii", text, []*cel.Type{text}, func(args ...string) ref.Val {
			return types.String(mapASCII(args[0], 'a', 'z', 'A'-'a'))
		}),
		member("split", list, []*cel.Type{text, text}, func(args ...string) ref.Val {
			return types.NewStringList(types.DefaultTypeAdapter, strings.Split(args[0], args[1]))
		}),
		cel.Function("lines", cel.Overload(textPrefix+"lines", []*cel.Type{text}, list, cel.UnaryBinding(linesOf))),
		cel.Function("json", cel.Overload(textPrefix+"json", []*cel.Type{text}, cel.DynType, cel.UnaryBinding(readText))),
		member("replace", text, []*cel.Type{text, text, text}, replace),
		cel.Function("join", cel.MemberOverload(textPrefix+"join", []*cel.Type{list, text}, text, cel.BinaryBinding(joinTexts))),
	}
}

func (textLibrary) ProgramOptions() []cel.ProgramOption { return nil }

const textPrefix = "text_"

// costs has what operations cost where the library takes too little for them, or does not know them.
type costs struct{}

func (costs) CallCost(function, overload string, args []ref.Val, result ref.Val) *uint64 {
	var cost int
	switch {
	case function == operators.Equals || function == operators.NotEquals || function == operators.In:
		cost = weigh(maxValue, args...)
	case strings.HasPrefix(overload, textPrefix):
		cost = weigh(maxCost, result) + weigh(maxCost, args...)
	default:
		return nil // the library knows its own
	}
	total := uint64(cost)
	return &total
}

// linesOf splits a text into its lines, without what ends them. The end of the last line begins no other one.
func linesOf(value ref.Val) ref.Val {
	text := strings.ReplaceAll(string(value.(types.String)), "\r\n", "\n")
	if text == "" {
		return types.NewStringList(types.DefaultTypeAdapter, nil)
	}
	return types.NewStringList(types.DefaultTypeAdapter, strings.Split(strings.TrimSuffix(text, "\n"), "\n"))
}

// readText reads the value that a text has as JSON.
func readText(value ref.Val) ref.Val {
	text := string(value.(types.String))
	if len(text) > maxText {
		return tooLong()
	}
	if !json.Valid([]byte(text)) {
		return types.NewErr("json: %q is not JSON", clip(text))
	}
	tokens := json.NewDecoder(strings.NewReader(text)) // a look at them costs less than the value
	for n := 0; ; n++ {
		if _, err := tokens.Token(); err != nil {
			break
		}
		if n > 4*maxValue {
			return tooLarge()
		}
	}
	read, err := ParseValue([]byte(text))
	if err != nil {
		return types.NewErr("json: %s", err)
	}
	return light(adapter{types.DefaultTypeAdapter}.NativeToValue(read))
}

func replace(args ...string) ref.Val {
	text, old, with := args[0], args[1], args[2]
	if len(text)+strings.Count(text, old)*(len(with)-len(old)) > maxText {
		return tooLong()
	}
	return types.String(strings.ReplaceAll(text, old, with))
}

func joinTexts(list, separator ref.Val) ref.Val {
	between := string(separator.(types.String))
	var out strings.Builder
	first := true
	for it := list.(traits.Lister).Iterator(); it.HasNext() == types.True; {
		text, ok := it.Next().(types.String)
		if !ok {
			return types.NewErr("join takes a list of strings")
		}
		if !first {
			out.WriteString(between)
		}
		first = false
		if out.WriteString(string(text)); out.Len() > maxText {
			return tooLong()
		}
	}
	return types.String(out.String())
}

func tooLong() ref.Val { return types.NewErr("the text is longer than %d bytes", maxText) }

func mapASCII(text string, from, to rune, by rune) string {
	return strings.Map(func(r rune) rune {
		if r >= from && r <= to {
			r += by
		}
		return r
	}, text)
}
