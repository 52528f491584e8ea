package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spaces-identity.dev/internal/cli"
)

// marker stands for a secret: it must appear nowhere but in the manifests.
const marker = "hunter2"

// secretTexts are contents of Secrets: valid ones, and broken ones in all the ways
// that cause an error about them.
var secretTexts = map[string]string{
	"values":        "controlPlanes:\n  mxpController:\n    password: hunter2\n",
	"conflict":      "controlPlanes:\n  mxpController:\n    password: hunter2\n    serviceAccount: {annotations: {eks.amazonaws.com/role-arn: old, hunter2: hunter2}}\n",
	"duplicate":     "controlPlanes:\n  mxpController:\n    password: hunter2\n    serviceAccount: {annotations: {eks.amazonaws.com/role-arn: hunter2, eks.amazonaws.com/role-arn: hunter2}}\n",
	"no mapping":    "controlPlanes:\n  mxpController:\n    serviceAccount: hunter2\n",
	"alias":         "controlPlanes:\n  mxpController:\n    password: *hunter2\n",
	"tag":           "controlPlanes:\n  mxpController:\n    password: !hunter2!hunter2 x\n",
	"anchor":        "controlPlanes: &hunter2\n  mxpController: *hunter2\n",
	"directive":     "%hunter2 hunter2\n---\ncontrolPlanes:\n  mxpController: {}\n",
	"flow":          "controlPlanes:\n  mxpController: {password: hunter2\n",
	"quote":         "controlPlanes:\n  mxpController:\n    password: \"hunter2\n",
	"escape":        "controlPlanes:\n  mxpController:\n    password: \"hunter2 \\hunter2\"\n",
	"indentation":   "controlPlanes:\n  mxpController:\n    password: x\n   hunter2: y\n",
	"template":      "controlPlanes:\n  mxpController: {{ hunter2 }}\n",
	"key":           "controlPlanes:\n  mxpController:\n    ? [hunter2\n",
	"text":          "the password of mxp-controller is hunter2",
	"many texts":    "mxpController hunter2\nhunter2\n",
	"shell":         "#!/bin/sh\ncontrolPlanes: { mxpController: hunter2",
	"invalid UTF-8": "controlPlanes:\n  mxpController:\n    password: hunter2\xff\n",
}

func TestSecretsStaySecret(t *testing.T) {
	for name, content := range secretTexts {
		t.Run(name, func(t *testing.T) {
			for form, manifest := range secretForms(t, content) {
				for _, args := range [][]string{nil, {"--on-conflict=keep"}, {"--on-conflict=fail"}, {"--on-missing=warn"},
					{"inspect"}, {"inspect", "--output=json"}, {"inspect", "--diff"}} {
					holdsSecret(t, form, manifest, args)
				}
			}
		})
	}
}

// changing are values that change in the document of a Secret.
const changing = "  controlPlanes:\n    mxpController: {}\n"

// secretForms are Secrets that hold a content in each way there is.
func secretForms(t *testing.T, content string) map[string]string {
	t.Helper()
	head := "kind: Secret\nmetadata:\n  name: s\n"
	data := base64.StdEncoding.EncodeToString([]byte(content))
	forms := map[string]string{
		"data":                 head + "data:\n  v: " + data + "\n",
		"wrapped data":         head + "data:\n  v: |\n    " + data[:20] + "\n    " + data[20:] + "\n",
		"list":                 "kind: List\nitems:\n- {kind: Secret, metadata: {name: s}, data: {v: " + data + "}}\n",
		"json":                 fmt.Sprintf("{\"kind\":\"Secret\",\"metadata\":{\"name\":\"s\"},\"data\":{\"v\":%q}}\n", data),
		"escaped kind":         fmt.Sprintf("\"kind\": \"S\\x65cret\"\nmetadata: {name: mxp-controller}\ndata: {v: %q}\n", data),
		"data of string":       head + "data: " + data + "\n",
		"in another object":    "kind: Object\nmetadata: {name: o}\nspec:\n  manifest:\n    data: {v: " + data + "} # hunter2\n    kind: Secret\n" + changing,
		"in a list of another": "kind: Object\nmetadata: {name: o}\nspec:\n  all:\n  - kind: Secret\n    data:\n      # hunter2\n      v: " + data + "\n" + changing,
		"SecretList":           "kind: SecretList\nitems:\n- metadata: {name: s}\n  data: {v: " + data + "}\n",
		"by an alias":          "kind: Object\nmetadata: {name: o}\nspec:\n  shared: &shared {v: " + data + "}\n  secret: {kind: Secret, data: *shared}\n" + changing,
		"in base64":            "kind: Object\nmetadata: {name: o}\nspec:\n  v: " + base64.StdEncoding.EncodeToString([]byte(head+"data: {v: "+data+"}\n")) + "\n" + changing,
		"last applied":         "kind: Object\nmetadata:\n  name: o\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: '{\"data\":{\"v\":\"" + data + "\"},\"kind\":\"Secret\"}'\nspec:\n  x: y\n" + changing,
	}
	if quoted := fmt.Sprintf("%q", content); !strings.Contains(quoted, `\xff`) {
		forms["stringData"] = head + "stringData:\n  v: " + quoted + "\n"
		forms["block"] = head + "stringData:\n  v: |\n    " + strings.ReplaceAll(content, "\n", "\n    ") + "\n"
		nested := "stringData: {v: " + quoted + "}\ndata: {}\nkind: Secret\n"
		forms["in a string"] = fmt.Sprintf("kind: Object\nmetadata: {name: o}\nspec:\n  v: %q\n", nested) + changing
		forms["in a string in a string"] = fmt.Sprintf("kind: Object\nmetadata: {name: o}\nspec:\n  v: %q\n", fmt.Sprintf("w: %q\n", nested)) + changing
		forms["stringData in a list"] = "kind: List\nitems:\n- kind: Secret\n  metadata: {name: s}\n  stringData:\n    v: " + quoted + "\n"
	}
	return forms
}

// holdsSecret runs the program beside a ServiceAccount that changes, and looks
// for the marker in all it says.
func holdsSecret(t *testing.T, form, manifest string, args []string) {
	t.Helper()
	dir := t.TempDir()
	var out, stderr bytes.Buffer
	cli.Run(t.Context(), cli.Env{In: strings.NewReader(serviceAccount + "---\n" + manifest), Out: &out, Err: &stderr,
		Getenv: func(string) string { return "" }, Terminal: func(any) bool { return false }},
		append(append(args, identityFlags...), "--artifacts-dir="+dir))
	said := map[string]string{"stderr": stderr.String()}
	if len(args) > 0 && args[0] == "inspect" {
		said["output"] = out.String()
	} else {
		said["report"] = readFile(t, filepath.Join(dir, "report.json"))
	}
	for where, text := range said {
		for _, secret := range []string{marker, base64.StdEncoding.EncodeToString([]byte(marker))[:8], manifestData(manifest)} {
			if secret != "" && strings.Contains(text, secret) {
				t.Errorf("%s %q: the %s tells %q:\n%s", form, args, where, secret, text)
			}
		}
	}
}

// manifestData is the head of the base64 in a manifest, or nothing.
func manifestData(manifest string) string {
	_, data, ok := strings.Cut(manifest, "v: ")
	if !ok || len(data) < 24 || strings.ContainsAny(data[:24], " |\n\\") {
		return ""
	}
	return strings.Trim(data[:16], `"`)
}

func readFile(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
