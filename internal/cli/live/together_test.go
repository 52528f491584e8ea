package live_test

import (
	"os"
	"strings"
	"testing"

	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/test/awstest"
)

// togetherConfig has a component of every kind, with every setting that changes what AWS has.
const togetherConfig = `apiVersion: spaces-identity.dev/v1alpha1
kind: SpacesIdentity
cluster: {name: prod-space, region: us-west-2, oidcProvider: oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE}
controlPlanes:
  namespaces:
  - {name: ` + first + `, group: team, controlPlane: a}
  - {name: ` + second + `, group: team, controlPlane: b}
components:
- name: mxp-controller
  mode: pod-identity
  roleARN: arn:aws:iam::123456789012:role/spaces-backup
  bucket: spaces-backups
  prefix: prod
  podIdentity: {scope: controlPlane, readFrom: [{group: team, controlPlane: a, into: team/b}]}
  permissionsBoundary: arn:aws:iam::123456789012:policy/bound
- name: spaces-controller
  mode: both
  roleARN: arn:aws:iam::123456789012:role/space-backup
  bucket: spaces-backups
  permissionsBoundary: arn:aws:iam::123456789012:policy/bound
- name: external-secrets-controller
  roleARN: arn:aws:iam::123456789012:role/space-secrets
  secrets: [db]
  parameters: [/a/b]
- name: crossplane
  mode: both
  roleARN: arn:aws:iam::123456789012:role/crossplane
  permissionsPolicy: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "ec2:Describe*", Resource: "*"}]}
- name: sibling
  namespace: upbound-system
  serviceAccount: sibling
  mode: pod-identity
  roleARN: arn:aws:iam::123456789012:role/space-backup
  bucket: spaces-backups
  permissionsBoundary: arn:aws:iam::123456789012:policy/bound
tags: {team: platform}
delivery: {admissionPolicy: kyverno}
`

// TestComponentsOfEveryKindLiveInOneConfig applies and deletes components of every kind
// together. Two of them share a namespace and a role: deleting one keeps what the other has.
func TestComponentsOfEveryKindLiveInOneConfig(t *testing.T) {
	server := newSpace(t)
	const boundary = "arn:aws:iam::123456789012:policy/bound"
	server.Change(func(s *awstest.State) {
		s.Managed[boundary] = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	})
	write(t, config.DefaultFile, togetherConfig)
	start, end := strings.Index(togetherConfig, "- name: sibling"), strings.Index(togetherConfig, "tags:")
	write(t, "less.yaml", togetherConfig[:start]+togetherConfig[end:])

	must(t, run(t, "", "apply", "--approve"), 0)
	if r := must(t, run(t, "", "plan", "--exit-code"), 0); !strings.HasSuffix(r.Out, "Up to date: 4 roles, 8 associations.\n") {
		t.Errorf("plan after apply: %s", r.Out)
	}
	server.Change(func(s *awstest.State) {
		limited := 0
		for _, a := range s.Associations {
			if (a.ServiceAccount == "mxp-controller") != (a.Policy != "" && a.DisableSessionTags) {
				t.Errorf("association %s/%s: session policy %q", a.Namespace, a.ServiceAccount, a.Policy)
			}
		}
		for _, role := range s.Roles {
			if role.Boundary == boundary {
				limited++
			}
		}
		if limited != 2 {
			t.Errorf("%d roles have the permissions boundary", limited)
		}
	})

	must(t, run(t, "", "delete", "--approve", "--config", "less.yaml"), 0)
	server.Change(func(s *awstest.State) {
		role := s.Roles["space-backup"]
		if len(s.Roles) != 1 || len(s.Associations) != 1 || s.Associations[0].ServiceAccount != "sibling" || len(role.Inline) != 1 ||
			role.Inline["SpacesIdentity-sibling"] == "" || strings.Contains(role.Trust, "spaces-controller") || !strings.Contains(role.Trust, "sibling") {
			t.Errorf("left of the sibling: %+v %+v", s.Roles, s.Associations)
		}
	})
	must(t, run(t, "", "delete", "--approve"), 0)
	server.Change(func(s *awstest.State) {
		if len(s.Roles)+len(s.Associations)+len(s.Providers) > 0 {
			t.Errorf("left: %+v %+v %+v", s.Roles, s.Associations, s.Providers)
		}
	})
}

// Each form writes every component, or names what it cannot write.
func TestFormsWriteComponentsOfEveryKind(t *testing.T) {
	newSpace(t)
	write(t, config.DefaultFile, togetherConfig)
	for _, form := range []string{"terraform", "aws-cli"} {
		r := must(t, run(t, "", "export", form), 0)
		for _, want := range []string{"upbound-system", "crossplane-x-crossplane-system-x-vcluster", "secret:db-??????", "prod/team/b/*", "policy/bound"} {
			if !strings.Contains(r.Out, want) {
				t.Errorf("%s has no %s", form, want)
			}
		}
	}
	if r := must(t, run(t, "", "export", "crossplane"), 2); r.Out != "" || !strings.Contains(r.Err, "the session policy of mxp-controller cannot be written") {
		t.Errorf("export crossplane: %+v", r)
	}
	must(t, run(t, "", "export", "crossplane", "--component", "spaces-controller"), 0)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
