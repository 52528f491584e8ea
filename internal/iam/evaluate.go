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
	if c.Kind == Service {
		listed = p.Service
	}
	switch {
	case p.IncludesEveryone(), slices.Contains(listed, c.ID):
		return isTrue
	case slices.ContainsFunc(listed, hasWildcard):
		return isUnknown
	}
	return isFalse
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

// StatementTitle returns how messages name a statement, by its number from 1.
func StatementTitle(number int, s Statement) string {
	if s.Sid == "" {
		return fmt.Sprintf("statement %d (%s)", number, s.Effect)
	}
	return fmt.Sprintf("statement %d (%s, Sid %s)", number, s.Effect, s.Sid)
}

func (s *StatementResult) title() string {
	return StatementTitle(s.Number, Statement{Sid: s.Sid, Effect: s.Effect})
}

// UnknownKeys returns the condition keys whose values decide whether a statement applies,
// sorted, each once.
func (d Decision) UnknownKeys() []string {
	var keys []string
	for _, s := range d.Statements {
		for _, f := range s.Findings {
			if s.applies == isUnknown && f.Key != "" && f.Cannot == unknownKeyText(f.Key) {
				keys = append(keys, f.Key)
			}
		}
	}
	return sortedValues(keys)
}

// cannot lists what keeps the statement from being evaluated.
func (s *StatementResult) cannot() string {
	var names []string
	for _, f := range s.Findings {
		if f.Cannot != "" {
			names = append(names, f.Cannot)
		}
	}
	return strings.Join(names, " and ")
}

// changes returns how the Allow statement that is closest to the request must change to
// allow it. Each change completes the sentence "it would be allowed if".
func (d Decision) changes(r Request) []string {
	var closest *StatementResult
	for i := range d.Statements {
		s := &d.Statements[i]
		if s.Effect == Allow && (closest == nil || s.distance() < closest.distance()) {
			closest = s
		}
	}
	if closest == nil {
		return []string{"a statement allowed " + r.String()}
	}
	var all []string
	for _, f := range closest.Findings {
		all = append(all, closest.title()+" "+f.change())
	}
	return all
}

// distance counts the findings. Those outside conditions count more, because the reader
// does not mean a statement for another principal or action.
func (s *StatementResult) distance() int {
	distance := len(s.Findings)
	for _, f := range s.Findings {
		if f.Element != "Condition" {
			distance += 100
		}
	}
	return distance
}

// change returns what must change in the statement, in the past tense.
func (f Finding) change() string {
	condition := f.Operator + " " + f.Key
	switch {
	case f.Cannot != "":
		return "matched, which depends on " + f.Cannot + " (this program cannot evaluate it)"
	case strings.HasPrefix(f.Element, "Not"):
		return fmt.Sprintf("did not exclude %s in its %s (now %s)", quoteList(f.Actual), f.Element, quoteList(f.Expected))
	case f.Element != "Condition":
		return fmt.Sprintf("also listed %s in its %s (now %s)", quoteList(f.Actual), f.Element, quoteList(f.Expected))
	case f.Operator == "Null" && len(f.Actual) > 0:
		return fmt.Sprintf("had no condition %s: the request has this key (the condition says %s)", condition, quoteList(f.Expected))
	case len(f.Actual) == 0:
		return fmt.Sprintf("had no condition %s: the request does not have this key (the condition says %s)", condition, quoteList(f.Expected))
	case strings.Contains(f.Operator, "Not"):
		return fmt.Sprintf("did not exclude %s by its condition %s (now %s)", quoteList(f.Actual), condition, quoteList(f.Expected))
	}
	return fmt.Sprintf("also accepted %s in its condition %s (now %s%s)", quoteList(f.Actual), condition, quoteList(f.Expected), f.hint())
}

// hint returns an explanation of the two most common mistakes.
//
// Source: Amazon EKS User Guide, "Assign IAM roles to Kubernetes service accounts", for
// the audience.
func (f Finding) hint() string {
	switch {
	case strings.Contains(f.Operator, "StringEquals") && slices.ContainsFunc(f.Expected, hasWildcard):
		return "; under StringEquals, * and ? are ordinary characters: use StringLike for a pattern"
	case strings.HasSuffix(f.Key, ":aud"):
		return "; EKS tokens have the audience sts.amazonaws.com in every partition"
	}
	return ""
}

// quoteList quotes values, and truncates a long list.
func quoteList(values []string) string {
	const most = 4
	var all []string
	for i, v := range values {
		if i == most {
			all = append(all, fmt.Sprintf("… (%d in all)", len(values)))
			break
		}
		all = append(all, fmt.Sprintf("%q", v))
	}
	return strings.Join(all, ", ")
}
