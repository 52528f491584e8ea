package shared_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"reflect"
	"testing"

	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/test/shared"
)

// ownCRDs has the parts of the definitions that tests need.
const ownCRDs = "../../../testdata/crds/spaces.yaml"

type object = map[string]any

// TestSharedCRDs compares the definitions of this repository with those of the vendor.
// Ours may lack fields and rules, and must say the same about those that they have.
func TestSharedCRDs(t *testing.T) {
	text, err := os.ReadFile(ownCRDs)
	if err != nil {
		t.Fatal(err)
	}
	vendor := map[any]object{}
	for _, file := range shared.Files(t, "crds/*.yaml") {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects(t, content) {
			vendor[o["metadata"].(object)["name"]] = o
		}
	}
	own := objects(t, text)
	if len(own) != len(vendor) {
		t.Errorf("%d definitions, the vendor has %d", len(own), len(vendor))
	}
	for _, o := range own {
		name := o["metadata"].(object)["name"]
		compare(t, name.(string), o["spec"], vendor[name]["spec"])
	}
}

// objects returns the documents of a stream.
func objects(t *testing.T, stream []byte) []object {
	t.Helper()
	var all []object
	decoder := yaml.NewDecoder(bytes.NewReader(stream))
	for {
		var o object
		err := decoder.Decode(&o)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, o)
	}
}

// compare reports each value of ours that the vendor's definition does not have. Lists
// must have the same length, except the rules.
func compare(t *testing.T, path string, own, vendor any) {
	t.Helper()
	switch own := own.(type) {
	case object:
		theirs, _ := vendor.(object)
		for key, value := range own {
			if key == "x-kubernetes-validations" {
				for _, rule := range value.([]any) {
					if !contains(theirs[key], rule) {
						t.Errorf("%s: the vendor has no rule %v", path, rule)
					}
				}
				continue
			}
			compare(t, path+"."+key, value, theirs[key])
		}
	case []any:
		theirs, _ := vendor.([]any)
		if len(own) != len(theirs) {
			t.Errorf("%s: %v, the vendor has %v", path, own, theirs)
			return
		}
		for i := range own {
			compare(t, path+"[]", own[i], theirs[i])
		}
	default:
		if !reflect.DeepEqual(own, vendor) {
			t.Errorf("%s: %v, the vendor has %v", path, own, vendor)
		}
	}
}

func contains(list, item any) bool {
	items, _ := list.([]any)
	for _, i := range items {
		if reflect.DeepEqual(i, item) {
			return true
		}
	}
	return false
}
