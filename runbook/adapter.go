package runbook

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// adapter makes values of expressions from those of Go. Its maps go through their keys in order, where
// the library's go through them at random: an expression gives the same at every replay.
type adapter struct{ types.Adapter }

func (a adapter) NativeToValue(value any) ref.Val {
	switch value := value.(type) {
	case orderedMap:
		return value
	case traits.Mapper:
		return orderedMap{value}
	case map[ref.Val]ref.Val:
		return orderedMap{types.NewRefValMap(a, value)}
	case ref.Val, []byte:
		return a.Adapter.NativeToValue(value)
	case []ref.Val:
		return types.NewRefValList(a, value)
	}
	switch kind := reflect.ValueOf(value).Kind(); kind {
	case reflect.Map:
		return orderedMap{types.NewDynamicMap(a, value)}
	case reflect.Slice, reflect.Array:
		return types.NewDynamicList(a, value)
	}
	return a.Adapter.NativeToValue(value)
}

// orderedMap hides the ways around Iterator that the library's maps have.
type orderedMap struct{ traits.Mapper }

func (m orderedMap) Iterator() traits.Iterator {
	var keys []ref.Val
	for it := m.Mapper.Iterator(); it.HasNext() == types.True; {
		keys = append(keys, it.Next())
	}
	slices.SortFunc(keys, compareKeys)
	return types.NewRefValList(types.DefaultTypeAdapter, keys).Iterator()
}

func compareKeys(a, b ref.Val) int {
	if order := cmp.Compare(a.Type().TypeName(), b.Type().TypeName()); order != 0 {
		return order
	}
	order, _ := a.(traits.Comparer).Compare(b).(types.Int) // of keys, all types can be compared
	return int(order)
}

// native returns what an expression gave as Vars hold it.
func native(value ref.Val) (any, error) {
	if types.IsError(light(value)) {
		return nil, fmt.Errorf("gives a list or object with more than %d parts in all", maxValue)
	}
	return nativeParts(value)
}

func nativeParts(value ref.Val) (any, error) {
	switch value := value.(type) {
	case *types.Err:
		return nil, value
	case types.Null:
		return nil, nil
	case types.Bool:
		return bool(value), nil
	case types.Int:
		return int64(value), nil
	case types.Uint:
		if value <= math.MaxInt64 {
			return int64(value), nil
		}
	case types.Double:
		if number := float64(value); !math.IsNaN(number) && !math.IsInf(number, 0) {
			return whole(number), nil
		}
	case types.String:
		return string(value), nil
	case traits.Lister:
		list := []any{}
		for it := value.Iterator(); it.HasNext() == types.True; {
			item, err := nativeParts(it.Next())
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		return list, nil
	case traits.Mapper:
		return nativeObject(value)
	}
	return nil, fmt.Errorf("gives a value of type %s, which JSON does not have", value.Type().TypeName())
}

func nativeObject(value traits.Mapper) (any, error) {
	if size := value.Size(); types.IsError(size) {
		return nil, size.(*types.Err)
	}
	object := map[string]any{}
	for it := value.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, ok := key.(types.String)
		if !ok {
			return nil, fmt.Errorf("gives an object with a name of type %s: names want to be texts", key.Type().TypeName())
		}
		field, err := nativeParts(value.Get(key))
		if err != nil {
			return nil, err
		}
		object[string(name)] = field
	}
	return object, nil
}
