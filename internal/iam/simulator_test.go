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
	simulatorCases = 3000
	testRole       = "arn:aws:iam::" + simulator.Account + ":role/spaces-backup"
	testBucket     = "arn:aws:s3:::spaces-backups"
)

// TestTrustPoliciesAgainstSimulator compares verdicts with an independent evaluator. The
// web identities come from accounts.google.com, because the simulator accepts the keys
// aud and sub only from the issuers it knows.
func TestTrustPoliciesAgainstSimulator(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var docs [][]Document
	var requests []Request
	var cases []simulator.Case
	for range simulatorCases {
		r := randomTrustRequest(rng)
		doc := Document{Version: pickOne(rng, PolicyVersion, PolicyVersion, PolicyVersion, "2008-10-17")}
		for i := range 1 + rng.IntN(3) {
			doc.Statement = append(doc.Statement, randomTrustStatement(rng, i, r))
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
	for range simulatorCases {
		r := randomPermissionsRequest(rng)
		c := simulator.Case{Principal: testRole, Action: r.Action, Resource: r.Resource, Context: r.Context}
		var policies []Document
		for range 1 + rng.IntN(2) {
			doc := Document{Version: pickOne(rng, PolicyVersion, PolicyVersion, PolicyVersion, "2008-10-17")}
			for i := range 1 + rng.IntN(3) {
				doc.Statement = append(doc.Statement, randomPermissionsStatement(rng, i, r))
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

// randomTrustRequest returns a request in which every key can be evaluated.
func randomTrustRequest(rng *rand.Rand) Request {
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

func randomTrustStatement(rng *rand.Rand, i int, r Request) Statement {
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
	addRandomAction(rng, &s, "sts:*", "STS:AssumeRole*", r.Action, r.Action, r.Action, "sts:Assume????", "sts:GetCallerIdentity")
	absent := []string{"aws:RequestTag/team"}
	if r.Caller.Kind == Service {
		absent = append(absent, "sts:ExternalId")
	}
	addRandomConditions(rng, s.Condition, r, absent...)
	return s
}

func randomPermissionsRequest(rng *rand.Rand) Request {
	r := Request{Action: pickOne(rng, "s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
		Resource: testBucket, Context: map[string][]string{"aws:PrincipalTag/team": {"platform"}}, Absent: []string{"aws:PrincipalTag/*"}}
	if r.Action != "s3:ListBucket" {
		r.Resource += "/" + pickOne(rng, "prod/a", "prod/b/c", "production/a", "a", "prod")
		return r
	}
	r.Context["s3:prefix"] = []string{pickOne(rng, "prod/", "prod/a", "production/", "pro")}
	return r
}

func randomPermissionsStatement(rng *rand.Rand, i int, r Request) Statement {
	s := randomEffect(rng, i)
	addRandomAction(rng, &s, "*", "s3:*", "S3:*Object", "s3:?????????", r.Action, r.Action, r.Action, "s3:GetObject", "kms:Decrypt")
	list := Values{r.Resource}
	for range rng.IntN(3) {
		list = append(list, pickOne(rng, "*", testBucket, testBucket+"/*", testBucket+"/prod/*", testBucket+"/prod*", testBucket+"*",
			"arn:aws:s3:::*/a", "arn:aws:s3:::spaces-backup?/pr?d/*", "arn:aws:s3:::other", testBucket+"/${aws:PrincipalTag/x}", testBucket+"/prod/${*}"))
	}
	if rng.IntN(3) == 0 {
		list = list[1:]
	}
	list = slices.DeleteFunc(list, func(v string) bool { return strings.Contains(v, "${aws") }) // not judged
	switch {
	case len(list) == 0:
		s.Resource = Values{"*"}
	case rng.IntN(6) == 0:
		s.NotResource = list
	default:
		s.Resource = list
	}
	addRandomConditions(rng, s.Condition, r, "aws:PrincipalTag/x")
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

func addRandomConditions(rng *rand.Rand, c Condition, r Request, absent ...string) {
	for range rng.IntN(3) {
		addRandomCondition(rng, c, r, absent)
	}
}

func addRandomCondition(rng *rand.Rand, c Condition, r Request, absent []string) {
	key := pickOne(rng, append(slices.Sorted(maps.Keys(r.Context)), absent...)...)
	if rng.IntN(5) == 0 {
		key = swapCase(key)
	}
	_, actual := r.lookup(key)
	operator := randomOperator(rng, len(actual) > 1)
	if strings.Contains(operator, "ArnNot") && !strings.HasSuffix(strings.ToLower(key), "-arn") {
		return // a value that is not an ARN is not judged: see arnNotLike
	}
	if c[operator] == nil {
		c[operator] = map[string]Values{}
	}
	c[operator][key] = randomValues(rng, operator, actual)
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
