package iam

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestCoversIsSound compares random statements. If one covers the other, it must allow every
// random request that the other allows. Most pairs are nearly equal, since two independent
// statements hardly ever cover each other.
func TestCoversIsSound(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	covered, witnesses, refuted := 0, 0, 0
	for range 20000 {
		request, statement := randomPermissionsRequest, randomPermissionsStatement
		if rng.IntN(2) == 0 {
			request, statement = randomTrustRequest, randomTrustStatement
		}
		r := request(rng)
		b := statement(rng, 0, r, PolicyVersion)
		b.Effect = Allow
		a := varied(rng, b)
		if rng.IntN(2) == 0 {
			a, b = b, a
		}
		covers := Covers(a, b)
		if covers {
			covered++
		}
		for range 8 {
			allowed := Evaluate(r, Document{Version: PolicyVersion, Statement: []Statement{b}}).Verdict == Allowed
			also := Evaluate(r, Document{Version: PolicyVersion, Statement: []Statement{a}}).Verdict == Allowed
			switch {
			case covers && allowed && !also:
				t.Fatalf("a covers b, but only b allows %+v\na: %s\nb: %s", r, oneStatement(a), oneStatement(b))
			case covers && allowed:
				witnesses++
			case allowed && !also:
				refuted++
			}
			r = request(rng)
		}
	}
	t.Logf("%d pairs covered, shown by %d requests; %d requests refute the others", covered, witnesses, refuted)
	if covered < 2000 || witnesses < 2000 || refuted < 2000 {
		t.Error("the generator is too one-sided")
	}
}

func oneStatement(s Statement) string {
	return string(Document{Version: PolicyVersion, Statement: []Statement{s}}.Compact())
}

// varied returns the statement with up to three changes, wider or narrower ones.
func varied(rng *rand.Rand, s Statement) Statement {
	s.Condition = s.Condition.Clone()
	for _, list := range []*Values{&s.Action, &s.NotAction, &s.Resource, &s.NotResource,
		&s.Principal.AWS, &s.Principal.Federated, &s.Principal.Service, &s.NotPrincipal.Federated, &s.NotPrincipal.Service} {
		if rng.IntN(8) == 0 {
			*list = variedList(rng, *list)
		}
	}
	switch rng.IntN(12) {
	case 0:
		s.Action, s.NotAction = s.NotAction, s.Action
	case 1:
		s.Resource, s.NotResource = s.NotResource, s.Resource
	case 2:
		s.Principal, s.NotPrincipal = s.NotPrincipal, s.Principal
	case 3:
		s.Principal = Principal{Everyone: true}
	case 4:
		s.Principal = Principal{Nobody: true}
	}
	for range rng.IntN(4) {
		variedCondition(rng, s.Condition)
	}
	return s
}

// variedList adds, removes or changes a value. The result may be empty or absent.
func variedList(rng *rand.Rand, list Values) Values {
	list = slices.Clone(list)
	switch rng.IntN(6) {
	case 0:
		return nil
	case 1:
		return Values{}
	case 2:
		return append(list, pickOne(rng, "*", "s*:*", "*:*", "s3:*", "sts*", testBucket+"/*", "pods.eks.amazonaws.com", "arn:aws:iam::123456789012:oidc-provider/accounts.google.com"))
	}
	if len(list) == 0 {
		return list
	}
	at := rng.IntN(len(list))
	if rng.IntN(3) == 0 {
		return slices.Delete(list, at, at+1)
	}
	list[at] = distort(rng, "StringLike", list[at])
	return list
}

// variedCondition changes the operator, the key or the values of one condition.
func variedCondition(rng *rand.Rand, c Condition) {
	operators := slices.Sorted(maps.Keys(c))
	if len(operators) == 0 {
		return
	}
	operator := pickOne(rng, operators...)
	keys := slices.Sorted(maps.Keys(c[operator]))
	if len(keys) == 0 {
		return
	}
	key := pickOne(rng, keys...)
	values := c[operator][key]
	if rng.IntN(6) > 0 { // otherwise the condition stays, beside its variant
		delete(c[operator], key)
	}
	if rng.IntN(3) == 0 {
		operator = qualified(rng, pickOne(rng, "StringEquals", "StringLike", "StringNotEquals", "StringNotLike", "ArnLike", "StringEqualsIgnoreCase", strings.TrimSuffix(operator, "IfExists")), false)
	}
	if rng.IntN(4) == 0 {
		key = swapCase(key)
	}
	if rng.IntN(3) == 0 {
		if values = variedList(rng, values); values == nil {
			return
		}
	}
	if c[operator] == nil {
		c[operator] = map[string]Values{}
	}
	c[operator][key] = values
}
