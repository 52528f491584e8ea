package iam

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Verdict is the outcome of an evaluation.
type Verdict string

// The outcomes. CannotEvaluate is the answer where the policy depends on
// something that the program does not know; it never guesses.
const (
	Allowed        Verdict = "allowed"
	Denied         Verdict = "denied"
	CannotEvaluate Verdict = "cannot evaluate"
)

// Decision is what a trust policy says to one request, and why.
type Decision struct {
	Verdict    Verdict           `json:"verdict"`
	Reason     string            `json:"reason"`              // one sentence
	Statement  int               `json:"statement,omitempty"` // number of the deciding statement, from 1; 0 where none decides
	Sid        string            `json:"sid,omitempty"`       // of the deciding statement
	Statements []StatementResult `json:"statements"`
	Changes    []string          `json:"changes,omitempty"` // what would have to change for the request to be allowed
}

// StatementResult is how one statement meets a request.
type StatementResult struct {
	Number   int       `json:"number"` // from 1
	Sid      string    `json:"sid,omitempty"`
	Effect   Effect    `json:"effect"`
	Applies  string    `json:"applies"`            // yes, no or unknown
	Findings []Finding `json:"findings,omitempty"` // the elements that keep it from applying, or may

	applies truth
}

// Finding is an element of a statement that a request does not fulfil, or that
// cannot be evaluated.
type Finding struct {
	Element  string   `json:"element"`            // Principal, Action, Condition, …
	Operator string   `json:"operator,omitempty"` // of a condition
	Key      string   `json:"key,omitempty"`      // of a condition
	Expected []string `json:"expected,omitempty"` // what the policy says
	Actual   []string `json:"actual,omitempty"`   // what the request has; nothing where the key is absent
	Cannot   string   `json:"cannotEvaluate,omitempty"`
}

// Evaluate decides as AWS decides by a role's trust policy, or by the permissions
// policies of a role together: a Deny that applies wins, then an Allow that
// applies, and without either the request is denied. Statements are counted
// through all documents.
//
// Source: IAM User Guide, "Policy evaluation logic".
func Evaluate(r Request, docs ...Document) Decision {
	var results []StatementResult
	for _, doc := range docs {
		for _, s := range doc.Statement {
			results = append(results, apply(doc, s, len(results)+1, r))
		}
	}
	d := Decision{Statements: results}
	allows, mayAllow := find(results, Allow, yes), find(results, Allow, maybe)
	denies, mayDeny := find(results, Deny, yes), find(results, Deny, maybe)
	switch {
	case denies != nil:
		return d.decide(Denied, denies, "denies it")
	case allows == nil && mayAllow == nil:
		return d.nobodyAllows(r)
	case mayDeny != nil:
		return d.decide(CannotEvaluate, mayDeny, "may deny it: cannot evaluate "+mayDeny.cannot())
	case allows != nil:
		return d.decide(Allowed, allows, "allows it")
	}
	return d.decide(CannotEvaluate, mayAllow, "may allow it: cannot evaluate "+mayAllow.cannot())
}

func (d Decision) nobodyAllows(r Request) Decision {
	d.Verdict, d.Reason = Denied, "no statement allows it"
	d.Changes = changes(closest(d.Statements), r)
	return d
}

func find(results []StatementResult, effect Effect, t truth) *StatementResult {
	for i := range results {
		if results[i].Effect == effect && results[i].applies == t {
			return &results[i]
		}
	}
	return nil
}

func (d Decision) decide(v Verdict, s *StatementResult, does string) Decision {
	d.Verdict, d.Statement, d.Sid = v, s.Number, s.Sid
	d.Reason = s.title() + " " + does
	if v == Denied {
		d.Changes = []string{s.title() + " were gone, or had a condition that spares this service account, and another statement allowed it"}
	}
	return d
}

// apply tests each element of a statement.
func apply(doc Document, s Statement, number int, r Request) StatementResult {
	var findings []Finding
	result := yes
	test := func(t truth, f Finding) {
		result = min(result, t)
		if t != yes {
			findings = append(findings, f)
		}
	}
	test(principalOf(s, r.Caller))
	test(actionOf(s, r.Action))
	test(resourceOf(s, doc.Version, r.Resource))
	for _, operator := range slices.Sorted(maps.Keys(s.Condition)) {
		keys := s.Condition[operator]
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			test(conditionOf(operator, key, keys[key], doc.Version, r))
		}
	}
	return StatementResult{Number: number, Sid: s.Sid, Effect: s.Effect, Applies: result.String(),
		Findings: findings, applies: result}
}

func (t truth) String() string { return [...]string{"no", "unknown", "yes"}[t] }

// principalOf tests the Principal element. "*" and the AWS principal "*" stand
// for everyone.
//
// Source: IAM User Guide, "AWS JSON policy elements: Principal", "All principals".
func principalOf(s Statement, c Caller) (truth, Finding) {
	if c == (Caller{}) {
		return yes, Finding{}
	}
	if !s.NotPrincipal.IsZero() {
		return maybe, Finding{Element: "NotPrincipal", Cannot: "the element NotPrincipal"}
	}
	if s.Principal.Everyone || slices.Contains(s.Principal.AWS, "*") {
		return yes, Finding{}
	}
	listed := s.Principal.Federated
	if c.Kind == Service {
		listed = s.Principal.Service
	}
	f := Finding{Element: "Principal", Expected: s.Principal.list(), Actual: []string{string(c.Kind) + " " + c.ID}}
	switch {
	case slices.Contains(listed, c.ID):
		return yes, Finding{}
	case slices.ContainsFunc(listed, hasWildcard):
		f.Cannot = "a wildcard in the principal " + string(c.Kind)
		return maybe, f
	}
	return no, f
}

func hasWildcard(s string) bool { return strings.ContainsAny(s, "*?") }

func (p Principal) list() []string {
	var out []string
	if p.Everyone {
		out = append(out, "*")
	}
	add := func(kind string, ids Values) {
		for _, id := range ids {
			out = append(out, kind+" "+id)
		}
	}
	add("AWS", p.AWS)
	add("CanonicalUser", p.CanonicalUser)
	add("Federated", p.Federated)
	add("Service", p.Service)
	return out
}

// actionOf tests Action or NotAction; actions are not case-sensitive.
//
// Source: IAM User Guide, "IAM JSON policy elements: Action".
func actionOf(s Statement, action string) (truth, Finding) {
	in := func(list Values) bool {
		return slices.ContainsFunc(list, func(a string) bool { return like(strings.ToLower(a), strings.ToLower(action)) })
	}
	if len(s.NotAction) > 0 {
		return truthOf(!in(s.NotAction)), Finding{Element: "NotAction", Expected: s.NotAction, Actual: []string{action}}
	}
	return truthOf(in(s.Action)), Finding{Element: "Action", Expected: s.Action, Actual: []string{action}}
}

// resourceOf tests Resource or NotResource. A request for all that a pattern
// matches is allowed for sure only if the statement covers the pattern. A trust
// policy has neither element, so one that has is not judged.
//
// Source: IAM User Guide, "IAM JSON policy elements: Resource".
func resourceOf(s Statement, version, resource string) (truth, Finding) {
	f := Finding{Element: "Resource", Expected: s.Resource, Actual: []string{resource}}
	values := s.Resource
	if len(s.NotResource) > 0 {
		f.Element, f.Expected, values = "NotResource", s.NotResource, s.NotResource
	}
	if resource == "" {
		if len(values) == 0 {
			return yes, Finding{}
		}
		f.Cannot = "the element " + f.Element + ", which IAM takes in no trust policy"
		return maybe, f
	}
	result := no
	for _, value := range values {
		t, cannot := matchResource(value, version, resource)
		if t == maybe {
			f.Cannot = cannot
		}
		result = max(result, t)
	}
	if len(s.NotResource) > 0 {
		result = result.not()
	}
	return result, f
}

// matchResource says whether a value of a policy matches all of the resources, none,
// or some of them.
func matchResource(value, version, resource string) (truth, string) {
	p, err := expand(value, version)
	asked := newPattern(resource)
	switch {
	case err != nil:
		return maybe, err.Error()
	case p.covers(asked):
		return yes, ""
	case p.overlaps(asked):
		return maybe, fmt.Sprintf("the resource %q, which matches only some of %q", value, resource)
	}
	return no, ""
}
