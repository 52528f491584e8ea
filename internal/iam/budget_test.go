package iam

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/identity"
)

// What the budget promises is what building the policy shows.
func TestBudgetFitsWhatItSays(t *testing.T) {
	for name, spec := range map[string]identity.Spec{"one": space(), "two": twoClusters()} {
		for _, mode := range []identity.Mode{identity.IRSA, identity.PodIdentity, identity.Both} {
			for _, match := range []identity.Match{"", "team-*"} {
				for _, known := range [][]string{nil, {"a"}, {nsA, nsB, "team-a"}} {
					for _, quota := range []int{0, 500, 700, 1200, 2048, 4096} {
						subjects := Subjects{known, match}
						if len(known) == 0 && match == "" {
							continue
						}
						spec.TrustPolicyQuota = quota
						checkFits(t, fmt.Sprintf("%s %s %q %v %d", name, mode, match, known, quota), spec, backup(mode), subjects)
					}
				}
			}
		}
	}
}

func checkFits(t *testing.T, name string, spec identity.Spec, c identity.Component, subjects Subjects) {
	t.Helper()
	b, err := NewBudget(spec, c, subjects)
	if err != nil {
		t.Fatal(err)
	}
	length := func(extra int) int {
		more := subjects
		for n := range extra {
			more.Namespaces = append(slices.Clip(more.Namespaces), uuidNamespace(n))
		}
		doc, err := Trust(spec, c, more)
		if err != nil {
			t.Fatal(err)
		}
		return Length(doc)
	}
	if length(0) != b.Used {
		t.Errorf("%s: used %d, built %d", name, b.Used, length(0))
	}
	if b.Fits > 0 && length(b.Fits) > b.Limit || length(b.Fits+1) <= b.Limit {
		t.Errorf("%s: %d fit in %d, but %d have %d characters and %d have %d",
			name, b.Fits, b.Limit, b.Fits, length(b.Fits), b.Fits+1, length(b.Fits+1))
	}
}

func TestBudgetMessages(t *testing.T) {
	tests := map[string]struct {
		mode     identity.Mode
		subjects Subjects
		quota    int
	}{
		"roomy":        {identity.IRSA, Subjects{Namespaces: uuidNamespaces(3)}, 0},
		"tight":        {identity.IRSA, Subjects{Namespaces: uuidNamespaces(16)}, 0},
		"full":         {identity.IRSA, Subjects{Namespaces: uuidNamespaces(40)}, 0},
		"raised":       {identity.IRSA, Subjects{Namespaces: uuidNamespaces(40)}, 8192},
		"uuid":         {identity.IRSA, Subjects{uuidNamespaces(40), identity.MatchUUID}, 0},
		"uuid-pod":     {identity.PodIdentity, Subjects{uuidNamespaces(40), identity.MatchUUID}, 0},
		"chosen-names": {identity.IRSA, Subjects{Namespaces: longNames(30)}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			spec := space()
			spec.TrustPolicyQuota = tt.quota
			b, err := NewBudget(spec, backup(tt.mode), tt.subjects)
			if err != nil {
				t.Fatal(err)
			}
			out := fmt.Sprintf("budget: %s\n\nwarning: %s\n\nerror: %v\n", b, b.Warning(), b.Err())
			golden(t, "budget/"+name+".txt", []byte(out))
			for _, w := range b.WaysOut {
				if w.Fits != (w.Length <= b.Limit) {
					t.Errorf("%+v against %d", w, b.Limit)
				}
			}
		})
	}
}

func longNames(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("team-%02d-%s-prod", i, strings.Repeat("x", 50))
	}
	return out
}

func TestReach(t *testing.T) {
	tests := map[identity.Match]Reach{
		"uuid": {Match: "uuid", Pattern: "mxp-????????-????-????-????-????????????-system",
			Covers: []string{nsB, nsA}, Misses: []string{"team-a"},
			Beyond: []string{"mxp-00000000-0000-0000-0000-000000000000-system", "mxp-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx-system", "mxp-zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz-system"}},
		"mxp-*-system": {Match: "mxp-*-system", Pattern: "mxp-*-system", Covers: []string{nsB, nsA}, Misses: []string{"team-a"},
			Beyond: []string{"mxp-someone-else-system", "mxp-x-system", "mxp-prod-system"}},
		"*m": {Match: "*m", Pattern: "*m", Covers: nil, Misses: nil, Beyond: nil},
		"team-?": {Match: "team-?", Pattern: "team-?", Covers: []string{"team-a"}, Misses: []string{nsB, nsA},
			Beyond: []string{"team-0", "team-x", "team-z"}},
		"k*c": {Match: "k*c", Pattern: "k*c", Misses: []string{nsB, nsA, "team-a"}, Beyond: []string{"ksomeone-elsec", "kxc", "kprodc"},
			Warnings: []string{"the pattern k*c admits the namespace kube-public, where no control plane lives",
				"the pattern k*c has only 2 characters that are no wildcards; whoever may make a namespace of that form gets the role"}},
		"": {},
	}
	for m, want := range tests {
		got, err := NewReach(m, []string{nsA, nsB, "team-a"})
		if m == "*m" {
			if err == nil {
				t.Errorf("*m admits kube-system and was taken: %+v", got)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", m, diff)
		}
		checkReach(t, m, got)
	}
}

// checkReach lets the evaluator say whether the policy does what the reach
// shows.
func checkReach(t *testing.T, m identity.Match, r Reach) {
	t.Helper()
	if m == "" {
		return
	}
	doc, err := Trust(space(), backup(identity.Both), Subjects{Match: m})
	if err != nil {
		t.Fatal(err)
	}
	for want, names := range map[Verdict][]string{Allowed: append(r.Covers, r.Beyond...), Denied: r.Misses} {
		for _, ns := range names {
			checkWays(t, doc, space(), backup(identity.Both), ns, "mxp-controller", want == Allowed)
		}
	}
}

// TestControlPlanesPerQuota keeps the table of the documentation true.
func TestControlPlanesPerQuota(t *testing.T) {
	const path = "../../docs/control-planes-per-quota.md"
	got := controlPlanesPerQuota(t)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (write it with: go test -update)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}

func controlPlanesPerQuota(t *testing.T) string {
	var b strings.Builder
	b.WriteString(`# How many control planes fit into a trust policy

IAM limits the length of a role's trust policy; white space between its elements
does not count. The default is 2,048 characters, and AWS raises it on request
(the live commands read the account's value). All control planes of a Space share
the role of a component, so the policy grows with each of them.

The program computes this table (` + "`go test ./internal/iam -update`" + ` writes it anew) for
control planes in host namespaces that a Space names by itself,
` + "`mxp-<UUID>-system`" + `, the component ` + "`mxp-controller`" + ` and a cluster in ` + "`us-west-2`" + `. "any" means that
one pattern admits all of them, however many.

| mode | subjects | clusters | 2,048 | 4,096 | 8,192 |
|---|---|---|---|---|---|
`)
	for _, mode := range []identity.Mode{identity.IRSA, identity.PodIdentity, identity.Both} {
		for _, match := range []identity.Match{"", identity.MatchUUID} {
			for clusters, spec := range []identity.Spec{space(), twoClusters()} {
				subjects := "exact names"
				if match != "" {
					subjects = "`match: uuid`"
				}
				fmt.Fprintf(&b, "| %s | %s | %d | %s |\n", mode, subjects, clusters+1, perQuota(t, mode, match, spec))
			}
		}
	}
	fmt.Fprintf(&b, `
Under EKS Pod Identity each control plane also takes an association, and a
cluster holds at most %d of them; that quota cannot be raised. A pattern in the
trust policy leaves this the only limit.

`+"`match: uuid`"+` admits every namespace of that shape, also one that is made later or
by someone else; who may create namespaces in the cluster decides who gets the
role. A pattern with `+"`*`"+` is as short and admits more.
`, MaxAssociations)
	return b.String()
}

func perQuota(t *testing.T, mode identity.Mode, match identity.Match, spec identity.Spec) string {
	var cells []string
	for _, quota := range []int{2048, 4096, 8192} {
		spec.TrustPolicyQuota = quota
		cells = append(cells, cell(t, spec, backup(mode), match))
	}
	return strings.Join(cells, " | ")
}

func cell(t *testing.T, spec identity.Spec, c identity.Component, match identity.Match) string {
	t.Helper()
	subjects := Subjects{Match: match}
	if match == "" {
		subjects.Namespaces = []string{uuidNamespace(1 << 16)}
	}
	b, err := NewBudget(spec, c, subjects)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case b.Err() != nil:
		return "–"
	case match != "" && c.Mode.UsesPodIdentity():
		return fmt.Sprintf("%d per cluster", b.Fits)
	case b.Unlimited:
		return "any"
	}
	return fmt.Sprint(b.Fits + 1)
}
