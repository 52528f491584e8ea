package check

import (
	_ "embed"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"

	"spaces-identity.dev/internal/identity"
)

//go:embed chart-keys.tsv
var chartTable string

// chartKey is a key of the Spaces chart with the keys below it.
type chartKey struct {
	path     []string
	kind     string // bool, float, int, list, object, string; empty for a key that only contains others
	open     bool   // other keys are allowed below it
	children map[string]*chartKey
}

// chartKeys returns the keys of the Spaces chart.
//
// Source: the first lines of chart-keys.tsv.
var chartKeys = sync.OnceValue(func() *chartKey {
	root := &chartKey{}
	for line := range strings.Lines(chartTable) {
		row := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(row) != 3 || strings.HasPrefix(line, "#") {
			continue
		}
		k := root.with(splitKey(row[0]))
		k.kind = row[1]
		switch children := map[string]any{}; {
		case k.kind != "object":
		case json.Unmarshal([]byte(row[2]), &children) != nil || len(children) == 0:
			k.open = true // the reference does not list all keys below it
		default:
			k.addAll(children)
		}
	}
	root.with([]string{"global"}).open = true // Helm passes it to every chart
	return root
})

// splitKey splits a key at its dots. A segment with dots is in double quotes.
func splitKey(key string) []string {
	var segments []string
	for key != "" {
		if rest, quoted := strings.CutPrefix(key, `"`); quoted {
			segment, rest, _ := strings.Cut(rest, `"`)
			segments, key = append(segments, segment), strings.TrimPrefix(rest, ".")
			continue
		}
		var segment string
		segment, key, _ = strings.Cut(key, ".")
		segments = append(segments, segment)
	}
	return segments
}

// with returns the key at a path below k. It adds the keys that are missing.
func (k *chartKey) with(path []string) *chartKey {
	for _, name := range path {
		next := k.children[name]
		if next == nil {
			next = &chartKey{path: append(slices.Clone(k.path), name)}
			if k.children == nil {
				k.children = map[string]*chartKey{}
			}
			k.children[name] = next
		}
		k = next
	}
	return k
}

// addAll adds the keys of a default.
func (k *chartKey) addAll(defaults map[string]any) {
	for name, value := range defaults {
		child := k.with([]string{name})
		if below, ok := value.(map[string]any); ok {
			child.kind, child.open = "object", child.open || len(below) == 0
			child.addAll(below)
		}
	}
}

// unknown returns the index of the first name of a path that the chart does not have, and
// the key above it. The index is -1 if the chart has the path or allows any key there.
func (k *chartKey) unknown(path []string) (index int, above *chartKey) {
	for i, name := range path {
		next := k.children[name]
		switch {
		case next != nil:
			k = next
		case k.open || k.kind != "" && k.kind != "object":
			return -1, k
		default:
			return i, k
		}
	}
	return -1, k
}

// nearest returns the path of the key that a misspelt name below k most likely means, or
// nothing.
func (k *chartKey) nearest(name string) string {
	names := slices.Sorted(maps.Keys(k.children))
	near := identity.Nearest(name, names)
	for _, other := range names { // annotations and customAnnotations
		if a, b := strings.ToLower(name), strings.ToLower(other); near == "" && min(len(a), len(b)) > 3 && (strings.HasSuffix(a, b) || strings.HasSuffix(b, a)) {
			near = other
		}
	}
	if near == "" {
		return k.below(name)
	}
	return strings.Join(k.children[near].path, ".")
}

// below returns the path of the only key of the name at any depth below k, or nothing.
func (k *chartKey) below(name string) string {
	var found []string
	var walk func(k *chartKey)
	walk = func(k *chartKey) {
		for _, child := range slices.Sorted(maps.Keys(k.children)) {
			if strings.HasSuffix(strings.ToLower(child), strings.ToLower(name)) {
				found = append(found, strings.Join(k.children[child].path, "."))
			}
			walk(k.children[child])
		}
	}
	if len(k.path) > 1 && len(name) > 3 { // otherwise too much is below it
		walk(k)
	}
	if len(found) != 1 {
		return ""
	}
	return found[0]
}

// ownKeys are the keys at the root of the Spaces chart's values that other charts seldom
// have.
var ownKeys = []string{"controlPlanes", "billing", "metering", "apollo", "gatewayAPI", "externalTLS"}

// guideKey is a key that the upstream guide sets. The Spaces chart does not have it, and the
// charts of databases do.
const guideKey = "backup"

// areSpacesKeys reports whether the keys at the root of values say that the values are those
// of the Spaces chart: one is its own or, beside the guide's, all are.
func areSpacesKeys(names []string) bool {
	if slices.ContainsFunc(names, isOwnKey) {
		return true
	}
	return slices.Contains(names, guideKey) && !slices.ContainsFunc(names, func(name string) bool {
		return name != guideKey && chartKeys().children[name] == nil
	})
}

func isOwnKey(name string) bool {
	return slices.ContainsFunc(ownKeys, func(own string) bool { return strings.EqualFold(own, name) })
}
