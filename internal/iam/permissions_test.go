package iam

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/identity"
)

const keyARN = "arn:aws:kms:us-west-2:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"

func TestPermissionsGoldens(t *testing.T) {
	with := func(set func(*identity.Component)) identity.Component {
		c := backup(identity.Both)
		set(&c)
		return c
	}
	tests := map[string]identity.Component{
		"bucket": backup(identity.IRSA),
		"china":  with(func(c *identity.Component) { c.Role.Partition = "aws-cn" }),
		"prefix-and-key": with(func(c *identity.Component) {
			c.Prefix, c.KMSKeyARN = "prod/space-1/", keyARN
		}),
		"prefix-quotes": with(func(c *identity.Component) { c.Prefix = `it's $HOME %{x} <&> é` }),
		"target-role": with(func(c *identity.Component) {
			c.PodIdentity.TargetRole = identity.RoleARN{Partition: "aws", Account: "999999999999", Name: "vault/backups"}
		}),
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			doc, err := Permissions(c)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "permissions/"+name+".json", doc.JSON())
		})
	}
}

func TestPermissionsRefuse(t *testing.T) {
	tests := map[string]struct {
		set  func(*identity.Component, string)
		bad  []string
		want string
	}{
		"bucket": {func(c *identity.Component, v string) { c.Bucket = v },
			[]string{"*", "a*b", "a?b", "b/*", "a${x}", `a","b`, "a b", "a\nb", "ab"}, "bucket"},
		"prefix": {func(c *identity.Component, v string) { c.Prefix = v },
			[]string{"*", "p*", "p?", "${aws:username}", "/p", "p\n", "p\x00", "日本"}, "prefix"},
		"key": {func(c *identity.Component, v string) { c.KMSKeyARN = v },
			[]string{"*", "key", strings.Replace(keyARN, "1234abcd", "*", 1), strings.Replace(keyARN, "key/", "alias/", 1),
				strings.Replace(keyARN, "us-west-2", "*", 1), strings.Replace(keyARN, "aws", "aws-cn", 1), keyARN + `","*`}, "kmsKeyARN"},
		"target": {func(c *identity.Component, v string) {
			c.PodIdentity.TargetRole = identity.RoleARN{Partition: "aws", Account: "999999999999", Name: v}
		}, []string{"*", "a*", `a"b`, "a b"}, "targetRoleARN"},
	}
	for what, tt := range tests {
		for _, value := range tt.bad {
			c := backup(identity.Both)
			tt.set(&c, value)
			if doc, err := Permissions(c); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s %q gives %s and %v", what, value, doc.Compact(), err)
			}
		}
	}
}

func TestAssociationsGoldens(t *testing.T) {
	full := backup(identity.PodIdentity)
	full.PodIdentity = identity.PodIdentitySettings{
		Tags:               map[string]string{"team": "platform", "cost-centre": "42"},
		TargetRole:         identity.RoleARN{Partition: "aws", Account: "999999999999", Name: "vault"},
		DisableSessionTags: true,
		Policy:             `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}`,
	}
	tests := map[string]struct {
		spec identity.Spec
		c    identity.Component
	}{
		"plain": {twoClusters(), backup(identity.Both)},
		"full":  {space(), full},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			list, err := Associations(tt.spec, tt.c, []string{nsB, nsA, nsB})
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "associations/"+name+".json", AssociationsJSON(list))
		})
	}
}

func TestAssociationsRefuse(t *testing.T) {
	with := func(p identity.PodIdentitySettings) identity.Component {
		c := backup(identity.PodIdentity)
		c.PodIdentity = p
		return c
	}
	tests := map[string]struct {
		c          identity.Component
		namespaces []string
		want       string
	}{
		"irsa":         {backup(identity.IRSA), []string{nsA}, "mode irsa has no associations"},
		"no namespace": {backup(identity.PodIdentity), nil, "needs the exact name"},
		"wildcard":     {backup(identity.PodIdentity), []string{"mxp-*"}, "is a pattern"},
		"too many":     {backup(identity.PodIdentity), uuidNamespaces(5001), "5001 associations are more than the 5000"},
		"policy alone": {with(identity.PodIdentitySettings{Policy: `{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`}),
			[]string{nsA}, "only with disableSessionTags: true"},
		"policy broken": {with(identity.PodIdentitySettings{Policy: `{"Statement":`, DisableSessionTags: true}),
			[]string{nsA}, "podIdentity.policy: line 1, column 14: not JSON"},
		"reserved tag":  {with(identity.PodIdentitySettings{Tags: map[string]string{"AWS:x": "y"}}), []string{nsA}, "keeps the prefix aws:"},
		"tag character": {with(identity.PodIdentitySettings{Tags: map[string]string{"x": "$(id)"}}), []string{nsA}, `value of "x"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Associations(space(), tt.c, tt.namespaces)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// What is written can be read: every document survives Parse unchanged.
func TestParseReadsOurDocuments(t *testing.T) {
	c := backup(identity.Both)
	c.Prefix, c.KMSKeyARN = "it's <&>", keyARN
	trust, err := Trust(twoClusters(), c, Subjects{[]string{"team-a", "team-b"}, identity.MatchUUID})
	if err != nil {
		t.Fatal(err)
	}
	permissions, err := Permissions(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range []Document{trust, permissions} {
		got, err := Parse(doc.JSON())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(doc, got); diff != "" {
			t.Errorf("differs (-written +read):\n%s", diff)
		}
	}
}
