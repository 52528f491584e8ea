package iam

import (
	"errors"
	"strings"
	"testing"

	"spaces-identity.dev/internal/identity"
)

func TestTrustGoldens(t *testing.T) {
	exact := Subjects{Namespaces: []string{nsA, nsB}}
	china := backup(identity.Both)
	china.Role.Partition = "aws-cn"
	source := backup(identity.PodIdentity)
	source.PodIdentity.SourceAccount = true
	source.PodIdentity.SourceARNs = []string{"arn:aws:eks:us-west-2:123456789012:cluster/prod-space"}
	tests := map[string]struct {
		spec     identity.Spec
		c        identity.Component
		subjects Subjects
	}{
		"irsa-one":              {space(), backup(identity.IRSA), Subjects{Namespaces: []string{nsA}}},
		"irsa-exact":            {space(), backup(identity.IRSA), exact},
		"irsa-uuid":             {space(), backup(identity.IRSA), Subjects{Match: identity.MatchUUID}},
		"irsa-covered":          {space(), backup(identity.IRSA), Subjects{[]string{nsA, "team-a"}, identity.MatchUUID}},
		"irsa-pattern-clusters": {twoClusters(), backup(identity.IRSA), Subjects{[]string{"team-a"}, "mxp-*-system"}},
		"pod-identity-exact":    {space(), backup(identity.PodIdentity), exact},
		"pod-identity-clusters": {twoClusters(), backup(identity.PodIdentity), Subjects{[]string{"team-a"}, identity.MatchUUID}},
		"pod-identity-source":   {space(), source, exact},
		"both-china":            {space(), china, exact},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			doc, err := Trust(tt.spec, tt.c, tt.subjects)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "trust/"+name+".json", doc.JSON())
			if problems := Review(doc); problems != nil {
				t.Errorf("our own policy has loose ends: %q", problems)
			}
		})
	}
}

func TestTrustRefusesWhatCouldWidenIt(t *testing.T) {
	hostile := []string{"*", "?", "a*", "${aws:username}", "${*}", `a","b`, `a"}]},{"x":"`, "a\nb", "a:b", "a/b", "A", " a", "a ", "ä", "a\x00", strings.Repeat("a", 254)}
	change := map[string]func(*identity.Spec, *identity.Component, *Subjects, string){
		"namespace":       func(_ *identity.Spec, _ *identity.Component, s *Subjects, v string) { s.Namespaces = []string{v} },
		"service account": func(_ *identity.Spec, c *identity.Component, _ *Subjects, v string) { c.ServiceAccount = v },
		"account":         func(_ *identity.Spec, c *identity.Component, _ *Subjects, v string) { c.Role.Account = v },
		"partition":       func(_ *identity.Spec, c *identity.Component, _ *Subjects, v string) { c.Role.Partition = v },
		"source arn": func(_ *identity.Spec, c *identity.Component, _ *Subjects, v string) {
			c.PodIdentity.SourceARNs = []string{v}
		},
	}
	for what, set := range change {
		for _, value := range hostile {
			spec, c, subjects := space(), backup(identity.Both), Subjects{Namespaces: []string{nsA}}
			set(&spec, &c, &subjects, value)
			if doc, err := Trust(spec, c, subjects); err == nil {
				t.Errorf("%s %q was taken into %s", what, value, doc.Compact())
			}
		}
	}
	for _, value := range []string{"*", "a*", "${aws:username}", `a","b`, "a\nb", "a/*", "a b", "a?", "ä", "a:b"} {
		for what, set := range map[string]func(*identity.Spec, *identity.Component){
			"provider": func(s *identity.Spec, _ *identity.Component) { s.Cluster.OIDC.HostPath = value },
			"cluster":  func(s *identity.Spec, _ *identity.Component) { s.Cluster.Name = value },
			"region":   func(s *identity.Spec, _ *identity.Component) { s.Cluster.Region = value },
			"role":     func(_ *identity.Spec, c *identity.Component) { c.Role.Name = value },
		} {
			spec, c := space(), backup(identity.Both)
			set(&spec, &c)
			if doc, err := Trust(spec, c, Subjects{Namespaces: []string{nsA}}); err == nil {
				t.Errorf("%s %q was taken into %s", what, value, doc.Compact())
			}
		}
	}
}

func TestMatchRefused(t *testing.T) {
	tests := map[identity.Match]string{
		"*":            "would admit every namespace",
		"?*":           "would admit every namespace",
		"*-system":     "admits the namespace kube-system",
		"kube-*":       "admits the namespace kube-system",
		"d*":           "admits the namespace default",
		"???????":      "would admit every namespace",
		"defaul?":      "admits the namespace default",
		"mxp:*":        "lower-case letters",
		"mxp-*:x":      "lower-case letters",
		"MXP-*":        "lower-case letters",
		"${aws:x}*":    "lower-case letters",
		"mxp-[a-z]*":   "lower-case letters",
		`mxp-*","*`:    "lower-case letters",
		"mxp-*\n":      "has space around it",
		"*-*-*-*":      "would admit every namespace",
		"mxp-*-system": "",
		"uuid":         "",
		"":             "",
	}
	for m, want := range tests {
		err := CheckMatch(m)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("CheckMatch(%q) = %v, want %q", m, err, want)
		}
	}
}

func TestTrustErrors(t *testing.T) {
	noTags := backup(identity.PodIdentity)
	noTags.PodIdentity.DisableSessionTags = true
	foreign := space()
	foreign.Cluster.OIDC.Account, foreign.Cluster.OIDC.Partition = "999999999999", "aws"
	twice := twoClusters()
	twice.AdditionalClusters[0] = twice.Cluster
	tests := map[string]struct {
		spec     identity.Spec
		c        identity.Component
		subjects Subjects
		want     string
	}{
		"no subjects":     {space(), backup(identity.IRSA), Subjects{}, ErrNoSubjects.Error()},
		"no mode":         {space(), backup(""), Subjects{Match: "uuid"}, `mode "": choose irsa, pod-identity or both`},
		"no role":         {space(), identity.Component{Name: "x", ServiceAccount: "x", Mode: identity.IRSA}, Subjects{Match: "uuid"}, "no role is set"},
		"no provider":     {identity.Spec{}, backup(identity.IRSA), Subjects{Match: "uuid"}, "has no oidcProvider"},
		"no cluster":      {identity.Spec{}, backup(identity.PodIdentity), Subjects{Match: "uuid"}, "needs the name and region"},
		"foreign account": {foreign, backup(identity.IRSA), Subjects{Match: "uuid"}, "role's own account"},
		"twice":           {twice, backup(identity.Both), Subjects{Match: "uuid"}, "is listed twice"},
		"session tags":    {space(), noTags, Subjects{Match: "uuid"}, "no pod would get the role"},
		"wildcard":        {space(), backup(identity.IRSA), Subjects{Namespaces: []string{"mxp-*"}}, "give it as controlPlanes.match"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Trust(tt.spec, tt.c, tt.subjects)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := Trust(space(), backup(identity.IRSA), Subjects{}); !errors.Is(err, ErrNoSubjects) {
		t.Errorf("%v is no ErrNoSubjects", err)
	}
}

// A statement's Sid must survive another cluster's coming and going, and be
// unique.
func TestSidsAreStable(t *testing.T) {
	subjects := Subjects{[]string{"team-a"}, identity.MatchUUID}
	one, _ := Trust(space(), backup(identity.Both), subjects)
	two, _ := Trust(twoClusters(), backup(identity.Both), subjects)
	sids := map[string]bool{}
	for _, s := range two.Statement {
		if sids[s.Sid] || !Owns(s) {
			t.Errorf("Sid %q is not unique and ours", s.Sid)
		}
		sids[s.Sid] = true
	}
	for _, s := range one.Statement {
		if !sids[s.Sid] {
			t.Errorf("Sid %q went when a cluster came", s.Sid)
		}
	}
}
