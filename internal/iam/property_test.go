package iam

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"spaces-identity.dev/internal/identity"
)

// TestTrustAdmitsExactlyItsSubjects asks the evaluator about the policies of
// random configs: every service account meant gets in, on every cluster and by
// every mechanism, and no near miss does.
func TestTrustAdmitsExactlyItsSubjects(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		spec, c, subjects := randomConfig(rng)
		doc, err := Trust(spec, c, subjects)
		if err != nil {
			t.Fatalf("%+v %+v: %v", c, subjects, err)
		}
		read, err := Parse(doc.JSON())
		if err != nil {
			t.Fatal(err)
		}
		for _, ns := range candidates(subjects) {
			for _, account := range accounts(c.ServiceAccount) {
				meant := account == c.ServiceAccount && subjects.Admits(ns)
				checkWays(t, read, spec, c, ns, account, meant)
			}
		}
		checkNobodyElse(t, read, spec, c, subjects)
	}
}

func checkWays(t *testing.T, doc Document, spec identity.Spec, c identity.Component, ns, account string, meant bool) {
	t.Helper()
	e, err := Explain(doc, spec, c, ns, account)
	possible := identity.ValidateNamespace(ns) == nil && identity.ValidateServiceAccount(account) == nil
	if possible != (err == nil) {
		t.Fatalf("%q/%q: %v", ns, account, err)
	}
	want := Denied
	if meant {
		want = Allowed
	}
	for _, w := range e.Ways {
		if w.Verdict != want {
			t.Fatalf("%s/%s by %s on %s: %s (%s), want %s\n%s", ns, account, w.Mechanism, w.Cluster, w.Verdict, w.Reason, want, doc.JSON())
		}
	}
}

// checkNobodyElse asks for one that is meant, from the wrong place: another
// cluster, audience, account or service.
func checkNobodyElse(t *testing.T, doc Document, spec identity.Spec, c identity.Component, subjects Subjects) {
	t.Helper()
	ns := candidates(subjects)[0]
	stranger := identity.Cluster{Name: "prod-spac", Region: "us-west-2", OIDC: identity.OIDCProvider{HostPath: provider + "X"}}
	foreign := c.Role
	foreign.Account = "999999999999"
	abroad := c
	abroad.Role = foreign
	requests := append(PodIdentityRequests(stranger, c, ns, c.ServiceAccount),
		IRSARequest(stranger, c.Role, ns, c.ServiceAccount),
		IRSARequest(spec.Cluster, foreign, ns, c.ServiceAccount),
		IRSARequest(spec.Cluster, c.Role, ns, c.ServiceAccount).With(spec.Cluster.OIDC.HostPath+":aud", "sts.amazonaws.com.cn"))
	requests = append(requests, PodIdentityRequests(spec.Cluster, abroad, ns, c.ServiceAccount)...)
	for _, r := range append(PodIdentityRequests(spec.Cluster, c, ns, c.ServiceAccount), IRSARequest(spec.Cluster, c.Role, ns, c.ServiceAccount)) {
		r.Caller.ID += "x"
		requests = append(requests, r)
		r.Caller.ID = strings.TrimSuffix(r.Caller.ID, "x")
		r.Action = "sts:AssumeRoleWithSAML"
		requests = append(requests, r)
	}
	for _, r := range requests {
		if d := Evaluate(doc, r); d.Verdict != Denied {
			t.Fatalf("%+v: %s (%s)\n%s", r, d.Verdict, d.Reason, doc.JSON())
		}
	}
}

func randomConfig(rng *rand.Rand) (identity.Spec, identity.Component, Subjects) {
	spec := space()
	if rng.IntN(2) == 0 {
		spec = twoClusters()
	}
	pick := func(values ...string) string { return values[rng.IntN(len(values))] }
	c := backup(identity.Mode(pick("irsa", "pod-identity", "both")))
	c.ServiceAccount = pick("mxp-controller", "vector", "a.b", "x")
	c.Role.Partition = pick("aws", "aws-cn", "aws-us-gov")
	c.Role.Name = pick("spaces-backup", "teams/backup+x=@,.")
	c.PodIdentity.SourceAccount = rng.IntN(2) == 0
	subjects := Subjects{Match: identity.Match(pick("", "", "uuid", "mxp-*-system", "team-?", "*-space-*"))}
	for range rng.IntN(4) {
		subjects.Namespaces = append(subjects.Namespaces, pick(nsA, nsB, "team-a", "team-ab", "x", "a-space-b", "mxp-1-system"))
	}
	if subjects.Match == "" && len(subjects.Namespaces) == 0 {
		subjects.Namespaces = []string{pick(nsA, "a")}
	}
	slices.Sort(subjects.Namespaces)
	subjects.Namespaces = slices.Compact(subjects.Namespaces)
	return spec, c, subjects
}

// candidates are the subjects' namespaces, first, and names that are almost
// theirs.
func candidates(s Subjects) []string {
	out := slices.Clone(s.Namespaces)
	if s.Match != "" {
		out = append(out, strings.NewReplacer("*", "abc", "?", "f").Replace(s.Match.Pattern()))
	}
	for _, ns := range slices.Clone(out) {
		out = append(out, ns+"x", "x"+ns, ns[:len(ns)-1], ns[1:], strings.ToUpper(ns), ns+"-system", ns+":"+ns,
			strings.Replace(ns, "-", "--", 1), strings.Replace(ns, "-", "", 1), ns+"*", ns+"?", ns+" ")
	}
	return append(out, "", "*", "kube-system", "default", "mxp--system", "mxp-system", nsA, nsB,
		strings.Replace(nsA, "706c49fa", "706c49fa0", 1), strings.Replace(nsA, "706c49fa", "706c49f", 1))
}

func accounts(sa string) []string {
	return []string{sa, sa + "x", "x" + sa, strings.ToUpper(sa), sa[:len(sa)-1], "", "*", "default", sa + ":" + sa, "system:" + sa}
}
