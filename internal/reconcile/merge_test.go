package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/fixture"
)

// configOf returns the config of one component in clusters named prod, two or old.
func configOf(t *testing.T, mode identity.Mode, clusters, namespaces string, change ...func(*identity.Component)) (desired.State, desired.Role) {
	t.Helper()
	settings := identity.Settings{ControlPlanes: identity.ControlPlanes{Namespaces: strings.Fields(namespaces)},
		Components: []identity.Component{{Name: "mxp-controller", Mode: mode, Role: caseRole}}}
	for i, name := range strings.Fields(clusters) {
		if i == 0 {
			settings.Cluster = caseCluster(name)
		} else {
			settings.AdditionalClusters = append(settings.AdditionalClusters, caseCluster(name))
		}
	}
	for _, c := range change {
		c(&settings.Components[0])
	}
	s := desired.Of(fixture.Spec(t, settings))
	roles, err := s.Roles()
	if err != nil {
		t.Fatal(err)
	}
	return s, roles[0]
}

func trustOf(t *testing.T, mode identity.Mode, clusters, namespaces string, change ...func(*identity.Component)) iam.Document {
	t.Helper()
	_, role := configOf(t, mode, clusters, namespaces, change...)
	return role.TrustPolicy
}

// outline returns the Sids of a policy, with KEPT for the Sids of kept statements, and with
// the subjects of each statement.
func outline(doc iam.Document) string {
	var all []string
	for _, s := range doc.Statement {
		sid := s.Sid
		if isKeptSid(sid) {
			sid = "KEPT"
		}
		all = append(all, fmt.Sprintf("%s %s%v", s.Effect, strings.TrimPrefix(sid, "SpacesIdentity"), namespacesOf(subjectsOf(s))))
	}
	return strings.Join(all, ", ")
}

func TestEditedStatementsAreKeptWholeOrRepaired(t *testing.T) {
	const (
		whole    = "Allow IRSA[a], %s KEPT[a b]" // for the config of a alone
		repaired = "Allow IRSA[a b]"             // for the config of a and b
	)
	root := iam.Values{"arn:aws:iam::123456789012:root"}
	for name, tt := range map[string]struct {
		edit     func(*iam.Statement)
		one, two string // the result for the config of a, and of a and b
	}{
		"Deny":             {func(s *iam.Statement) { s.Effect = iam.Deny }, fmt.Sprintf(whole, "Deny"), repaired},
		"no audience":      {func(s *iam.Statement) { delete(s.Condition["StringEquals"], prodIssuer+":aud") }, fmt.Sprintf(whole, "Allow"), repaired},
		"another audience": {func(s *iam.Statement) { s.Condition["StringEquals"][prodIssuer+":aud"] = iam.Values{"x"} }, fmt.Sprintf(whole, "Allow"), repaired},
		"any action":       {func(s *iam.Statement) { s.Action = iam.Values{"sts:*"} }, fmt.Sprintf(whole, "Allow"), repaired},
		"NotAction":        {func(s *iam.Statement) { s.Action, s.NotAction = nil, iam.Values{"sts:X"} }, fmt.Sprintf(whole, "Allow"), repaired},
		"two providers": {func(s *iam.Statement) {
			s.Principal.Federated = append(s.Principal.Federated, caseClusters[1].OIDC.ARN(caseRole))
		},
			"Allow IRSA[a], Allow KEPT[]", "Allow IRSA[a b], Allow KEPT[]"},
		"another principal": {func(s *iam.Statement) { s.Principal.AWS = root }, fmt.Sprintf(whole, "Allow"), "Allow IRSA[a b], Allow KEPT[a b]"},
		"NotPrincipal":      {func(s *iam.Statement) { s.Principal, s.NotPrincipal = iam.Principal{}, iam.Principal{AWS: root} }, "Allow IRSA[a], Allow KEPT[]", "Allow IRSA[a b], Allow KEPT[]"},
		"everyone":          {func(s *iam.Statement) { s.Principal = iam.Principal{Everyone: true} }, "Allow IRSA[a], Allow KEPT[]", "Allow IRSA[a b], Allow KEPT[]"},
		"no subject":        {func(s *iam.Statement) { delete(s.Condition["StringEquals"], prodIssuer+":sub") }, "Allow IRSA[a], Allow KEPT[]", "Allow IRSA[a b], Allow KEPT[]"},
		"no condition":      {func(s *iam.Statement) { s.Condition = nil }, "Allow IRSA[a], Allow KEPT[]", "Allow IRSA[a b], Allow KEPT[]"},
		"Deny without audience": {func(s *iam.Statement) {
			s.Effect = iam.Deny
			delete(s.Condition["StringEquals"], prodIssuer+":aud")
		}, fmt.Sprintf(whole, "Deny"), "Allow IRSA[a b], Deny KEPT[a b]"},
		"an extra condition": {func(s *iam.Statement) { s.Condition["Bool"] = map[string]iam.Values{"aws:SecureTransport": {"true"}} },
			"Allow IRSA[a], Allow KEPT[b]", repaired},
	} {
		live := trustOf(t, identity.IRSA, "prod", "a b")
		tt.edit(&live.Statement[0])
		edited := live.Statement[0]
		for config, want := range map[string]string{"a": tt.one, "a b": tt.two} {
			m := mergeTrust(live, trustOf(t, identity.IRSA, "prod", config), mergeOptions{})
			if got := outline(m.After); got != want {
				t.Errorf("%s, config %s: %s, want %s", name, config, got, want)
			}
			if last := m.After.Statement[len(m.After.Statement)-1]; isKeptSid(last.Sid) && isEditedKept(m.Changes) && len(iam.Differences(last, edited)) > 0 {
				t.Errorf("%s, config %s: the edited statement changes:\n%s", name, config, m.After.JSON())
			}
		}
		// Another config under another Sid: the statement moves to a Sid that says so.
		m := mergeTrust(live, trustOf(t, identity.PodIdentity, "prod", "a"), mergeOptions{})
		if first := m.After.Statement[0]; !isReadable(edited) && (!isKeptSid(first.Sid) || m.Changes[0].Action != Change || len(iam.Differences(first, edited)) > 0) {
			t.Errorf("%s, another mode: %+v", name, m.Changes[0])
		}
	}
}

const prodIssuer = "oidc.eks.us-west-2.amazonaws.com/id/PROD"

func isEditedKept(changes []StatementChange) bool {
	return slices.ContainsFunc(changes, func(c StatementChange) bool { return c.Edited })
}

// An edited statement and a replaced cluster: nobody in it loses access, and the plan says so.
func TestEditedStatementOfAReplacedClusterIsKept(t *testing.T) {
	for _, mode := range []identity.Mode{identity.IRSA, identity.PodIdentity} {
		live := trustOf(t, mode, "old", "a b")
		live.Statement[0].Action = iam.Values{"sts:*"}
		m := mergeTrust(live, trustOf(t, mode, "prod", "a b"), mergeOptions{})
		kept := m.After.Statement[len(m.After.Statement)-1]
		if len(m.After.Statement) != 2 || !isKeptSid(kept.Sid) || len(iam.Differences(kept, live.Statement[0])) > 0 || len(m.pruned) > 0 {
			t.Errorf("%s: %s", mode, m.After.JSON())
		}
		c := m.Changes[len(m.Changes)-1]
		if c.Action != Create || !c.Edited || !slices.Equal(namespacesOf(c.Kept), []string{"a", "b"}) || len(c.Gained) == 0 {
			t.Errorf("%s: the plan shows %+v", mode, c)
		}
		pruned := mergeTrust(m.After, trustOf(t, mode, "prod", "a b"), mergeOptions{prune: true})
		if !iam.SameStatements(pruned.After, trustOf(t, mode, "prod", "a b")) || len(pruned.Changes) != 2 || len(pruned.Changes[1].Removed) != 2 || len(pruned.Changes[1].Lost) == 0 {
			t.Errorf("%s: pruning shows %+v", mode, pruned.Changes)
		}
	}
}

// The example of the issue: cluster two, an address limit by hand, then another cluster too.
func TestKeptSubjectsStayOnTheirClusterUnderTheirConditions(t *testing.T) {
	live := trustOf(t, identity.PodIdentity, "two", "a b")
	live.Statement[0].Condition["IpAddress"] = map[string]iam.Values{"aws:SourceIp": {"10.0.0.0/8"}}
	m := mergeTrust(live, trustOf(t, identity.PodIdentity, "prod two", "a"), mergeOptions{})
	want := live.Statement[0]
	want.Sid = m.After.Statement[1].Sid
	if outline(m.After) != "Allow PodIdentity[a], Allow KEPT[b]" || !iam.Same(withSubjects(want, "b"), m.After.Statement[1]) {
		t.Errorf("%s", m.After.JSON())
	}
}

func TestKeptSubjectsKeepTheirLimits(t *testing.T) {
	limits := func(c *identity.Component) {
		c.PodIdentity.SourceAccount, c.PodIdentity.SourceARNs = true, []string{"arn:aws:eks:*:123456789012:cluster/prod"}
	}
	limited, free := trustOf(t, identity.PodIdentity, "prod", "a b", limits), trustOf(t, identity.PodIdentity, "prod", "b")
	m := mergeTrust(limited, free, mergeOptions{})
	if outline(m.After) != "Allow PodIdentity[b], Allow KEPT[a]" || !sameTerms(m.After.Statement[1], limited.Statement[0]) {
		t.Errorf("%s", m.After.JSON())
	}
	// A foreign statement without the limits grants more than a config with them.
	foreign := free
	foreign.Statement = []iam.Statement{free.Statement[0]}
	foreign.Statement[0].Sid = "Theirs"
	m = mergeTrust(foreign, limited, mergeOptions{adopt: true})
	if outline(m.After) != "Allow Theirs[b], Allow PodIdentity[a b]" || m.Changes[0].Redundant {
		t.Errorf("%s", m.After.JSON())
	}
	foreign.Statement[0] = limited.Statement[0]
	foreign.Statement[0].Sid = "Theirs"
	if m = mergeTrust(foreign, limited, mergeOptions{adopt: true}); outline(m.After) != "Allow PodIdentity[a b]" || m.Changes[0].Action != Remove {
		t.Errorf("%s", m.After.JSON())
	}
}

// Two configs that share a role do not overwrite each other's statements in turns.
func TestConfigsOfTwoClustersShareARole(t *testing.T) {
	for _, mode := range []identity.Mode{identity.IRSA, identity.PodIdentity, identity.Both} {
		prod, old := trustOf(t, mode, "prod", "a"), trustOf(t, mode, "old", "b")
		live := mergeTrust(mergeTrust(iam.Document{}, prod, mergeOptions{}).After, old, mergeOptions{}).After
		for name, config := range map[string]iam.Document{"prod": prod, "old": old} {
			if m := mergeTrust(live, config, mergeOptions{}); anyWrites(m.Changes) || !iam.SameStatements(m.After, live) {
				t.Errorf("%s, %s: %+v", mode, name, m.Changes)
			}
		}
		more := trustOf(t, mode, "prod", "a c")
		for _, s := range mergeTrust(live, more, mergeOptions{}).After.Statement {
			if want := map[bool]string{true: "[a c]", false: "[b]"}[strings.Contains(strings.ToLower(string(iam.Document{Statement: []iam.Statement{s}}.Compact())), "prod")]; fmt.Sprint(namespacesOf(subjectsOf(s))) != want {
				t.Errorf("%s: %v, want %s", mode, s, want)
			}
		}
		if m := mergeTrust(live, prod, mergeOptions{prune: true}); !iam.SameStatements(m.After, prod) {
			t.Errorf("%s: pruning leaves %s", mode, m.After.JSON())
		}
	}
}

// A kept statement that somebody edited does not take in subjects with other conditions.
func TestKeptSubjectsJoinOnlyTheirOwnConditions(t *testing.T) {
	first := mergeTrust(trustOf(t, identity.IRSA, "old", "a b"), trustOf(t, identity.IRSA, "prod", "a"), mergeOptions{}).After
	kept := &first.Statement[1]
	kept.Condition = kept.Condition.Clone()
	kept.Condition["Bool"] = map[string]iam.Values{"aws:SecureTransport": {"true"}}
	*kept = withSubjects(*kept, "system:serviceaccount:a:mxp-controller")
	first.Statement = append(first.Statement, trustOf(t, identity.IRSA, "old", "b").Statement...)
	first.Statement[2].Sid = "SpacesIdentityIRSAMatch"
	m := mergeTrust(first, trustOf(t, identity.IRSA, "prod", "a"), mergeOptions{})
	if outline(m.After) != "Allow IRSA[a], Allow KEPT[a], Allow IRSAMatch[b]" || anyWrites(m.Changes) {
		t.Errorf("%s", m.After.JSON())
	}
	// A second batch joins the first under the same conditions.
	again := mergeTrust(trustOf(t, identity.IRSA, "old", "a"), trustOf(t, identity.IRSA, "prod", "a"), mergeOptions{}).After
	again.Statement[0] = trustOf(t, identity.IRSA, "old", "c").Statement[0]
	m = mergeTrust(again, trustOf(t, identity.IRSA, "prod", "a"), mergeOptions{})
	if outline(m.After) != "Allow IRSA[a], Allow KEPT[a c]" && outline(m.After) != "Allow KEPT[a c], Allow IRSA[a]" {
		t.Errorf("%s", outline(m.After))
	}
	if i := slices.IndexFunc(m.Changes, func(c StatementChange) bool { return isKeptSid(c.Sid) }); m.Changes[i].Action != Change || len(m.Changes[i].Kept) != 2 || len(m.Changes[i].Added) != 0 {
		t.Errorf("%+v", m.Changes[i])
	}
}

// Without session tags nobody is named. The statement replaces the one with tags and keeps
// it from coming back without pruning.
func TestSessionTagsOnAndOff(t *testing.T) {
	noTags := func(c *identity.Component) { c.PodIdentity.DisableSessionTags = true }
	tags, none := trustOf(t, identity.PodIdentity, "prod", "a b"), trustOf(t, identity.PodIdentity, "prod", "a", noTags)
	if m := mergeTrust(tags, none, mergeOptions{}); !iam.SameStatements(m.After, none) || m.Changes[0].Action != Change {
		t.Errorf("%s", m.After.JSON())
	}
	if m := mergeTrust(none, none, mergeOptions{}); anyWrites(m.Changes) {
		t.Errorf("%+v", m.Changes)
	}
	m := mergeTrust(none, tags, mergeOptions{})
	if outline(m.After) != "Allow PodIdentity[a b], Allow KEPT[]" || !isEditedKept(m.Changes) {
		t.Errorf("%s", m.After.JSON())
	}
	if m := mergeTrust(m.After, tags, mergeOptions{prune: true}); !iam.SameStatements(m.After, tags) {
		t.Errorf("%s", m.After.JSON())
	}
	wider := trustOf(t, identity.PodIdentity, "prod two", "a", noTags)
	if m := mergeTrust(none, wider, mergeOptions{}); !iam.SameStatements(m.After, wider) {
		t.Errorf("%s", m.After.JSON())
	}
	if m := mergeTrust(wider, none, mergeOptions{}); outline(m.After) != "Allow PodIdentity[], Allow KEPT[]" {
		t.Errorf("%s", m.After.JSON())
	}
}

func TestPruningRemovesOnlyWhatWasPlanned(t *testing.T) {
	live := trustOf(t, identity.IRSA, "prod", "a b c")
	planned := mergeTrust(live, trustOf(t, identity.IRSA, "prod", "a"), mergeOptions{prune: true})
	live.Statement[0] = withSubjects(live.Statement[0], append(subjectsOf(live.Statement[0]), "system:serviceaccount:d:mxp-controller")...)
	edited := trustOf(t, identity.IRSA, "old", "b").Statement[0]
	edited.Sid, edited.Effect = "SpacesIdentityIRSAMatch", iam.Deny
	live.Statement = append(live.Statement, edited)
	m := mergeTrust(live, trustOf(t, identity.IRSA, "prod", "a"), mergeOptions{prune: true, remove: plannedParts(planned.pruned)})
	if outline(m.After) != "Allow IRSA[a d], Deny KEPT[b]" {
		t.Errorf("%s", outline(m.After))
	}
}

func TestNobodyStatementGivesWay(t *testing.T) {
	live := iam.Document{Version: iam.PolicyVersion, Statement: []iam.Statement{desired.NobodyStatement()}}
	if m := mergeTrust(live, trustOf(t, identity.PodIdentity, "prod", "a"), mergeOptions{}); outline(m.After) != "Allow PodIdentity[a]" || m.Changes[0].Action != Remove {
		t.Errorf("%s", outline(m.After))
	}
	live.Statement[0].Action = iam.Values{"sts:*"}
	if m := mergeTrust(live, trustOf(t, identity.PodIdentity, "prod", "a"), mergeOptions{}); outline(m.After) != "Deny KEPT[], Allow PodIdentity[a]" || !m.Changes[0].Denies {
		t.Errorf("%s, %+v", outline(m.After), m.Changes)
	}
}

func TestSubjectsOfOtherClusters(t *testing.T) {
	state, role := configOf(t, identity.Both, "prod two", "a")
	unnamed := state
	unnamed.Clusters = []identity.Cluster{{OIDC: caseCluster("prod").OIDC}}
	unknown := state
	unknown.Clusters = []identity.Cluster{{Name: "prod", Region: "us-west-2"}}
	irsa, pods := trustOf(t, identity.IRSA, "old", "a").Statement[0], trustOf(t, identity.PodIdentity, "old", "a").Statement[0]
	also := irsa
	also.Principal.AWS = iam.Values{"arn:aws:iam::123456789012:root"}
	open := pods
	open.Condition = conditionWith(open.Condition, "StringEquals", desired.NamespaceTag, "a")
	delete(open.Condition["StringEquals"], desired.ClusterTag)
	like := open
	like.Condition = conditionWith(like.Condition, "StringLike", desired.ClusterTag, "*")
	for name, tt := range map[string]struct {
		state desired.State
		s     iam.Statement
		want  bool
	}{
		"another issuer":           {state, irsa, true},
		"an issuer of the config":  {state, trustOf(t, identity.IRSA, "two", "a").Statement[0], false},
		"another principal too":    {state, also, false},
		"an unknown issuer":        {unknown, irsa, false},
		"another cluster":          {state, pods, true},
		"a cluster of the config":  {state, trustOf(t, identity.PodIdentity, "old two", "a").Statement[0], false},
		"any cluster":              {state, open, false},
		"any cluster by a pattern": {state, like, false},
		"an unnamed cluster":       {unnamed, pods, false},
	} {
		if got := (trustJudge{state: tt.state, role: role}).isElsewhere(tt.s); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestNarrowKeepsWhomBothPoliciesAdmit(t *testing.T) {
	for name, tt := range map[string]struct {
		live, final iam.Document
		want        string
	}{
		"fewer subjects":       {trustOf(t, identity.IRSA, "prod", "a b"), trustOf(t, identity.IRSA, "prod", "b c"), "Allow IRSA[b]"},
		"two common subjects":  {trustOf(t, identity.IRSA, "prod", "a b c"), trustOf(t, identity.IRSA, "prod", "b c d"), "Allow IRSA[b c]"},
		"no common subject":    {trustOf(t, identity.IRSA, "prod", "a"), trustOf(t, identity.IRSA, "prod", "c"), "Deny Nobody[]"},
		"another cluster":      {trustOf(t, identity.IRSA, "prod", "a"), trustOf(t, identity.IRSA, "two", "a"), "Deny Nobody[]"},
		"one common cluster":   {trustOf(t, identity.PodIdentity, "prod two", "a b"), trustOf(t, identity.PodIdentity, "old two", "b c"), "Allow PodIdentity[b]"},
		"the same":             {trustOf(t, identity.Both, "prod", "a"), trustOf(t, identity.Both, "prod", "a"), "Allow IRSA[a], Allow PodIdentity[a]"},
		"another mode":         {trustOf(t, identity.Both, "prod", "a"), trustOf(t, identity.IRSA, "prod", "a"), "Allow IRSA[a]"},
		"from the placeholder": {iam.Document{Version: iam.PolicyVersion, Statement: []iam.Statement{desired.NobodyStatement()}}, trustOf(t, identity.IRSA, "prod", "a"), "Deny Nobody[]"},
	} {
		got := narrow(tt.live, tt.final)
		if outline(got) != tt.want || got.Version != iam.PolicyVersion {
			t.Errorf("%s: %s, want %s", name, outline(got), tt.want)
		}
		if name == "one common cluster" && fmt.Sprint(got.Statement[0].Condition["StringEquals"][desired.ClusterTag]) != "[arn:aws:eks:us-west-2:123456789012:cluster/two]" {
			t.Errorf("%s: %s", name, got.JSON())
		}
	}
}

// A change lists its subjects once, and other elements only if they differ.
func TestChangesListSubjectsOnce(t *testing.T) {
	m := mergeTrust(trustOf(t, identity.IRSA, "prod", "a b"), trustOf(t, identity.IRSA, "prod", "b c"), mergeOptions{prune: true})
	c := m.Changes[0]
	if len(c.Elements)+len(c.Gained)+len(c.Lost)+len(c.Covered)+len(c.Kept) > 0 || c.Action != Change || c.Place != 1 ||
		fmt.Sprint(namespacesOf(c.Added), namespacesOf(c.Removed)) != "[c] [a]" {
		t.Errorf("%+v", c)
	}
}

// The next step for an edited statement depends on whose pods it is about.
func TestWarningOfAnEditedStatementSaysWhomItIsAbout(t *testing.T) {
	for _, tt := range []struct {
		change    StatementChange
		want, not string
	}{
		{StatementChange{Edited: true}, "does not name all whom it admits", "pruning would"},
		{StatementChange{Edited: true, Denies: true}, "denies access, also to whom the config names", "pruning would"},
		{StatementChange{Edited: true, Elsewhere: true}, "clusters that the config does not name", "does not name all whom it admits"},
		{StatementChange{Edited: true, Elsewhere: true, Denies: true}, "clusters that the config does not name", "also to whom the config names"},
	} {
		var p Plan
		p.warnOfStatement("role", tt.change)
		if len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0].Text, tt.want) || strings.Contains(p.Warnings[0].Text, tt.not) || (p.Warnings[0].Fix == FixPrune) == tt.change.Elsewhere {
			t.Errorf("%+v: %+v", tt.change, p.Warnings)
		}
	}
}

// TestKeptStatementsGetSidsOfTheirOwn has a kept statement whose terms somebody has changed,
// and one that would get its Sid.
func TestKeptStatementsGetSidsOfTheirOwn(t *testing.T) {
	live, wanted := trustOf(t, identity.IRSA, "old", "a"), trustOf(t, identity.IRSA, "prod", "a")
	kept := mergeTrust(live, wanted, mergeOptions{}).After.Statement[1]
	other := trustOf(t, identity.IRSA, "two", "b").Statement[0]
	other.Sid = kept.Sid
	for name, statements := range map[string][]iam.Statement{"before": {other, live.Statement[0]}, "after": {live.Statement[0], other}} {
		live.Statement = statements
		after := mergeTrust(live, wanted, mergeOptions{}).After
		sids := map[string]bool{}
		for _, s := range after.Statement {
			sids[s.Sid] = true
		}
		if len(after.Statement) != 3 || len(sids) != 3 || !sids["SpacesIdentityIRSA"] {
			t.Errorf("%s: %s", name, after.JSON())
		}
		if again := mergeTrust(after, wanted, mergeOptions{}); anyWrites(again.Changes) {
			t.Errorf("%s: a second merge changes %+v", name, again.Changes)
		}
	}
}
