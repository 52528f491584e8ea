package awstest

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// decodeQuery reads a call of IAM or STS.
func decodeQuery(r *http.Request, service string) (apiOperation, *apiError) {
	if err := r.ParseForm(); err != nil || r.Method != http.MethodPost {
		return apiOperation{}, &apiError{400, "MalformedQueryString", "the request is not a form"}
	}
	name := r.PostForm.Get("Action")
	version := map[string]string{"iam": "2010-05-08", "sts": "2011-06-15"}[service]
	prepare, known := queryOperations[service+":"+name]
	if !known || r.PostForm.Get("Version") != version {
		return apiOperation{}, &apiError{400, "InvalidAction", fmt.Sprintf("Could not find operation %s for version %s", name, r.PostForm.Get("Version"))}
	}
	model := models[service]
	if problems := model.checkForm(model.Operations[name], r.PostForm); len(problems) > 0 {
		return apiOperation{name: name}, &apiError{400, "ValidationError", strings.Join(problems, "; ")}
	}
	op, fail := prepare(r.PostForm)
	op.name = name
	return op, fail
}

var queryOperations = map[string]func(url.Values) (apiOperation, *apiError){
	"sts:AssumeRoleWithWebIdentity":          assumeRoleWithWebIdentity,
	"sts:GetCallerIdentity":                  getCallerIdentity,
	"iam:GetAccountSummary":                  getAccountSummary,
	"iam:GetRole":                            getRole,
	"iam:ListRoles":                          listRoles,
	"iam:UpdateRole":                         updateRole,
	"iam:DeleteRole":                         deleteRole,
	"iam:UntagRole":                          untagRole,
	"iam:PutRolePermissionsBoundary":         putBoundary,
	"iam:AttachRolePolicy":                   attachPolicy,
	"iam:DetachRolePolicy":                   detachPolicy,
	"iam:ListInstanceProfilesForRole":        listProfiles,
	"iam:TagOpenIDConnectProvider":           tagProvider,
	"iam:DeleteOpenIDConnectProvider":        deleteProvider,
	"iam:CreateRole":                         createRole,
	"iam:UpdateAssumeRolePolicy":             updateAssumeRolePolicy,
	"iam:TagRole":                            tagRole,
	"iam:GetRolePolicy":                      getRolePolicy,
	"iam:PutRolePolicy":                      putRolePolicy,
	"iam:DeleteRolePolicy":                   deleteRolePolicy,
	"iam:ListRolePolicies":                   listRolePolicies,
	"iam:ListAttachedRolePolicies":           listAttachedRolePolicies,
	"iam:GetPolicy":                          getPolicy,
	"iam:GetPolicyVersion":                   getPolicyVersion,
	"iam:GetOpenIDConnectProvider":           getProvider,
	"iam:CreateOpenIDConnectProvider":        createProvider,
	"iam:AddClientIDToOpenIDConnectProvider": addClientID,
}

func getCallerIdentity(url.Values) (apiOperation, *apiError) {
	return apiOperation{resource: "*", run: func(s *State, _ int) apiResponse {
		arn := s.callerARN(s.caller)
		role, name, _ := strings.Cut(strings.SplitN(arn, "/", 2)[1], "/")
		return xmlAnswer{"GetCallerIdentity", struct{ Arn, UserId, Account string }{arn, uniqueID("AROA", role) + ":" + name, AccountID}}
	}}, nil
}

// CallerARN is the identity of every access key: a session of a role.
const CallerARN = "arn:" + Partition + ":sts::" + AccountID + ":assumed-role/deployer/ci"

// uniqueID returns the ID that IAM gives to a role (prefix AROA) or user (AIDA).
//
// Source: IAM User Guide, "IAM identifiers", "Unique identifiers".
func uniqueID(prefix, name string) string {
	sum := sha256.Sum256([]byte(name))
	return prefix + base32.StdEncoding.EncodeToString(sum[:])[:17]
}

type entry struct {
	Key   string `xml:"key"`
	Value int    `xml:"value"`
}

func getAccountSummary(url.Values) (apiOperation, *apiError) {
	return apiOperation{resource: "*", run: func(s *State, _ int) apiResponse {
		return xmlAnswer{"GetAccountSummary", struct {
			Entries []entry `xml:"SummaryMap>entry"`
		}{[]entry{{"Roles", len(s.Roles)}, {"AssumeRolePolicySizeQuota", s.TrustPolicyQuota}}}}
	}}, nil
}
