package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/config"
)

const schemaFile = "../../docs/spaces-identity.schema.json"

// TestSchemaFileIsCurrent compares the file that editors read with the table.
func TestSchemaFileIsCurrent(t *testing.T) {
	want := config.Schema()
	if *update {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("the schema differs from the settings; run make docs (-want +got):\n%s", diff)
	}
}

// compiled returns the schema, which must be a valid schema of draft 7.
func compiled(t testing.TB) *jsonschema.Schema {
	t.Helper()
	content, err := jsonschema.UnmarshalJSON(bytes.NewReader(config.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("config.json", content); err != nil {
		t.Fatal(err)
	}
	of, err := compiler.Compile("config.json")
	if err != nil {
		t.Fatal(err)
	}
	return of
}

// asJSON returns a YAML document as an editor sees it: with the types of YAML 1.2, in which
// a date is a string. It returns an error for what is not one document of YAML.
func asJSON(content []byte) (any, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var document, more yaml.Node
	if err := decoder.Decode(&document); err != nil {
		return nil, err
	}
	if err := decoder.Decode(&more); err == nil {
		return nil, errors.New("there are two documents")
	}
	return nodeAsJSON(document.Content[0])
}

func nodeAsJSON(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.AliasNode:
		if hasAlias(n.Alias) {
			return nil, errors.New("an alias leads to another one")
		}
		return nodeAsJSON(n.Alias)
	case yaml.MappingNode:
		members := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			value, err := nodeAsJSON(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			if _, twice := members[n.Content[i].Value]; twice || n.Content[i].Kind != yaml.ScalarNode {
				return nil, fmt.Errorf("the key %q occurs twice, or is no scalar", n.Content[i].Value)
			}
			members[n.Content[i].Value] = value
		}
		return members, nil
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			value, err := nodeAsJSON(item)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		return list, nil
	}
	switch n.ShortTag() {
	case "!!int", "!!float":
		var number any
		if err := n.Decode(&number); err != nil {
			return nil, err
		}
		return number, nil
	case "!!bool":
		return n.Value == "true" || n.Value == "True" || n.Value == "TRUE", nil
	case "!!null":
		return nil, nil
	}
	return n.Value, nil
}

func hasAlias(n *yaml.Node) bool {
	return n.Kind == yaml.AliasNode || slices.ContainsFunc(n.Content, hasAlias)
}

// validConfigs returns every config of the repository that the program accepts, by its path.
func validConfigs(t testing.TB) map[string][]byte {
	t.Helper()
	configs := map[string][]byte{}
	for _, root := range []string{"../../examples", "testdata", "../cli/live/testdata", "../export/testdata", "../desired/testdata", "../check/testdata"} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if filepath.Ext(path) != ".yaml" || err != nil {
				return err
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if _, err := config.Decode(path, content); err == nil {
				configs[path] = content
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return configs
}

func TestSchemaAcceptsEveryValidConfig(t *testing.T) {
	of, configs := compiled(t), validConfigs(t)
	for path, content := range configs {
		value, err := asJSON(content)
		if err == nil {
			err = of.Validate(value)
		}
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if len(configs) < 8 {
		t.Errorf("only %d configs were found", len(configs))
	}
}

// schemaAccepts has the cases of badConfigs that the schema accepts, and why.
var schemaAccepts = map[string]string{
	"alias":                               "editors resolve aliases",
	"number in another base":              "editors read the number",
	"tag":                                 "editors read the value",
	"key twice":                           "YAML itself rejects it",
	"too large":                           "the comments are not part of the value",
	"broken second document":              "editors check each document by itself",
	"unknown component":                   "a config can describe components that the program does not know",
	"the guide's annotation key":          "any other key may be right",
	"component described by half":         "depends on another setting",
	"provider of another account":         "depends on another setting",
	"key of another partition":            "depends on another setting",
	"place of none of several components": "depends on another setting",
	"component twice":                     "depends on another item",
	"service account twice":               "depends on another item",
	"provider copied":                     "depends on another item",
}

func TestSchemaRejectsBadConfigs(t *testing.T) {
	of := compiled(t)
	for name, c := range badConfigs() {
		value, err := asJSON([]byte(header + c.content))
		if err != nil {
			continue // no editor gets as far as the schema
		}
		accepted := of.Validate(value) == nil
		if _, known := schemaAccepts[name]; known != accepted {
			t.Errorf("%s: the schema accepts it: %t, and schemaAccepts lists it: %t", name, accepted, known)
		}
	}
}

// An editor completes and explains what the schema describes.
func TestSchemaDescribesEveryRow(t *testing.T) {
	var root map[string]any
	if err := json.Unmarshal(config.Schema(), &root); err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	collectSchema(described, "", root)
	for _, r := range config.Rows() {
		if !described[r.Key] {
			t.Errorf("the schema does not describe %s", r.Key)
		}
	}
}

func collectSchema(described map[string]bool, at string, of map[string]any) {
	properties, _ := of["properties"].(map[string]any)
	for name, value := range properties {
		below, _ := value.(map[string]any)
		key := strings.TrimPrefix(at+"."+name, ".")
		described[key] = below["description"] != nil
		collectSchema(described, key, below)
	}
	if items, ok := of["items"].(map[string]any); ok {
		collectSchema(described, at+"[]", items)
		for _, either := range asList(items["anyOf"]) {
			collectSchema(described, at+"[]", either.(map[string]any))
		}
	}
}

func asList(value any) []any {
	list, _ := value.([]any)
	return list
}

// TestSchemaAcceptsWhatDecodeAccepts changes valid configs at random and compares the schema
// with the program. The seed is fixed, so that a failure can be repeated.
func TestSchemaAcceptsWhatDecodeAccepts(t *testing.T) {
	of := compiled(t)
	random := rand.New(rand.NewPCG(1, 2))
	configs := validConfigs(t)
	var paths []string
	for path := range configs {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	accepted, rejected := 0, 0
	for range 8_000 {
		var document yaml.Node
		if err := yaml.Unmarshal(configs[paths[random.IntN(len(paths))]], &document); err != nil {
			t.Fatal(err)
		}
		for range 1 + random.IntN(3) {
			mutate(random, document.Content[0])
		}
		content, err := yaml.Marshal(&document)
		if err != nil {
			continue
		}
		if _, err := config.Decode("f.yaml", content); err != nil {
			rejected++
			continue
		}
		accepted++
		wantAccepted(t, of, content)
	}
	if accepted < 1000 || rejected < 1000 {
		t.Errorf("the program accepted %d and rejected %d of the configs: too few of one kind to compare", accepted, rejected)
	}
}

// wantAccepted fails if the schema rejects a config that the program accepts.
func wantAccepted(t *testing.T, of *jsonschema.Schema, content []byte) {
	t.Helper()
	value, err := asJSON(content)
	if err == nil {
		err = of.Validate(value)
	}
	if err != nil {
		t.Errorf("the program accepts this config, and the schema does not: %v\n%s", err, content)
	}
}

// mutate changes one value below the node.
func mutate(random *rand.Rand, root *yaml.Node) {
	var all []*yaml.Node
	var add func(n *yaml.Node, isKey bool)
	add = func(n *yaml.Node, isKey bool) {
		if !isKey {
			all = append(all, n)
		}
		for i, below := range n.Content {
			add(below, n.Kind == yaml.MappingNode && i%2 == 0 && random.IntN(4) > 0)
		}
	}
	add(root, false)
	n := all[random.IntN(len(all))]
	switch {
	case n.Kind == yaml.ScalarNode:
		*n = yaml.Node{Kind: yaml.ScalarNode, Value: mutateText(random, n.Value)}
		if random.IntN(2) == 0 {
			n.SetString(n.Value)
		}
	case n.Kind == yaml.SequenceNode && len(n.Content) > 0:
		i := random.IntN(len(n.Content))
		n.Content = slices.Delete(n.Content, i, i+1)
	case n.Kind == yaml.MappingNode && len(n.Content) > 0 && random.IntN(2) == 0:
		i := random.IntN(len(n.Content)/2) * 2
		n.Content = slices.Delete(n.Content, i, i+2)
	case n.Kind == yaml.MappingNode:
		rows := config.Rows()
		r := rows[random.IntN(len(rows))]
		key := r.Key[strings.LastIndexByte(r.Key, '.')+1:]
		value := "{}"
		if len(r.Choices) > 0 {
			value = r.Choices[random.IntN(len(r.Choices))]
		}
		if slices.ContainsFunc(n.Content, func(n *yaml.Node) bool { return n.Value == key }) {
			return // YAML itself rejects a key that occurs twice
		}
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, &yaml.Node{Kind: yaml.ScalarNode, Value: pick(random, value, "", "null", "true", "2048", "[]", "a")})
	default:
		*n = yaml.Node{Kind: yaml.ScalarNode, Value: "null"}
	}
}

// mutateText returns a text like another one, or one that is special somewhere.
func mutateText(random *rand.Rand, text string) string {
	special := pick(random, "", "null", "true", "3600", "256", "uuid", "mxp-*-?", "a.b", "a/b", "ä b", "x:y", "-", "A_1", "s3.eu-west-1.amazonaws.com:443",
		"oidc.eks.eu-west-1.amazonaws.com/id/A1", "arn:aws-iso-b:iam::000000000000:role/a/+=,.@-_b", "arn:aws:iam::aws:policy/service-role/A",
		"arn:aws:kms:us-gov-west-1:123456789012:key/mrk-1", "arn:aws:ssm:us-west-2:123456789012:parameter/a/b.c",
		"arn:aws:secretsmanager:us-west-2:123456789012:secret:a/b-??????", "o-abcdefghij", "arn:*:*:*:*:*", "/p/q", "p/q/", "none")
	if text == "" || random.IntN(3) == 0 {
		return special
	}
	i := random.IntN(len(text))
	switch random.IntN(4) {
	case 0:
		return text[:i] + text[i+1:]
	case 1:
		return text[:i] + pick(random, "-", ".", "/", "_", ":", "a", "Z", "0", "*", "?", " ", "+", "é", "\n", "~") + text[i:]
	case 2:
		return text[:i]
	default:
		return text + pick(random, "-", ".", "/", "a", "0", " ", "*", special)
	}
}

func pick(random *rand.Rand, values ...string) string { return values[random.IntN(len(values))] }
