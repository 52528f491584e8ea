package awstest

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
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
