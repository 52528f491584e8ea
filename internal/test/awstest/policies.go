package awstest

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"spaces-identity.dev/internal/iam"
)

type memberList[T any] struct {
	Members []T `xml:"member"`
}

type attachedPolicy struct{ PolicyName, PolicyArn string }

func listRolePolicies(form url.Values) (apiOperation, *apiError) {
	return readRole(form, func(s *State, _ string, role Role) apiResponse {
		names, next, fail := pageOf(s, slices.Sorted(maps.Keys(role.Inline)), form.Get("Marker"), form.Get("MaxItems"))
		if fail != nil {
			return fail
		}
		return xmlAnswer{"ListRolePolicies", struct {
			PolicyNames memberList[string]
			IsTruncated bool
			Marker      string `xml:",omitempty"`
		}{memberList[string]{names}, next != "", next}}
	})
}

func listAttachedRolePolicies(form url.Values) (apiOperation, *apiError) {
	return readRole(form, func(s *State, _ string, role Role) apiResponse {
		var policies []attachedPolicy
		for _, arn := range role.Attached {
			policies = append(policies, attachedPolicy{"attached", arn})
		}
		policies, next, fail := pageOf(s, policies, form.Get("Marker"), form.Get("MaxItems"))
		if fail != nil {
			return fail
		}
		return xmlAnswer{"ListAttachedRolePolicies", struct {
			AttachedPolicies memberList[attachedPolicy]
			IsTruncated      bool
			Marker           string `xml:",omitempty"`
		}{memberList[attachedPolicy]{policies}, next != "", next}}
	})
}

// pageOf returns a page of a list and the token of the next one, which is empty after the
// last page. A token is the offset of a page. If pages are small, an empty page comes
// before each page; the token after it ends with e.
//
// Source: IAM API reference, ListRolePolicies: "the service might return fewer results
// even when there are more".
func pageOf[T any](s *State, all []T, token, size string) (page []T, next string, fail *apiError) {
	most, err := strconv.Atoi(size)
	if err != nil || most > 100 {
		most = 100
	}
	digits, afterEmpty := strings.CutSuffix(token, "e")
	start, err := strconv.Atoi(digits)
	if token != "" && err != nil || start > len(all) {
		return nil, "", &apiError{400, "ValidationError", "the token of the page is not valid"}
	}
	if s.SmallPages {
		if !afterEmpty {
			return nil, strconv.Itoa(start) + "e", nil
		}
		most = min(most, 2)
	}
	end := min(start+most, len(all))
	if end < len(all) {
		next = strconv.Itoa(end)
	}
	return all[start:end], next, nil
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

func getRolePolicy(form url.Values) (apiOperation, *apiError) {
	return onRole(form, false, func(s *State, _ int, name string) apiResponse {
		policyName := form.Get("PolicyName")
		policy, ok := s.seen("role " + name).Roles[name].Inline[policyName]
		if !ok {
			return missingEntity("The role policy with name %s cannot be found.", policyName)
		}
		return xmlAnswer{"GetRolePolicy", struct{ RoleName, PolicyName, PolicyDocument string }{name, policyName, url.PathEscape(policy)}}
	})
}

func putRolePolicy(form url.Values) (apiOperation, *apiError) {
	return changeRole(form, "PutRolePolicy", func(_ *State, role *Role) *apiError {
		name, policy := form.Get("PolicyName"), form.Get("PolicyDocument")
		if _, err := iam.Parse([]byte(policy)); err != nil {
			return &apiError{400, "MalformedPolicyDocument", err.Error()}
		}
		role.Inline = mergeMaps(role.Inline, map[string]string{name: policy})
		total := 0
		for _, text := range role.Inline {
			total += counted(text)
		}
		if total > 10240 {
			return &apiError{409, "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role " + form.Get("RoleName")}
		}
		return nil
	})
}

func deleteRolePolicy(form url.Values) (apiOperation, *apiError) {
	return changeRole(form, "DeleteRolePolicy", func(_ *State, role *Role) *apiError {
		name := form.Get("PolicyName")
		if _, ok := role.Inline[name]; !ok {
			return missingEntity("The role policy with name %s cannot be found.", name)
		}
		role.Inline = maps.Clone(role.Inline)
		delete(role.Inline, name)
		return nil
	})
}
