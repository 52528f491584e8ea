package check

import (
	"fmt"
	"slices"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// BadPolicy finds policies that IAM rejects.
type BadPolicy struct{}

// About describes the rule.
func (BadPolicy) About() About { return About{"policy-syntax", "a policy that IAM does not accept"} }

func (BadPolicy) find(in *input) []Finding {
	var all []Finding
	for _, p := range in.policies {
		if p.bad == nil {
			continue
		}
		f := finding(p.locate(p.node), "", p.bad.Problem, "correct the policy; IAM rejects it as a whole")
		first, _ := p.document.lines.Position(p.document.start)
		f.Line, f.Column = p.bad.Line, p.bad.Column
		if first > 1 && p.document.start > 0 {
			f.Line += first - 1
		}
		all = append(all, f)
	}
	return all
}

// LiteralWildcard finds wildcards under an operator that takes them literally.
type LiteralWildcard struct{}

// About describes the rule.
func (LiteralWildcard) About() About {
	return About{"literal-wildcard", "a wildcard under StringEquals, which compares it literally"}
}

func (LiteralWildcard) find(in *input) []Finding {
	var all []Finding
	for _, s := range in.statements() {
		for _, c := range s.conditions() {
			value := strings.NewReplacer("${*}", "", "${?}", "").Replace(c.value)
			if desired.TakesWildcardsLiterally(c.operator) && strings.ContainsAny(value, "*?") {
				all = append(all, s.finding(c.node, c.path, fmt.Sprintf("%s takes the * or ? in %q literally, so it matches no real value", c.operator, c.value),
					"use "+strings.NewReplacer("EqualsIgnoreCase", "Like", "Equals", "Like").Replace(c.operator)+" for the pattern, or list the exact values"))
			}
		}
	}
	return all
}

// AudienceAlone finds trust policies without a condition on the subject.
type AudienceAlone struct{}

// About describes the rule.
func (AudienceAlone) About() About {
	return About{"trust-audience-alone", "a trust policy without a condition on the subject, which admits every service account of the cluster"}
}

func (AudienceAlone) find(in *input) []Finding {
	var all []Finding
	for _, s := range in.statements() {
		if s.trustsTokens() && !desired.Restricts(s.Statement, ":sub") {
			all = append(all, s.finding(s.node, s.path, "no condition on the subject: every service account of the cluster can use the role",
				`add a condition on "ISSUER:sub" with system:serviceaccount:NAMESPACE:NAME, as spaces-identity policy trust prints it`))
		}
	}
	return all
}

// NoAudience finds trust policies without a condition on the audience.
type NoAudience struct{}

// About describes the rule.
func (NoAudience) About() About {
	return About{"trust-no-audience", "a trust policy with a condition on the subject and none on the audience"}
}

func (NoAudience) find(in *input) []Finding {
	var all []Finding
	for _, s := range in.statements() {
		if s.trustsTokens() && desired.Restricts(s.Statement, ":sub") && !desired.Restricts(s.Statement, ":aud") {
			all = append(all, s.finding(s.node, s.path, "no condition on the audience: a token that was made for another service is enough",
				`add the condition StringEquals "ISSUER:aud": "`+identity.Audience+`"`))
		}
	}
	return all
}

// WrongAudience finds conditions on another audience than that of AWS STS.
type WrongAudience struct{}

// About describes the rule.
func (WrongAudience) About() About {
	return About{"trust-audience", "a trust policy that asks for another audience than sts.amazonaws.com"}
}

func (WrongAudience) find(in *input) []Finding {
	var all []Finding
	for _, s := range in.statements() {
		for _, c := range s.conditions() {
			if !s.trustsTokens() || !c.isAudience() || c.value == identity.Audience || placeholder(c.value) || isNegated(c.operator) {
				continue
			}
			f := s.finding(c.node, c.path, fmt.Sprintf("the audience is %q, but the tokens of EKS have %s in every partition", c.value, identity.Audience),
				"write "+identity.Audience)
			if strings.HasPrefix(strings.TrimSpace(strings.ToLower(c.value)), "sts.") {
				f.repair = s.policy.locate(c.node).setTo(c.path, identity.Audience)
			}
			all = append(all, f)
		}
	}
	return all
}

func isNegated(operator string) bool {
	return strings.Contains(operator, "Not") || operator == "Null"
}

// EveryNamespace finds subjects that match a service account in every namespace, or every
// service account.
type EveryNamespace struct{}

// About describes the rule.
func (EveryNamespace) About() About {
	return About{"trust-every-namespace", "a subject that admits every namespace, or every service account of a namespace"}
}

func (EveryNamespace) find(in *input) []Finding {
	var all []Finding
	for _, s := range in.statements() {
		for _, c := range s.conditions() {
			if s.Effect != iam.Allow || isNegated(c.operator) || desired.TakesWildcardsLiterally(c.operator) {
				continue
			}
			if what := admitsAll(c); what != "" {
				all = append(all, s.finding(c.node, c.path, fmt.Sprintf("%q admits %s: who can create a service account there gets the role", c.value, what),
					"list the host namespaces, or use mxp-*-system or the UUID pattern that spaces-identity policy trust prints for match: uuid"))
			}
		}
	}
	return all
}

// admitsAll says whom a condition admits if that is every namespace or service account. It
// tries names that no pattern means.
func admitsAll(c condition) string {
	matchesAll := func(text func(name string) string) bool {
		return !slices.ContainsFunc([]string{"q", "zz-9", "kube-system"}, func(name string) bool { return !iam.Like(c.value, text(name)) })
	}
	if strings.EqualFold(c.key, desired.NamespaceTag) && matchesAll(func(name string) string { return name }) {
		return "every namespace"
	}
	if !c.isSubject() || !strings.ContainsAny(c.value, "*?") {
		return ""
	}
	parts := strings.Split(strings.NewReplacer("*", "x", "?", "x").Replace(c.value), ":")
	namespace, account := "x", parts[len(parts)-1]
	if len(parts) == 4 {
		namespace = parts[2]
	}
	switch {
	case matchesAll(func(name string) string { return desired.TokenSubject(name, account) }):
		return "every namespace"
	case matchesAll(func(name string) string { return desired.TokenSubject(namespace, name) }):
		return "every service account"
	}
	return ""
}

// OpenPodIdentity finds trust policies for EKS Pod Identity that admit every association.
type OpenPodIdentity struct{}

// About describes the rule.
func (OpenPodIdentity) About() About {
	return About{"trust-pod-identity-open", "a trust policy for EKS Pod Identity that admits every association of the account"}
}

func (OpenPodIdentity) find(in *input) []Finding {
	var all []Finding
	for _, s := range in.statements() {
		limited := desired.Restricts(s.Statement, desired.NamespaceTag) || desired.Restricts(s.Statement, desired.SourceARNKey) ||
			desired.Restricts(s.Statement, desired.ServiceAccountTag) || desired.Restricts(s.Statement, "aws:RequestTag/eks-cluster-name") || desired.Restricts(s.Statement, desired.ClusterTag)
		if s.Effect == iam.Allow && slices.Contains(s.Principal.Service, desired.PodIdentityService) && !limited {
			all = append(all, s.finding(s.node, s.path, "no condition: every EKS Pod Identity association of the account can use the role",
				"add conditions on "+desired.NamespaceTag+" and "+desired.ServiceAccountTag+", as spaces-identity policy trust prints them"))
		}
	}
	return all
}

// MissingAction finds permissions for a bucket that lack an action.
type MissingAction struct{}

// About describes the rule.
func (MissingAction) About() About {
	return About{"permissions-missing", "a policy for a bucket that lacks an action the component needs, such as s3:DeleteObject"}
}

// find looks at policies that can write objects and list a bucket. Backups and billing
// delete old objects, so such a policy needs s3:DeleteObject. For a bucket of the config it
// compares with everything that the component needs.
func (MissingAction) find(in *input) []Finding {
	var all []Finding
	for _, p := range in.policies {
		if f, ok := p.missingFor(in.specs); ok {
			if f.Problem != "" {
				all = append(all, f)
			}
			continue
		}
		if f := p.missingDelete(); f.Problem != "" {
			all = append(all, f)
		}
	}
	return all
}

// missingFor compares the policy with the needs of a component whose bucket it names. It is
// not ok if there is none.
func (p *policy) missingFor(specs []identity.Spec) (f Finding, ok bool) {
	for _, spec := range specs {
		state := desired.Of(spec)
		for _, c := range state.Components {
			if c.Bucket == "" || !p.names(c.Bucket) {
				continue
			}
			var missing []string
			for _, r := range state.PermissionRequests(c) {
				if strings.HasPrefix(r.Action, "s3:") && iam.Evaluate(r, p.doc).Verdict == iam.Denied {
					missing = append(missing, r.Action)
				}
			}
			switch {
			case len(missing) == 0:
				return Finding{}, true
			case len(missing) < 4:
				f = p.lacks(c.Name+" lacks "+strings.Join(missing, ", "), missing)
			}
		}
	}
	return f, f.Problem != ""
}

// names reports whether a resource of the policy is in a bucket.
func (p *policy) names(bucket string) bool {
	return slices.ContainsFunc(p.doc.Statement, func(s iam.Statement) bool {
		return slices.ContainsFunc(s.Resource, func(r string) bool {
			_, name, ok := strings.Cut(r, ":s3:::")
			name, _, _ = strings.Cut(name, "/")
			return ok && name == bucket
		})
	})
}

// lacks returns a finding at the first statement that has a list of actions.
func (p *policy) lacks(problem string, actions []string) Finding {
	n, path := p.node.Field("Statement"), p.path.Field("Statement")
	if items := n.Items(); len(items) > 0 {
		n, path = items[0], path.Item(0)
	}
	for i, s := range p.node.Field("Statement").Items() {
		if p.doc.Statement[i].Action != nil && allows(p.doc.Statement[i], "s3:PutObject") {
			n, path = s.Field("Action"), p.path.Field("Statement").Item(i).Field("Action")
		}
	}
	return finding(p.locate(n), path.String(), problem, "allow "+strings.Join(actions, ", ")+", as spaces-identity policy permissions prints it")
}

// missingDelete looks at each object pattern to which the policy allows s3:PutObject.
func (p *policy) missingDelete() Finding {
	for _, s := range p.doc.Statement {
		if !allows(s, "s3:PutObject") || !slices.ContainsFunc(p.doc.Statement, func(s iam.Statement) bool { return allows(s, "s3:ListBucket") }) {
			continue
		}
		for _, resource := range s.Resource {
			if _, object, ok := strings.Cut(resource, ":s3:::"); !ok || !strings.Contains(object, "/") {
				continue
			}
			deletes := slices.ContainsFunc(p.doc.Statement, func(other iam.Statement) bool {
				return allows(other, "s3:DeleteObject") && slices.ContainsFunc(other.Resource, func(r string) bool { return iam.PatternCovers(r, resource) })
			})
			if !deletes {
				return p.lacks("the policy can write objects and cannot delete them: billing and backups also need s3:DeleteObject", []string{"s3:DeleteObject"})
			}
		}
	}
	return Finding{}
}

// allows reports whether a statement allows an action.
func allows(s iam.Statement, action string) bool {
	return s.Effect == iam.Allow && slices.ContainsFunc(s.Action, func(pattern string) bool {
		return iam.Like(strings.ToLower(pattern), strings.ToLower(action))
	})
}
