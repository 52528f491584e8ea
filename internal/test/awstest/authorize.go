package awstest

import (
	"fmt"
	"slices"
	"strings"

	"spaces-identity.dev/internal/iam"
)

// authorize is what IAM says to a call under the policies of the access key. It
// knows Allow statements with actions and resources, and the condition that EKS
// sets when a role is passed to it; anything else in a policy is an error, not a
// guess.
func (s *Server) authorize(op operation, call Call) *apiError {
	policies, limited := s.hooks.Policies[call.Caller]
	if !limited || call.Action() == "sts:GetCallerIdentity" { // which needs no permission
		return nil
	}
	wanted := append([]permission{{call.Action(), call.Resource}}, op.also...)
	for _, p := range wanted {
		allowed, err := allows(policies, p)
		if err != nil {
			return &apiError{400, "TestFault", err.Error()}
		}
		s.mark(p)
		if !allowed {
			code := map[bool]string{true: "AccessDeniedException", false: "AccessDenied"}[call.Service == "eks"]
			return &apiError{403, code, fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s because no identity-based policy allows the %s action",
				CallerARN, p.action, p.resource, p.action)}
		}
	}
	return nil
}

func (s *Server) mark(p permission) { s.asked = append(s.asked, p.action) }

// Used are the actions that calls of limited access keys asked for, sorted.
func (s *Server) Used() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Compact(slices.Sorted(slices.Values(s.asked)))
}

func allows(policies []string, p permission) (bool, error) {
	for _, text := range policies {
		doc, err := iam.Parse([]byte(text))
		if err != nil {
			return false, err
		}
		for _, statement := range doc.Statement {
			matched, err := matches(statement, p)
			if matched || err != nil {
				return matched, err
			}
		}
	}
	return false, nil
}

func matches(s iam.Statement, p permission) (bool, error) {
	if s.Effect != iam.Allow || len(s.NotAction)+len(s.NotResource) > 0 || !s.Principal.IsZero() {
		return false, fmt.Errorf("statement %s has elements that this server does not know", s.Sid)
	}
	is := func(value string) func(string) bool {
		return func(pattern string) bool { return wild(pattern, value) }
	}
	if !slices.ContainsFunc(s.Action, is(p.action)) || !slices.ContainsFunc(s.Resource, is(p.resource)) {
		return false, nil
	}
	for operator, keys := range s.Condition {
		for key, values := range keys {
			if operator != "StringEquals" || key != "iam:PassedToService" {
				return false, fmt.Errorf("statement %s has the condition %s on %s, which this server does not know", s.Sid, operator, key)
			}
			if p.action != "iam:PassRole" || !slices.Contains(values, iam.PodIdentityService) {
				return false, nil
			}
		}
	}
	return true, nil
}

// wild matches with * for any characters.
func wild(pattern, value string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == value
	}
	value, ok := strings.CutPrefix(value, head)
	if !ok {
		return false
	}
	for i := range len(value) + 1 {
		if wild(rest, value[i:]) {
			return true
		}
	}
	return false
}
