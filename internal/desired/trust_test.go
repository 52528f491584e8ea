package desired_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

func TestTrustPolicyGoldens(t *testing.T) {
	tests := map[string]struct {
		mode    identity.Mode
		changes []change
	}{
		"irsa-one":              {identity.IRSA, []change{namespaces(nsA)}},
		"irsa-exact":            {identity.IRSA, []change{namespaces(nsA, nsB)}},
		"irsa-uuid":             {identity.IRSA, []change{match("uuid")}},
		"irsa-covered":          {identity.IRSA, []change{namespaces(nsA, "team-a"), match("uuid")}},
		"irsa-pattern-clusters": {identity.IRSA, []change{twoClusters, namespaces("team-a"), match("mxp-*-system")}},
		"pod-identity-exact":    {identity.PodIdentity, []change{namespaces(nsA, nsB)}},
		"pod-identity-clusters": {identity.PodIdentity, []change{twoClusters, namespaces("team-a"), match("uuid")}},
		"pod-identity-source": {identity.PodIdentity, []change{namespaces(nsA, nsB), component(func(c *identity.Component) {
			c.PodIdentity.SourceAccount = true
			c.PodIdentity.SourceARNs = []string{"arn:aws:eks:us-west-2:123456789012:cluster/prod-space"}
		})}},
		"both-china": {identity.Both, []change{namespaces(nsA, nsB), component(func(c *identity.Component) { c.Role.Partition = "aws-cn" })}},
		"shared":     {identity.Both, []change{twoClusters, namespaces("team-a"), match("uuid"), vector(identity.IRSA, "spaces-backup")}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			doc := trustPolicy(t, stateOf(t, tt.mode, tt.changes...))
			golden(t, "trust/"+name+".json", doc.JSON())
			if problems := desired.Review(doc); problems != nil {
				t.Errorf("our own policy has mistakes: %q", problems)
			}
			read, err := iam.Parse(doc.JSON())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(doc, read); diff != "" {
				t.Errorf("differs (-written +read):\n%s", diff)
			}
		})
	}
}

// The values could act as a wildcard, a policy variable or JSON syntax.
func TestConfigRejectsValuesThatWidenTheTrustPolicy(t *testing.T) {
	hostile := []string{"*", "?", "a*", "${aws:username}", "${*}", `a","b`, `a"}]},{"x":"`, "a\nb", "a:b", "a/b", "A", " a", "a ", "ä", "a\x00", strings.Repeat("a", 254)}
	hostileName := []string{"*", "a*", "${aws:username}", `a","b`, "a\nb", "a/*", "a b", "a?", "ä", "a:b"}
	tests := map[string]struct {
		values []string
		set    func(*identity.Settings, string)
	}{
		"namespace":       {hostile, func(s *identity.Settings, v string) { s.ControlPlanes.Namespaces = []string{v} }},
		"service account": {hostile, func(s *identity.Settings, v string) { s.Components[0].ServiceAccount = v }},
		"account":         {hostile, func(s *identity.Settings, v string) { s.Components[0].Role.Account = v }},
		"partition":       {hostile, func(s *identity.Settings, v string) { s.Components[0].Role.Partition = v }},
		"source ARN":      {hostile, func(s *identity.Settings, v string) { s.Components[0].PodIdentity.SourceARNs = []string{v} }},
		"provider":        {hostileName, func(s *identity.Settings, v string) { s.Cluster.OIDC.HostPath = v }},
		"cluster":         {hostileName, func(s *identity.Settings, v string) { s.Cluster.Name = v }},
		"region":          {hostileName, func(s *identity.Settings, v string) { s.Cluster.Region = v }},
		"role":            {hostileName, func(s *identity.Settings, v string) { s.Components[0].Role.Name = v }},
	}
	for what, tt := range tests {
		for _, value := range tt.values {
			settings := space(identity.Both, namespaces(nsA))
			tt.set(&settings, value)
			if what == "service account" && strings.TrimSpace(value) == "" {
				continue
			}
			if _, problems := identity.New(settings); len(problems) == 0 {
				t.Errorf("%s %q is accepted", what, value)
			}
		}
	}
}

func TestTrustPolicyErrors(t *testing.T) {
	tests := map[string]struct {
		mode    identity.Mode
		changes []change
		want    string
	}{
		"no subjects": {identity.IRSA, nil, "trust policy of mxp-controller: no control plane is known\nlist the host namespaces under controlPlanes.namespaces"},
		"no subjects and no role": {identity.IRSA, []change{component(func(c *identity.Component) { c.Role = identity.RoleARN{} })},
			"set components[0].roleARN in the config\nlist the host namespaces under controlPlanes.namespaces, set controlPlanes.discover: true for commands that can read the cluster, or set controlPlanes.match: uuid"},
		"no role":     {identity.IRSA, []change{match("uuid"), component(func(c *identity.Component) { c.Role = identity.RoleARN{} })}, "component mxp-controller has no value for the role's ARN, which this command needs\nset components[0].roleARN in the config"},
		"no provider": {identity.IRSA, []change{match("uuid"), func(s *identity.Settings) { s.Cluster = identity.Cluster{} }}, "component mxp-controller has no value for the OIDC provider, which this command needs\nset cluster.oidcProvider in the config"},
		"no cluster":  {identity.PodIdentity, []change{match("uuid"), func(s *identity.Settings) { s.Cluster = identity.Cluster{} }}, "component mxp-controller has no value for the cluster's name and the cluster's region, which this command needs\nset cluster.name and cluster.region in the config"},
		"of a sharer": {identity.IRSA, []change{match("uuid"), vector(identity.PodIdentity, "spaces-backup"), func(s *identity.Settings) { s.Cluster.Name = "" }}, "trust policy of vector: component vector has no value for the cluster's name"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := stateOf(t, tt.mode, tt.changes...)
			doc, err := s.TrustPolicy(s.Components[0])
			if err == nil || !strings.Contains(withHints(err), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if len(doc.Statement) > 0 {
				t.Errorf("a policy beside the error: %s", doc.Compact())
			}
		})
	}
	s := stateOf(t, identity.IRSA)
	if _, err := s.TrustPolicy(s.Components[0]); !errors.Is(err, desired.ErrNoSubjects) {
		t.Errorf("%v is not ErrNoSubjects", err)
	}
	if _, err := s.Roles(); !errors.Is(err, desired.ErrNoSubjects) {
		t.Errorf("%v is not ErrNoSubjects", err)
	}
	// In mode irsa nothing depends on session tags.
	noTags := component(func(c *identity.Component) { c.PodIdentity.DisableSessionTags = true })
	trustPolicy(t, stateOf(t, identity.IRSA, match("uuid"), noTags))
}

func TestSidsStayTheSameWithAnotherCluster(t *testing.T) {
	subjects := []change{namespaces("team-a"), match("uuid")}
	one := trustPolicy(t, stateOf(t, identity.Both, subjects...))
	two := trustPolicy(t, stateOf(t, identity.Both, append(subjects, twoClusters, vector(identity.Both, "spaces-backup"))...))
	sids := map[string]bool{}
	for _, s := range two.Statement {
		if sids[s.Sid] || !desired.Manages(s) {
			t.Errorf("Sid %q is not unique or not ours", s.Sid)
		}
		sids[s.Sid] = true
	}
	for _, s := range one.Statement {
		if !sids[s.Sid] {
			t.Errorf("Sid %q is gone after a cluster and a component were added", s.Sid)
		}
	}
	if len(one.Statement) != 4 || len(two.Statement) != 12 {
		t.Errorf("%d and %d statements", len(one.Statement), len(two.Statement))
	}
}

func TestNobodyStatementAdmitsNobody(t *testing.T) {
	s := stateOf(t, identity.Both, namespaces(nsA))
	doc := trustPolicy(t, s)
	nobody := desired.NobodyStatement()
	if !desired.Manages(nobody) {
		t.Errorf("Sid %q is not ours", nobody.Sid)
	}
	doc.Statement = []iam.Statement{nobody}
	checkWays(t, doc, s, nsA, "mxp-controller", false)
}

// Without session tags AWS offers no condition on the subject. The statement is then limited
// by the account and the clusters, or by the setting sourceARNs.
func TestTrustPolicyWithoutSessionTags(t *testing.T) {
	noTags := component(func(c *identity.Component) { c.PodIdentity.DisableSessionTags = true })
	sources := component(func(c *identity.Component) {
		c.PodIdentity.SourceARNs = []string{"arn:aws:eks:*:123456789012:cluster/prod-*"}
	})
	sharer := func(s *identity.Settings) {
		vector(identity.PodIdentity, "spaces-backup")(s)
		s.Components[1].PodIdentity.DisableSessionTags = true
	}
	for name, tt := range map[string]struct {
		mode    identity.Mode
		changes []change
		sids    []string
		sources iam.Values
	}{
		"one cluster":              {identity.PodIdentity, []change{noTags}, []string{"SpacesIdentityPodIdentity"}, iam.Values{"arn:aws:eks:us-west-2:123456789012:cluster/prod-space"}},
		"two clusters":             {identity.PodIdentity, []change{noTags, twoClusters}, []string{"SpacesIdentityPodIdentity"}, iam.Values{"arn:aws:eks:us-west-2:123456789012:cluster/prod-space", "arn:aws:eks:eu-central-1:123456789012:cluster/prod-space-eu"}},
		"a setting":                {identity.PodIdentity, []change{noTags, sources}, []string{"SpacesIdentityPodIdentity"}, iam.Values{"arn:aws:eks:*:123456789012:cluster/prod-*"}},
		"two components, one text": {identity.PodIdentity, []change{noTags, sharer}, []string{"SpacesIdentityPodIdentity"}, iam.Values{"arn:aws:eks:us-west-2:123456789012:cluster/prod-space"}},
		"both modes":               {identity.Both, []change{noTags}, []string{"SpacesIdentityIRSA", "SpacesIdentityPodIdentity"}, iam.Values{"arn:aws:eks:us-west-2:123456789012:cluster/prod-space"}},
	} {
		s := stateOf(t, tt.mode, append(tt.changes, namespaces(nsA, nsB))...)
		doc := trustPolicy(t, s)
		var sids []string
		for _, statement := range doc.Statement {
			sids = append(sids, statement.Sid)
		}
		want := iam.Condition{"StringEquals": {"aws:SourceAccount": {"123456789012"}}, "ArnLike": {"aws:SourceArn": tt.sources}}
		last := doc.Statement[len(doc.Statement)-1]
		if !slices.Equal(sids, tt.sids) || !iam.Same(iam.Statement{Condition: want}, iam.Statement{Condition: last.Condition}) {
			t.Errorf("%s: %s", name, doc.Compact())
		}
		if text := strings.Join(s.Components[0].Warnings(), "\n"); !strings.Contains(text, "limited by aws:SourceAccount and aws:SourceArn only") {
			t.Errorf("%s: no warning says so: %q", name, text)
		}
		if b, err := s.Budget(s.Components[0]); err != nil || b.Fits == 0 {
			t.Errorf("%s: %+v, %v", name, b, err)
		}
	}
}
