package runbook

import (
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// maxValue is how many parts a value that an expression makes or compares may have. The library's own
// limit counts steps; a list that holds another one many times, and so on, is huge after a few of them.
const maxValue = 10_000

// bounded puts that limit around the operations that make and compare lists and objects, and an order
// into the objects that they make.
func bounded(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	switch i := i.(type) {
	case interpreter.InterpretableConstructor:
		return boundedConstructor{i}, nil
	case interpreter.InterpretableCall:
		switch i.Function() {
		case operators.Add:
			return boundedSum{i}, nil
		case operators.Equals, operators.NotEquals, operators.In:
			return boundedComparison{i}, nil
		}
	}
	return i, nil
}

// weigh counts the parts of values, as far as there is room.
func weigh(room int, values ...ref.Val) int {
	weight := 0
	for _, value := range values {
		weight++
		switch value := value.(type) {
		case types.String:
			weight += len(value) / 100
		case traits.Lister:
			for it := value.Iterator(); weight <= room && it.HasNext() == types.True; {
				weight += weigh(room-weight, it.Next())
			}
		case traits.Mapper:
			if size, _ := value.Size().(types.Int); int(size) > room {
				return int(size)
			}
			for it := value.Iterator(); weight <= room && it.HasNext() == types.True; {
				weight += weigh(room-weight, value.Get(it.Next()))
			}
		}
		if weight > room {
			break
		}
	}
	return weight
}

func light(value ref.Val) ref.Val {
	if weigh(maxValue, value) > maxValue {
		return tooLarge()
	}
	return value
}

func tooLarge() ref.Val {
	return types.NewErr("a list or object has more than %d parts in all", maxValue)
}

type boundedConstructor struct {
	interpreter.InterpretableConstructor
}

func (b boundedConstructor) Eval(in interpreter.Activation) ref.Val {
	return b.Exec(interpreter.AsFrame(in))
}

func (b boundedConstructor) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	made := b.InterpretableConstructor.Exec(frame)
	if object, ok := made.(traits.Mapper); ok {
		made = orderedMap{object}
	}
	return light(made)
}

type boundedSum struct{ interpreter.InterpretableCall }

func (b boundedSum) Eval(in interpreter.Activation) ref.Val { return b.Exec(interpreter.AsFrame(in)) }

func (b boundedSum) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	sum := b.InterpretableCall.Exec(frame)
	if _, growing := sum.(traits.MutableLister); growing { // inside map and filter, a step for each item
		return sum
	}
	if _, list := sum.(traits.Lister); list {
		return light(sum)
	}
	return sum
}

type boundedComparison struct{ interpreter.InterpretableCall }

func (b boundedComparison) Eval(in interpreter.Activation) ref.Val {
	return b.Exec(interpreter.AsFrame(in))
}

// Exec weighs the operands before it does what the library would.
func (b boundedComparison) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	var operands [2]ref.Val
	for i, arg := range b.Args() {
		operands[i] = arg.Exec(frame)
		if types.IsUnknownOrError(operands[i]) {
			return operands[i]
		}
	}
	if weigh(maxValue, operands[:]...) > maxValue {
		return tooLarge()
	}
	if b.Function() != operators.In {
		if err := firstError(operands[:]...); err != nil {
			return err
		}
	}
	switch b.Function() {
	case operators.Equals:
		return types.Equal(operands[0], operands[1])
	case operators.NotEquals:
		return types.Bool(types.Equal(operands[0], operands[1]) != types.True)
	}
	if container, ok := operands[1].(traits.Container); ok {
		return container.Contains(operands[0])
	}
	return types.MaybeNoSuchOverloadErr(operands[1])
}
