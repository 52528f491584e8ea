package iam

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/identity"
)

// irsa and pod are the requests of the service account in nsA.
func irsa() Request {
	return IRSARequest(space().Cluster, backup(identity.IRSA).Role, nsA, "mxp-controller")
}

func pod() Request {
	return PodIdentityRequests(space().Cluster, backup(identity.PodIdentity), nsA, "mxp-controller")[0]
}

// federated is a policy with one statement for web identities and the condition
// given.
func federated(effect, condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/` +
		provider + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":` + strings.ReplaceAll(condition, "P:", provider+":") + `}]}`
}

func podPolicy(condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},` +
		`"Action":["sts:AssumeRole","sts:TagSession"],"Condition":` + condition + `}]}`
}

const sub = "system:serviceaccount:" + nsA + ":mxp-controller"

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
		"ArnLike with no ARN":          {podPolicy(`{"ArnLike":{"aws:RequestTag/eks-cluster-arn":"arn:aws:*"}}`), pod(), CannotEvaluate, "no ARN of six parts"},
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
		"ArnNotLike of no ARN":         {podPolicy(`{"ArnNotLike":{"aws:RequestTag/kubernetes-namespace":"arn:aws:eks:*:*:cluster/*"}}`), pod(), CannotEvaluate, "which is no ARN"},
		"unknown pod name":             {podPolicy(`{"StringLike":{"aws:RequestTag/kubernetes-pod-name":"mxp-*"}}`), pod(), CannotEvaluate, "kubernetes-pod-name"},
		"no such session tag":          {podPolicy(`{"StringLike":{"aws:RequestTag/team":"*"}}`), pod(), Denied, ""},
		"ForAnyValue negated":          {podPolicy(`{"ForAnyValue:StringNotEquals":{"aws:TagKeys":["eks-cluster-arn"]}}`), pod(), Allowed, ""},
		"ForAllValues negated":         {podPolicy(`{"ForAllValues:StringNotEquals":{"aws:TagKeys":["eks-cluster-arn"]}}`), pod(), Denied, ""},
		"several values plainly":       {podPolicy(`{"StringEquals":{"aws:TagKeys":"x"}}`), pod(), CannotEvaluate, "a key of several values"},
		"unknown operator":             {federated("Allow", `{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`), irsa(), CannotEvaluate, "the condition operator IpAddress"},
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
		"NotPrincipal":             {allow + `,{"Effect":"Deny","NotPrincipal":{"AWS":"123456789012"},"Action":"*"}`, CannotEvaluate, 2},
		"Resource":                 {`{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}`, CannotEvaluate, 1},
		"may deny, nobody allows":  {`{"Effect":"Deny","NotPrincipal":{"AWS":"123456789012"},"Action":"*"}`, Denied, 0},
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
func TestOldVersionHasNoVariables(t *testing.T) {
	policy := strings.Replace(federated("Allow", `{"StringEquals":{"P:x":"${aws:username}"}}`), PolicyVersion, "2008-10-17", 1)
	doc, err := Parse([]byte(policy))
	if err != nil {
		t.Fatal(err)
	}
	if got := Evaluate(irsa().With(provider+":x", "${aws:username}"), doc); got.Verdict != Allowed {
		t.Errorf("%s: %s", got.Verdict, got.Reason)
	}
}

func TestExplainGoldens(t *testing.T) {
	doc, err := Trust(space(), backup(identity.Both), Subjects{[]string{nsA}, "team-?"})
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := Parse([]byte(federated("Allow", `{"StringEquals":{"P:aud":"sts.amazonaws.com.cn","P:sub":"system:serviceaccount:mxp-*:mxp-controller"}}`)))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		doc       Document
		namespace string
		account   string
	}{
		"allowed":        {doc, nsA, "mxp-controller"},
		"by-pattern":     {doc, "team-a", "mxp-controller"},
		"namespace":      {doc, nsB, "mxp-controller"},
		"account":        {doc, nsA, "vector"},
		"common-mistake": {wrong, nsA, "mxp-controller"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e, err := Explain(tt.doc, space(), backup(identity.Both), tt.namespace, tt.account)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "explain/"+name+".txt", []byte(e.Text()))
			golden(t, "explain/"+name+".json", indented(e))
		})
	}
}

// Without session tags the conditions on them admit nobody, and no permission to
// tag is needed.
func TestExplainWithoutSessionTags(t *testing.T) {
	doc, err := Trust(space(), backup(identity.PodIdentity), Subjects{Namespaces: []string{nsA}})
	if err != nil {
		t.Fatal(err)
	}
	open, err := Parse([]byte(strings.Replace(podPolicy(`{}`), `,"sts:TagSession"`, "", 1)))
	if err != nil {
		t.Fatal(err)
	}
	tagless := backup(identity.PodIdentity)
	tagless.PodIdentity.DisableSessionTags = true
	for _, tt := range []struct {
		doc  Document
		c    identity.Component
		want Verdict
	}{
		{doc, backup(identity.PodIdentity), Allowed}, {doc, tagless, Denied},
		{open, backup(identity.PodIdentity), Denied}, {open, tagless, Allowed},
	} {
		e, err := Explain(tt.doc, space(), tt.c, nsA, "mxp-controller")
		if err != nil || e.Verdict != tt.want {
			t.Errorf("%s, %v, want %s:\n%s", e.Verdict, err, tt.want, e.Text())
		}
	}
}

func TestReview(t *testing.T) {
	tests := map[string][]string{
		federated("Allow", `{}`): {
			"statement 1 (Allow): no condition on the audience: a token made for another service would do",
			"statement 1 (Allow): no condition on the subject: every service account of the cluster is admitted"},
		federated("Allow", `{"StringEquals":{"P:aud":"sts.amazonaws.com"},"StringLikeIfExists":{"P:sub":"x"}}`): {
			"statement 1 (Allow): no condition on the subject: every service account of the cluster is admitted"},
		federated("Allow", `{"StringEquals":{"P:aud":"sts.amazonaws.com","P:sub":"system:serviceaccount:*:x"}}`): {
			`statement 1 (Allow): StringEquals ` + provider + `:sub has a * or ? in "system:serviceaccount:*:x", which it takes literally: a pattern needs StringLike`},
		podPolicy(`{}`): {"statement 1 (Allow): no condition on aws:RequestTag/kubernetes-namespace: any association in the account can use the role"},
		`{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}`: {"statement 1 (Allow): the principal is everyone"},
		`{"Statement":{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}}`:  nil,
	}
	for policy, want := range tests {
		doc, err := Parse([]byte(policy))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, Review(doc)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", policy, diff)
		}
	}
}
