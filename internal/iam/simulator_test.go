package iam

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spaces-identity.dev/internal/identity"
)

const (
	simulatorDir   = "../../testdata/simulator"
	simulatorCases = 3000
)

// simulatorCase is a line of the simulator's input.
type simulatorCase struct {
	Policy    json.RawMessage   `json:"policy"`
	Principal string            `json:"principal"`
	Action    string            `json:"action"`
	Role      string            `json:"role"`
	Account   string            `json:"account"`
	Context   map[string]Values `json:"context"`
}

type simulatorAnswer struct {
	Verdict string   `json:"verdict"`
	Ignored []string `json:"ignored"`
	Errors  string   `json:"errors"`
}

// TestAgainstSimulator compares verdicts with an independent evaluator. The web
// identities come from accounts.google.com, because the simulator takes the keys
// aud and sub only from the issuers it knows.
func TestAgainstSimulator(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("no second opinion: Node.js is not installed")
	}
	if _, err := os.Stat(filepath.Join(simulatorDir, "node_modules")); err != nil {
		t.Skip("no second opinion: run `npm ci` in testdata/simulator first")
	}
	rng := rand.New(rand.NewPCG(3, 4))
	var docs []Document
	var requests []Request
	for range simulatorCases {
		doc, r := randomCase(rng)
		docs, requests = append(docs, doc), append(requests, r)
	}
	counts := map[string]int{}
	for i, answer := range askSimulator(t, docs, requests) {
		got := Evaluate(requests[i], docs[i])
		if answer.Errors != "" || len(answer.Ignored) > 0 {
			t.Fatalf("the simulator cannot judge case %d: %+v\n%s", i, answer, docs[i].JSON())
		}
		want := map[string]Verdict{"Allowed": Allowed, "ImplicitlyDenied": Denied, "ExplicitlyDenied": Denied}[answer.Verdict]
		if got.Verdict != want {
			t.Errorf("case %d: we say %s (%s), the simulator %s\n%s%+v", i, got.Verdict, got.Reason, answer.Verdict, docs[i].JSON(), requests[i])
		}
		counts[answer.Verdict]++
	}
	t.Logf("%d cases: %v", simulatorCases, counts)
	for _, verdict := range []string{"Allowed", "ImplicitlyDenied", "ExplicitlyDenied"} {
		if counts[verdict] < 100 {
			t.Errorf("only %d cases are %s: the generator is too one-sided", counts[verdict], verdict)
		}
	}
}

func askSimulator(t *testing.T, docs []Document, requests []Request) []simulatorAnswer {
	t.Helper()
	var input bytes.Buffer
	for i, r := range requests {
		line := simulatorCase{docs[i].Compact(), r.Caller.ID, r.Action, backup(identity.Both).Role.String(), "123456789012", map[string]Values{}}
		for key, values := range r.Context {
			line.Context[key] = values
		}
		if err := json.NewEncoder(&input).Encode(line); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "node", "evaluate.mjs")
	cmd.Dir, cmd.Stdin, cmd.Stderr = simulatorDir, &input, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var answers []simulatorAnswer
	scanner := bufio.NewScanner(bytes.NewReader(out))
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var a simulatorAnswer
		if err := json.Unmarshal(scanner.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
	if err := scanner.Err(); err != nil || len(answers) != len(requests) {
		t.Fatalf("%d answers to %d cases, %v", len(answers), len(requests), err)
	}
	return answers
}

// randomCase is a policy and a request that is known in full: no key that
// cannot be evaluated.
func randomCase(rng *rand.Rand) (Document, Request) {
	cluster := identity.Cluster{Name: "prod-space", Region: "us-west-2", OIDC: identity.OIDCProvider{HostPath: "accounts.google.com"}}
	role := backup(identity.Both).Role
	namespace := pickOne(rng, nsA, nsB, "team-a", "kube-system")
	account := pickOne(rng, "mxp-controller", "vector")
	var r Request
	if rng.IntN(2) == 0 {
		r = IRSARequest(cluster, role, namespace, account)
	} else {
		r = PodIdentityRequests(cluster, backup(identity.Both), namespace, account)[rng.IntN(2)]
	}
	r = fitForSimulator(r)
	doc := Document{Version: pickOne(rng, PolicyVersion, PolicyVersion, PolicyVersion, "2008-10-17")}
	for i := range 1 + rng.IntN(3) {
		doc.Statement = append(doc.Statement, randomStatement(rng, i, r))
	}
	return doc, r
}

// fitForSimulator drops what is only of interest in the live system.
func fitForSimulator(r Request) Request {
	r.Context = maps.Clone(r.Context)
	for _, key := range []string{"aws:SecureTransport", "aws:SourceAccount"} {
		delete(r.Context, key)
	}
	return r
}

func randomStatement(rng *rand.Rand, i int, r Request) Statement {
	s := Statement{Sid: fmt.Sprintf("S%d", i), Effect: Allow, Condition: Condition{}}
	if rng.IntN(4) == 0 {
		s.Effect = Deny
	}
	switch rng.IntN(6) {
	case 0:
		s.Principal = Principal{Everyone: true}
	case 1:
		s.Principal = Principal{Service: Values{PodIdentityService, "ec2.amazonaws.com"}, Federated: Values{"arn:aws:iam::123456789012:oidc-provider/accounts.google.com"}}
	case 2:
		s.Principal = Principal{Federated: Values{"arn:aws:iam::123456789012:oidc-provider/" + pickOne(rng, "accounts.google.com", "other.example.com")}}
	default:
		if r.Caller.Kind == Service {
			s.Principal = Principal{Service: Values{r.Caller.ID}}
		} else {
			s.Principal = Principal{Federated: Values{r.Caller.ID}}
		}
	}
	list := Values{pickOne(rng, "sts:*", "STS:AssumeRole*", r.Action, r.Action, r.Action, "sts:Assume????", "sts:GetCallerIdentity")}
	if rng.IntN(8) == 0 {
		s.NotAction = list
	} else {
		s.Action = list
	}
	for range rng.IntN(3) {
		addRandomCondition(rng, s.Condition, r)
	}
	return s
}

func addRandomCondition(rng *rand.Rand, c Condition, r Request) {
	key := randomKey(rng, r)
	_, actual := r.lookup(key)
	operator := randomOperator(rng, len(actual) > 1)
	if strings.Contains(operator, "ArnNot") && !strings.HasSuffix(strings.ToLower(key), "-arn") {
		return // a value that is no ARN is not judged: see arnNotLike
	}
	if c[operator] == nil {
		c[operator] = map[string]Values{}
	}
	c[operator][key] = randomValues(rng, operator, actual)
}

func randomKey(rng *rand.Rand, r Request) string {
	keys := slices.Sorted(maps.Keys(r.Context))
	absent := []string{"aws:RequestTag/team"}
	if r.Caller.Kind == Service {
		absent = append(absent, "sts:ExternalId")
	}
	key := pickOne(rng, append(keys, absent...)...)
	if rng.IntN(5) == 0 {
		key = swapCase(key)
	}
	return key
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

// distort turns a value into one that may or may not match it.
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

// distortARN distorts one part of an ARN and leaves it one.
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
