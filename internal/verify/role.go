package verify

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	eksaccount "spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// ofRole returns a check of a role's policies.
func ofRole(run func(*checkInput, Role) Check) func(*checkInput) Check {
	return func(f *checkInput) Check {
		role := f.account.roles[f.component.Role]
		if role.err != nil {
			return unknownf("fix role first", "the role could not be read")
		}
		return run(f, role.value)
	}
}

const fixAccount = "run `spaces-identity apply`"

// absentCheck returns a failed check if err wraps ErrAbsent, or else an unknown one.
func absentCheck(err error, fix, format, thing string) Check {
	if errors.Is(err, ErrAbsent) {
		return failedCheck(fix, format, thing)
	}
	return unknownCheck(err)
}

func checkRole(f *checkInput) Check {
	want := f.component.Role.String()
	role := f.account.roles[f.component.Role]
	switch {
	case role.err != nil:
		return absentCheck(role.err, fixAccount+", or create the role from the artifacts", "the role %s does not exist", want)
	case role.value.ARN != want:
		return failedCheck("correct roleARN in the config", "the role of this name is %s, not %s", role.value.ARN, want)
	case role.value.LastUsed.IsZero():
		return okCheck("%s; IAM has not recorded a use of it", want)
	}
	return okCheck("%s, last used %s", want, role.value.LastUsed.UTC().Format(time.DateTime+" MST"))
}

// checkLimits compares what the role has besides its policies with what the config asks for.
func checkLimits(f *checkInput) Check {
	if c := f.component; c.PermissionsBoundary.IsZero() && c.MaxSessionDuration == 0 && len(c.ManagedPolicies) == 0 {
		return Check{}
	}
	return ofRole(compareLimits)(f)
}

func compareLimits(f *checkInput, role Role) Check {
	c, live := f.component, role.Limits
	boundary := c.PermissionsBoundary.String()
	switch {
	case boundary != "" && live.Boundary == "":
		return failedCheck(fixLimits, "the role has no permissions boundary, and the config asks for %s", boundary)
	case boundary != "" && live.Boundary != boundary:
		return failedCheck(fixLimits, "the permissions boundary of the role is %s, not %s", live.Boundary, boundary)
	case c.MaxSessionDuration != 0 && live.MaxSession != c.MaxSessionDuration:
		return failedCheck(fixLimits, "the maximum session duration of the role is %d seconds, not %d", live.MaxSession, c.MaxSessionDuration)
	}
	for _, policy := range c.ManagedPolicies {
		if !slices.Contains(live.Attached, policy.String()) {
			return failedCheck(fixAccount, "the managed policy %s is not attached to the role", policy)
		}
	}
	return okCheck("as the config says")
}

const fixLimits = fixAccount + " if this program manages the role; otherwise ask its owner"

func checkPermissions(f *checkInput) Check {
	if !f.component.HasPermissions() {
		return Check{}
	}
	judged := ofRole(func(f *checkInput, role Role) Check {
		found := judgeRequests(ownRole, role, f.roleRequests())
		return worseCheck(found, judgeGiven(role, f.component.Given()))
	})(f)
	if f.component.HasTarget() && (judged.State == OK || judged.State == Warns) {
		if target := f.judgeTarget(f.targetRequests()); target.State != OK {
			return target
		}
	}
	return judged
}

// whoseRole is how a message names a role, and what to do if its policies allow too little.
type whoseRole struct{ name, fix string }

var (
	ownRole    = whoseRole{"role", fixPermissions}
	targetRole = whoseRole{"target role", "attach a policy with the statements about the bucket that `spaces-identity policy permissions` prints to the target role"}
)

// judgeRequests evaluates the role's policies and its permissions boundary for requests. A
// boundary must allow a request too.
//
// Source: IAM User Guide, "Permissions boundaries for IAM entities".
func judgeRequests(whose whoseRole, role Role, requests []iam.Request) Check {
	found := okCheck("the %s's policies allow everything that the component needs", whose.name)
	for _, request := range requests {
		judged := judgeRequest("the "+whose.name+"'s policies do", whose.fix, request, role.Permissions...)
		if judged.State == OK && role.Boundary != nil {
			judged = judgeRequest("the "+whose.name+"'s permissions boundary does", "change the permissions boundary", request, *role.Boundary)
		}
		switch {
		case judged.State == Fails:
			return judged
		case found.State == OK && judged.State == Warns:
			found = judged
		}
	}
	return found
}

const fixPermissions = fixAccount + ", or attach the policy that `spaces-identity policy permissions` prints"

// judgeRequest evaluates policies for a request. The text of who begins the message.
func judgeRequest(who, fix string, request iam.Request, docs ...iam.Document) Check {
	decision := iam.Evaluate(request, docs...)
	switch {
	case decision.Verdict == iam.CannotEvaluate && appliesInPart(decision) && desired.IsNamedSecret(request.Resource):
		return warningCheck("write the whole ARN of the secret in the config, so that it can be compared",
			"%s allow %s on one secret only, and the config has only the name: %s", who, request.Action, decision.Reason)
	case decision.Verdict == iam.Denied, decision.Verdict == iam.CannotEvaluate && appliesInPart(decision):
		return failedCheck(fixDecision(decision, fix), "%s not allow %s on %s: %s", who, request.Action, request.Resource, decision.Reason)
	case decision.Verdict == iam.CannotEvaluate:
		return warningCheck("check that the conditions hold for the pods; `spaces-identity policy permissions` prints a policy without them",
			"%s allow %s on %s only under conditions: %s", who, request.Action, request.Resource, decision.Reason)
	}
	return okCheck("allowed")
}

// fixDecision returns what to do about a denial: another statement may help, unless a
// statement of somebody else denies. apply leaves such a statement.
func fixDecision(d iam.Decision, otherwise string) string {
	if s := deciding(d); s.Effect == iam.Deny && !desired.Manages(iam.Statement{Sid: s.Sid}) {
		return fmt.Sprintf("ask the owner of %s to change it: it denies, this program does not manage it, and `spaces-identity apply` leaves it", statementName(s))
	}
	return otherwise
}

func statementName(s iam.StatementResult) string {
	if s.Sid == "" {
		return fmt.Sprintf("statement %d, which has no Sid,", s.Number)
	}
	return fmt.Sprintf("statement %d (%s)", s.Number, s.Sid)
}

// deciding returns the statement that decided. If none did, its number is 0.
func deciding(d iam.Decision) iam.StatementResult {
	if d.Statement == 0 {
		return iam.StatementResult{}
	}
	return d.Statements[d.Statement-1]
}

// appliesInPart reports whether the statement that decided certainly applies, but only to
// some of the resources.
func appliesInPart(d iam.Decision) bool {
	return !slices.ContainsFunc(deciding(d).Findings, func(f iam.Finding) bool { return !strings.HasSuffix(f.Element, "Resource") })
}

func checkOIDCProvider(f *checkInput) Check {
	if !f.component.Mode.UsesIRSA() {
		return Check{}
	}
	found := unknownf("set cluster.oidcProvider in the config, or cluster.name and cluster.region", "the config names no OIDC provider, and EKS could not tell it")
	for _, p := range providersOf(f.state, f.component) {
		found = okCheck("%s", p.ARN)
		switch read := f.account.audiences[p.ARN]; {
		case read.err != nil:
			found = absentCheck(read.err, fixAccount, "the account has no OIDC provider %s", p.ARN)
		case !slices.Contains(read.value, p.Audience):
			found = failedCheck(fixAccount, "the OIDC provider %s does not have the audience %s", p.ARN, p.Audience)
		}
	}
	return found
}

// checkTrust evaluates the live trust policy for the service account. In mode both, each
// mechanism must be admitted, because pods may use either.
func checkTrust(f *checkInput, role Role) Check {
	c := f.component
	explained, err := f.state.Explain(role.Trust, c, f.plane.HostNamespace, f.name)
	if err != nil {
		return unknownCheck(err)
	}
	found := okCheck("the live trust policy admits the service account")
	for _, way := range explained.Ways {
		switch proof := f.proofs[f.at()]; {
		case way.Verdict == iam.Denied:
			fix := fmt.Sprintf("%s; `spaces-identity explain %s %s --component %s --live` shows which condition denies it", fixAccount, f.plane.HostNamespace, f.name, c.Name)
			return failedCheck(fixDecision(way.Decision, fix), "the live trust policy does not admit the service account%s: %s", by(c.Mode, way.Mechanism), way.Reason)
		case way.Verdict == iam.CannotEvaluate && f.hasProved(way.Mechanism):
			if found.State == OK {
				found = okCheck("a token of the pod %s gave the role, so the live trust policy admits it%s", proof.pod, by(c.Mode, way.Mechanism))
			}
		case way.Verdict == iam.CannotEvaluate:
			found = unknownf("run `spaces-identity verify --prove`, which exchanges a token",
				"the live trust policy could not be evaluated%s: %s", by(c.Mode, way.Mechanism), way.Reason)
		}
	}
	return found
}

// by names the mechanism if the mode has two.
func by(mode, mechanism identity.Mode) string {
	if mode != identity.Both {
		return ""
	}
	return " for " + string(mechanism)
}

func checkAgent(f *checkInput) Check {
	cluster := f.state.Clusters[0]
	read := f.account.cluster
	switch {
	case !f.component.Mode.UsesPodIdentity():
		return Check{}
	case cluster.Name == "" || cluster.Region == "":
		return unknownf("set cluster.name and cluster.region in the config", "the config does not name the EKS cluster")
	case read.err != nil:
		return absentCheck(read.err, "correct cluster.name and cluster.region in the config", "the account has no EKS cluster %s", cluster.Name)
	case read.value.AutoMode:
		return okCheck("part of EKS Auto Mode")
	case read.value.Agent == "":
		return failedCheck(fixAccount+", which installs the add-on", "the cluster does not have the add-on eks-pod-identity-agent")
	case read.value.Agent == "CREATING" || read.value.Agent == "UPDATING":
		return warningCheck("wait until it is ACTIVE", "the add-on eks-pod-identity-agent is %s", read.value.Agent)
	case read.value.Agent != eksaccount.AgentActive:
		return failedCheck(fmt.Sprintf("run `aws eks describe-addon --addon-name eks-pod-identity-agent --cluster-name %s --region %s`, which says why", cluster.Name, cluster.Region),
			"the add-on eks-pod-identity-agent is %s, not ACTIVE", read.value.Agent)
	}
	return okCheck("the add-on eks-pod-identity-agent is ACTIVE")
}

func checkAssociation(f *checkInput) Check {
	if !f.component.Mode.UsesPodIdentity() {
		return Check{}
	}
	if err := f.account.associations.err; err != nil {
		return unknownCheck(err)
	}
	live, exists := f.account.associations.value[f.at()]
	if !exists {
		return failedCheck(fixAccount, "there is no Pod Identity association for %s", f.name)
	}
	if f.component.IsScoped() && !f.isNamed() {
		return unknownf("write {name: "+f.plane.HostNamespace+", group: GROUP, controlPlane: NAME} under controlPlanes.namespaces",
			"no ControlPlane object names this host namespace, so its session policy is not known")
	}
	wanted := desired.Association{RoleARN: f.component.Role.String(), TargetRoleARN: f.component.PodIdentity.TargetRole.String(),
		DisableSessionTags: f.component.PodIdentity.DisableSessionTags, Policy: f.state.SessionPolicy(f.component, f.plane.HostNamespace)}
	differ := live.Differences(wanted)
	switch {
	case slices.Contains(differ, "roleArn"):
		return failedCheck(fixAssociation(live), "the association gives the role %s, not %s", live.RoleARN, wanted.RoleARN)
	case len(differ) > 0:
		return failedCheck(fixAssociation(live), "the association differs from the config in %s", strings.Join(differ, ", "))
	}
	return okCheck("gives the role")
}

// fixAssociation returns what to do about an association: apply leaves those of others.
func fixAssociation(live desired.Association) string {
	if live.Tags[desired.ManagedByTag] == desired.ManagedByValue {
		return fixAccount
	}
	return "ask its owner to change or remove it: this program does not manage the association, so `spaces-identity apply` leaves it"
}
