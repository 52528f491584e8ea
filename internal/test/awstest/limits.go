package awstest

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
)

// This file has the calls that limit and delete roles.

// number reads a number of a form. The model has checked it; an absent one is 0.
func number(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}

// boundaryContext returns the condition key of a call that sets a permissions boundary.
//
// Source: Service Authorization Reference, "Condition keys for AWS Identity and Access
// Management".
func boundaryContext(form url.Values) map[string]string {
	if !form.Has("PermissionsBoundary") {
		return nil
	}
	return map[string]string{"iam:PermissionsBoundary": form.Get("PermissionsBoundary")}
}

// checkBoundary returns the error of IAM if the managed policy does not exist.
func checkBoundary(s *State, arn string) *apiError {
	if _, ok := s.Managed[arn]; arn != "" && !ok {
		return missingEntity("Scope ARN: %s does not exist or is not attachable.", arn)
	}
	return nil
}

func putBoundary(form url.Values) (apiOperation, *apiError) {
	op, fail := changeRole(form, "PutRolePermissionsBoundary", func(s *State, role *Role) *apiError {
		role.Boundary = form.Get("PermissionsBoundary")
		return checkBoundary(s, role.Boundary)
	})
	op.context = boundaryContext(form)
	return op, fail
}

// updateRole changes only what the request names.
func updateRole(form url.Values) (apiOperation, *apiError) {
	op, fail := changeRole(form, "UpdateRole", func(_ *State, role *Role) *apiError {
		if form.Has("MaxSessionDuration") {
			role.MaxSession = number(form.Get("MaxSessionDuration"))
		}
		if form.Has("Description") {
			role.Description = form.Get("Description")
		}
		return nil
	})
	run := op.run
	op.run = func(s *State, lag int) apiResponse {
		if answer := run(s, lag); answer != (apiResponse)(xmlAnswer{"UpdateRole", nil}) {
			return answer
		}
		return xmlAnswer{"UpdateRole", struct{}{}}
	}
	return op, fail
}

// maxAttached is the default quota of managed policies of a role.
//
// Source: IAM User Guide, "IAM and AWS STS quotas".
const maxAttached = 10

func policyContext(op apiOperation, form url.Values) apiOperation {
	op.context = map[string]string{"iam:PolicyARN": form.Get("PolicyArn")}
	return op
}

func attachPolicy(form url.Values) (apiOperation, *apiError) {
	arn := form.Get("PolicyArn")
	op, fail := changeRole(form, "AttachRolePolicy", func(s *State, role *Role) *apiError {
		switch _, exists := s.Managed[arn]; {
		case !exists:
			return missingEntity("Policy %s does not exist or is not attachable.", arn)
		case slices.Contains(role.Attached, arn):
			return nil
		case len(role.Attached) >= maxAttached:
			return &apiError{409, "LimitExceeded", fmt.Sprintf("Cannot exceed quota for PoliciesPerRole: %d", maxAttached)}
		}
		role.Attached = append(slices.Clone(role.Attached), arn)
		return nil
	})
	return policyContext(op, form), fail
}

func detachPolicy(form url.Values) (apiOperation, *apiError) {
	arn := form.Get("PolicyArn")
	op, fail := changeRole(form, "DetachRolePolicy", func(_ *State, role *Role) *apiError {
		if !slices.Contains(role.Attached, arn) {
			return missingEntity("Policy %s was not found.", arn)
		}
		role.Attached = slices.DeleteFunc(slices.Clone(role.Attached), func(a string) bool { return a == arn })
		return nil
	})
	return policyContext(op, form), fail
}

func untagRole(form url.Values) (apiOperation, *apiError) {
	return changeRole(form, "UntagRole", func(_ *State, role *Role) *apiError {
		role.Tags = maps.Clone(role.Tags)
		for n := 1; form.Has(fmt.Sprintf("TagKeys.member.%d", n)); n++ {
			delete(role.Tags, form.Get(fmt.Sprintf("TagKeys.member.%d", n)))
		}
		return nil
	})
}

// deleteRole deletes a role that has no policies and is in no instance profile.
//
// Source: IAM API reference, DeleteRole.
func deleteRole(form url.Values) (apiOperation, *apiError) {
	op, fail := changeRole(form, "DeleteRole", func(_ *State, role *Role) *apiError {
		switch {
		case len(role.Inline) > 0:
			return &apiError{409, "DeleteConflict", "Cannot delete entity, must delete policies first."}
		case len(role.Attached) > 0:
			return &apiError{409, "DeleteConflict", "Cannot delete entity, must detach all policies first."}
		case len(role.Profiles) > 0:
			return &apiError{409, "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first."}
		}
		return nil
	})
	run := op.run
	op.run = func(s *State, lag int) apiResponse {
		answer := run(s, lag)
		if _, failed := answer.(*apiError); !failed {
			delete(s.Roles, form.Get("RoleName"))
		}
		return answer
	}
	return op, fail
}

// listRoles lists all roles. IAM leaves the tags and the permissions boundary out.
//
// Source: IAM API reference, ListRoles.
func listRoles(form url.Values) (apiOperation, *apiError) {
	return apiOperation{resource: "*", run: func(s *State, _ int) apiResponse {
		names, next, fail := pageOf(s, slices.Sorted(maps.Keys(s.Roles)), form.Get("Marker"), form.Get("MaxItems"))
		if fail != nil {
			return fail
		}
		var roles []roleXML
		for _, name := range names {
			role := describeRole(s, name, s.Roles[name])
			role.Tags, role.PermissionsBoundary = nil, nil
			roles = append(roles, role)
		}
		return xmlAnswer{"ListRoles", struct {
			Roles       memberList[roleXML]
			IsTruncated bool
			Marker      string `xml:",omitempty"`
		}{memberList[roleXML]{roles}, next != "", next}}
	}}, nil
}

type profileXML struct {
	Path, InstanceProfileName, InstanceProfileId, Arn, CreateDate string

	Roles memberList[roleXML]
}

func listProfiles(form url.Values) (apiOperation, *apiError) {
	return readRole(form, func(s *State, name string, role Role) apiResponse {
		profiles, next, fail := pageOf(s, role.Profiles, form.Get("Marker"), form.Get("MaxItems"))
		if fail != nil {
			return fail
		}
		var out []profileXML
		for _, profile := range profiles {
			out = append(out, profileXML{"/", profile, uniqueID("AIPA", profile), "arn:" + Partition + ":iam::" + AccountID + ":instance-profile/" + profile,
				"2026-11-22T00:00:00Z", memberList[roleXML]{[]roleXML{describeRole(s, name, role)}}})
		}
		return xmlAnswer{"ListInstanceProfilesForRole", struct {
			InstanceProfiles memberList[profileXML]
			IsTruncated      bool
			Marker           string `xml:",omitempty"`
		}{memberList[profileXML]{out}, next != "", next}}
	})
}

func tagProvider(form url.Values) (apiOperation, *apiError) {
	return onProvider(form, true, func(s *State, lag int, arn string) apiResponse {
		if _, ok := s.Providers[arn]; !ok {
			return missingEntity("OpenIDConnect Provider not found for arn %s", arn)
		}
		tags := s.ProviderTags[arn]
		if fail := addIAMTags(&tags, form); fail != nil {
			return fail
		}
		s.lag("provider "+arn, lag)
		s.ProviderTags[arn] = tags
		return xmlAnswer{"TagOpenIDConnectProvider", nil}
	})
}

// deleteProvider deletes a provider. IAM does not look for roles that use it.
//
// Source: IAM API reference, DeleteOpenIDConnectProvider.
func deleteProvider(form url.Values) (apiOperation, *apiError) {
	return onProvider(form, true, func(s *State, lag int, arn string) apiResponse {
		if _, ok := s.Providers[arn]; !ok {
			return missingEntity("OpenIDConnect Provider not found for arn %s", arn)
		}
		s.lag("provider "+arn, lag)
		delete(s.Providers, arn)
		delete(s.ProviderTags, arn)
		return xmlAnswer{"DeleteOpenIDConnectProvider", nil}
	})
}
