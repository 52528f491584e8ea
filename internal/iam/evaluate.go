package iam

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Verdict is the outcome of an evaluation.
type Verdict string

// The outcomes. The program never guesses: the outcome is CannotEvaluate if the policy
// depends on something that the program does not know.
const (
	Allowed        Verdict = "allowed"
	Denied         Verdict = "denied"
	CannotEvaluate Verdict = "cannot evaluate"
)

// Decision is the outcome for one request, and why.
type Decision struct {
	Verdict    Verdict           `json:"verdict"`
	Reason     string            `json:"reason"`              // one sentence
	Statement  int               `json:"statement,omitempty"` // number of the deciding statement, from 1; 0 if none decides
	Sid        string            `json:"sid,omitempty"`       // of the deciding statement
	Statements []StatementResult `json:"statements"`
	Changes    []string          `json:"changes,omitempty"` // the request would be allowed if all of these were true
}

// StatementResult is how one statement applies to a request.
type StatementResult struct {
	Number   int       `json:"number"` // from 1
	Sid      string    `json:"sid,omitempty"`
	Effect   Effect    `json:"effect"`
	Applies  string    `json:"applies"`            // yes, no or unknown
	Findings []Finding `json:"findings,omitempty"` // the elements that do not match, or may not match

	applies truth
}

// Finding is an element of a statement that does not match a request, or that cannot
// be evaluated.
type Finding struct {
	Element  string   `json:"element"`            // Principal, Action, Condition, …
	Operator string   `json:"operator,omitempty"` // of a condition
	Key      string   `json:"key,omitempty"`      // of a condition
	Expected []string `json:"expected,omitempty"` // what the policy says
	Actual   []string `json:"actual,omitempty"`   // what the request has; nothing if it lacks the key
	Cannot   string   `json:"cannotEvaluate,omitempty"`
}

// Evaluate decides as AWS does, by a role's trust policy or by all of its permissions
// policies. A Deny that applies wins over an Allow that applies. If neither applies, the
// request is denied. Statements are numbered across all documents.
//
// Source: IAM User Guide, "Policy evaluation logic".
func Evaluate(r Request, docs ...Document) Decision {
	var d Decision
	for _, doc := range docs {
		for _, s := range doc.Statement {
			d.Statements = append(d.Statements, evaluateStatement(s, doc.Version, len(d.Statements)+1, r))
		}
	}
	allows, mayAllow := d.first(Allow, isTrue), d.first(Allow, isUnknown)
	denies, mayDeny := d.first(Deny, isTrue), d.first(Deny, isUnknown)
	switch {
	case denies != nil:
		d = d.by(denies, Denied, "denies it")
		d.Changes = []string{denies.title() + " did not apply to this request, and another statement allowed it"}
	case allows == nil && mayAllow == nil:
		d.Verdict, d.Reason, d.Changes = Denied, "no statement allows it", d.changes(r)
	case mayDeny != nil:
		d = d.by(mayDeny, CannotEvaluate, "may deny it: cannot evaluate "+mayDeny.cannot())
	case allows != nil:
		d = d.by(allows, Allowed, "allows it")
	default:
		d = d.by(mayAllow, CannotEvaluate, "may allow it: cannot evaluate "+mayAllow.cannot())
	}
	return d
}

// first returns the first statement with that effect and result, or nil.
func (d Decision) first(effect Effect, applies truth) *StatementResult {
	i := slices.IndexFunc(d.Statements, func(s StatementResult) bool { return s.Effect == effect && s.applies == applies })
	if i < 0 {
		return nil
	}
	return &d.Statements[i]
}

// by returns the decision with the verdict of the statement.
func (d Decision) by(s *StatementResult, v Verdict, does string) Decision {
	d.Verdict, d.Statement, d.Sid, d.Reason = v, s.Number, s.Sid, s.title()+" "+does
	return d
}

// evaluateStatement tests each element of a statement.
func evaluateStatement(s Statement, version string, number int, r Request) StatementResult {
	result := StatementResult{Number: number, Sid: s.Sid, Effect: s.Effect, applies: isTrue}
	test := func(t truth, f Finding) {
		result.applies = min(result.applies, t)
		if t != isTrue {
			result.Findings = append(result.Findings, f)
		}
	}
	test(matchPrincipal(s, r.Caller))
	test(matchAction(s, r.Action))
	test(matchResource(s, version, r))
	for _, operator := range slices.Sorted(maps.Keys(s.Condition)) {
		keys := s.Condition[operator]
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			test(matchCondition(operator, key, keys, version, r))
		}
	}
	result.Applies = result.applies.String()
	return result
}

// matchPrincipal tests Principal or NotPrincipal. A request without a caller comes from the
// role that has the policy. AWS does not document what an empty NotPrincipal means.
//
// Source: IAM User Guide, "AWS JSON policy elements: Principal" and "… NotPrincipal".
func matchPrincipal(s Statement, c Caller) (truth, Finding) {
	if c == (Caller{}) {
		return isTrue, Finding{}
	}
	p, f := s.Principal, Finding{Element: "Principal", Actual: []string{string(c.Kind) + " " + c.ID}}
	excludes := !s.NotPrincipal.IsZero()
	if excludes {
		p, f.Element = s.NotPrincipal, "NotPrincipal"
	}
	f.Expected = p.list()
	result := p.includes(c)
	switch {
	case excludes && len(f.Expected) == 0:
		result, f.Cannot = isUnknown, "the empty list in NotPrincipal"
	case result == isUnknown:
		f.Cannot = "a wildcard in the principal " + string(c.Kind)
	case excludes:
		result = result.not()
	}
	return result, f
}

// includes reports whether the element names the caller. "*" and the AWS principal "*"
// mean everyone. IAM rejects other wildcards, so their result is unknown.
//
// Source: IAM User Guide, "AWS JSON policy elements: Principal", "All principals".
func (p Principal) includes(c Caller) truth {
	listed := p.Federated
	switch c.Kind {
	case Service:
		listed = p.Service
	case Role:
		return p.includesRole(c.ID)
	}
	switch {
	case p.IncludesEveryone(), slices.Contains(listed, c.ID):
		return isTrue
	case slices.ContainsFunc(listed, hasWildcard):
		return isUnknown
	}
	return isFalse
}

// includesRole reports whether the element names a role or its account. Whether it names the
// role's session is unknown.
//
// Source: IAM User Guide, "AWS JSON policy elements: Principal", "AWS account principals"
// and "Role session principals".
func (p Principal) includesRole(arn string) truth {
	prefix, name, _ := strings.Cut(arn, ":role/")
	account := prefix[strings.LastIndex(prefix, ":")+1:]
	session := strings.Replace(prefix, ":iam:", ":sts:", 1) + ":assumed-role/" + name[strings.LastIndex(name, "/")+1:] + "/"
	result := isFalse
	for _, id := range p.AWS {
		switch {
		case id == arn, id == account, id == prefix+":root":
			return isTrue
		case strings.HasPrefix(id, session), id != "*" && hasWildcard(id):
			result = isUnknown
		}
	}
	return max(result, truthOf(p.IncludesEveryone()))
}

func (p Principal) list() []string {
	var all []string
	if p.Everyone {
		all = append(all, "*")
	}
	add := func(kind string, ids Values) {
		for _, id := range ids {
			all = append(all, kind+" "+id)
		}
	}
	add("AWS", p.AWS)
	add("CanonicalUser", p.CanonicalUser)
	add("Federated", p.Federated)
	add("Service", p.Service)
	return all
}

// matchAction tests Action or NotAction; actions are not case-sensitive.
//
// Source: IAM User Guide, "IAM JSON policy elements: Action".
func matchAction(s Statement, action string) (truth, Finding) {
	return matchList("Action", s.Action, s.NotAction, action, func(a string) (truth, string) {
		matches := Like(strings.ToLower(a), strings.ToLower(action))
		if matches && !isAction(a) {
			return isUnknown, fmt.Sprintf("the action %q, which IAM rejects: a service is named without wildcards", a)
		}
		return truthOf(matches), ""
	})
}

// isAction reports whether IAM accepts an action of a policy: * or service:action, with
// wildcards only in the action.
//
// Source: IAM, MalformedPolicyDocument "Action vendors (e.g., aws, ec2, etc.) must not
// contain wildcards".
func isAction(action string) bool {
	service, _, found := strings.Cut(action, ":")
	return action == "*" || found && !hasWildcard(service)
}

// matchResource tests Resource or NotResource. If the request's resource is a pattern, the
// statement must cover all that it matches. A trust policy has neither element, so a
// statement with one cannot be evaluated there.
//
// Source: IAM User Guide, "IAM JSON policy elements: Resource".
func matchResource(s Statement, version string, r Request) (truth, Finding) {
	if r.Resource != "" {
		return matchList("Resource", s.Resource, s.NotResource, r.Resource, func(value string) (truth, string) {
			return coversResource(value, version, r)
		})
	}
	for element, list := range map[string]Values{"Resource": s.Resource, "NotResource": s.NotResource} {
		if list != nil {
			return isUnknown, Finding{Element: element, Expected: list, Cannot: "the element " + element + ", which IAM does not allow in a trust policy"}
		}
	}
	return isTrue, Finding{}
}

// matchList tests an element of alternatives, or its negation: Action and NotAction, Resource
// and NotResource. AWS does not document what an empty negation means.
func matchList(element string, list, not Values, actual string, match func(value string) (truth, string)) (truth, Finding) {
	f := Finding{Element: element, Expected: list, Actual: []string{actual}}
	if not != nil {
		f.Element, f.Expected = "Not"+element, not
	}
	result := isFalse
	for _, value := range f.Expected {
		t, cannot := match(value)
		if t == isUnknown {
			f.Cannot = cannot
		}
		result = max(result, t)
	}
	switch {
	case not != nil && len(not) == 0:
		result, f.Cannot = isUnknown, "the empty list in "+f.Element
	case not != nil:
		result = result.not()
	}
	if result != isUnknown {
		f.Cannot = ""
	}
	return result, f
}

// coversResource returns whether a policy's value matches all of the resources or none. If
// it matches some, the result is unknown.
func coversResource(value, version string, r Request) (result truth, cannot string) {
	p, err := expandVariables(value, version, r)
	asked := newPattern(r.Resource)
	switch {
	case err != nil:
		return isUnknown, err.Error()
	case p.covers(asked):
		return isTrue, ""
	case p.overlaps(asked):
		return isUnknown, fmt.Sprintf("the resource %q, which matches only some of %q", value, r.Resource)
	}
	return isFalse, ""
}
