package verify

import (
	"slices"
	"strings"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// roleRequests returns what the component's role must be allowed. If pods get the
// credentials of a target role, that is only to assume the target role, unless pods may use
// IRSA too.
func (f *checkInput) roleRequests() []iam.Request {
	all := f.state.PermissionRequests(f.component)
	if !f.component.HasTarget() || f.component.Mode.UsesIRSA() {
		return all
	}
	return slices.DeleteFunc(all, func(r iam.Request) bool { return !strings.HasPrefix(r.Action, "sts:") })
}

// targetRequests returns what the target role must be allowed: what pods do with the bucket.
func (f *checkInput) targetRequests() []iam.Request {
	c := f.component
	c.PodIdentity.TargetRole = identity.RoleARN{}
	return f.state.PermissionRequests(c)
}

// judgeTarget evaluates the target role's policies for requests.
func (f *checkInput) judgeTarget(requests []iam.Request) Check {
	role := f.account.roles[f.component.PodIdentity.TargetRole]
	if role.err != nil {
		return unknownf("fix target-role first", "the target role, whose credentials the pods get, could not be read")
	}
	return judgeRequests(targetRole, role.value, requests)
}

// checkTarget judges the trust policy of the target role: whether the component's role may
// assume it with the external ID of the association, and add session tags.
//
// Source: Amazon EKS User Guide, "Access AWS Resources using EKS Pod Identity Target IAM
// Roles".
func checkTarget(f *checkInput) Check {
	if !f.component.HasTarget() {
		return Check{}
	}
	arn := f.component.PodIdentity.TargetRole
	role, association := f.account.roles[arn], f.account.associations
	live, exists := association.value[f.at()]
	switch {
	case role.err != nil:
		return absentCheck(role.err, "create the target role, or correct podIdentity.targetRoleARN", "the target role %s does not exist", arn.String())
	case association.err != nil || !exists:
		return unknownf("fix association first", "the external ID of the association could not be read")
	}
	found := okCheck("%s admits %s", arn, f.component.Role)
	for _, request := range f.targetTrustRequests(live.ExternalID) {
		decision := iam.Evaluate(request, role.value.Trust)
		wanted, required := externalIDs(role.value.Trust)
		switch {
		case decision.Verdict == iam.Denied && required && !slices.ContainsFunc(wanted, func(pattern string) bool { return iam.Like(pattern, live.ExternalID) }):
			return failedCheck("set sts:ExternalId in the trust policy of the target role to "+live.ExternalID,
				"the trust policy of the target role asks for the external ID %s, and that of the association is %q", strings.Join(wanted, " or "), live.ExternalID)
		case decision.Verdict == iam.Denied:
			return failedCheck(fixDecision(decision, "allow it in the trust policy of the target role"),
				"the trust policy of the target role does not allow %s by %s: %s", request.Action, f.component.Role, decision.Reason)
		case decision.Verdict == iam.CannotEvaluate && found.State == OK:
			found = unknownf("run `spaces-identity verify --prove`, which exchanges a token", "the trust policy of the target role could not be evaluated for %s: %s", request.Action, decision.Reason)
		}
	}
	return found
}

// targetTrustRequests returns the requests by which EKS gets the credentials of the target
// role. Which session tags they have is not documented, so that these are unknown.
func (f *checkInput) targetTrustRequests(externalID string) []iam.Request {
	role := f.component.Role
	assume := iam.Request{Caller: iam.Caller{Kind: iam.Role, ID: role.String()}, Action: "sts:AssumeRole",
		Context: map[string][]string{"aws:SecureTransport": {"true"}, "aws:PrincipalArn": {role.String()}, "aws:PrincipalAccount": {role.Account}},
		Absent:  []string{"*:aud", "*:sub", "*:amr", "*:oaud", "aws:SourceAccount", "aws:SourceArn", "sts:ExternalId"}}
	if externalID != "" {
		assume = assume.With("sts:ExternalId", externalID)
	}
	if f.component.PodIdentity.DisableSessionTags {
		return []iam.Request{assume}
	}
	tag := assume
	tag.Action = "sts:TagSession"
	return []iam.Request{assume, tag}
}

// externalIDs returns the external IDs that a trust policy asks for. It is not required if
// one statement that allows sts:AssumeRole does not ask for any.
func externalIDs(trust iam.Document) (ids []string, required bool) {
	required = true
	for _, s := range trust.Statement {
		if s.Effect != iam.Allow || !slices.ContainsFunc(s.Action, func(action string) bool { return iam.Like(strings.ToLower(action), "sts:assumerole") }) {
			continue
		}
		before := len(ids)
		for _, keys := range s.Condition {
			for key, values := range keys {
				if strings.EqualFold(key, "sts:ExternalId") {
					ids = append(ids, values...)
				}
			}
		}
		required = required && len(ids) > before
	}
	return ids, required
}
