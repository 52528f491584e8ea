package iam

import (
	"fmt"
	"strings"
)

// StatementTitle names a statement for a reader, by its number from 1.
func StatementTitle(number int, s Statement) string {
	if s.Sid == "" {
		return fmt.Sprintf("statement %d (%s)", number, s.Effect)
	}
	return fmt.Sprintf("statement %d (%s, Sid %s)", number, s.Effect, s.Sid)
}

func (s *StatementResult) title() string {
	return StatementTitle(s.Number, Statement{Sid: s.Sid, Effect: s.Effect})
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

// closest is the Allow statement that lacks least: one whose principal and
// action fit before others, then the one with the fewest findings.
func closest(results []StatementResult) *StatementResult {
	var best *StatementResult
	for i := range results {
		s := &results[i]
		if s.Effect == Allow && (best == nil || s.distance() < best.distance()) {
			best = s
		}
	}
	return best
}

func (s *StatementResult) distance() int {
	distance := len(s.Findings)
	for _, f := range s.Findings {
		if f.Element != "Condition" {
			distance += 100
		}
	}
	return distance
}

// changes says, finding by finding, what the closest statement would have to
// say for the request to be allowed.
func changes(s *StatementResult, r Request) []string {
	if s == nil {
		return []string{fmt.Sprintf("a statement allowed %s to %s %s", r.Action, r.Caller.Kind, r.Caller.ID)}
	}
	var out []string
	for _, f := range s.Findings {
		out = append(out, "in "+s.title()+", "+f.change())
	}
	return out
}

func (f Finding) change() string {
	switch {
	case f.Cannot != "":
		return f.Cannot + " fitted, which cannot be evaluated"
	case f.Element != "Condition":
		return fmt.Sprintf("%s admitted %s; it is %s", f.Element, quoted(f.Actual), quoted(f.Expected))
	case len(f.Actual) == 0:
		return fmt.Sprintf("%s %s were gone: such a request does not have the key (the policy wants %s)",
			f.Operator, f.Key, quoted(f.Expected))
	case strings.Contains(f.Operator, "Not"):
		return fmt.Sprintf("%s %s spared %s; it is %s", f.Operator, f.Key, quoted(f.Actual), quoted(f.Expected))
	}
	return fmt.Sprintf("%s %s admitted %s; it is %s%s", f.Operator, f.Key, quoted(f.Actual), quoted(f.Expected), f.hint())
}

// hint points at the two mistakes that are made most.
func (f Finding) hint() string {
	switch {
	case strings.Contains(f.Operator, "StringEquals") && anyWildcard(f.Expected):
		return fmt.Sprintf(" (under %s a * or ? is an ordinary character; a pattern needs StringLike)", f.Operator)
	case strings.HasSuffix(f.Key, ":aud"):
		return " (the audience of EKS tokens for AWS is " + Audience + " in every partition)"
	}
	return ""
}

func anyWildcard(values []string) bool { return hasWildcard(strings.Join(values, "")) }

// quoted lists values, a long list cut short.
func quoted(values []string) string {
	const most = 4
	var out []string
	for i, v := range values {
		if i == most {
			out = append(out, fmt.Sprintf("… (%d in all)", len(values)))
			break
		}
		out = append(out, fmt.Sprintf("%q", v))
	}
	return strings.Join(out, ", ")
}
