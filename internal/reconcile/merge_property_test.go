package reconcile

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/fixture"
)

// The merge of random live trust policies with random configs, judged by the evaluator of
// package iam over a universe of requests.
func TestMergeOfRandomPolicies(t *testing.T) {
	kinds := map[string]int{}
	for seed := range uint64(80) {
		checkMerge(t, newMergeCase(t, rand.New(rand.NewPCG(seed, 1))), kinds)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	for _, kind := range []string{"kept subject", "edited statement", "repair", "kept Deny", "other cluster", "foreign statement", "adopted", "pruned", "nothing to do", "gain", "loss"} {
		if kinds[kind] < 5 {
			t.Errorf("%s: only %d cases: the generator is too one-sided", kind, kinds[kind])
		}
	}
}

// FuzzMerge runs the same check on seeds of the fuzzer.
func FuzzMerge(f *testing.F) {
	f.Fuzz(func(t *testing.T, a, b uint64) {
		checkMerge(t, newMergeCase(t, rand.New(rand.NewPCG(a, b))), map[string]int{})
	})
}

// mergeCase is a live policy and what a config asks for.
type mergeCase struct {
	live, wanted iam.Document
	requests     []iam.Request
}

const (
	caseAccount = "123456789012"
	uuidSpace   = "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system"
)

var (
	caseClusters = []identity.Cluster{caseCluster("prod"), caseCluster("two"), caseCluster("old")}
	caseSpaces   = []string{"a", "b", "team-x", uuidSpace}
	caseAccounts = []string{"mxp-controller", "vector"}
	caseRole     = identity.RoleARN{Partition: "aws", Account: caseAccount, Name: "backup"}
)

func caseCluster(name string) identity.Cluster {
	return identity.Cluster{Name: name, Region: "us-west-2", OIDC: identity.OIDCProvider{HostPath: "oidc.eks.us-west-2.amazonaws.com/id/" + strings.ToUpper(name)}}
}

func newMergeCase(t *testing.T, rng *rand.Rand) mergeCase {
	t.Helper()
	g := generator{rng}
	c := mergeCase{wanted: g.wanted(t), requests: caseRequests()}
	for range rng.IntN(4) { // earlier configs
		m := mergeOptions{prune: rng.IntN(4) == 0}
		before := g.wanted(t)
		c.live = mergeTrust(c.live, before, m).After
		if rng.IntN(3) == 0 {
			c.live = g.edited(c.live)
		}
	}
	if rng.IntN(2) == 0 { // the config itself, before somebody edits the policy
		c.live = mergeTrust(c.live, c.wanted, mergeOptions{}).After
	}
	for range rng.IntN(3) {
		c.live = g.edited(c.live)
	}
	for range rng.IntN(3) {
		at := rng.IntN(len(c.live.Statement) + 1)
		s := g.foreign(t, c.wanted)
		if s.Sid = fmt.Sprintf("Theirs%d", len(c.live.Statement)); rng.IntN(3) == 0 {
			s.Sid = ""
		}
		c.live.Statement = slices.Insert(c.live.Statement, at, s)
	}
	c.live.Version = g.pick("", iam.PolicyVersion, iam.PolicyVersion, "2008-10-17")
	return c
}

type generator struct{ *rand.Rand }

func (g generator) pick(values ...string) string { return values[g.IntN(len(values))] }

// some returns one or more of the values.
func some[T any](g generator, values []T) []T {
	shuffled := slices.Clone(values)
	g.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	return shuffled[:1+g.IntN(len(shuffled))]
}

// wanted returns the trust policy of a random config.
func (g generator) wanted(t *testing.T) iam.Document {
	t.Helper()
	clusters := some(g, caseClusters)
	settings := identity.Settings{Cluster: clusters[0], AdditionalClusters: clusters[1:],
		ControlPlanes: identity.ControlPlanes{Namespaces: some(g, caseSpaces), Match: identity.Match(g.pick("", "", "", "uuid", "mxp-*-system", "team-?"))}}
	for _, account := range some(g, caseAccounts) {
		c := identity.Component{Name: account, ServiceAccount: account, Role: caseRole, Mode: identity.Mode(g.pick("irsa", "pod-identity", "both"))}
		c.PodIdentity.SourceAccount = g.IntN(4) == 0
		if g.IntN(6) == 0 {
			c.PodIdentity.SourceARNs = []string{"arn:aws:eks:us-west-2:" + caseAccount + ":cluster/" + g.pick("prod", "two", "*")}
		}
		c.PodIdentity.DisableSessionTags = g.IntN(8) == 0
		settings.Components = append(settings.Components, c)
	}
	role, err := desired.Of(fixture.Spec(t, settings)).Roles()
	if err != nil {
		t.Fatal(err)
	}
	return role[0].TrustPolicy
}

// foreign returns a statement that somebody else might write.
func (g generator) foreign(t *testing.T, wanted iam.Document) iam.Statement {
	t.Helper()
	statements := slices.Concat(wanted.Statement, g.wanted(t).Statement)
	s := statements[g.IntN(len(statements))]
	switch g.IntN(6) {
	case 0: // to adopt, perhaps
		return s
	case 1:
		return iam.Statement{Effect: iam.Allow, Principal: iam.Principal{AWS: iam.Values{"arn:aws:iam::123456789012:root"}}, Action: iam.Values{"sts:AssumeRole"}}
	case 2:
		return iam.Statement{Effect: iam.Effect(g.pick("Allow", "Deny")), Principal: iam.Principal{Everyone: true}, Action: iam.Values{g.pick("sts:AssumeRole", "sts:*")},
			Condition: iam.Condition{"Bool": {"aws:SecureTransport": {"false"}}}}
	}
	for range 1 + g.IntN(3) {
		s = g.edit(s)
	}
	return s
}

// edited returns the policy after somebody has edited one of its statements.
func (g generator) edited(doc iam.Document) iam.Document {
	if len(doc.Statement) == 0 {
		return doc
	}
	doc.Statement = slices.Clone(doc.Statement)
	i := g.IntN(len(doc.Statement))
	switch s := &doc.Statement[i]; g.IntN(8) {
	case 0:
		doc.Statement = slices.Delete(doc.Statement, i, i+1)
	case 1: // the Sid of another statement of this program
		if sid := g.pick("SpacesIdentityIRSA", "SpacesIdentityPodIdentity", "SpacesIdentityKept", "SpacesIdentityIRSAMatch", desired.NobodySid); !hasSid(doc, sid) {
			s.Sid = sid
		}
	case 2: // a copy under another Sid
		if sid := "SpacesIdentityKept" + g.pick("0000", "1111"); !hasSid(doc, sid) {
			twin := g.edit(*s)
			twin.Sid = sid
			doc.Statement = append(doc.Statement, twin)
		}
	default:
		*s = g.edit(*s)
	}
	return doc
}

func hasSid(doc iam.Document, sid string) bool {
	_, ok := bySid(doc, sid)
	return ok
}

// edit changes one element of a statement, so that IAM still accepts it.
func (g generator) edit(s iam.Statement) iam.Statement {
	for range 100 {
		edited := g.anyEdit(s)
		if _, err := iam.Parse(iam.Document{Version: iam.PolicyVersion, Statement: []iam.Statement{edited}}.Compact()); err == nil {
			return edited
		}
	}
	panic(fmt.Sprintf("IAM accepts no edit of %s", iam.Document{Statement: []iam.Statement{s}}.Compact()))
}

func (g generator) anyEdit(s iam.Statement) iam.Statement {
	s.Condition = s.Condition.Clone()
	provider := "arn:aws:iam::" + caseAccount + ":oidc-provider/" + caseClusters[g.IntN(3)].OIDC.HostPath
	switch g.IntN(16) {
	case 0, 1, 2:
		s.Effect = iam.Deny
	case 3:
		s.Action, s.NotAction = nil, iam.Values{g.pick("sts:GetSessionToken", "sts:AssumeRole*")}
	case 4:
		s.Action, s.NotAction = iam.Values{g.pick("sts:*", "sts:AssumeRole*", "sts:TagSession")}, nil
	case 5:
		s.Principal, s.NotPrincipal = iam.Principal{}, iam.Principal{AWS: iam.Values{"arn:aws:iam::123456789012:root"}}
	case 6:
		s.Principal.Federated = append(slices.Clone(s.Principal.Federated), provider)
	case 7:
		s.Principal.Federated = iam.Values{provider}
	case 8:
		s.Principal.AWS = iam.Values{g.pick("arn:aws:iam::123456789012:root", "*")}
	case 9:
		s.Principal = iam.Principal{Everyone: true}
	case 10, 11:
		s.Condition = conditionWith(s.Condition, g.pick("Bool", "StringEquals"), "aws:SecureTransport", g.pick("true", "false"))
	case 12:
		s.Condition = conditionWith(s.Condition, "StringNotEquals", desired.NamespaceTag, g.pick(caseSpaces...))
	default:
		s.Condition = g.editCondition(s.Condition)
	}
	return s
}

func conditionWith(c iam.Condition, operator, key string, values ...string) iam.Condition {
	c = c.Clone()
	if c == nil {
		c = iam.Condition{}
	}
	if c[operator] == nil {
		c[operator] = map[string]iam.Values{}
	}
	c[operator][key] = values
	return c
}

// editCondition removes a key, or changes its values or its operator.
func (g generator) editCondition(c iam.Condition) iam.Condition {
	if len(c) == 0 {
		return c
	}
	operator := g.pick(slices.Sorted(maps.Keys(c))...)
	key := g.pick(slices.Sorted(maps.Keys(c[operator]))...)
	values := slices.Clone(c[operator][key])
	switch g.IntN(6) {
	case 2:
		return conditionWith(c, "StringLike", key, "*")
	case 3:
		return conditionWith(c, operator, key, append(values, "system:serviceaccount:b:mxp-controller")...)
	case 4:
		return conditionWith(c, operator, key, append(values, g.pick(caseSpaces...))...)
	case 5:
		return conditionWith(c, operator, key, g.pick(caseSpaces...))
	}
	if delete(c[operator], key); len(c[operator]) == 0 {
		delete(c, operator)
	}
	if g.IntN(2) == 0 {
		c = conditionWith(c, "StringLike", key, values...)
	}
	return c
}

// caseRequests returns the universe: service accounts on every cluster by each mechanism, also
// under circumstances that a config does not ask for.
func caseRequests() []iam.Request {
	var all []iam.Request
	add := func(cluster identity.Cluster, ns, account string) {
		token := desired.IRSARequest(cluster, caseRole, ns, account)
		all = append(all, token, token.With(cluster.OIDC.HostPath+":aud", "elsewhere"), token.With("aws:SecureTransport", "false"))
		pods := desired.PodIdentityRequests(cluster, desired.Component{Component: identity.Component{Role: caseRole}}, ns, account)
		for i := range pods {
			pods[i] = pods[i].With("aws:SourceArn", desired.ClusterARN(cluster, caseRole))
		}
		all = append(all, pods[0], pods[1], pods[0].With("aws:SourceAccount", "999999999999"), pods[0].With("aws:SecureTransport", "false"))
	}
	for _, cluster := range caseClusters {
		for _, ns := range append(slices.Clone(caseSpaces), "zzz") {
			for _, account := range caseAccounts {
				add(cluster, ns, account)
			}
		}
		add(cluster, "a", "other")
		c := desired.Component{Component: identity.Component{Role: caseRole}}
		c.PodIdentity.DisableSessionTags = true
		all = append(all, desired.PodIdentityRequests(cluster, c, "", "")[0].With("aws:SourceArn", desired.ClusterARN(cluster, caseRole)))
	}
	return all
}

// rank orders verdicts by how much access they give.
func rank(r iam.Request, doc iam.Document) int {
	return slices.Index([]iam.Verdict{iam.Denied, iam.CannotEvaluate, iam.Allowed}, iam.Evaluate(r, doc).Verdict)
}

// ranks returns the rank of each request.
func (c mergeCase) ranks(doc iam.Document) []int {
	out := make([]int, len(c.requests))
	for i, r := range c.requests {
		out[i] = rank(r, doc)
	}
	return out
}

// isNamed reports whether the config names the subject of a request, under whatever
// audience, account or transport.
func (c mergeCase) isNamed(r iam.Request) bool {
	for key := range r.Context {
		if strings.HasSuffix(key, ":aud") {
			r = r.With(key, identity.Audience)
		}
	}
	return rank(r, namedBy(c.wanted)) > 0
}

func checkMerge(t *testing.T, c mergeCase, kinds map[string]int) {
	t.Helper()
	m := mergeTrust(c.live, c.wanted, mergeOptions{})
	defer func() {
		if t.Failed() {
			t.Logf("live:\n%s\nwanted:\n%s\nafter:\n%s\nchanges: %+v", c.live.JSON(), c.wanted.JSON(), m.After.JSON(), m.Changes)
		}
	}()
	checkWritten(t, c, m, mergeOptions{})
	checkForeign(t, c.live, m.After)
	checkShown(t, c, m)
	hasDeny := slices.ContainsFunc(m.After.Statement, func(s iam.Statement) bool { return s.Effect == iam.Deny })
	live, final, wanted := c.ranks(c.live), c.ranks(m.After), c.ranks(c.wanted)
	for i, r := range c.requests {
		before, after, config := live[i], final[i], wanted[i]
		switch {
		case after < before:
			kinds["loss"]++
			if !c.isNamed(r) {
				t.Fatalf("loses access: %s\n%v", r, r.Context)
			}
			checkMentioned(t, c, m, r, c.live)
		case after > before:
			kinds["gain"]++
			if after > config && !isNobody(c.live) {
				t.Fatalf("gains access: %s\n%v", r, r.Context)
			}
			checkMentioned(t, c, m, r, m.After)
		case after < config && !hasDeny:
			t.Fatalf("does not get the access that the config asks for: %s\n%v", r, r.Context)
		}
	}
	countKinds(kinds, c, m)
	checkPrune(t, c, kinds)
	checkAdopt(t, c, final, kinds)
	checkNarrow(t, c, live, m.After)
	checkNarrow(t, c, live, mergeTrust(c.live, c.wanted, mergeOptions{prune: true, adopt: true}).After)
}

// isNobody reports whether the policy has the placeholder that denies everyone.
func isNobody(doc iam.Document) bool {
	return slices.ContainsFunc(doc.Statement, func(s iam.Statement) bool { return iam.Same(s, desired.NobodyStatement()) })
}

// checkWritten checks what IAM accepts, and that a second merge changes nothing.
func checkWritten(t *testing.T, c mergeCase, m trustMerge, o mergeOptions) {
	t.Helper()
	sids := map[string]bool{}
	for _, s := range m.After.Statement {
		if strings.Trim(s.Sid, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" || s.Sid != "" && sids[s.Sid] {
			t.Errorf("IAM rejects the Sid %q", s.Sid)
		}
		sids[s.Sid] = true
	}
	if _, err := iam.Parse(m.After.Compact()); err != nil {
		t.Error(err)
	}
	if !anyWrites(m.Changes) && !iam.SameStatements(m.After, c.live) {
		t.Error("writes what the plan does not show")
	}
	again := mergeTrust(m.After, c.wanted, o)
	if anyWrites(again.Changes) || !iam.SameStatements(again.After, m.After) {
		t.Errorf("a second merge changes %+v\n%s", again.Changes, again.After.JSON())
	}
}

func foreignOf(doc iam.Document) iam.Document {
	doc.Statement = slices.DeleteFunc(slices.Clone(doc.Statement), desired.Manages)
	return doc
}

func checkForeign(t *testing.T, live, after iam.Document) {
	t.Helper()
	if want, got := foreignOf(live), foreignOf(after); !slices.EqualFunc(want.Statement, got.Statement, iam.Same) || after.Version != versionOf(live) {
		t.Errorf("foreign statements differ, or the version that they depend on")
	}
}

// checkShown checks that each statement of both policies has its change, and that a change
// shows every value that comes or goes.
func checkShown(t *testing.T, c mergeCase, m trustMerge) {
	t.Helper()
	for _, change := range m.Changes {
		var before, after iam.Statement
		if change.Action == Remove {
			before = c.live.Statement[change.Place-1]
		} else {
			after = m.After.Statement[change.Place-1]
			before, _ = bySid(c.live, after.Sid)
		}
		if change.Action != Change {
			continue
		}
		text := strings.Join(slices.Concat(change.Added, change.Removed, change.Covered, change.Kept, change.Gained, change.Lost), "\n")
		for _, line := range slices.Concat(subtract(before.Lines(), after.Lines()), subtract(after.Lines(), before.Lines())) {
			if fields := strings.Fields(line); before.Sid == after.Sid && !strings.Contains(text, fields[len(fields)-1]) {
				t.Errorf("the change of %s does not show %q: %+v", change.Sid, line, change)
			}
		}
	}
	shown := len(slices.DeleteFunc(slices.Clone(m.Changes), func(s StatementChange) bool { return s.Action == Remove }))
	if shown != len(m.After.Statement) {
		t.Errorf("%d changes for %d statements", shown, len(m.After.Statement))
	}
}

// checkMentioned checks that the plan changes a statement that decides about a request.
func checkMentioned(t *testing.T, c mergeCase, m trustMerge, r iam.Request, doc iam.Document) {
	t.Helper()
	for _, change := range m.Changes {
		if change.Action.writes() && change.Action != Remove && rankAlone(r, m.After.Statement[change.Place-1], doc.Version) ||
			change.Action == Remove && rankAlone(r, c.live.Statement[change.Place-1], doc.Version) {
			return
		}
		if before, ok := bySid(c.live, change.Sid); ok && change.Action.writes() && rankAlone(r, before, doc.Version) {
			return
		}
	}
	t.Fatalf("no change mentions %s\n%v", r, r.Context)
}

// rankAlone reports whether a statement may apply to a request.
func rankAlone(r iam.Request, s iam.Statement, version string) bool {
	s.Effect = iam.Allow
	return rank(r, iam.Document{Version: version, Statement: []iam.Statement{s}}) > 0
}

func countKinds(kinds map[string]int, c mergeCase, m trustMerge) {
	count := func(kind string, is bool) {
		if is {
			kinds[kind]++
		}
	}
	count("nothing to do", !anyWrites(m.Changes))
	for _, change := range m.Changes {
		before, there := bySid(c.live, change.Sid)
		count("kept subject", len(change.Kept) > 0 && !change.Edited)
		count("edited statement", change.Edited)
		count("repair", there && !isReadable(before) && change.Action == Change && !change.Edited)
		count("foreign statement", change.Action == Foreign)
		if change.Action != Remove {
			after := m.After.Statement[change.Place-1]
			count("kept Deny", change.Edited && after.Effect == iam.Deny)
			count("other cluster", len(change.Kept) > 0 && issuerOf(after) != "" && !strings.Contains(string(c.wanted.Compact()), issuerOf(after)))
		}
	}
}

// checkPrune checks that pruning leaves the config and the foreign statements.
func checkPrune(t *testing.T, c mergeCase, kinds map[string]int) {
	t.Helper()
	m := mergeTrust(c.live, c.wanted, mergeOptions{prune: true})
	checkWritten(t, c, m, mergeOptions{prune: true})
	checkForeign(t, c.live, m.After)
	checkShown(t, c, m)
	own := slices.DeleteFunc(slices.Clone(m.After.Statement), func(s iam.Statement) bool { return !desired.Manages(s) })
	bySids := func(a, b iam.Statement) int { return strings.Compare(a.Sid, b.Sid) }
	if !slices.EqualFunc(slices.SortedFunc(slices.Values(own), bySids), slices.SortedFunc(slices.Values(c.wanted.Statement), bySids), iam.Same) {
		t.Errorf("pruning leaves more or less than the config:\n%s", m.After.JSON())
	}
	for _, part := range m.pruned {
		kinds["pruned"]++
		shown := slices.ContainsFunc(m.Changes, func(s StatementChange) bool {
			return s.Sid == part.Sid && s.Action.writes() && (len(s.Lost) > 0 || slices.Equal(subtract(subjectsOf(part), s.Removed), nil))
		})
		if !shown {
			t.Errorf("the plan does not show the removal of %s", iam.Document{Statement: []iam.Statement{part}}.Compact())
		}
	}
	unplanned := mergeTrust(c.live, c.wanted, mergeOptions{prune: true, remove: func(iam.Statement) bool { return false }})
	if kept := mergeTrust(c.live, c.wanted, mergeOptions{}); !iam.SameStatements(unplanned.After, kept.After) {
		t.Errorf("removes what no plan showed:\n%s", unplanned.After.JSON())
	}
}

// checkAdopt checks that adopting a foreign statement changes nobody's access.
func checkAdopt(t *testing.T, c mergeCase, final []int, kinds map[string]int) {
	t.Helper()
	kept, m := mergeTrust(c.live, c.wanted, mergeOptions{}), mergeTrust(c.live, c.wanted, mergeOptions{adopt: true})
	checkWritten(t, c, m, mergeOptions{adopt: true})
	if len(m.After.Statement) < len(kept.After.Statement) {
		kinds["adopted"]++
	}
	if iam.SameStatements(m.After, kept.After) {
		return
	}
	for i, r := range c.requests {
		if final[i] != rank(r, m.After) {
			t.Fatalf("adopting changes the access of %s\n%v", r, r.Context)
		}
	}
}

// checkNarrow checks the policy between the live and the final one. Whom only an edited
// statement admits may lose access for a moment.
func checkNarrow(t *testing.T, c mergeCase, live []int, final iam.Document) {
	t.Helper()
	between := narrow(c.live, final)
	if _, err := iam.Parse(between.Compact()); err != nil {
		t.Error(err)
	}
	unedited := c.live
	unedited.Statement = slices.DeleteFunc(slices.Clone(c.live.Statement), func(s iam.Statement) bool {
		return desired.Manages(s) && s.Effect == iam.Allow && !isReadable(s)
	})
	hasDeny := slices.ContainsFunc(final.Statement, func(s iam.Statement) bool { return s.Effect == iam.Deny })
	for i, r := range c.requests {
		now, end := rank(r, between), rank(r, final)
		if now > live[i] || now > end && !c.isNamed(r) && !hasDeny {
			t.Fatalf("has access in between: %s\n%v\n%s", r, r.Context, between.JSON())
		}
		if now < end && now < rank(r, unedited) {
			t.Fatalf("loses access in between: %s\n%v\n%s\nfinal:\n%s", r, r.Context, between.JSON(), final.JSON())
		}
	}
}
