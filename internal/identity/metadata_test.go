package identity_test

import (
	"testing"

	"spaces-identity.dev/internal/identity"
)

type pair struct{ key, value string }

func TestValidateAnnotation(t *testing.T) {
	good := []pair{
		{"a", ""}, {"example.com/Owner_1", "the \"team\""}, {"eks.amazonaws.com/audience", "sts.amazonaws.com"},
		{"eks.amazonaws.com/token-expiration", "600"}, {"eks.amazonaws.com/sts-regional-endpoints", "false"},
		{"eks.amazonaws.com/some-day", "x"}, {"audience", "x"}, {"iam.amazonaws.com/role", "x"}, {"roles", "x"},
		{"azure.workload.identity/client-id", "x"},
	}
	for _, p := range good {
		if err := identity.ValidateAnnotation(p.key, p.value); err != nil {
			t.Error(err)
		}
	}
	const role = " is not the key that EKS reads, which is eks.amazonaws.com/role-arn: set roleARN, and the program writes it"
	checkPairs(t, identity.ValidateAnnotation, map[pair]string{
		{"eks.amazonaws.com/role-arn", "x"}:                  `eks.amazonaws.com/role-arn is written by the program: set roleARN instead`,
		{"eks.amazon.aws/role-arn", "x"}:                     `"eks.amazon.aws/role-arn"` + role,
		{"eks.amazonaws.com/rolearn", "x"}:                   `"eks.amazonaws.com/rolearn"` + role,
		{"eks.amazonaws.com/role_arn", "x"}:                  `"eks.amazonaws.com/role_arn"` + role,
		{"eks.amazonaws.com/role-arm", "x"}:                  `"eks.amazonaws.com/role-arm"` + role,
		{"eks.amazon.com/role-arn", "x"}:                     `"eks.amazon.com/role-arn"` + role,
		{"eks.amazonaws.com.cn/role-arn", ""}:                `"eks.amazonaws.com.cn/role-arn"` + role,
		{"EKS.amazonaws.com/role-arn", "x"}:                  `"EKS.amazonaws.com/role-arn"` + role,
		{"role-arn", "x"}:                                    `"role-arn"` + role,
		{"roleARN", "x"}:                                     `"roleARN"` + role,
		{"eks.amazonaws.com/audiense", "x"}:                  `"eks.amazonaws.com/audiense" is not a key that EKS reads: did you mean "eks.amazonaws.com/audience"?`,
		{"eks.amazonaws.com/audience", "x"}:                  `eks.amazonaws.com/audience is "x", and the trust policy admits only the audience sts.amazonaws.com: leave the annotation out`,
		{"eks.amazonaws.com/token-expiration", "599"}:        `eks.amazonaws.com/token-expiration is "599": write a whole number of seconds, at least 600`,
		{"eks.amazonaws.com/token-expiration", "1h"}:         `eks.amazonaws.com/token-expiration is "1h": write a whole number of seconds, at least 600`,
		{"eks.amazonaws.com/sts-regional-endpoints", "True"}: `eks.amazonaws.com/sts-regional-endpoints is "True": write true or false`,
		{"", "x"}:                `the key is empty: write a value, or leave the setting out`,
		{" a", "x"}:              `the key " a" has space around it: write "a"`,
		{"a b", "x"}:             `the key "a b" has ' ', only letters, digits, -, _ and . are allowed`,
		{"a/b/c", "x"}:           `the key "a/b/c" has '/', only letters, digits, -, _ and . are allowed`,
		{"/a", "x"}:              `the key "/a" has no valid domain before the slash: it does not begin and end with a letter or digit`,
		{"A.b/c", "x"}:           `the key "A.b/c" has no valid domain before the slash: it has 'A', only lower-case letters, digits and - are allowed`,
		{"a", " x"}:              `the value of a: " x" has space around it: write "x"`,
		{"a.b/", "x"}:            `the key "a.b/" does not begin and end with a letter or digit`,
		{"a", long(262145, "x")}: `the value of a has 262145 bytes: Kubernetes allows up to 262144`,
	})
}

func TestValidateLabel(t *testing.T) {
	for _, p := range []pair{{"azure.workload.identity/use", "true"}, {"a", ""}, {"a", long(63, "x")}, {"a", "x_y.z-1"}} {
		if err := identity.ValidateLabel(p.key, p.value); err != nil {
			t.Error(err)
		}
	}
	checkPairs(t, identity.ValidateLabel, map[pair]string{
		{"eks.amazonaws.com/role-arn", "x"}: `eks.amazonaws.com/role-arn is an annotation of service accounts: as a pod's label it does nothing`,
		{"a", "x y"}:                        `the value of a, "x y", has ' ', only letters, digits, -, _ and . are allowed`,
		{"a", "-x"}:                         `the value of a, "-x", does not begin and end with a letter or digit`,
		{"a", long(64, "x")}:                `the value of a, "` + long(64, "x") + `", has 64 characters, up to 63 are allowed`,
		{"a", "x\n"}:                        `the value of a: "x\n" has space around it: write "x"`,
		{long(64, "k"), "x"}:                `the key "` + long(64, "k") + `" has 64 characters, up to 63 are allowed`,
	})
}

func checkPairs(t *testing.T, validate func(key, value string) error, want map[pair]string) {
	t.Helper()
	for p, message := range want {
		checkMessage(t, p.key, message, validate(p.key, p.value))
	}
}
