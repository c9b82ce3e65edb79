package runbook

import (
	"iter"
	"maps"
	"slices"
)

// Sorted goes through the keys of a map in order: at random it would not be the same at every replay.
//
//workflowcheck:ignore
func Sorted[M ~map[string]V, V any](m M) iter.Seq[string] {
	return slices.Values(slices.Sorted(maps.Keys(m)))
}
