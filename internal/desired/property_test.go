package desired_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/fixture"
)

// TestRolesAdmitExactlyTheirSubjects evaluates the trust policies of random configs. Each
// role admits its service accounts on every cluster and by every mechanism of their
// component. It denies similar names.
func TestRolesAdmitExactlyTheirSubjects(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	shared := 0
	for range 30 {
		s := desired.Of(fixture.Spec(t, randomSettings(rng)))
		roles, err := s.Roles()
		if err != nil {
			t.Fatalf("%+v: %v", s, err)
		}
		for _, role := range roles {
			doc, err := iam.Parse(role.TrustPolicy.JSON())
			if err != nil {
				t.Fatal(err)
			}
			if len(role.Components) > 1 {
				shared++
			}
			checkRole(t, s, role, doc)
		}
	}
	if shared < 10 {
		t.Errorf("only %d roles are shared: the generator is too one-sided", shared)
	}
}

// checkRole evaluates each way to the role.
func checkRole(t *testing.T, s desired.State, role desired.Role, doc iam.Document) {
	t.Helper()
	if problems := desired.Review(doc); problems != nil {
		t.Errorf("%q\n%s", problems, doc.JSON())
	}
	for _, mode := range []identity.Mode{identity.IRSA, identity.PodIdentity} {
		for _, c := range s.Components { // of other roles too
			asked := c
			asked.Role, asked.Mode = role.ARN, mode
			for _, ns := range candidates(c.Subjects) {
				for _, account := range accountsLike(c.Accounts...) {
					if !isPossible(ns, account) {
						continue
					}
					checkVerdict(t, s, asked, ns, account, doc, isMeant(role, mode, ns, account))
				}
			}
		}
	}
	for _, c := range role.Components {
		checkNobodyElse(t, doc, s, c)
	}
}

// isPossible reports whether Kubernetes accepts the names: a token for others cannot exist.
func isPossible(ns, account string) bool {
	return identity.ValidateNamespace(ns) == nil && identity.ValidateServiceAccount(account) == nil
}

// isMeant reports whether the config gives the role to the service account.
func isMeant(role desired.Role, mode identity.Mode, ns, account string) bool {
	return slices.ContainsFunc(role.Components, func(c desired.Component) bool {
		return (c.Mode == mode || c.Mode == identity.Both) && runsAs(c, ns, account)
	})
}

// runsAs reports whether a component runs as a service account of a namespace, by its
// settings. The names that vcluster gives are too short to be hashed.
func runsAs(c desired.Component, ns, account string) bool {
	names := []string{c.ServiceAccount}
	if from := c.SyncedFrom; from.ServiceAccount != "" {
		names = nil
		for _, inner := range from.Namespaces() {
			names = append(names, from.ServiceAccount+"-x-"+inner+"-x-"+from.VCluster)
		}
	}
	if c.Namespace != "" {
		return slices.Contains(names, account) && ns == c.Namespace
	}
	return slices.Contains(names, account) && c.Subjects.Admits(ns)
}

func checkVerdict(t *testing.T, s desired.State, c desired.Component, ns, account string, doc iam.Document, meant bool) {
	t.Helper()
	want := iam.Denied
	if meant {
		want = iam.Allowed
	}
	for _, cluster := range s.Clusters {
		requests := []iam.Request{desired.IRSARequest(cluster, c.Role, ns, account)}
		if c.Mode == identity.PodIdentity {
			requests = desired.PodIdentityRequests(cluster, c, ns, account)
		}
		for _, r := range requests {
			if d := iam.Evaluate(r, doc); d.Verdict != want {
				t.Fatalf("%s/%s by %s on %s: %s (%s), want %s\n%s", ns, account, c.Mode, cluster.Name, d.Verdict, d.Reason, want, doc.JSON())
			}
		}
	}
}

// checkWays checks that every way of Explain has the expected verdict. Names that
// Kubernetes does not accept must be errors.
func checkWays(t *testing.T, doc iam.Document, s desired.State, ns, account string, meant bool) {
	t.Helper()
	e, err := s.Explain(doc, s.Components[0], ns, account)
	if isPossible(ns, account) != (err == nil) {
		t.Fatalf("%q/%q: %v", ns, account, err)
	}
	want := iam.Denied
	if meant {
		want = iam.Allowed
	}
	for _, w := range e.Ways {
		if w.Verdict != want {
			t.Fatalf("%s/%s by %s on %s: %s (%s), want %s\n%s", ns, account, w.Mechanism, w.Cluster, w.Verdict, w.Reason, want, doc.JSON())
		}
	}
}

// TestTrustPolicyAdmitsExactlyItsSubjects checks the same with Explain, for one component.
func TestTrustPolicyAdmitsExactlyItsSubjects(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		settings := randomSettings(rng)
		settings.Components = settings.Components[:1]
		s := desired.Of(fixture.Spec(t, settings))
		doc, err := iam.Parse(trustPolicy(t, s).JSON())
		if err != nil {
			t.Fatal(err)
		}
		c := s.Components[0]
		for _, ns := range candidates(c.Subjects) {
			for _, account := range accountsLike(c.Accounts...) {
				checkWays(t, doc, s, ns, account, runsAs(c, ns, account))
			}
		}
	}
}

// checkNobodyElse sends requests for an admitted service account with another cluster,
// audience, account or service.
func checkNobodyElse(t *testing.T, doc iam.Document, s desired.State, c desired.Component) {
	t.Helper()
	ns, account := candidates(c.Subjects)[0], c.Accounts[0]
	cluster := s.Clusters[0]
	otherCluster := identity.Cluster{Name: "prod-spac", Region: "us-west-2", OIDC: identity.OIDCProvider{HostPath: provider + "X"}}
	abroad := c
	abroad.Role.Account = "999999999999"
	requests := append(desired.PodIdentityRequests(otherCluster, c, ns, account),
		desired.IRSARequest(otherCluster, c.Role, ns, account),
		desired.IRSARequest(cluster, abroad.Role, ns, account),
		desired.IRSARequest(cluster, c.Role, ns, account).With(cluster.OIDC.HostPath+":aud", "sts.amazonaws.com.cn"))
	requests = append(requests, desired.PodIdentityRequests(cluster, abroad, ns, account)...)
	for _, r := range append(desired.PodIdentityRequests(cluster, c, ns, account), desired.IRSARequest(cluster, c.Role, ns, account)) {
		r.Caller.ID += "x"
		requests = append(requests, r)
		r.Caller.ID = strings.TrimSuffix(r.Caller.ID, "x")
		r.Action = "sts:AssumeRoleWithSAML"
		requests = append(requests, r)
	}
	for _, r := range requests {
		if d := iam.Evaluate(r, doc); d.Verdict != iam.Denied {
			t.Fatalf("%+v: %s (%s)\n%s", r, d.Verdict, d.Reason, doc.JSON())
		}
	}
}

// randomSettings returns settings with one to three components that often share roles.
func randomSettings(rng *rand.Rand) identity.Settings {
	pick := func(values ...string) string { return values[rng.IntN(len(values))] }
	settings := space(identity.IRSA, match(identity.Match(pick("", "", "uuid", "mxp-*-system", "team-?", "*-space-*"))))
	settings.Components = nil
	if rng.IntN(2) == 0 {
		twoClusters(&settings)
	}
	var names []string
	for range rng.IntN(4) {
		names = append(names, pick(nsA, nsB, "team-a", "team-ab", "x", "a-space-b", "mxp-1-system"))
	}
	if settings.ControlPlanes.Match == "" && len(names) == 0 {
		names = []string{pick(nsA, "a")}
	}
	settings.ControlPlanes.Namespaces = names
	partition := pick("aws", "aws-cn", "aws-us-gov")
	for i := range 1 + rng.IntN(3) {
		settings.Components = append(settings.Components, identity.Component{
			Name:           []string{"mxp-controller", "vector", "mine"}[i],
			ServiceAccount: [][]string{{"mxp-controller", "a.b"}, {"vector", "x"}, {"mxp-controllerx", "my.b"}}[i][rng.IntN(2)],
			Mode:           identity.Mode(pick("irsa", "pod-identity", "both")),
			Role:           identity.RoleARN{Partition: partition, Account: "123456789012", Name: pick("spaces-backup", "teams/backup+x=@,.")},
			PodIdentity:    identity.PodIdentitySettings{SourceAccount: rng.IntN(2) == 0},
		})
	}
	settings.Components = append(settings.Components, randomOthers(rng, partition)...)
	rng.Shuffle(len(settings.Components), func(i, j int) {
		settings.Components[i], settings.Components[j] = settings.Components[j], settings.Components[i]
	})
	return settings
}

// randomOthers returns up to three components that have a namespace of their own, or a
// service account inside the control plane. One has the service account of another component,
// in a namespace of its own.
func randomOthers(rng *rand.Rand, partition string) []identity.Component {
	pick := func(values ...string) string { return values[rng.IntN(len(values))] }
	others := []identity.Component{
		{Name: "crossplane", SyncedFrom: identity.SyncedFrom{Namespace: pick("", "crossplane-system", "upbound-system", "mine")}},
		{Name: "spaces-controller", ServiceAccount: pick("", "space-controller")},
		{Name: "infra", Namespace: "infra", ServiceAccount: pick("vector", "mxp-controller", "x")},
		{Name: "provider", Namespace: pick("", "one"), SyncedFrom: identity.SyncedFrom{Namespace: "crossplane-system", ServiceAccount: "s3"}},
	}
	for i := range others {
		others[i].Mode = identity.Mode(pick("irsa", "pod-identity", "both"))
		others[i].Role = identity.RoleARN{Partition: partition, Account: "123456789012", Name: pick("spaces-backup", "teams/backup+x=@,.")}
	}
	return slices.DeleteFunc(others, func(identity.Component) bool { return rng.IntN(2) == 0 })
}

// candidates returns the subjects' namespaces, then similar names.
func candidates(s desired.Subjects) []string {
	all := slices.Clone(s.Namespaces)
	if s.Match != "" {
		all = append(all, strings.NewReplacer("*", "abc", "?", "f").Replace(s.Match.Pattern()))
	}
	for _, ns := range slices.Clone(all) {
		all = append(all, ns+"x", "x"+ns, ns[:len(ns)-1], ns[1:], strings.ToUpper(ns), ns+"-system", ns+":"+ns,
			strings.Replace(ns, "-", "--", 1), strings.Replace(ns, "-", "", 1), ns+"*", ns+"?", ns+" ")
	}
	return append(all, "", "*", "kube-system", "default", "mxp--system", "mxp-system", nsA, nsB,
		strings.Replace(nsA, "706c49fa", "706c49fa0", 1), strings.Replace(nsA, "706c49fa", "706c49f", 1))
}

func accountsLike(accounts ...string) []string {
	all := []string{"", "*", "default", "crossplane"}
	for _, sa := range accounts {
		all = append(all, sa, sa+"x", "x"+sa, strings.ToUpper(sa), sa[:len(sa)-1], sa+":"+sa, "system:"+sa)
	}
	return all
}
