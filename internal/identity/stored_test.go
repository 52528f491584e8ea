package identity_test

import (
	"strings"
	"testing"

	"spaces-identity.dev/internal/identity"
)

func TestStoredValuesHaveTheirARNs(t *testing.T) {
	role := identity.RoleARN{Partition: "aws-cn", Account: "123456789012", Name: "r"}
	secret, parameter := identity.ParseSecret, identity.ParseParameter
	for _, tt := range []struct {
		parse       func(string) (identity.Stored, error)
		value, want string
	}{
		{secret, "db", "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:db-??????"},
		{secret, "/prod/db_x+=.@-y", "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:/prod/db_x+=.@-y-??????"},
		{secret, "db-AbC123", "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:db-AbC123-??????"},
		{secret, "arn:aws-cn:secretsmanager:cn-north-1:999999999999:secret:a/db-AbC123", "arn:aws-cn:secretsmanager:cn-north-1:999999999999:secret:a/db-AbC123"},
		{secret, "arn:aws-cn:secretsmanager:cn-north-1:999999999999:secret:db-??????", "arn:aws-cn:secretsmanager:cn-north-1:999999999999:secret:db-??????"},
		{parameter, "db", "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/db"},
		{parameter, "/prod/db", "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/prod/db"},
		{parameter, "arn:aws-cn:ssm:cn-north-1:999999999999:parameter/prod/db", "arn:aws-cn:ssm:cn-north-1:999999999999:parameter/prod/db"},
	} {
		got, err := tt.parse(tt.value)
		if err != nil || got.ARN(role, "cn-north-1") != tt.want {
			t.Errorf("%s: %s, %v", tt.value, got.ARN(role, "cn-north-1"), err)
		}
	}
}

func TestStoredValuesRejectWhatWouldMatchOthers(t *testing.T) {
	const sm, ssm = "arn:aws:secretsmanager:us-west-2:123456789012:secret:", "arn:aws:ssm:us-west-2:123456789012:parameter"
	for value, problem := range map[string]string{
		"": "is empty", "*": "the role could read other values", "db*": "the role could read other values", "db-??????": "the role could read other values",
		"d?": "the role could read other values", "${aws:username}": "the role could read other values", "a b": "only letters, digits and", " db": "has space around it",
		sm + "*": "is not the whole ARN", sm + "db": "is not the whole ARN", sm + "db*-AbC123": "could read other values", sm + "-??????": "is empty",
		sm + "db-*": "is not the whole ARN", "arn:aws:secretsmanager:*:123456789012:secret:db-AbC123": "has no valid region",
		"arn:aws:secretsmanager:us-west-2:*:secret:db-AbC123":          "twelve digits",
		"arn:*:secretsmanager:us-west-2:123456789012:secret:db-AbC123": "unknown partition",
		"arn:aws:secretsmanager:us-west-2:123456789012:db-AbC123":      "is not the ARN of a secret",
		ssm + "/db": `is an ARN of "ssm", not of secretsmanager`, strings.Repeat("x", 513): "has 513 characters",
	} {
		if _, err := identity.ParseSecret(value); err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("secret %q: %v, want %q", value, err, problem)
		}
	}
	for value, problem := range map[string]string{
		"": "is empty", "/": "has a part without a name", "*": "the role could read other values", "/prod/*": "the role could read other values",
		"/prod/": "has a part without a name", "a//b": "has a part without a name", "db:3": "only letters, digits and", "a@b": "only letters, digits and",
		"/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p": "has more than 15 levels", ssm + "//db": "has two slashes at its start", ssm + ":db": "is not the ARN of a parameter",
		ssm + "/*": "could read other values", sm + "db-AbC123": `is an ARN of "secretsmanager", not of ssm`, strings.Repeat("x", 1012): "has 1012 characters",
	} {
		if _, err := identity.ParseParameter(value); err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("parameter %q: %v, want %q", value, err, problem)
		}
	}
}

func TestPermissionsPolicyMustFitTheRole(t *testing.T) {
	const allow = `{"Effect": "Allow", "Action": "a:b", "Resource": "*"`
	policy := func(statements string) string { return `{"Version": "2012-10-17", "Statement": [` + statements + `]}` }
	for text, problem := range map[string]string{
		"":                                   "is not a policy",
		"[]":                                 "is not a policy",
		policy(""):                           "is not a policy: line 1, column 40: Statement is empty",
		`{"Statement": [` + allow + `}]}`:    `has the version ""`,
		policy(allow + `, "Sid": "a b"}`):    "has a Sid that IAM does not allow",
		policy(allow + `, "Principal":"*"}`): "which a permissions policy cannot have",
		policy(`{"Effect": "Allow", "Action": "a:b"}`):                                                   "has no Resource",
		policy(`{"Effect": "Allow", "Action": [], "Resource": "*"}`):                                     "has no Action",
		policy(`{"Effect": "Allow", "Action": "a:b", "Resource": "日"}`):                                  "up to U+00FF",
		policy(`{"Effect": "Allow", "Action": "a:b", "Resource": "` + strings.Repeat("x", 10240) + `"}`): "IAM allows 10240 for all inline policies of a role",
		policy(allow + `, "Sid": "A"}, ` + allow + `, "Sid": "A"}`):                                      `two statements have the Sid "A"`,
	} {
		if _, err := identity.ParsePermissions(text); err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%.80s: %v, want %q", text, err, problem)
		}
	}
	if _, err := identity.ParsePermissions(policy(allow + `, "Sid": "A1"}`)); err != nil {
		t.Error(err)
	}
}

func TestScopeRejectsWhatItCannotLimit(t *testing.T) {
	role := identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "backup"}
	name := identity.ControlPlaneName{Group: "default", Name: "ctp1"}
	for want, change := range map[string]func(*identity.Settings){
		"": func(*identity.Settings) {},
		"components[0].podIdentity.scope: controlPlane needs mode pod-identity, and the mode is irsa": func(s *identity.Settings) { s.Components[0].Mode = "" },
		"components[0].podIdentity.scope: controlPlane needs mode pod-identity, and the mode is both": func(s *identity.Settings) { s.Components[0].Mode = identity.Both },
		"and vector makes none":      func(s *identity.Settings) { s.Components[0].Name = "vector" },
		"and the component has none": func(s *identity.Settings) { s.Components[0].Bucket = "" },
		"components[0].podIdentity.policy: is not allowed with": func(s *identity.Settings) {
			s.Components[0].PodIdentity.Policy = `{"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}`
		},
		"components[0].podIdentity.readFrom: is allowed only":     func(s *identity.Settings) { s.Components[0].PodIdentity.Scope = "" },
		`"x" is not controlPlane`:                                 func(s *identity.Settings) { s.Components[0].PodIdentity.Scope = "x" },
		"components[0].podIdentity.readFrom[0].group: is missing": func(s *identity.Settings) { s.Components[0].PodIdentity.ReadFrom[0].From.Group = "" },
		"components[0].podIdentity.readFrom[0].controlPlane:":     func(s *identity.Settings) { s.Components[0].PodIdentity.ReadFrom[0].From.Name = "ctp*" },
		"components[0].podIdentity.readFrom[0].into:": func(s *identity.Settings) {
			s.Components[0].PodIdentity.ReadFrom[0].Into = identity.ControlPlaneName{Group: "g"}
		},
		"controlPlanes.namespaces[0].group:": func(s *identity.Settings) {
			s.ControlPlanes.Names["a"] = identity.ControlPlaneName{Group: "g?", Name: "x"}
		},
		"controlPlanes.namespaces[0].controlPlane: is missing": func(s *identity.Settings) { s.ControlPlanes.Names["a"] = identity.ControlPlaneName{Group: "g"} },
		`controlPlanes.namespaces[0].controlPlane: "a/b" is not`: func(s *identity.Settings) {
			s.ControlPlanes.Names["a"] = identity.ControlPlaneName{Group: "g", Name: "a/b"}
		},
		"controlPlanes.namespaces[1]: default/ctp1 is already the control plane of a": func(s *identity.Settings) { s.ControlPlanes.Names["b"] = name },
		"components[0].roleARN: arn:aws:iam::123456789012:role/backup is also the role of vector": func(s *identity.Settings) {
			s.Components = append(s.Components, identity.Component{Name: "vector", Mode: identity.PodIdentity, Role: role})
		},
		"permissionsPolicy allows s3:GetObject, or may allow it, for every control plane": func(s *identity.Settings) {
			s.Components[0].Permissions, _ = identity.ParsePermissions(`{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::backups/default/*"}}`)
		},
	} {
		s := identity.Settings{
			ControlPlanes: identity.ControlPlanes{Namespaces: []string{"a", "b"}, Names: map[string]identity.ControlPlaneName{"a": name}},
			Components: []identity.Component{{Name: "mxp-controller", Mode: identity.PodIdentity, Role: role, Bucket: "backups",
				PodIdentity: identity.PodIdentitySettings{Scope: identity.ControlPlaneScope, ReadFrom: []identity.ReadAccess{{From: name}}}}},
		}
		change(&s)
		got := strings.Join(problemsOf(s), "\n")
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
