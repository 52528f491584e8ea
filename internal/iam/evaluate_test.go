package iam

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	provider   = "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"
	clusterOne = "arn:aws:eks:us-west-2:123456789012:cluster/prod-space"
	nsA        = "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system"
	sub        = "system:serviceaccount:" + nsA + ":mxp-controller"
)

// irsa returns the request of a pod with a token for AWS.
func irsa() Request {
	return Request{
		Caller: Caller{Federated, "arn:aws:iam::123456789012:oidc-provider/" + provider},
		Action: "sts:AssumeRoleWithWebIdentity",
		Context: map[string][]string{provider + ":aud": {"sts.amazonaws.com"}, provider + ":sub": {sub},
			"aws:SecureTransport": {"true"}},
		Absent: []string{"*:aud", "*:sub", "aws:RequestTag/*", "aws:TagKeys"},
	}
}

// pod returns the request of EKS Pod Identity for a pod.
func pod() Request {
	return Request{
		Caller: Caller{Service, "pods.eks.amazonaws.com"},
		Action: "sts:AssumeRole",
		Context: map[string][]string{
			"aws:RequestTag/eks-cluster-arn":      {clusterOne},
			"aws:RequestTag/kubernetes-namespace": {nsA},
			"aws:TagKeys":                         {"eks-cluster-arn", "kubernetes-namespace", "kubernetes-pod-name"},
		},
		Unknown: []string{"aws:RequestTag/kubernetes-pod-name"},
		Absent:  []string{"*:aud", "*:sub", "aws:RequestTag/*"},
	}
}

// federated returns a policy with one statement for web identities and the condition.
func federated(effect, condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/` +
		provider + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":` + strings.ReplaceAll(condition, "P:", provider+":") + `}]}`
}

func podPolicy(condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},` +
		`"Action":["sts:AssumeRole","sts:TagSession"],"Condition":` + condition + `}]}`
}

func TestEvaluateConditions(t *testing.T) {
	tests := map[string]struct {
		policy  string
		request Request
		want    Verdict
		cannot  string // what cannot be evaluated
	}{
		"StringEquals":                 {federated("Allow", `{"StringEquals":{"P:sub":"`+sub+`"}}`), irsa(), Allowed, ""},
		"StringEquals of several":      {federated("Allow", `{"StringEquals":{"P:sub":["x","`+sub+`"]}}`), irsa(), Allowed, ""},
		"StringEquals heeds case":      {federated("Allow", `{"StringEquals":{"P:sub":"`+strings.ToUpper(sub)+`"}}`), irsa(), Denied, ""},
		"StringEquals has no wildcard": {federated("Allow", `{"StringEquals":{"P:sub":"system:serviceaccount:mxp-*-system:mxp-controller"}}`), irsa(), Denied, ""},
		"keys in any case":             {federated("Allow", `{"StringEquals":{"`+strings.ToUpper(provider)+`:SUB":"`+sub+`"}}`), irsa(), Allowed, ""},
		"tag keys in any case":         {podPolicy(`{"StringEquals":{"AWS:requesttag/Kubernetes-Namespace":"` + nsA + `"}}`), pod(), Allowed, ""},
		"ignore case":                  {federated("Allow", `{"StringEqualsIgnoreCase":{"P:sub":"`+strings.ToUpper(sub)+`"}}`), irsa(), Allowed, ""},
		"not ignore case":              {federated("Allow", `{"StringNotEqualsIgnoreCase":{"P:sub":"`+strings.ToUpper(sub)+`"}}`), irsa(), Denied, ""},
		"StringNotEquals":              {federated("Allow", `{"StringNotEquals":{"P:sub":["x","y"]}}`), irsa(), Allowed, ""},
		"StringNotEquals one of":       {federated("Allow", `{"StringNotEquals":{"P:sub":["x","`+sub+`"]}}`), irsa(), Denied, ""},
		"StringLike":                   {federated("Allow", `{"StringLike":{"P:sub":"system:serviceaccount:mxp-*-system:mxp-controller"}}`), irsa(), Allowed, ""},
		"StringLike crosses colons":    {federated("Allow", `{"StringLike":{"P:sub":"system:*:mxp-controller"}}`), irsa(), Allowed, ""},
		"StringLike one character":     {federated("Allow", `{"StringLike":{"P:aud":"sts?amazonaws?com"}}`), irsa(), Allowed, ""},
		"StringLike too few":           {federated("Allow", `{"StringLike":{"P:aud":"sts?amazonaws?co"}}`), irsa(), Denied, ""},
		"StringLike escaped star":      {federated("Allow", `{"StringLike":{"P:aud":"sts.${*}"}}`), irsa(), Denied, ""},
		"StringEquals escaped star":    {federated("Allow", `{"StringEquals":{"P:x":"a${*}${?}${$}"}}`), irsa().With(provider+":x", "a*?$"), Allowed, ""},
		"StringNotLike":                {federated("Allow", `{"StringNotLike":{"P:sub":"*:kube-system:*"}}`), irsa(), Allowed, ""},
		"ArnLike":                      {podPolicy(`{"ArnLike":{"aws:RequestTag/eks-cluster-arn":"arn:aws:eks:*:123456789012:cluster/*"}}`), pod(), Allowed, ""},
		"ArnEquals is ArnLike":         {podPolicy(`{"ArnEquals":{"aws:RequestTag/eks-cluster-arn":"arn:aws:eks:us-*-2:123456789012:cluster/prod-*"}}`), pod(), Allowed, ""},
		"ArnLike stays in its part":    {podPolicy(`{"ArnLike":{"aws:RequestTag/eks-cluster-arn":"arn:aws:eks:us-*:*:*:cluster/prod-space"}}`), pod(), Denied, ""},
		"ArnNotLike":                   {podPolicy(`{"ArnNotLike":{"aws:RequestTag/eks-cluster-arn":"arn:aws:eks:*:999999999999:cluster/*"}}`), pod(), Allowed, ""},
		"ArnLike of no ARN":            {podPolicy(`{"ArnLike":{"aws:RequestTag/kubernetes-namespace":"arn:aws:eks:*:*:cluster/*"}}`), pod(), Denied, ""},
		"ArnLike with no ARN":          {podPolicy(`{"ArnLike":{"aws:RequestTag/eks-cluster-arn":"arn:aws:*"}}`), pod(), CannotEvaluate, "not an ARN of six parts"},
		"absent":                       {federated("Allow", `{"StringEquals":{"aws:RequestTag/x":"y"}}`), irsa(), Denied, ""},
		"absent IfExists":              {federated("Allow", `{"StringEqualsIfExists":{"aws:RequestTag/x":"y"}}`), irsa(), Allowed, ""},
		"absent negated":               {federated("Allow", `{"StringNotEquals":{"aws:RequestTag/x":"y"}}`), irsa(), Allowed, ""},
		"present IfExists":             {federated("Allow", `{"StringEqualsIfExists":{"P:aud":"y"}}`), irsa(), Denied, ""},
		"another issuer's key":         {federated("Allow", `{"StringEquals":{"accounts.google.com:sub":"`+sub+`"}}`), irsa(), Denied, ""},
		"Null true":                    {federated("Allow", `{"Null":{"aws:RequestTag/x":"true"}}`), irsa(), Allowed, ""},
		"Null false":                   {federated("Allow", `{"Null":{"P:sub":false}}`), irsa(), Allowed, ""},
		"Null of the present":          {federated("Allow", `{"Null":{"P:sub":true}}`), irsa(), Denied, ""},
		"Bool":                         {federated("Allow", `{"Bool":{"aws:SecureTransport":true}}`), irsa(), Allowed, ""},
		"ForAllValues within":          {podPolicy(`{"ForAllValues:StringLike":{"aws:TagKeys":["eks-*","kubernetes-*"]}}`), pod(), Allowed, ""},
		"ForAllValues beyond":          {podPolicy(`{"ForAllValues:StringLike":{"aws:TagKeys":["eks-*"]}}`), pod(), Denied, ""},
		"ForAllValues absent":          {federated("Allow", `{"ForAllValues:StringEquals":{"aws:TagKeys":"x"}}`), irsa(), Allowed, ""},
		"ForAnyValue":                  {podPolicy(`{"ForAnyValue:StringEquals":{"aws:TagKeys":["x","eks-cluster-arn"]}}`), pod(), Allowed, ""},
		"ForAnyValue none":             {podPolicy(`{"ForAnyValue:StringEquals":{"aws:TagKeys":["x"]}}`), pod(), Denied, ""},
		"ForAnyValue absent":           {federated("Allow", `{"ForAnyValue:StringEquals":{"aws:TagKeys":"x"}}`), irsa(), Denied, ""},
		"ForAnyValue absent IfExists":  {federated("Allow", `{"ForAnyValue:StringEqualsIfExists":{"aws:TagKeys":"x"}}`), irsa(), Denied, ""},
		"ForAllValues absent IfExists": {federated("Allow", `{"ForAllValues:StringEqualsIfExists":{"aws:TagKeys":"x"}}`), irsa(), Allowed, ""},
		"ArnNotLike of no ARN":         {podPolicy(`{"ArnNotLike":{"aws:RequestTag/kubernetes-namespace":"arn:aws:eks:*:*:cluster/*"}}`), pod(), CannotEvaluate, "which is not an ARN"},
		"unknown pod name":             {podPolicy(`{"StringLike":{"aws:RequestTag/kubernetes-pod-name":"mxp-*"}}`), pod(), CannotEvaluate, "kubernetes-pod-name"},
		"no such session tag":          {podPolicy(`{"StringLike":{"aws:RequestTag/team":"*"}}`), pod(), Denied, ""},
		"ForAnyValue negated":          {podPolicy(`{"ForAnyValue:StringNotEquals":{"aws:TagKeys":["eks-cluster-arn"]}}`), pod(), Allowed, ""},
		"ForAllValues negated":         {podPolicy(`{"ForAllValues:StringNotEquals":{"aws:TagKeys":["eks-cluster-arn"]}}`), pod(), Denied, ""},
		"several values plainly":       {podPolicy(`{"StringEquals":{"aws:TagKeys":"x"}}`), pod(), CannotEvaluate, "a key of several values"},
		"unknown operator":             {federated("Allow", `{"IpRange":{"aws:SourceIp":"10.0.0.0/8"}}`), irsa(), CannotEvaluate, "the condition operator IpRange"},
		"unknown set operator":         {federated("Allow", `{"ForNoValue:StringEquals":{"P:aud":"x"}}`), irsa(), CannotEvaluate, "the condition operator ForNoValue:StringEquals"},
		"Null with a qualifier":        {federated("Allow", `{"NullIfExists":{"P:aud":"true"}}`), irsa(), CannotEvaluate, "the condition operator NullIfExists"},
		"Null of another value":        {federated("Allow", `{"Null":{"P:aud":"maybe"}}`), irsa(), CannotEvaluate, `"maybe" in Null`},
		"an address without the fact":  {federated("Allow", `{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`), irsa(), CannotEvaluate, "the condition key aws:SourceIp"},
		"operator in another case":     {federated("Allow", `{"stringequals":{"P:aud":"x"}}`), irsa(), CannotEvaluate, "the condition operator stringequals"},
		"unknown key":                  {federated("Allow", `{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}`), irsa(), CannotEvaluate, "the condition key aws:PrincipalOrgID"},
		"unknown variable":             {federated("Allow", `{"StringEquals":{"P:sub":"${aws:username}"}}`), irsa(), CannotEvaluate, "the policy variable ${aws:username}"},
		"variable in a key":            {federated("Allow", `{"Null":{"aws:RequestTag/${aws:username}":"true"}}`), irsa(), CannotEvaluate, "the policy variable in the condition key"},
		"unknown but other fails":      {federated("Allow", `{"StringEquals":{"P:sub":"x","aws:PrincipalOrgID":"o-1"}}`), irsa(), Denied, ""},
		"unknown but other matches":    {federated("Allow", `{"StringEquals":{"P:sub":["${aws:username}","`+sub+`"]}}`), irsa(), Allowed, ""},
		"a fact of the user":           {podPolicy(`{"ArnLike":{"aws:SourceArn":"arn:aws:eks:*:*:*"}}`), pod().With("aws:sourcearn", "arn:aws:eks:us-west-2:123456789012:cluster/x"), Allowed, ""},
		"without the fact":             {podPolicy(`{"ArnLike":{"aws:SourceArn":"arn:aws:eks:*:*:*"}}`), pod(), CannotEvaluate, "aws:SourceArn"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			doc, err := Parse([]byte(tt.policy))
			if err != nil {
				t.Fatal(err)
			}
			got := Evaluate(tt.request, doc)
			if got.Verdict != tt.want || !strings.Contains(got.Reason, tt.cannot) {
				t.Errorf("%s (%s), want %s (%s)\n%s", got.Verdict, got.Reason, tt.want, tt.cannot, tt.policy)
			}
		})
	}
}

func TestEvaluateStatements(t *testing.T) {
	allow := `{"Sid":"A","Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":"sts:*"}`
	tests := map[string]struct {
		statements string
		want       Verdict
		statement  int
	}{
		"allow":                    {allow, Allowed, 1},
		"action in any case":       {`{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":"STS:assume*"}`, Allowed, 1},
		"everyone":                 {`{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}`, Allowed, 1},
		"AWS everyone":             {`{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}`, Allowed, 1},
		"an account":               {`{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}`, Denied, 0},
		"another service":          {`{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`, Denied, 0},
		"deny wins":                {allow + `,{"Effect":"Deny","Principal":"*","Action":"*"}`, Denied, 2},
		"deny elsewhere":           {allow + `,{"Effect":"Deny","Principal":"*","Action":"sts:TagSession"}`, Allowed, 1},
		"NotAction spares":         {`{"Effect":"Allow","Principal":"*","NotAction":"sts:AssumeRole"}`, Denied, 0},
		"NotAction":                {`{"Effect":"Allow","Principal":"*","NotAction":"sts:TagSession"}`, Allowed, 1},
		"deny all but others":      {allow + `,{"Effect":"Deny","NotPrincipal":{"AWS":"123456789012"},"Action":"*"}`, Denied, 2},
		"deny all but this":        {allow + `,{"Effect":"Deny","NotPrincipal":{"Service":["ec2.amazonaws.com","pods.eks.amazonaws.com"]},"Action":"*"}`, Allowed, 1},
		"deny all but everyone":    {allow + `,{"Effect":"Deny","NotPrincipal":"*","Action":"*"}`, Allowed, 1},
		"deny all but a wildcard":  {allow + `,{"Effect":"Deny","NotPrincipal":{"Service":"pods.*"},"Action":"*"}`, CannotEvaluate, 2},
		"deny all but nobody":      {allow + `,{"Effect":"Deny","NotPrincipal":{"Service":[]},"Action":"*"}`, CannotEvaluate, 2},
		"allow all but others":     {`{"Effect":"Allow","NotPrincipal":{"Federated":"pods.eks.amazonaws.com"},"Action":"*"}`, Allowed, 1},
		"allow all but this":       {`{"Effect":"Allow","NotPrincipal":{"Service":"pods.eks.amazonaws.com"},"Action":"*"}`, Denied, 0},
		"nobody":                   {`{"Effect":"Allow","Principal":{},"Action":"*"}`, Denied, 0},
		"nobody of a kind":         {`{"Effect":"Allow","Principal":{"Service":[]},"Action":"*"}`, Denied, 0},
		"deny nobody":              {allow + `,{"Effect":"Deny","Principal":{"AWS":[]},"Action":"*"}`, Allowed, 1},
		"no action":                {`{"Effect":"Allow","Principal":"*","Action":[]}`, Denied, 0},
		"all actions but none":     {`{"Effect":"Allow","Principal":"*","NotAction":[]}`, CannotEvaluate, 1},
		"no resource":              {`{"Effect":"Allow","Principal":"*","Action":"*","Resource":[]}`, CannotEvaluate, 1},
		"wildcard as a service":    {`{"Effect":"Allow","Principal":"*","Action":"s*:*"}`, CannotEvaluate, 1},
		"wildcard without a colon": {`{"Effect":"Allow","Principal":"*","Action":"sts*"}`, CannotEvaluate, 1},
		"another wildcard service": {`{"Effect":"Allow","Principal":"*","Action":["e*:*","sts:Tag*"]}`, Denied, 0},
		"beside a wildcard":        {`{"Effect":"Allow","Principal":"*","Action":["s*:*","sts:*"]}`, Allowed, 1},
		"not a wildcard service":   {`{"Effect":"Allow","Principal":"*","NotAction":"*:*"}`, CannotEvaluate, 1},
		"empty condition":          {`{"Effect":"Allow","Principal":"*","Action":"*","Condition":{}}`, Allowed, 1},
		"empty operator":           {`{"Effect":"Allow","Principal":"*","Action":"*","Condition":{"StringEquals":{}}}`, Allowed, 1},
		"Resource":                 {`{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}`, CannotEvaluate, 1},
		"may deny, nobody allows":  {`{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}`, Denied, 0},
		"may allow, other allows":  {`{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"},` + allow, Allowed, 2},
		"wildcard in the service":  {`{"Effect":"Allow","Principal":{"Service":"pods.*"},"Action":"*"}`, CannotEvaluate, 1},
		"a statement by itself":    {allow, Allowed, 1},
		"no principal, no request": {`{"Effect":"Allow","Action":"*"}`, Denied, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			doc, err := Parse([]byte(`{"Version":"2012-10-17","Statement":[` + tt.statements + `]}`))
			if err != nil {
				t.Fatal(err)
			}
			got := Evaluate(pod(), doc)
			if got.Verdict != tt.want || got.Statement != tt.statement {
				t.Errorf("%s by statement %d, want %s by %d: %s", got.Verdict, got.Statement, tt.want, tt.statement, got.Reason)
			}
		})
	}
}

// In the older version of the language a variable is text.
func TestOldVersionTakesVariablesLiterally(t *testing.T) {
	policy := strings.Replace(federated("Allow", `{"StringEquals":{"P:x":"${aws:username}"}}`), PolicyVersion, "2008-10-17", 1)
	doc, err := Parse([]byte(policy))
	if err != nil {
		t.Fatal(err)
	}
	if got := Evaluate(irsa().With(provider+":x", "${aws:username}"), doc); got.Verdict != Allowed {
		t.Errorf("%s: %s", got.Verdict, got.Reason)
	}
}

// The requests are for all objects under a prefix, which is a pattern, or for one object.
func TestEvaluatePermissions(t *testing.T) {
	objects := Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/p/*", Context: map[string][]string{"aws:SecureTransport": {"true"}}}
	one := objects
	one.Resource = "arn:aws:s3:::b/p/a"
	allow := func(rest string) string { return `{"Effect":"Allow","Action":"s3:*Object",` + rest + `}` }
	deny := func(rest string) string { return `{"Effect":"Deny","Action":"s3:*",` + rest + `}` }
	tests := map[string]struct {
		request  Request
		policies []string // one statement each
		want     Verdict
		reason   string
	}{
		"covered":                     {objects, []string{allow(`"Resource":"arn:aws:s3:::b/*"`)}, Allowed, "statement 1 (Allow) allows it"},
		"exactly":                     {objects, []string{allow(`"Resource":"arn:aws:s3:::b/p/*"`)}, Allowed, ""},
		"by the second value":         {objects, []string{allow(`"Resource":["arn:aws:s3:::c/*","arn:aws:s3:::b/*"]`)}, Allowed, ""},
		"by the second policy":        {objects, []string{allow(`"Resource":"arn:aws:s3:::c/*"`), allow(`"Resource":"*"`)}, Allowed, "statement 2"},
		"disjoint":                    {objects, []string{allow(`"Resource":"arn:aws:s3:::b/q/*"`)}, Denied, "no statement allows it"},
		"without the slash":           {objects, []string{allow(`"Resource":"arn:aws:s3:::b/p*"`)}, Allowed, ""},
		"the prefix itself":           {objects, []string{allow(`"Resource":"arn:aws:s3:::b/p"`)}, Denied, ""},
		"overlapping":                 {objects, []string{allow(`"Resource":"arn:aws:s3:::b/p/a*"`)}, CannotEvaluate, `the resource "arn:aws:s3:::b/p/a*", which matches only some of "arn:aws:s3:::b/p/*"`},
		"one of the overlapping":      {one, []string{allow(`"Resource":"arn:aws:s3:::b/p/a*"`)}, Allowed, ""},
		"another of the overlapping":  {one, []string{allow(`"Resource":"arn:aws:s3:::b/p/b*"`)}, Denied, ""},
		"two halves":                  {objects, []string{allow(`"Resource":"arn:aws:s3:::b/p/a*"`), allow(`"Resource":"arn:aws:s3:::b/p/b*"`)}, CannotEvaluate, "may allow it"},
		"another action":              {objects, []string{`{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}`}, Denied, ""},
		"NotAction":                   {objects, []string{`{"Effect":"Allow","NotAction":"s3:Get*","Resource":"*"}`}, Denied, ""},
		"no policy":                   {objects, nil, Denied, "no statement allows it"},
		"deny":                        {objects, []string{allow(`"Resource":"*"`), deny(`"Resource":"*"`)}, Denied, "statement 2 (Deny) denies it"},
		"deny elsewhere":              {objects, []string{allow(`"Resource":"*"`), deny(`"Resource":"arn:aws:s3:::b/q/*"`)}, Allowed, ""},
		"deny on a part":              {objects, []string{allow(`"Resource":"*"`), deny(`"Resource":"arn:aws:s3:::b/p/secret/*"`)}, CannotEvaluate, "statement 2 (Deny) may deny it"},
		"deny on another part":        {one, []string{allow(`"Resource":"*"`), deny(`"Resource":"arn:aws:s3:::b/p/secret/*"`)}, Allowed, ""},
		"NotResource disjoint":        {objects, []string{allow(`"NotResource":"arn:aws:s3:::b/q/*"`)}, Allowed, ""},
		"NotResource covers":          {objects, []string{allow(`"NotResource":["arn:aws:s3:::c/*","arn:aws:s3:::b/*"]`)}, Denied, ""},
		"NotResource overlaps":        {objects, []string{allow(`"NotResource":"arn:aws:s3:::b/p/a*"`)}, CannotEvaluate, "which matches only some"},
		"deny NotResource":            {objects, []string{allow(`"Resource":"*"`), deny(`"NotResource":"arn:aws:s3:::b/*"`)}, Allowed, ""},
		"deny NotResource elsewhere":  {objects, []string{allow(`"Resource":"*"`), deny(`"NotResource":"arn:aws:s3:::c/*"`)}, Denied, ""},
		"a variable":                  {objects, []string{allow(`"Resource":"arn:aws:s3:::b/${aws:username}/*"`)}, CannotEvaluate, "the policy variable ${aws:username}"},
		"a variable beside a match":   {objects, []string{allow(`"Resource":["arn:aws:s3:::b/${aws:username}/*","*"]`)}, Allowed, ""},
		"a * by variable":             {objects, []string{allow(`"Resource":"arn:aws:s3:::b/p/${*}"`)}, CannotEvaluate, "only some"},
		"a condition":                 {objects, []string{allow(`"Resource":"*","Condition":{"Bool":{"aws:SecureTransport":true}}`)}, Allowed, ""},
		"a condition that fails":      {objects, []string{allow(`"Resource":"*","Condition":{"Bool":{"aws:SecureTransport":false}}`)}, Denied, ""},
		"an unknown key":              {objects, []string{allow(`"Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/x":"y"}}`)}, CannotEvaluate, "the condition key aws:PrincipalTag/x"},
		"an unknown key in a deny":    {objects, []string{allow(`"Resource":"*"`), deny(`"Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`)}, CannotEvaluate, "statement 2 (Deny) may deny it"},
		"a deny that nobody overrode": {objects, []string{deny(`"Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`)}, Denied, "no statement allows it"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var docs []Document
			for _, statement := range tt.policies {
				docs = append(docs, Document{Version: PolicyVersion, Statement: []Statement{parseStatement(t, statement)}})
			}
			got := Evaluate(tt.request, docs...)
			if got.Verdict != tt.want || !strings.Contains(got.Reason, tt.reason) {
				t.Errorf("%s (%s), want %s (%s)\n%s", got.Verdict, got.Reason, tt.want, tt.reason, tt.policies)
			}
		})
	}
}

// The sentence begins "it would be allowed if".
func TestChangesCompleteASentence(t *testing.T) {
	tests := map[string]struct {
		policy  string
		request Request
		want    []string
	}{
		"condition": {federated("Allow", `{"StringEquals":{"P:sub":"x"}}`), irsa(), []string{
			`statement 1 (Allow) also accepted "` + sub + `" in its condition StringEquals ` + provider + `:sub (now "x")`}},
		"wildcard": {federated("Allow", `{"StringEquals":{"P:sub":"*"}}`), irsa(), []string{
			`statement 1 (Allow) also accepted "` + sub + `" in its condition StringEquals ` + provider + `:sub (now "*"; under StringEquals, * and ? are ordinary characters: use StringLike for a pattern)`}},
		"wildcard that does not match": {federated("Allow", `{"StringLike":{"P:sub":"x*"}}`), irsa(), []string{
			`statement 1 (Allow) also accepted "` + sub + `" in its condition StringLike ` + provider + `:sub (now "x*")`}},
		"audience": {federated("Allow", `{"StringLike":{"P:aud":"x"}}`), irsa(), []string{
			`statement 1 (Allow) also accepted "sts.amazonaws.com" in its condition StringLike ` + provider + `:aud (now "x"; EKS tokens have the audience sts.amazonaws.com in every partition)`}},
		"absent key": {podPolicy(`{"StringEquals":{"aws:RequestTag/team":"x"}}`), pod(), []string{
			`statement 1 (Allow) had no condition StringEquals aws:RequestTag/team: the request does not have this key (the condition says "x")`}},
		"present key": {podPolicy(`{"Null":{"aws:TagKeys":"true"}}`), pod(), []string{
			`statement 1 (Allow) had no condition Null aws:TagKeys: the request has this key (the condition says "true")`}},
		"Null of an absent key": {podPolicy(`{"Null":{"aws:RequestTag/team":"false"}}`), pod(), []string{
			`statement 1 (Allow) had no condition Null aws:RequestTag/team: the request does not have this key (the condition says "false")`}},
		"the first of two that are equally close": {`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"x"},{"Effect":"Allow","Principal":"*","Action":"y"}]}`, pod(), []string{
			`statement 1 (Allow) also listed "sts:AssumeRole" in its Action (now "x")`}},
		"negated": {podPolicy(`{"StringNotLike":{"aws:RequestTag/kubernetes-namespace":"mxp-*"}}`), pod(), []string{
			`statement 1 (Allow) did not exclude "` + nsA + `" by its condition StringNotLike aws:RequestTag/kubernetes-namespace (now "mxp-*")`}},
		"principal and action": {`{"Statement":{"Effect":"Allow","Principal":{"Service":["a","b","c","d","e"]},"NotAction":["sts:*","x"]}}`, pod(), []string{
			`statement 1 (Allow) also listed "Service pods.eks.amazonaws.com" in its Principal (now "Service a", "Service b", "Service c", "Service d", … (5 in all))`,
			`statement 1 (Allow) did not exclude "sts:AssumeRole" in its NotAction (now "sts:*", "x")`}},
		"cannot evaluate": {podPolicy(`{"StringEquals":{"aws:RequestTag/kubernetes-namespace":"x","aws:PrincipalOrgID":"o-1"}}`), pod(), []string{
			`statement 1 (Allow) matched, which depends on the condition key aws:PrincipalOrgID (this program cannot evaluate it)`,
			`statement 1 (Allow) also accepted "` + nsA + `" in its condition StringEquals aws:RequestTag/kubernetes-namespace (now "x")`}},
		"no statement": {`{"Statement":{"Effect":"Deny","Principal":"*","Action":"x"}}`, pod(), []string{
			"a statement allowed sts:AssumeRole for Service pods.eks.amazonaws.com"}},
		"no statement on a resource": {`{"Statement":{"Effect":"Deny","Principal":"*","Action":"x","Resource":"*"}}`, Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/*"}, []string{
			"a statement allowed s3:GetObject on arn:aws:s3:::b/*"}},
		"deny": {`{"Statement":{"Sid":"D","Effect":"Deny","Principal":"*","Action":"*"}}`, pod(), []string{
			"statement 1 (Deny, Sid D) did not apply to this request, and another statement allowed it"}},
		"the closest of two": {`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"x"},
			{"Effect":"Allow","Principal":"*","Action":"*","Condition":{"StringEquals":{"aws:RequestTag/a":"1","aws:RequestTag/b":"2"}}}]}`, pod(), []string{
			`statement 2 (Allow) had no condition StringEquals aws:RequestTag/a: the request does not have this key (the condition says "1")`,
			`statement 2 (Allow) had no condition StringEquals aws:RequestTag/b: the request does not have this key (the condition says "2")`}},
		"allowed": {podPolicy(`{}`), pod(), nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			doc, err := Parse([]byte(tt.policy))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, Evaluate(tt.request, doc).Changes); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The reason of a verdict names what cannot be evaluated, as the policy has it.
func TestReasonsNameWhatCannotBeEvaluated(t *testing.T) {
	network := `{"IpAddress":{"aws:SourceIp":"`
	for name, tt := range map[string]struct {
		policy  string
		request Request
		want    string
	}{
		"wildcard in a principal": {`{"Statement":{"Effect":"Allow","Principal":{"Service":"pods.*"},"Action":"*"}}`, pod(), "a wildcard in the principal Service"},
		"wildcard in a NotPrincipal": {`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*"},{"Effect":"Deny","NotPrincipal":{"Service":"pods.*"},"Action":"*"}]}`, pod(),
			"a wildcard in the principal Service"},
		"empty NotPrincipal":    {`{"Statement":{"Effect":"Allow","NotPrincipal":{},"Action":"*"}}`, pod(), "the empty list in NotPrincipal"},
		"wildcard in a service": {`{"Statement":{"Effect":"Allow","Principal":"*","Action":"s*:*"}}`, pod(), `the action "s*:*", which IAM rejects: a service is named without wildcards`},
		"empty NotAction":       {`{"Statement":{"Effect":"Allow","Principal":"*","NotAction":[]}}`, pod(), "the empty list in NotAction"},
		"number":                {podPolicy(`{"NumericEquals":{"aws:RequestTag/kubernetes-namespace":"1"}}`), pod(), `"` + nsA + `", a value that the operator does not take, in NumericEquals aws:RequestTag/kubernetes-namespace`},
		"number of the policy": {podPolicy(`{"NumericEquals":{"aws:RequestTag/kubernetes-namespace":"x"}}`), pod().With("aws:RequestTag/kubernetes-namespace", "1"),
			`"x", a value that the operator does not take, in NumericEquals aws:RequestTag/kubernetes-namespace`},
		"address":  {podPolicy(network + `10.0.0.0/8"}}`), pod().With("aws:SourceIp", "x"), `"x", which is not an IP address, in IpAddress aws:SourceIp`},
		"network":  {podPolicy(network + `10.0.0.0/33"}}`), pod().With("aws:SourceIp", "10.0.0.1"), `"10.0.0.0/33", which is not a network in CIDR form, in IpAddress aws:SourceIp`},
		"two keys": {podPolicy(`{"StringEquals":{"aws:A":"1","aws:B":"1"}}`), pod(), "the condition key aws:A and the condition key aws:B"},
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := Parse([]byte(tt.policy))
			if err != nil {
				t.Fatal(err)
			}
			got := Evaluate(tt.request, doc)
			if got.Verdict != CannotEvaluate || !strings.HasSuffix(got.Reason, ": cannot evaluate "+tt.want) {
				t.Errorf("%s: %s", got.Verdict, got.Reason)
			}
		})
	}
}

// A finding names the element as the policy has it, with what the policy and the request
// say. It says that something cannot be evaluated only if that decides.
func TestFindingsNameTheElement(t *testing.T) {
	objects := Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/p/*"}
	for name, tt := range map[string]struct {
		statement string
		request   Request
		want      Finding
	}{
		"Principal":    {`{"Effect":"Allow","Principal":{"AWS":"1","Service":"x"},"Action":"*"}`, pod(), Finding{Element: "Principal", Expected: []string{"AWS 1", "Service x"}, Actual: []string{"Service pods.eks.amazonaws.com"}}},
		"NotPrincipal": {`{"Effect":"Allow","NotPrincipal":"*","Action":"*"}`, pod(), Finding{Element: "NotPrincipal", Expected: []string{"*"}, Actual: []string{"Service pods.eks.amazonaws.com"}}},
		"Action":       {`{"Effect":"Allow","Action":["a:*","b:*"],"Resource":"*"}`, objects, Finding{Element: "Action", Expected: []string{"a:*", "b:*"}, Actual: []string{"s3:GetObject"}}},
		"NotAction":    {`{"Effect":"Allow","NotAction":"s3:*","Resource":"*"}`, objects, Finding{Element: "NotAction", Expected: []string{"s3:*"}, Actual: []string{"s3:GetObject"}}},
		"Resource":     {`{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::c/*"}`, objects, Finding{Element: "Resource", Expected: []string{"arn:aws:s3:::c/*"}, Actual: []string{"arn:aws:s3:::b/p/*"}}},
		"NotResource": {`{"Effect":"Allow","Action":"*","NotResource":["arn:aws:s3:::b/p/a*","*"]}`, objects,
			Finding{Element: "NotResource", Expected: []string{"arn:aws:s3:::b/p/a*", "*"}, Actual: []string{"arn:aws:s3:::b/p/*"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Evaluate(tt.request, Document{Version: PolicyVersion, Statement: []Statement{parseStatement(t, tt.statement)}})
			if diff := cmp.Diff([]Finding{tt.want}, got.Statements[0].Findings); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// A trust policy has no resources. The reason names the element.
func TestResourcesInATrustPolicyAreNamed(t *testing.T) {
	for _, element := range []string{"Resource", "NotResource"} {
		doc, err := Parse([]byte(`{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","` + element + `":"x"}}`))
		if err != nil {
			t.Fatal(err)
		}
		got := Evaluate(pod(), doc)
		if f := got.Statements[0].Findings[0]; f.Element != element || !slices.Equal(f.Expected, []string{"x"}) || !strings.Contains(got.Reason, "the element "+element+",") {
			t.Errorf("%s: %+v, %s", element, f, got.Reason)
		}
	}
}

func TestStatementsSayWhetherTheyApply(t *testing.T) {
	doc, err := Parse([]byte(`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*"},{"Effect":"Deny","Principal":"*","Action":"s3:*"},
		{"Sid":"S","Effect":"Allow","Principal":"*","Action":"*","Condition":{"Bool":{"aws:Unknown":"true"}}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range Evaluate(pod(), doc).Statements {
		got = append(got, fmt.Sprint(s.Number, " ", s.Sid, s.Effect, " ", s.Applies, " ", len(s.Findings)))
	}
	if diff := cmp.Diff([]string{"1 Allow yes 0", "2 Deny no 1", "3 SAllow unknown 1"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Only values that can still decide are worth asking for.
func TestUnknownKeysAreThoseThatCanDecide(t *testing.T) {
	doc, err := Parse([]byte(`{"Statement":[
		{"Effect":"Allow","Principal":"*","Action":"*","Condition":{"StringEquals":{"aws:B":"1","aws:A":"1"},"StringNotEquals":{"aws:E":[]},"Odd":{"aws:F":"1"}}},
		{"Effect":"Allow","Principal":"*","Action":"*","Condition":{"StringLike":{"aws:A":"1"}}},
		{"Effect":"Allow","Principal":"*","Action":"s3:*","Condition":{"StringLike":{"aws:C":"1"}}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"aws:A", "aws:B"}, Evaluate(pod(), doc).UnknownKeys()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if keys := Evaluate(irsa(), Document{}).UnknownKeys(); len(keys) > 0 {
		t.Errorf("%q", keys)
	}
}
