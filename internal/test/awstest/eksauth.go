package awstest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// decodeEKSAuth reads the only operation of EKS Auth. The token must be one of a pod, for
// the agent's audience. The association of its service account names the role, whose trust
// policy must allow the session.
//
// Source: botocore, the model of eks-auth (AssumeRoleForPodIdentity).
func decodeEKSAuth(r *http.Request) (apiOperation, *apiError) {
	cluster, ok := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/clusters/"), "/assume-role-for-pod-identity")
	var body struct {
		Token string `json:"token"`
	}
	if !ok || r.Method != http.MethodPost || json.NewDecoder(r.Body).Decode(&body) != nil {
		return apiOperation{}, &apiError{404, "UnknownOperationException", r.Method + " " + r.URL.Path + " is no operation that this server knows"}
	}
	return apiOperation{name: "AssumeRoleForPodIdentity", resource: arnOf(Region, "cluster/"+cluster), run: func(s *State, _ int) apiResponse {
		token, fail := parseToken(body.Token)
		parts := strings.Split(token.Subject, ":")
		if fail != nil || len(parts) != 4 || token.Bound.Pod.UID == "" || !slices.Contains(token.Audience, desired.PodIdentityService) || s.Clusters[cluster].Issuer != token.Issuer {
			return &apiError{400, "InvalidTokenException", "The token included in the request is invalid"}
		}
		return s.startPodSession(cluster, parts[2], parts[3], token)
	}}, nil
}

func (s *State) startPodSession(cluster, namespace, serviceAccount string, token claims) apiResponse {
	i := slices.IndexFunc(s.Associations, func(a Association) bool {
		return a.Cluster == cluster && a.Namespace == namespace && a.ServiceAccount == serviceAccount
	})
	if i < 0 {
		return &apiError{404, "ResourceNotFoundException", "No association found for the service account"}
	}
	a := s.Associations[i]
	role, err := identity.ParseRoleARN(a.RoleARN)
	doc, bad := iam.Parse([]byte(s.Roles[role.Name].Trust))
	if err != nil || bad != nil {
		return &apiError{400, "AccessDeniedException", "Not authorized to perform sts:AssumeRole"}
	}
	c := desired.Component{Component: identity.Component{Role: role, PodIdentity: identity.PodIdentitySettings{DisableSessionTags: a.DisableSessionTags, SourceOrgID: s.OrgID}}}
	for _, request := range desired.PodIdentityRequests(identity.Cluster{Name: cluster, Region: Region}, c, namespace, serviceAccount) {
		if s.OrgID == "" {
			request.Absent = append(request.Absent, desired.SourceOrgIDKey)
		}
		if iam.Evaluate(request, doc).Verdict != iam.Allowed {
			return &apiError{400, "AccessDeniedException", "Not authorized to perform " + request.Action}
		}
	}
	key, arn := s.newSession(role.Name, "eks-"+cluster+"-"+token.Bound.Pod.Name)
	return jsonAnswer{map[string]any{
		"subject": map[string]string{"namespace": namespace, "serviceAccount": serviceAccount}, "audience": desired.PodIdentityService,
		"podIdentityAssociation": map[string]string{"associationArn": arnOf(Region, "podidentityassociation/"+cluster+"/"+a.ID), "associationId": a.ID},
		"assumedRoleUser":        map[string]string{"arn": arn, "assumeRoleId": uniqueID("AROA", role.Name) + ":x"},
		"credentials":            map[string]any{"accessKeyId": key, "secretAccessKey": sessionSecret, "sessionToken": sessionToken, "expiration": 4922985600},
	}}
}
