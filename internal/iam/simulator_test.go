package iam

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"spaces-identity.dev/internal/test/simulator"
)

const (
	testRole   = "arn:aws:iam::" + simulator.Account + ":role/spaces-backup"
	testBucket = "arn:aws:s3:::spaces-backups"
)

// TestTrustPoliciesAgainstSimulator compares verdicts with an independent evaluator. The
// web identities come from accounts.google.com, because the simulator accepts the keys
// aud and sub only from the issuers it knows.
func TestTrustPoliciesAgainstSimulator(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var docs [][]Document
	var requests []Request
	var cases []simulator.Case
	for range *simulator.Cases {
		r := randomTrustRequest(rng)
		doc := Document{Version: pickOne(rng, PolicyVersion, PolicyVersion, PolicyVersion, "2008-10-17")}
		for i := range 1 + rng.IntN(3) {
			doc.Statement = append(doc.Statement, randomTrustStatement(rng, i, r, doc.Version))
		}
		docs, requests = append(docs, []Document{doc}), append(requests, r)
		cases = append(cases, simulator.Case{Trust: doc.Compact(), Principal: r.Caller.ID, Action: r.Action, Resource: testRole, Context: r.Context})
	}
	compareWithSimulator(t, docs, requests, cases)
}

// TestPermissionsPoliciesAgainstSimulator compares the policies of a role.
func TestPermissionsPoliciesAgainstSimulator(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var docs [][]Document
	var requests []Request
	var cases []simulator.Case
	for range *simulator.Cases {
		r := randomPermissionsRequest(rng)
		c := simulator.Case{Principal: testRole, Action: r.Action, Resource: r.Resource, Context: r.Context}
		var policies []Document
		for range 1 + rng.IntN(2) {
			doc := Document{Version: pickOne(rng, PolicyVersion, PolicyVersion, PolicyVersion, "2008-10-17")}
			for i := range 1 + rng.IntN(3) {
				doc.Statement = append(doc.Statement, randomPermissionsStatement(rng, i, r, doc.Version))
			}
			policies, c.Permissions = append(policies, doc), append(c.Permissions, doc.Compact())
		}
		docs, requests, cases = append(docs, policies), append(requests, r), append(cases, c)
	}
	compareWithSimulator(t, docs, requests, cases)
}

func compareWithSimulator(t *testing.T, docs [][]Document, requests []Request, cases []simulator.Case) {
	t.Helper()
	counts := map[string]int{}
	for i, verdict := range simulator.Ask(t, cases) {
		want := Denied
		if verdict == simulator.Allowed {
			want = Allowed
		}
		if got := Evaluate(requests[i], docs[i]...); got.Verdict != want {
			policies, _ := json.Marshal(docs[i])
			t.Errorf("case %d: we say %s (%s), the simulator %s\n%s\n%+v", i, got.Verdict, got.Reason, verdict, policies, requests[i])
		}
		counts[verdict]++
	}
	t.Logf("%d cases: %v", len(cases), counts)
	for _, verdict := range []string{simulator.Allowed, simulator.ImplicitlyDenied, simulator.ExplicitlyDenied} {
		if counts[verdict] < 100 {
			t.Errorf("only %d cases are %s: the generator is too one-sided", counts[verdict], verdict)
		}
	}
}

// randomFacts returns the keys that only the user can know, with values of each type.
func randomFacts(rng *rand.Rand) map[string][]string {
	return map[string][]string{
		"aws:SourceIp":           {pickOne(rng, "203.0.113.7", "203.0.113.130", "2001:db8::7", "2001:db8:0:1::7")},
		"aws:CurrentTime":        {pickOne(rng, "2026-03-01T12:00:00Z", "2026-03-01T12:00:00.5Z", "2026-03-01")},
		"aws:EpochTime":          {pickOne(rng, "1772366400", "1772366401")},
		"aws:MultiFactorAuthAge": {pickOne(rng, "0", "3600", "-1", "3600.5")},
		"aws:SecureTransport":    {pickOne(rng, "true", "false")},
	}
}

// factOperators are the operators for the facts, and values for each.
var factOperators = map[string]struct {
	operators []string
	values    []string
}{
	"aws:SourceIp": {[]string{"IpAddress", "NotIpAddress"},
		[]string{"203.0.113.7/32", "203.0.113.0/24", "203.0.113.0/25", "10.0.0.0/8", "0.0.0.0/1", "128.0.0.0/1", "2001:db8::/32", "2001:db8::/64", "2001:db8::7/128"}},
	"aws:CurrentTime": {ordered("Date"),
		[]string{"2026-03-01T12:00:00Z", "2026-03-01T13:00:00+01:00", "2026-03-01", "2026-03-01T12:00:01Z", "2020-01-01T00:00:00Z", "2026-03-01T12:00Z", "2026-03"}},
	"aws:EpochTime":          {ordered("Date"), []string{"1772366400", "1772366401", "1772366399", "1700000000"}},
	"aws:MultiFactorAuthAge": {ordered("Numeric"), []string{"0", "3600", "3600.0", "3600.5", "-1", "-1.5", "100000", "007"}},
	"aws:SecureTransport":    {[]string{"Bool"}, []string{"true", "false", "TRUE", "False"}},
}

func ordered(family string) []string {
	var all []string
	for _, name := range []string{"Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"} {
		all = append(all, family+name)
	}
	return all
}

// randomTrustRequest returns a request in which every key can be evaluated.
func randomTrustRequest(rng *rand.Rand) Request {
	r := randomIdentity(rng)
	maps.Copy(r.Context, randomFacts(rng))
	if rng.IntN(4) == 0 { // a request without the fact
		r.Absent = append(r.Absent, "aws:SourceIp")
		delete(r.Context, "aws:SourceIp")
	}
	return r
}

func randomIdentity(rng *rand.Rand) Request {
	namespace := pickOne(rng, nsA, "mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system", "team-a", "kube-system")
	account := pickOne(rng, "mxp-controller", "vector")
	if rng.IntN(2) == 0 {
		return Request{
			Caller: Caller{Federated, "arn:aws:iam::" + simulator.Account + ":oidc-provider/accounts.google.com"},
			Action: "sts:AssumeRoleWithWebIdentity",
			Context: map[string][]string{
				"accounts.google.com:aud": {"sts.amazonaws.com"},
				"accounts.google.com:sub": {"system:serviceaccount:" + namespace + ":" + account},
			},
			Absent: []string{"aws:RequestTag/*"},
		}
	}
	keys := []string{"eks-cluster-arn", "eks-cluster-name", "kubernetes-namespace", "kubernetes-service-account"}
	return Request{
		Caller: Caller{Service, "pods.eks.amazonaws.com"},
		Action: pickOne(rng, "sts:AssumeRole", "sts:TagSession"),
		Context: map[string][]string{
			"aws:RequestTag/eks-cluster-arn":            {clusterOne},
			"aws:RequestTag/eks-cluster-name":           {"prod-space"},
			"aws:RequestTag/kubernetes-namespace":       {namespace},
			"aws:RequestTag/kubernetes-service-account": {account},
			"aws:TagKeys":           keys,
			"sts:TransitiveTagKeys": keys,
		},
		Absent: []string{"aws:RequestTag/*", "sts:ExternalId"},
	}
}

func randomTrustStatement(rng *rand.Rand, i int, r Request, version string) Statement {
	s := randomEffect(rng, i)
	google := "arn:aws:iam::" + simulator.Account + ":oidc-provider/accounts.google.com"
	switch rng.IntN(6) {
	case 0:
		s.Principal = Principal{Everyone: true}
	case 1:
		s.Principal = Principal{Service: Values{"pods.eks.amazonaws.com", "ec2.amazonaws.com"}, Federated: Values{google}}
	case 2:
		s.Principal = Principal{Federated: Values{strings.Replace(google, "accounts.google.com", pickOne(rng, "accounts.google.com", "other.example.com"), 1)}}
	default:
		if r.Caller.Kind == Service {
			s.Principal = Principal{Service: Values{r.Caller.ID}}
		} else {
			s.Principal = Principal{Federated: Values{r.Caller.ID}}
		}
	}
	if !s.Principal.Everyone && rng.IntN(6) == 0 {
		s.Principal, s.NotPrincipal = s.NotPrincipal, s.Principal
	}
	addRandomAction(rng, &s, "sts:*", "STS:AssumeRole*", r.Action, r.Action, r.Action, "sts:Assume????", "sts:GetCallerIdentity")
	absent := []string{"aws:RequestTag/team"}
	if r.Caller.Kind == Service {
		absent = append(absent, "sts:ExternalId")
	}
	addRandomConditions(rng, s.Condition, r, version, absent...)
	return s
}

func randomPermissionsRequest(rng *rand.Rand) Request {
	r := Request{Action: pickOne(rng, "s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
		Resource: testBucket, Context: randomFacts(rng), Absent: []string{"aws:PrincipalTag/*"}}
	r.Context["aws:PrincipalTag/team"] = []string{pickOne(rng, "platform", "prod")}
	if r.Action != "s3:ListBucket" {
		r.Resource += "/" + pickOne(rng, "prod/a", "prod/b/c", "production/a", "a", "prod")
		return r
	}
	r.Context["s3:prefix"] = []string{pickOne(rng, "prod/", "prod/a", "production/", "pro")}
	return r
}

func randomPermissionsStatement(rng *rand.Rand, i int, r Request, version string) Statement {
	s := randomEffect(rng, i)
	addRandomAction(rng, &s, "*", "s3:*", "S3:*Object", "s3:?????????", r.Action, r.Action, r.Action, "s3:GetObject", "kms:Decrypt")
	list := Values{r.Resource}
	for range rng.IntN(3) {
		list = append(list, pickOne(rng, "*", testBucket, testBucket+"/*", testBucket+"/prod/*", testBucket+"/prod*", testBucket+"*",
			"arn:aws:s3:::*/a", "arn:aws:s3:::spaces-backup?/pr?d/*", "arn:aws:s3:::other", testBucket+"/${aws:PrincipalTag/team}/*", testBucket+"/prod/${*}",
			testBucket+"/${aws:PrincipalTag/x, 'prod'}/*"))
	}
	if rng.IntN(3) == 0 {
		list = list[1:]
	}
	if version != PolicyVersion { // the simulator has variables in old policies too
		list = slices.DeleteFunc(list, func(v string) bool { return strings.Contains(v, "${aws") })
	}
	switch {
	case len(list) == 0:
		s.Resource = Values{"*"}
	case rng.IntN(6) == 0:
		s.NotResource = list
	default:
		s.Resource = list
	}
	addRandomConditions(rng, s.Condition, r, version, "aws:PrincipalTag/x")
	return s
}

func randomEffect(rng *rand.Rand, i int) Statement {
	s := Statement{Sid: fmt.Sprintf("S%d", i), Effect: Allow, Condition: Condition{}}
	if rng.IntN(4) == 0 {
		s.Effect = Deny
	}
	return s
}

func addRandomAction(rng *rand.Rand, s *Statement, choices ...string) {
	list := Values{pickOne(rng, choices...)}
	if rng.IntN(8) == 0 {
		s.NotAction = list
	} else {
		s.Action = list
	}
}

func addRandomConditions(rng *rand.Rand, c Condition, r Request, version string, absent ...string) {
	for range rng.IntN(3) {
		addRandomCondition(rng, c, r, version, absent)
	}
}

func addRandomCondition(rng *rand.Rand, c Condition, r Request, version string, absent []string) {
	key := pickOne(rng, append(slices.Sorted(maps.Keys(r.Context)), absent...)...)
	if rng.IntN(5) == 0 {
		key = swapCase(key)
	}
	for fact, suits := range factOperators {
		if strings.EqualFold(fact, key) {
			addValues(rng, c, qualified(rng, pickOne(rng, suits.operators...), false), key, suits.values)
			return
		}
	}
	_, actual := r.lookup(key)
	operator := randomOperator(rng, len(actual) > 1)
	if strings.Contains(operator, "ArnNot") && !strings.HasSuffix(strings.ToLower(key), "-arn") {
		return // a value that is not an ARN is not judged: see arnNotLike
	}
	values := randomValues(rng, operator, actual)
	if version == PolicyVersion && strings.Contains(operator, "String") && rng.IntN(4) == 0 {
		values[0] = randomVariable(rng, r, values[0])
	}
	addCondition(c, operator, key, values)
}

// randomVariable returns a policy variable of a known key, or one of a key that the request
// lacks with the value as default.
func randomVariable(rng *rand.Rand, r Request, value string) string {
	if key := pickOne(rng, slices.Sorted(maps.Keys(r.Context))...); len(r.Context[key]) == 1 && rng.IntN(4) > 0 {
		return "${" + key + "}"
	}
	absent := strings.Replace(r.Absent[0], "*", "none", 1)
	return "${" + absent + ", '" + strings.NewReplacer("*", "x", "?", "x").Replace(value) + "'}"
}

// addValues adds a condition with some of the values.
func addValues(rng *rand.Rand, c Condition, operator, key string, values []string) {
	var some Values
	for range 1 + rng.IntN(3) {
		some = append(some, pickOne(rng, values...))
	}
	addCondition(c, operator, key, some)
}

// addCondition adds a condition, unless the operator has the key in another case.
func addCondition(c Condition, operator, key string, values Values) {
	for other := range c[operator] {
		if strings.EqualFold(other, key) {
			return
		}
	}
	if c[operator] == nil {
		c[operator] = map[string]Values{}
	}
	c[operator][key] = values
}

func swapCase(key string) string {
	out := []byte(key)
	for i := range out {
		if i%2 == 0 && 'a' <= out[i] && out[i] <= 'z' {
			out[i] -= 'a' - 'A'
		}
	}
	return string(out)
}

func randomOperator(rng *rand.Rand, multi bool) string {
	base := pickOne(rng, "StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase",
		"StringLike", "StringNotLike", "ArnLike", "ArnEquals", "ArnNotLike", "ArnNotEquals", "Null")
	if base == "Null" {
		return base
	}
	return qualified(rng, base, multi)
}

// qualified adds IfExists or a set operator to the name of an operator, or neither.
func qualified(rng *rand.Rand, base string, multi bool) string {
	if rng.IntN(5) == 0 {
		base += "IfExists"
	}
	if multi || rng.IntN(8) == 0 {
		return pickOne(rng, "ForAnyValue:", "ForAllValues:") + base
	}
	return base
}

func randomValues(rng *rand.Rand, operator string, actual []string) Values {
	if operator == "Null" {
		return Values{pickOne(rng, "true", "false")}
	}
	var out Values
	for range 1 + rng.IntN(3) {
		value := "arn:aws:eks:us-west-2:123456789012:cluster/x"
		if len(actual) > 0 && rng.IntN(5) > 0 {
			value = actual[rng.IntN(len(actual))]
		}
		out = append(out, distort(rng, operator, value))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// distort returns a value or pattern that may match the value.
func distort(rng *rand.Rand, operator, value string) string {
	if strings.Contains(operator, "Arn") {
		return distortARN(rng, value)
	}
	at := rng.IntN(len(value))
	switch rng.IntN(8) {
	case 0:
		return value[:at] + "*"
	case 1:
		return value[:at] + "?" + value[at+1:]
	case 2:
		return "*" + value[at:]
	case 3:
		return value[:at] + "*" + value[at:]
	case 4:
		return value + "x"
	case 5:
		return swapCase(value)
	}
	return value
}

// distortARN changes one part of an ARN.
func distortARN(rng *rand.Rand, value string) string {
	parts := strings.SplitN(value, ":", 6)
	if len(parts) < 6 {
		return "arn:aws:eks:us-west-2:123456789012:cluster/prod-space"
	}
	if at := 1 + rng.IntN(5); parts[at] != "" {
		parts[at] = distort(rng, "StringLike", parts[at])
	}
	return strings.Join(parts, ":")
}

func pickOne(rng *rand.Rand, values ...string) string { return values[rng.IntN(len(values))] }
