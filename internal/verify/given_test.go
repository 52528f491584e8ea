package verify

import (
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// storedCases are cases of secrets, parameters and policies that the config gives.
func storedCases() []testCase {
	const irsa = identity.IRSA
	stored := func(s *identity.Settings) {
		s.Components[0].Bucket = ""
		s.Components[0].Secrets = []identity.Stored{{Kind: identity.SecretKind, Name: "db"}}
		s.Components[0].Parameters = []identity.Stored{{Kind: identity.ParameterKind, Name: "/prod/url"}}
		s.Components[0].KMSKey = identity.KMSKeyARN{Partition: "aws", Region: "us-west-2", Account: "123456789012", ID: "1234abcd"}
	}
	allow := func(action, resource string) iam.Statement {
		return iam.Statement{Effect: iam.Allow, Action: iam.Values{action}, Resource: iam.Values{resource}}
	}
	readOnly := allow("secretsmanager:GetSecretValue", "*")
	exact := iam.Statement{Effect: iam.Allow, Action: iam.Values{"secretsmanager:*", "ssm:*", "kms:*"},
		Resource: iam.Values{"arn:aws:secretsmanager:us-west-2:123456789012:secret:db-AbC123", "arn:aws:ssm:us-west-2:123456789012:parameter/*", "arn:aws:kms:*:*:key/*"}}
	given := func(text string) func(*identity.Settings) {
		return func(s *identity.Settings) {
			s.Components[0].Bucket = ""
			s.Components[0].Permissions, _ = identity.ParsePermissions(`{"Version": "2012-10-17", "Statement": [` + text + `]}`)
		}
	}
	const table = `{"Sid": "Table", "Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:Put*"], "Resource": "arn:aws:dynamodb:*:*:table/t", "Condition": {"StringEquals": {"aws:PrincipalTag/a": "b"}}}`
	const deny = `{"Sid": "NoDelete", "Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"}`
	const rest = `{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}`
	return []testCase{
		{"secrets, own policy", Permissions, irsa, stored, nil, nil, OK, "the role's policies allow everything", ""},
		{"secrets, a wider policy", Permissions, irsa, stored, nil, onlyPolicy(allow("*", "*")), OK, "", ""},
		{"secrets, without DescribeSecret", Permissions, irsa, stored, nil, onlyPolicy(readOnly), Fails,
			"the role's policies do not allow secretsmanager:DescribeSecret on arn:aws:secretsmanager:us-west-2:123456789012:secret:db-??????", "run"},
		{"secrets, by the ARN of one", Permissions, irsa, stored, nil, onlyPolicy(exact), Warns, "the role's policies do allow secretsmanager:GetSecretValue on one secret only", "write the whole ARN"},
		{"secrets, without the parameter", Permissions, irsa, stored, nil, onlyPolicy(allow("secretsmanager:*", "*")), Fails, "the role's policies do not allow ssm:GetParameter on arn:aws:ssm:us-west-2:123456789012:parameter/prod/url", "run"},
		{"secrets, without the key", Permissions, irsa, stored, nil, func(f *fakeAWS) {
			onlyPolicy(allow("secretsmanager:*", "*"))(f)
			addPolicy(allow("ssm:*", "*"))(f)
		}, Fails, "the role's policies do not allow kms:Decrypt", "run"},
		{"given, own policy", Permissions, irsa, given(table + "," + deny + "," + rest), nil, nil, OK, "", ""},
		{"given, a wider policy", Permissions, irsa, given(table), nil, onlyPolicy(allow("dynamodb:*", "*")), OK, "", ""},
		{"given, and missing", Permissions, irsa, given(table), nil, onlyPolicy(allow("dynamodb:Get*", "*")), Fails, "the role's policies do not allow dynamodb:Put* on arn:aws:dynamodb:*:*:table/t", "run"},
		{"given, under another condition", Permissions, irsa, given(table), nil, func(f *fakeAWS) {
			f.role.value.Permissions[0].Statement[0].Condition = iam.Condition{"StringEquals": {"aws:PrincipalTag/a": {"c"}}}
		}, Warns, "the role's policies do allow dynamodb:GetItem on arn:aws:dynamodb:*:*:table/t only under conditions", "check"},
		{"given, a Deny is missing", Permissions, irsa, given(deny), nil, onlyPolicy(allow("*", "*")), Fails, "the role's policies do not contain the statement SpacesIdentityGivenNoDelete of permissionsPolicy, which denies", "run"},
		{"given, an exception is missing", Permissions, irsa, given(rest), nil, onlyPolicy(allow("s3:*", "*")), Warns, "the role's policies do not contain one statement that allows all of the statement SpacesIdentityGiven1", "run"},
		{"given, and a boundary for less", Permissions, irsa, given(table), nil, func(f *fakeAWS) {
			f.role.value.Boundary = &iam.Document{Version: iam.PolicyVersion, Statement: []iam.Statement{allow("s3:*", "*")}}
		}, Fails, "the role's permissions boundary does not allow dynamodb:GetItem", "change the permissions boundary"},
	}
}

// scopeCases are cases of the scope controlPlane.
func scopeCases() []testCase {
	const pods = identity.PodIdentity
	scope := func(name identity.ControlPlaneName) func(*identity.Settings) {
		return func(s *identity.Settings) {
			s.Components[0].Prefix, s.Components[0].PodIdentity.Scope = "prod", identity.ControlPlaneScope
			s.ControlPlanes.Namespaces, s.ControlPlanes.Names = []string{hostNamespace}, map[string]identity.ControlPlaneName{hostNamespace: name}
		}
	}
	own := scope(identity.ControlPlaneName{Group: "team", Name: "ctp"})
	policy := func(text string) func(*fakeAWS) {
		return changeAssociation(func(a *desired.Association) { a.Policy = text })
	}
	backups := func(prefix string) string { return `,"prefix":"` + prefix + `"` }
	return []testCase{
		{"scope, own policy", Association, pods, own, nil, nil, OK, "gives the role", ""},
		{"scope, no policy", Association, pods, own, nil, policy(""), Fails, "the association differs from the config in policy", "run `spaces-identity apply`"},
		{"scope, a wider policy", Association, pods, own, nil, policy(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`), Fails, "the association differs from the config in policy", "run"},
		{"scope, no name", Association, pods, scope(identity.ControlPlaneName{}), nil, nil, Unknown, "no ControlPlane object names this host namespace", "write {name: " + hostNamespace},
		{"scope, its own prefix", BackupConfig, pods, own, withBackupConfig("team", "AWS", "spaces-backups", "InjectedIdentity", backups("prod")), nil, OK, "uses the identity", ""},
		{"scope, a prefix below", BackupConfig, pods, own, withBackupConfig("team", "AWS", "spaces-backups", "InjectedIdentity", backups("prod/east")), nil, Fails,
			`the prefix is "prod/east", but with podIdentity.scope: controlPlane the session policy allows only what is below prod/team/ctp/`, "set the prefix"},
		{"scope, the policy of another", BackupConfig, pods, own, withBackupConfig("team", "AWS", "spaces-backups", "InjectedIdentity", backups("prod")),
			policy(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::spaces-backups/prod/team/ctp1/*"}}`), Fails,
			"the session policy of the association does not allow s3:ListBucket", "run"},
	}
}
