package iam

import (
	"fmt"
	"slices"
	"strings"
)

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
			distance += 100 //mutate:equivalent any number above that of the conditions
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
