package main

import (
	"os"
	"path/filepath"
)

const (
	role         = "arn:aws:iam::123456789012:role/spaces-backup"
	roleKey      = "eks.amazonaws.com/role-arn"
	restartKey   = "spaces-identity.dev/identity"
	restartValue = "0123456789abcdef"
)

// The programs to which the tables compare the others.
const (
	reference = "cat"
	ours      = "spaces-identity"
)

// tool is a program with the command that makes the edit.
type tool struct {
	name    string
	command func(j *job) []string
	inside  bool // it can change a value inside a string
	copies  bool // it changes nothing
	piped   bool // it is also measured with a pipe as input
	prepare func(j *job) error
}

var tools = []tool{
	{name: reference, copies: true, piped: true, command: func(*job) []string { return []string{"cat"} }},
	{name: "a copier in Go", copies: true, piped: true, command: func(j *job) []string { return []string{j.tool("copier")} }},
	{name: ours, inside: true, piped: true, command: func(j *job) []string {
		return []string{filepath.Join(j.options.bin, ours), "post-render", "--role-arn", role, "--artifacts-dir", "none"}
	}},
	{name: "yq", inside: true, command: func(j *job) []string { return []string{j.tool("yq"), yqExpression(j.stream)} }},
	{name: "kyaml pipeline", command: func(j *job) []string { return []string{j.tool("kio")} }},
	{name: "kustomize", prepare: kustomization, command: func(j *job) []string { return []string{j.tool("kustomize"), "build", j.dir} }},
}

func (j *job) tool(name string) string { return filepath.Join(j.options.tools, name) }

// yqExpression returns the expression with which yq makes the edit.
func yqExpression(s stream) string {
	if s.inside {
		return `.data["values.yaml"] |= (from_yaml | .controlPlanes.mxpController.serviceAccount.annotations["` + roleKey + `"] = "` + role + `" | to_yaml)`
	}
	return `(select(.kind == "ServiceAccount" and .metadata.name == "mxp-controller") | .metadata.annotations["` + roleKey + `"]) = "` + role + `" | ` +
		`(select(.kind == "Deployment" and .spec.template.spec.serviceAccountName == "mxp-controller") | .spec.template.metadata.annotations["` + restartKey + `"]) = "` + restartValue + `"`
}

// kustomization writes a kustomization with the two patches next to the stream, because
// kustomize reads only files.
func kustomization(j *job) error {
	return os.WriteFile(filepath.Join(j.dir, "kustomization.yaml"), []byte(`resources:
- `+inputFile+`
patches:
- target: {kind: ServiceAccount, name: mxp-controller}
  patch: |-
    - op: add
      path: /metadata/annotations/eks.amazonaws.com~1role-arn
      value: `+role+`
- target: {kind: Deployment, name: mxp-host}
  patch: |-
    - op: add
      path: /spec/template/metadata/annotations/spaces-identity.dev~1identity
      value: "`+restartValue+`"
`), 0o644)
}
