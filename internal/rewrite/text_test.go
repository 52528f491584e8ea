package rewrite

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// TestTextsThatNameTheComponent lists what each object has that the program reports: the
// path of a text, and why.
func TestTextsThatNameTheComponent(t *testing.T) {
	const (
		named   = "a text that names the component"
		key     = "a key that names the component"
		encoded = "YTogbXhwLWNvbnRyb2xsZXI=" // a: mxp-controller
		noMap   = "bXhwLWNvbnRyb2xsZXIh"     // mxp-controller!
	)
	suspicious := func(what, name string) string {
		return "the " + what + " " + name + " may contain annotations of a service account"
	}
	for text, want := range map[string][]string{
		"kind: X, metadata: {name: mxp-controller}":                                         nil,
		"kind: X, metadata: {name: a, labels: {app: mxp-controller}}":                       nil,
		"kind: X, spec: {matchLabels: {app: mxp-controller}}":                               nil,
		"kind: X, spec: {name: mxp-controller}":                                             {"spec.name: " + named},
		"kind: X, spec: {a: [b, mxp-controller]}":                                           {"spec.a[1]: " + named},
		"kind: X, spec: {a: mxpController}":                                                 {"spec.a: " + named},
		"kind: X, spec: {a: [mxp, controller]}":                                             nil,
		"kind: X, spec: {mxpController: {b: c}}":                                            {"spec.mxpController: " + key},
		"kind: X, spec: {mxpController: mxpController}":                                     {"spec.mxpController: " + key},
		"kind: X, spec: {a: \"b\\nmxp-controller\\nc\"}":                                    {"spec.a: a text of 3 lines that names the component"},
		"kind: X, spec: {a: 'b: {{ .mxpController }}'}":                                     {"spec.a: a template that names the component"},
		"kind: X, spec: {a: --set=mxpController.b=c}":                                       {"spec.a: an argument of the --set kind, which the config's places cannot describe: set the value in the chart instead, as `spaces-identity values` prints it"},
		"kind: X, spec: {a: " + encoded + "}":                                               {"spec.a: base64 that names the component"},
		"kind: X, spec: {a: " + noMap + "}":                                                 {"spec.a: base64 that names the component and contains neither YAML nor JSON"},
		"kind: X, spec: {roleARN: b}":                                                       {"spec.roleARN: " + suspicious("key", "roleARN")},
		"kind: X, spec: {serviceAccountAnnotations: {b: c}}":                                {"spec.serviceAccountAnnotations: " + suspicious("key", "serviceAccountAnnotations")},
		"kind: X, spec: {pod_identity: b}":                                                  {"spec.pod_identity: " + suspicious("key", "pod_identity")},
		"kind: X, metadata: {annotations: {roleARN: b}}":                                    nil,
		"kind: X, metadata: {annotations: {a: mxp-controller}}":                             {"metadata.annotations.a: " + named},
		"kind: CustomResourceDefinition, spec: {roleARN: b}":                                nil,
		"kind: CustomResourceDefinition, spec: {a: mxp-controller}":                         {"spec.a: " + named},
		"kind: X, spec: [{name: ROLE_ARN, value: b}]":                                       {"spec[0].value: " + suspicious("variable", "ROLE_ARN")},
		"kind: X, spec: [{name: OTHER, value: b}]":                                          nil,
		"kind: X, spec: [{name: ROLE_ARN}]":                                                 nil,
		"apiVersion: v1, kind: Pod, spec: {serviceAccountName: mxp-controller}":             nil,
		"apiVersion: v1, kind: Pod, spec: {serviceAccount: mxp-controller}":                 nil,
		"apiVersion: v1, kind: Pod, spec: {a: {serviceAccountName: mxp-controller}}":        {"spec.a.serviceAccountName: " + named},
		"kind: X, spec: {serviceAccountName: mxp-controller}":                               {"spec.serviceAccountName: " + named},
		"kind: X, spec: {? &k labels : {a: mxp-controller}, b: {*k : {c: mxp-controller}}}": nil,
	} {
		var got []string
		for _, p := range (UnrecognisedTexts{exampleState(identity.Component{})}).find(parsedObject(t, "{"+text+"}")).places {
			got = append(got, p.Path+": "+p.Reason)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

// TestSuspiciousTextsAreOfNoComponentIfThereAreSeveral has two components.
func TestSuspiciousTextsAreOfNoComponentIfThereAreSeveral(t *testing.T) {
	o := parsedObject(t, "{kind: X, spec: {roleARN: b, a: mxp-controller vector}}")
	var got []string
	for _, p := range (UnrecognisedTexts{stateOf(t, "mxp-controller", "vector")}).find(o).places {
		got = append(got, p.Path+" "+p.Component)
	}
	if diff := cmp.Diff([]string{"spec.roleARN ", "spec.a mxp-controller", "spec.a vector"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestTextsAroundPlacesAreKnown drops the texts that are part of a place or contain one.
func TestTextsAroundPlacesAreKnown(t *testing.T) {
	at := func(document int, component string, keys ...string) place {
		path := identity.Path{}.Field(keys...)
		return place{path: path, Finding: Finding{Document: document, Component: component, Path: path.String()}}
	}
	places := []place{at(1, "a", "spec", "x", "y"), at(2, "", "spec")}
	for name, tt := range map[string]struct {
		text  place
		known bool
	}{
		"the place":                {at(1, "a", "spec", "x", "y"), true},
		"around it":                {at(1, "a", "spec", "x"), true},
		"the whole object":         {at(1, "a"), true},
		"of any component":         {at(1, "", "spec", "x", "y"), true},
		"of another component":     {at(1, "b", "spec", "x", "y"), false},
		"beside it":                {at(1, "a", "spec", "z"), false},
		"below it":                 {at(1, "a", "spec", "x", "y", "z"), false},
		"in another document":      {at(2, "a", "spec", "x", "y"), false},
		"a place of any component": {at(2, "", "spec"), true},
		"the same for a component": {at(2, "a", "spec"), false},
	} {
		if got := len(unknown([]place{tt.text}, places)) == 0; got != tt.known {
			t.Errorf("%s: known is %v", name, got)
		}
	}
}

// TestStreamsInStrings has strings that contain a stream, after a name or in base64.
func TestStreamsInStrings(t *testing.T) {
	const encoded = "YTogYg==" // a: b
	for value, want := range map[string]string{
		"a: b":                 "0 a: b",
		"--values=a: b":        "9 a: b",
		"VALUES={a: b}":        "7 {a: b}",
		"a: b=c":               "0 a: b=c",
		"{a=b: c}":             "0 {a=b: c}",
		"\"a=b\": c":           "0 \"a=b\": c",
		"'a=b': c":             "0 'a=b': c",
		"a\tb=c":               "0 a\tb=c",
		"a\nb=c":               "0 a\nb=c",
		"=a":                   "1 a",
		"64 " + encoded:        "0 a: b",
		"64 VALUES=" + encoded: "7 a: b",
		"64 YTogYg":            "no",
		"64 YTog\nYg==\n":      "0 a: b",
		"64 no base64!":        "no",
		"64 VALUES=no base64":  "no",
	} {
		text, isBase64 := strings.CutPrefix(value, "64 ")
		stream, into, ok := innerText(text, isBase64)
		got := "no"
		if ok {
			got = string(rune('0'+into.Skip)) + " " + string(stream)
		}
		if got != want || into.Base64 != isBase64 {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
}

// TestTemplatesAndScriptsAreNoValues has strings that name the component's keys.
func TestTemplatesAndScriptsAreNoValues(t *testing.T) {
	w := valuesWalk{EmbeddedValues: newEmbeddedValues(exampleState(identity.Component{}))}
	for text, want := range map[string]bool{
		"controlPlanes:\n  mxpController: {":                  true,
		"{controlPlanes: {mxpController: {":                   true,
		"# values\n\n---\ncontrolPlanes:\n  mxpController: [": true,
		"\"controlPlanes\": {\"mxpController\": {":            true,
		"- controlPlanes:\n    mxpController: [":              false, // the key is not at the start of a line
		"x: 1\ncontrolPlanes:\n  mxpController: {":            true,
		"controlPlanes:\n  other: {":                          false,
		"other:\n  mxpController: {":                          false,
		"#!/bin/sh\ncontrolPlanes:\n  mxpController: {":       false,
		"echo hello\ncontrolPlanes:\n  mxpController: {":      false,
		"the controlPlanes: and the mxpController: {":         false,
	} {
		if _, got := w.certain([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	for text, want := range map[string]bool{
		"{{ .Values.a }}":    true,
		"a: {{ .Values.a }}": true,
		"a: [{b: {{ c }}}]":  true,
		"a: {b: c}":          false,
		"[a]: b":             false,
		"a":                  false,
	} {
		root, err := manifest.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := isTemplate(root); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	if isTemplate(nil) {
		t.Error("nothing is a template")
	}
}
