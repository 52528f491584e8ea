package awstest

import (
	"cmp"
	"fmt"
	"slices"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
)

// authorize returns the error of IAM if the policies of the access key do not allow a call,
// or if the test denies it. A condition that cannot be evaluated denies the call.
//
// Source: IAM User Guide, "Troubleshoot access denied error messages".
func (s *Server) authorize(op apiOperation, call Call) *apiError {
	needed := append([]requiredPermission{{cmp.Or(op.action, call.Action()), call.Resource}}, op.also...)
	if s.hooks.Denied != nil {
		for _, p := range needed {
			if because := s.hooks.Denied(p.action); because != "" {
				return s.denied(call, p, because)
			}
		}
	}
	policies, limited := s.permissionsOf(call.Caller)
	if !limited || call.Action() == "sts:GetCallerIdentity" { // which needs no permission
		return nil
	}
	var docs []iam.Document
	for _, text := range policies {
		doc, err := iam.Parse([]byte(text))
		if err != nil {
			return &apiError{400, "TestFault", err.Error()}
		}
		docs = append(docs, doc)
	}
	boundary, fail := s.boundaryOf(call.Caller)
	if fail != nil {
		return fail
	}
	for _, p := range needed {
		s.asked = append(s.asked, p.action)
		request := iam.Request{Action: p.action, Resource: p.resource}.With("iam:PassedToService", desired.PodIdentityService)
		for key, value := range op.context {
			request = request.With(key, value)
		}
		if iam.Evaluate(request, docs...).Verdict != iam.Allowed {
			return s.denied(call, p, "because no identity-based policy allows the "+p.action+" action")
		}
		if boundary != nil && iam.Evaluate(request, *boundary).Verdict != iam.Allowed {
			return s.denied(call, p, "because no permissions boundary allows the "+p.action+" action")
		}
	}
	return nil
}

// boundaryOf returns the permissions boundary of the role of a session, or nil. A boundary
// that was deleted allows nothing.
func (s *Server) boundaryOf(accessKey string) (*iam.Document, *apiError) {
	arn := s.state.Roles[s.state.sessions[accessKey].role].Boundary
	if _, limited := s.hooks.Policies[accessKey]; limited || arn == "" {
		return nil, nil
	}
	if s.state.Managed[arn] == "" {
		return &iam.Document{}, nil
	}
	doc, err := iam.Parse([]byte(s.state.Managed[arn]))
	if err != nil {
		return nil, &apiError{400, "TestFault", err.Error()}
	}
	return &doc, nil
}

func (s *Server) denied(call Call, p requiredPermission, because string) *apiError {
	code := map[bool]string{true: "AccessDeniedException", false: "AccessDenied"}[call.Service == "eks"]
	return &apiError{403, code, fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s %s", s.state.callerARN(call.Caller), p.action, p.resource, because)}
}

// Used returns the actions that access keys with policies used, sorted.
func (s *Server) Used() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Compact(slices.Sorted(slices.Values(s.asked)))
}
