package terraform

import "testing"

// The tests of the form are in package export, which compares all forms.

func TestLabelsOfDifferentNamesDiffer(t *testing.T) {
	if label("a+b") == label("a.b") {
		t.Error("two names have the same label")
	}
}
