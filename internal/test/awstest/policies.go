package awstest

import (
	"maps"
	"net/url"
	"slices"
)

// namePage is the only page of a list of names.
type namePage struct {
	PolicyNames      []string         `xml:"PolicyNames>member,omitempty"`
	AttachedPolicies []attachedPolicy `xml:"AttachedPolicies>member,omitempty"`
	IsTruncated      bool
}

type attachedPolicy struct{ PolicyName, PolicyArn string }

func listRolePolicies(form url.Values) (apiOperation, *apiError) {
	return readRole(form, func(_ string, role Role) apiResponse {
		return xmlAnswer{"ListRolePolicies", namePage{PolicyNames: slices.Sorted(maps.Keys(role.Inline))}}
	})
}

func listAttachedRolePolicies(form url.Values) (apiOperation, *apiError) {
	return readRole(form, func(_ string, role Role) apiResponse {
		var policies []attachedPolicy
		for _, arn := range role.Attached {
			policies = append(policies, attachedPolicy{"attached", arn})
		}
		return xmlAnswer{"ListAttachedRolePolicies", namePage{AttachedPolicies: policies}}
	})
}

const managedVersion = "v1"

func onPolicy(form url.Values, run func(arn, document string) apiResponse) (apiOperation, *apiError) {
	arn := form.Get("PolicyArn")
	return apiOperation{resource: arn, run: func(s *State, _ int) apiResponse {
		document, ok := s.Managed[arn]
		if !ok {
			return missingEntity("Policy %s does not exist or is not attachable.", arn)
		}
		return run(arn, document)
	}}, nil
}

func getPolicy(form url.Values) (apiOperation, *apiError) {
	return onPolicy(form, func(arn, _ string) apiResponse {
		return xmlAnswer{"GetPolicy", struct {
			Policy struct{ Arn, DefaultVersionId string }
		}{struct{ Arn, DefaultVersionId string }{arn, managedVersion}}}
	})
}

func getPolicyVersion(form url.Values) (apiOperation, *apiError) {
	return onPolicy(form, func(_, document string) apiResponse {
		if form.Get("VersionId") != managedVersion {
			return missingEntity("Policy version %s does not exist.", form.Get("VersionId"))
		}
		return xmlAnswer{"GetPolicyVersion", struct {
			PolicyVersion struct{ VersionId, Document string }
		}{struct{ VersionId, Document string }{managedVersion, url.PathEscape(document)}}}
	})
}
