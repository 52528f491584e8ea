package verify

import (
	"maps"
	"slices"
)

// sorted are the keys of a set.
func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }

func sortedUnique(names []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(names)))
}
