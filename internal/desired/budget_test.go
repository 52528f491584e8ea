package desired_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// The test builds the policies that the budget only estimates. Some of the namespaces are
// those that the budget measures with.
func TestBudgetPredictsHowManyControlPlanesFit(t *testing.T) {
	taken := []string{"mxp-00000001-0000-4000-8000-000000000000-system", "mxp-00000002-0000-4000-8000-000000000000-system"}
	alone := func(*identity.Settings) {}
	for name, more := range map[string]change{"one cluster": alone, "two clusters": twoClusters, "shared": vector(identity.IRSA, "spaces-backup")} {
		for _, mode := range []identity.Mode{identity.IRSA, identity.PodIdentity, identity.Both} {
			for _, m := range []identity.Match{"", "team-*"} {
				for _, known := range [][]string{nil, {"a"}, {nsA, nsB, "team-a"}, taken} {
					if len(known) == 0 && m == "" {
						continue
					}
					for _, characters := range []int{0, 500, 700, 1200, 2048, 4096} {
						changes := []change{more, match(m), quota(characters)}
						checkFits(t, fmt.Sprintf("%s %s %q %v %d", name, mode, m, known, characters), mode, known, changes)
					}
				}
			}
		}
	}
}

func checkFits(t *testing.T, name string, mode identity.Mode, known []string, changes []change) {
	t.Helper()
	s := stateOf(t, mode, append(changes, namespaces(known...))...)
	b, err := s.Budget(s.Components[0])
	if err != nil {
		t.Fatal(err)
	}
	length := func(extra int) int {
		names := append(slices.Clone(known), uuidNamespaces(extra)...)
		return iam.Length(trustPolicy(t, stateOf(t, mode, append(changes, namespaces(names...))...)))
	}
	if length(0) != b.Used || b.Foreign != 0 {
		t.Errorf("%s: used %d, built %d", name, b.Used, length(0))
	}
	if b.Fits > 0 && length(b.Fits) > b.Limit || length(b.Fits+1) <= b.Limit {
		t.Errorf("%s: %d fit in %d, but %d have %d characters and %d have %d",
			name, b.Fits, b.Limit, b.Fits, length(b.Fits), b.Fits+1, length(b.Fits+1))
	}
}

func TestBudgetMessages(t *testing.T) {
	tests := map[string]struct {
		mode  identity.Mode
		names []string
		match identity.Match
		quota int
	}{
		"roomy":        {identity.IRSA, uuidNamespaces(3), "", 0},
		"tight":        {identity.IRSA, uuidNamespaces(16), "", 0},
		"full":         {identity.IRSA, uuidNamespaces(40), "", 0},
		"raised":       {identity.IRSA, uuidNamespaces(40), "", 8192},
		"uuid":         {identity.IRSA, uuidNamespaces(40), identity.MatchUUID, 0},
		"uuid-pod":     {identity.PodIdentity, uuidNamespaces(40), identity.MatchUUID, 0},
		"chosen-names": {identity.IRSA, longNames(30), "", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := stateOf(t, tt.mode, namespaces(tt.names...), match(tt.match), quota(tt.quota))
			b, err := s.Budget(s.Components[0])
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "budget/"+name+".txt", fmt.Appendf(nil, "budget: %s\n\nwarning: %s\n\nerror: %v\n", b, b.Warning(), b.Err()))
			for _, w := range b.WaysOut {
				if w.Length > b.Limit && !strings.HasPrefix(w.Setting, "trustPolicy.quota: ") {
					t.Errorf("%+v with a limit of %d", w, b.Limit)
				}
			}
		})
	}
}

func longNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("team-%02d-%s-prod", i, strings.Repeat("x", 50))
	}
	return names
}

// withForeign returns the policy with a foreign statement that takes that many characters.
func withForeign(doc iam.Document, characters int) iam.Document {
	foreign := iam.Statement{Effect: iam.Allow, Principal: iam.Principal{AWS: iam.Values{"arn:aws:iam::123456789012:root"}}, Action: iam.Values{"sts:AssumeRole"}}
	with := func(s iam.Statement) iam.Document {
		out := doc
		out.Statement = append([]iam.Statement{s}, doc.Statement...)
		return out
	}
	foreign.Sid = "F"
	missing := characters - (iam.Length(with(foreign)) - iam.Length(doc))
	foreign.Sid = "F" + strings.Repeat("x", missing)
	return with(foreign)
}

// A live policy has other statements too, and the account has a quota of its own.
func TestBudgetOfALivePolicyCountsForeignStatements(t *testing.T) {
	s := stateOf(t, identity.IRSA, namespaces(uuidNamespaces(5)...))
	own := trustPolicy(t, s)
	budget := func(doc iam.Document, quota int) desired.Budget {
		b, err := s.BudgetOf(s.Components[0], doc, quota)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b, alone := budget(withForeign(own, 1000), 4096), budget(own, 4096-1000)
	if b.Foreign != 1000 || b.Kept != 0 || b.Used != iam.Length(own)+1000 || b.Limit != 4096 || b.Fits != alone.Fits || b.Fits == 0 {
		t.Errorf("%+v", b)
	}
	over := budget(withForeign(own, 4000), 4096)
	if over.Fits != 0 || over.Err() == nil || len(over.WaysOut) == 0 {
		t.Errorf("%+v, %v", over, over.Err())
	}
	for _, w := range over.WaysOut {
		if ofItsOwn := w.Setting == "another roleARN"; ofItsOwn != (w.Length <= 4000) || ofItsOwn && w.Length != iam.Length(own) {
			t.Errorf("%+v does not count the foreign statements", w)
		}
	}
}

// If foreign statements fill the policy, a config with fewer characters does not help. The
// ways out name the account's quota, since the live commands ignore that of the config.
func TestBudgetOfAFullLivePolicyNamesTheWaysOut(t *testing.T) {
	s := stateOf(t, identity.IRSA, namespaces(uuidNamespaces(3)...))
	more := stateOf(t, identity.IRSA, namespaces(uuidNamespaces(7)...)) // four subjects are kept
	kept := trustPolicy(t, s)
	kept.Statement = append(kept.Statement, trustPolicy(t, more).Statement...)
	kept.Statement[len(kept.Statement)-1].Sid = desired.KeptSid + "1"
	for name, tt := range map[string]struct {
		doc   iam.Document
		quota int
	}{
		"foreign":          {withForeign(trustPolicy(t, s), 1800), 2048},
		"foreign-and-kept": {withForeign(kept, 1800), 2048},
		"kept":             {kept, 1500},
		"raised-foreign":   {withForeign(trustPolicy(t, s), 8000), 8192},
		"no-quota":         {withForeign(trustPolicy(t, s), 1400), 300},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := s.BudgetOf(s.Components[0], tt.doc, tt.quota)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "budget/live-"+name+".txt", fmt.Appendf(nil, "budget: %s\n\nerror: %v\n", b, b.Err()))
			if own := iam.Length(trustPolicy(t, s)); b.Used != iam.Length(tt.doc) || b.Used-b.Foreign-b.Kept != own {
				t.Errorf("%+v for a policy of %d", b, own)
			}
		})
	}
}

// Each control plane needs an association for each component in mode pod-identity.
func TestBudgetCountsAssociationsOfAllComponents(t *testing.T) {
	for name, tt := range map[string]struct {
		changes []change
		want    int
	}{
		"one component":    {nil, 4990},
		"two components":   {[]change{vector(identity.Both, "logs")}, 2490},
		"one in mode irsa": {[]change{vector(identity.IRSA, "logs")}, 4990},
	} {
		s := stateOf(t, identity.PodIdentity, append(tt.changes, namespaces(uuidNamespaces(10)...), match("uuid"))...)
		if b, err := s.Budget(s.Components[0]); err != nil || b.Fits != tt.want || b.Unlimited {
			t.Errorf("%s: %+v, %v, want %d", name, b, err, tt.want)
		}
	}
}

func TestBudgetErrorsAreThoseOfTheTrustPolicy(t *testing.T) {
	s := stateOf(t, identity.IRSA)
	if b, err := s.Budget(s.Components[0]); err == nil {
		t.Errorf("%+v", b)
	}
}

// TestControlPlanesPerQuota keeps the table of the documentation true.
func TestControlPlanesPerQuota(t *testing.T) {
	compareFile(t, "../../docs/control-planes-per-quota.md", []byte(controlPlanesPerQuota(t)))
}

func controlPlanesPerQuota(t *testing.T) string {
	var b strings.Builder
	b.WriteString(`# How many control planes fit into a trust policy

This page shows how many control planes can use one role before its trust policy is too
long. IAM limits the length; white space between the elements of the policy does not
count. The default is 2,048 characters, and AWS raises it on request (the live commands
read the account's value). All control planes of a Space share the role of a component,
so the policy grows with each of them.

` + "`go test ./internal/desired -update`" + ` computes this table. It is for control planes in
host namespaces that a Space names by itself, ` + "`mxp-<UUID>-system`" + `, for the component
` + "`mxp-controller`" + `, and for a cluster in ` + "`us-west-2`" + `. "any" means that one pattern admits
all of them, however many.

| mode | subjects | clusters | 2,048 | 4,096 | 8,192 |
|---|---|---|---|---|---|
`)
	for _, mode := range []identity.Mode{identity.IRSA, identity.PodIdentity, identity.Both} {
		for _, m := range []identity.Match{"", identity.MatchUUID} {
			for clusters, more := range []change{func(*identity.Settings) {}, twoClusters} {
				subjects := "exact names"
				if m != "" {
					subjects = "`match: uuid`"
				}
				fmt.Fprintf(&b, "| %s | %s | %d | %s |\n", mode, subjects, clusters+1, perQuota(t, mode, m, more))
			}
		}
	}
	fmt.Fprintf(&b, `
Under EKS Pod Identity each control plane also needs an association, and a cluster can
have %d of them; AWS does not raise that quota. With a pattern in the trust policy, this
is the only limit.

`+"`match: uuid`"+` admits every namespace of that shape, also one that is created later or by
someone else: whoever can create namespaces in the cluster decides who gets the role. A
pattern with `+"`*`"+` is as short and admits more.
`, desired.MaxAssociations)
	return b.String()
}

func perQuota(t *testing.T, mode identity.Mode, m identity.Match, more change) string {
	t.Helper()
	var cells []string
	for _, characters := range []int{2048, 4096, 8192} {
		names := namespaces()
		if m == "" {
			names = namespaces(uuidNamespaces(1)...)
		}
		s := stateOf(t, mode, more, names, match(m), quota(characters))
		b, err := s.Budget(s.Components[0])
		if err != nil {
			t.Fatal(err)
		}
		cell := fmt.Sprint(b.Fits + 1)
		switch {
		case b.Err() != nil:
			cell = "–"
		case m != "" && mode.UsesPodIdentity():
			cell = fmt.Sprintf("%d per cluster", b.Fits)
		case b.Unlimited:
			cell = "any"
		}
		cells = append(cells, cell)
	}
	return strings.Join(cells, " | ")
}

// TestBudgetSuggestsPatternsThatAdmitAllNamespaces has namespaces that begin or end alike,
// or contain each other.
func TestBudgetSuggestsPatternsThatAdmitAllNamespaces(t *testing.T) {
	long := strings.Repeat("x", 30)
	for name, tt := range map[string]struct {
		names []string
		want  string
	}{
		"one":                              {[]string{"a-" + long}, ""},
		"nothing in common":                {[]string{"a-" + long, "b-c"}, ""},
		"the beginning":                    {[]string{"team-a-" + long, "team-b-c"}, "match: team-*"},
		"the beginning and the end":        {[]string{"team-a-" + long + "-prod", "team-b-prod"}, "match: team-*-prod"},
		"half of a word":                   {[]string{"team-a" + long + "-prod", "team-ab-prod"}, "match: team-*-prod"},
		"only the end":                     {[]string{"a-" + long + "-prod", "b-prod"}, ""},
		"one ends as the other":            {[]string{"a-" + long + "-team-prod", "team-prod"}, ""},
		"one begins as the other":          {[]string{"team-prod", "team-prod-" + long}, "match: team-*"},
		"one begins and ends as the other": {[]string{"team-a", "team-a-" + long + "-team-a"}, "match: team-*"},
		"three":                            {[]string{"team-a-" + long + "-prod", "team-b-prod", "team-c-" + long}, "match: team-*"},
	} {
		t.Run(name, func(t *testing.T) {
			s := stateOf(t, identity.IRSA, namespaces(tt.names...), quota(588))
			b, err := s.Budget(s.Components[0])
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, w := range b.WaysOut {
				if setting, ok := strings.CutPrefix(w.Setting, "match: "); ok && setting != "uuid" {
					got = append(got, w.Setting)
					for _, ns := range tt.names {
						if !identity.Match(setting).Admits(ns) {
							t.Errorf("%s does not admit %s", w.Setting, ns)
						}
					}
				}
			}
			if strings.Join(got, ", ") != tt.want {
				t.Errorf("got %q of %+v, want %q", got, b, tt.want)
			}
		})
	}
}
