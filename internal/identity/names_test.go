package identity_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/identity"
)

func TestValidateNamespace(t *testing.T) {
	accept(t, identity.ValidateNamespace, "a", "1", "team-a", "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system", long(63, "a"))
	check(t, identity.ValidateNamespace, map[string]string{
		"":             "is empty: write a value, or leave the setting out",
		"mxp-*-system": `"mxp-*-system" is a pattern, and only exact namespaces are allowed here: set the pattern as controlPlanes.match`,
		"Team":         `"Team" is not a namespace: it has 'T', only lower-case letters, digits and - are allowed`,
		"a.b":          `"a.b" is not a namespace: it has '.', only lower-case letters, digits and - are allowed`,
		"-a":           `"-a" is not a namespace: it does not begin and end with a letter or digit`,
		`a","b`:        `"a\",\"b" is not a namespace: it has '"', only lower-case letters, digits and - are allowed`,
		long(64, "a"):  `"` + long(64, "a") + `" is not a namespace: it has 64 characters, up to 63 are allowed`,
	})
}

func TestValidateServiceAccount(t *testing.T) {
	accept(t, identity.ValidateServiceAccount, "mxp-controller", "a.b", long(63, "a"))
	check(t, identity.ValidateServiceAccount, map[string]string{
		"a/b":                          `"a/b" is not the name of a service account: it has '/', only lower-case letters, digits and - are allowed`,
		"*":                            `"*" is not the name of a service account: it has '*', only lower-case letters, digits and - are allowed`,
		"system:serviceaccount:ns:ctl": `"system:serviceaccount:ns:ctl" is a token's subject: write only its last part, ctl`,
	})
}

func TestValidateBucket(t *testing.T) {
	accept(t, identity.ValidateBucket, "spaces-backups", "a.b", "123", long(63, "a"))
	const widens = ", and the permissions would include other buckets: write the name itself"
	check(t, identity.ValidateBucket, map[string]string{
		"*":                       `"*" has *` + widens,
		"spaces-?":                `"spaces-?" has ?` + widens,
		"${aws:username}":         `"${aws:username}" has ${` + widens,
		"arn:aws:s3:::spaces/dir": `"arn:aws:s3:::spaces/dir" is not a bucket's name: write "spaces", and what follows it as the prefix`,
		"s3://spaces":             `"s3://spaces" is not a bucket's name: write "spaces", and what follows it as the prefix`,
		"Spaces":                  `"Spaces" is not a bucket's name: it has 'S', only lower-case letters, digits, dots and dashes are allowed`,
		"a/b":                     `"a/b" is not a bucket's name: it has '/', only lower-case letters, digits, dots and dashes are allowed`,
		"ab":                      `"ab" is not a bucket's name: it has 2 characters, 3 to 63 are allowed`,
		"a..b":                    `"a..b" is not a bucket's name: it has two dots side by side`,
		"-ab":                     `"-ab" is not a bucket's name: it does not begin and end with a letter or digit`,
		"10.0.0.1":                `"10.0.0.1" is not a bucket's name: it looks like an IP address`,
		"xn--abc":                 `"xn--abc" is not a bucket's name: it begins with xn--, which S3 reserves`,
		"logs-123-s3alias":        `"logs-123-s3alias" is not a bucket's name: it ends in -s3alias, which makes it the alias of an access point`,
		" spaces":                 `" spaces" has space around it: write "spaces"`,
	})
}

func TestParsePrefix(t *testing.T) {
	for value, want := range map[string]string{"": "", "a": "a", "a/": "a", "a/b c/ü": "a/b c/ü", "$a": "$a"} {
		got, err := identity.ParsePrefix(value)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	const widens = ", and the permissions would include other keys: write the name itself"
	check(t, parser(identity.ParsePrefix), map[string]string{
		"a/*":           `"a/*" has *` + widens,
		"a?":            `"a?" has ?` + widens,
		"${a}":          `"${a}" has ${` + widens,
		"/a":            `"/a" begins with a slash, and the keys of S3 do not: remove it`,
		"/":             `"/" begins with a slash, and the keys of S3 do not: remove it`,
		"a//b":          `"a//b" has two slashes side by side: write one`,
		"s3://b/a":      `"s3://b/a" is a URL: write only what follows the bucket, without the slash`,
		`a"b`:           `"a\"b" has '"': remove it`,
		"a\tb":          `"a\tb" has '\t': remove it`,
		"a\xffb":        `"a\xffb" is not UTF-8, and the keys of S3 are`,
		"a ":            `"a " has space around it: write "a"`,
		long(1001, "a"): `"` + long(120, "a") + `…" has 1001 bytes: a whole S3 key has up to 1,024`,
	})
}

func TestParseKMSKeyARN(t *testing.T) {
	accept(t, parser(identity.ParseKMSKeyARN), "arn:aws:kms:us-west-2:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
		"arn:aws-iso-b:kms:us-isob-east-1:123456789012:key/mrk-1")
	const like = ": write it like arn:aws:kms:us-west-2:123456789012:key/KEY-ID"
	check(t, parser(identity.ParseKMSKeyARN), map[string]string{
		"alias/x": `"alias/x" is not an ARN: write it like arn:aws:kms:us-west-2:123456789012:key/KEY-ID`,
		"arn:aws:kms:us-west-2:123456789012:alias/x": `"arn:aws:kms:us-west-2:123456789012:alias/x" is an alias, and IAM grants access only to the key itself` + like,
		"arn:aws:kms:us-west-2:123456789012:key/*":   `"arn:aws:kms:us-west-2:123456789012:key/*" has no valid key ID: write it like arn:aws:kms:us-west-2:123456789012:key/KEY-ID`,
		"arn:aws:kms:*:123456789012:key/a":           `"arn:aws:kms:*:123456789012:key/a" has no valid region: "*" is not a region: write its code, like us-west-2`,
		"arn:aws:kms:us-west-2::key/a":               `"arn:aws:kms:us-west-2::key/a" has no account: write it like arn:aws:kms:us-west-2:123456789012:key/KEY-ID`,
		"arn:aws:s3:::b":                             `"arn:aws:s3:::b" is an ARN of "s3", not of kms: write it like arn:aws:kms:us-west-2:123456789012:key/KEY-ID`,
	})
}

func TestValidateRegionAndClusterName(t *testing.T) {
	accept(t, identity.ValidateRegion, "us-west-2", "us-gov-east-1", "cn-northwest-1", "us-isob-east-1", "ap-southeast-12")
	check(t, identity.ValidateRegion, map[string]string{
		"us-west-2a": `"us-west-2a" is an availability zone: write its region, us-west-2`,
		"us-west":    `"us-west" is not a region: write its code, like us-west-2`,
		" us-west-2": `" us-west-2" has space around it: write "us-west-2"`,
		"Oregon":     `"Oregon" is not a region: write its code, like us-west-2`,
	})
	accept(t, identity.ValidateClusterName, "prod", "1_A-b", long(100, "a"))
	const rule = " is not the name of an EKS cluster: it has up to 100 letters, digits, - and _, and begins with a letter or digit"
	check(t, identity.ValidateClusterName, map[string]string{
		"_a": `"_a"` + rule,
		"a*": `"a*"` + rule,
		"arn:aws:eks:us-west-2:123456789012:cluster/prod": `"arn:aws:eks:us-west-2:123456789012:cluster/prod" is the cluster's ARN: write its name, prod`,
	})
}

func TestValidateEndpoint(t *testing.T) {
	accept(t, identity.ValidateEndpoint, "s3.us-west-2.amazonaws.com", "minio:9000")
	check(t, identity.ValidateEndpoint, map[string]string{
		"https://s3.amazonaws.com/": `"https://s3.amazonaws.com/" is a URL: write only its host, s3.amazonaws.com`,
		"a:b":                       `"a:b" has no valid port: write it like s3.us-west-2.amazonaws.com`,
		"a/b":                       `"a/b" is not a host: it has '/', only lower-case letters, digits and - are allowed: write it like s3.us-west-2.amazonaws.com`,
	})
}

func TestValidateArtifactsDir(t *testing.T) {
	accept(t, identity.ValidateArtifactsDir, "identity-artifacts", "none", "../out", "/out", "a b")
	check(t, identity.ValidateArtifactsDir, map[string]string{
		"out ":  `"out " has space around it: write "out"`,
		"a\x00": `"a\x00" has a NUL byte: write the path of a directory, or none`,
	})
}
