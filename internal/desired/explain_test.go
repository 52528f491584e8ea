package desired_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// federated returns a policy with one statement for web identities and the condition.
func federated(effect, condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/` +
		provider + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":` + strings.ReplaceAll(condition, "P:", provider+":") + `}]}`
}

func podPolicy(condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},` +
		`"Action":["sts:AssumeRole","sts:TagSession"],"Condition":` + condition + `}]}`
}

func parsed(t *testing.T, policy string) iam.Document {
	t.Helper()
	doc, err := iam.Parse([]byte(policy))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestExplainGoldens(t *testing.T) {
	s := stateOf(t, identity.Both, namespaces(nsA), match("team-?"))
	own := trustPolicy(t, s)
	wrong := parsed(t, federated("Allow", `{"StringEquals":{"P:aud":"sts.amazonaws.com.cn","P:sub":"system:serviceaccount:mxp-*:mxp-controller"}}`))
	tests := map[string]struct {
		doc       iam.Document
		namespace string
		account   string
	}{
		"allowed":        {own, nsA, "mxp-controller"},
		"by-pattern":     {own, "team-a", "mxp-controller"},
		"namespace":      {own, nsB, "mxp-controller"},
		"account":        {own, nsA, "vector"},
		"common-mistake": {wrong, nsA, "mxp-controller"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e, err := s.Explain(tt.doc, s.Components[0], tt.namespace, tt.account)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "explain/"+name+".json", asJSON(t, e))
		})
	}
}

// Without session tags the conditions on them admit nobody, and no permission to
// tag is needed.
func TestExplainWithoutSessionTags(t *testing.T) {
	s := stateOf(t, identity.PodIdentity, namespaces(nsA))
	tagless := stateOf(t, identity.PodIdentity, namespaces(nsA), component(func(c *identity.Component) { c.PodIdentity.DisableSessionTags = true }))
	own := trustPolicy(t, s)
	open := parsed(t, strings.Replace(podPolicy(`{}`), `,"sts:TagSession"`, "", 1))
	for _, tt := range []struct {
		doc   iam.Document
		state desired.State
		want  iam.Verdict
	}{{own, s, iam.Allowed}, {own, tagless, iam.Denied}, {open, s, iam.Denied}, {open, tagless, iam.Allowed}} {
		e, err := tt.state.Explain(tt.doc, tt.state.Components[0], nsA, "mxp-controller")
		if err != nil || e.Verdict != tt.want {
			t.Errorf("%s, %v, want %s:\n%+v", e.Verdict, err, tt.want, e)
		}
	}
}

// The user's facts decide what the program does not know.
func TestExplainWithFactsOnOneCluster(t *testing.T) {
	s := stateOf(t, identity.PodIdentity, namespaces(nsA), twoClusters, component(func(c *identity.Component) {
		c.PodIdentity.SourceARNs = []string{"arn:aws:eks:us-west-2:*:cluster/*"}
	}))
	doc := trustPolicy(t, s)
	for arn, want := range map[string]iam.Verdict{
		"": iam.CannotEvaluate, "arn:aws:eks:us-west-2:123456789012:cluster/x": iam.Allowed, "arn:aws:eks:eu-west-1:123456789012:cluster/x": iam.Denied,
	} {
		var facts []desired.Fact
		if arn != "" {
			facts = []desired.Fact{{Key: "AWS:sourceArn", Values: []string{arn}}}
		}
		e, err := s.OnCluster(s.Clusters[1]).Explain(doc, s.Components[0], nsA, "mxp-controller", facts...)
		if err != nil || e.Verdict != want || len(e.Ways) != 1 || e.Ways[0].Cluster != "prod-space-eu" {
			t.Errorf("%q: %+v, %v, want %s", arn, e, err, want)
		}
	}
}

func TestExplainErrors(t *testing.T) {
	s := stateOf(t, identity.Both, namespaces(nsA))
	bare := stateOf(t, identity.Both, func(s *identity.Settings) { s.Cluster = identity.Cluster{} })
	tests := map[string]struct {
		state              desired.State
		namespace, account string
		want               []string
	}{
		"names":    {s, "Team", "x*", []string{`"Team" is not a namespace`, `"x*" is not the name of a service account`}},
		"settings": {bare, nsA, "x", []string{"has no value for the OIDC provider, the cluster's name and the cluster's region,", "set cluster.oidcProvider, cluster.name and cluster.region in the config"}},
	}
	for name, tt := range tests {
		_, err := tt.state.Explain(iam.Document{}, tt.state.Components[0], tt.namespace, tt.account)
		for _, want := range tt.want {
			if !strings.Contains(withHints(err), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
	}
}

func TestReview(t *testing.T) {
	tests := map[string][]string{
		federated("Allow", `{}`): {
			"statement 1 (Allow): no condition on the audience: a token for another service is enough",
			"statement 1 (Allow): no condition on the subject: it admits every service account of the cluster"},
		federated("Allow", `{"StringEquals":{"P:aud":"sts.amazonaws.com"},"StringLikeIfExists":{"P:sub":"x"}}`): {
			"statement 1 (Allow): no condition on the subject: it admits every service account of the cluster"},
		federated("Allow", `{"StringEquals":{"P:aud":"sts.amazonaws.com","P:sub":"system:serviceaccount:*:x"}}`): {
			`statement 1 (Allow): StringEquals ` + provider + `:sub takes the * or ? in "system:serviceaccount:*:x" literally: a pattern needs StringLike`},
		podPolicy(`{}`): {"statement 1 (Allow): no condition on aws:RequestTag/kubernetes-namespace: any association in the account can use the role"},
		podPolicy(`{"ForAllValues:StringEquals":{"aws:RequestTag/kubernetes-namespace":"a"}}`): {
			"statement 1 (Allow): no condition on aws:RequestTag/kubernetes-namespace: any association in the account can use the role"},
		podPolicy(`{"StringEquals":{"AWS:requesttag/Kubernetes-Namespace":"a"}}`):    nil,
		`{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}`: {"statement 1 (Allow): the principal is everyone"},
		`{"Statement":{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}}`:  nil,
		`{"Statement":{"Effect":"Allow","NotPrincipal":{"AWS":"1"},"Action":"sts:*"}}`: {
			"statement 1 (Allow): NotPrincipal admits everyone else, also of other accounts"},
		`{"Statement":{"Effect":"Deny","NotPrincipal":{"AWS":"1"},"Action":"sts:*"}}`: nil,
	}
	for policy, want := range tests {
		if diff := cmp.Diff(want, desired.Review(parsed(t, policy))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", policy, diff)
		}
	}
}
