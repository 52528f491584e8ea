package awstest

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"spaces-identity.dev/internal/iam"
)

// onRole returns an operation on the role's ARN.
func onRole(form url.Values, write bool, run func(s *State, lag int, name string) apiResponse) (apiOperation, *apiError) {
	name := form.Get("RoleName")
	op := apiOperation{resource: roleARN("/", name), write: write}
	op.run = func(s *State, lag int) apiResponse { return run(s, lag, name) }
	return op, nil
}

func roleARN(path, name string) string {
	return "arn:" + Partition + ":iam::" + AccountID + ":role" + path + name
}

type tag struct{ Key, Value string }

type roleXML struct {
	Path, RoleName, RoleId, Arn, CreateDate, AssumeRolePolicyDocument string

	Description  string `xml:",omitempty"`
	Tags         []tag  `xml:"Tags>member,omitempty"`
	RoleLastUsed *struct {
		LastUsedDate string `xml:",omitempty"`
		Region       string `xml:",omitempty"`
	} `xml:",omitempty"`
	PermissionsBoundary *attachedBoundary `xml:",omitempty"`
	MaxSessionDuration  int               `xml:",omitempty"`
}

// defaultSession is the maximum session duration of a role that was created without one.
//
// Source: IAM API reference, CreateRole, MaxSessionDuration.
const defaultSession = 3600

type attachedBoundary struct{ PermissionsBoundaryType, PermissionsBoundaryArn string }

// describeRole returns a role. IAM shows the unique ID of a deleted principal.
//
// Source: IAM User Guide, "AWS JSON policy elements: Principal", "IAM role principals".
func describeRole(s *State, name string, r Role) roleXML {
	trust := r.Trust
	for arn, id := range s.Deleted {
		trust = strings.ReplaceAll(trust, `"`+arn+`"`, `"`+id+`"`)
	}
	out := roleXML{Path: r.Path, RoleName: name, RoleId: uniqueID("AROA", name), Arn: roleARN(r.Path, name), CreateDate: "2026-11-22T00:00:00Z",
		AssumeRolePolicyDocument: url.QueryEscape(trust), Description: r.Description}
	out.AssumeRolePolicyDocument = strings.ReplaceAll(out.AssumeRolePolicyDocument, "+", "%20") // RFC 3986
	out.Tags = tagList(r.Tags)
	out.MaxSessionDuration = cmp.Or(r.MaxSession, defaultSession)
	if r.Boundary != "" {
		out.PermissionsBoundary = &attachedBoundary{"PermissionsBoundaryPolicy", r.Boundary}
	}
	return out
}

func tagList(tags map[string]string) (all []tag) {
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		all = append(all, tag{key, tags[key]})
	}
	return all
}

func noRole(name string) *apiError {
	return missingEntity("The role with name %s cannot be found.", name)
}

// readRole returns an operation that reads a role.
func readRole(form url.Values, run func(s *State, name string, role Role) apiResponse) (apiOperation, *apiError) {
	return onRole(form, false, func(s *State, _ int, name string) apiResponse {
		role, ok := s.seen("role " + name).Roles[name]
		if !ok {
			return noRole(name)
		}
		return run(s, name, role)
	})
}

// changeRole returns an operation that changes a role and has no result.
func changeRole(form url.Values, name string, change func(s *State, role *Role) *apiError) (apiOperation, *apiError) {
	return onRole(form, true, func(s *State, lag int, roleName string) apiResponse {
		_, visible := s.seen("role " + roleName).Roles[roleName]
		role, ok := s.Roles[roleName]
		if !ok || !visible {
			return noRole(roleName)
		}
		if _, listed := models["iam"].Operations[name].Errors["UnmodifiableEntity"]; listed && ownedByAWS.MatchString(role.Path) {
			return &apiError{400, "UnmodifiableEntity", "Cannot perform the operation on the protected role '" + roleName + "' - this role is only modifiable by AWS"}
		}
		if fail := change(s, &role); fail != nil {
			return fail
		}
		s.lag("role "+roleName, lag)
		s.Roles[roleName] = role
		return xmlAnswer{name, nil}
	})
}

// ownedByAWS matches the paths of service-linked roles and of those of IAM Identity Center.
var ownedByAWS = regexp.MustCompile(`^/(aws-service-role|aws-reserved)/`)

func getRole(form url.Values) (apiOperation, *apiError) {
	return readRole(form, func(s *State, name string, role Role) apiResponse {
		out := describeRole(s, name, role)
		out.RoleLastUsed = new(struct {
			LastUsedDate string `xml:",omitempty"`
			Region       string `xml:",omitempty"`
		})
		if role.LastUsed != "" {
			out.RoleLastUsed.LastUsedDate, out.RoleLastUsed.Region = role.LastUsed, Region
		}
		return xmlAnswer{"GetRole", struct{ Role roleXML }{out}}
	})
}

func createRole(form url.Values) (apiOperation, *apiError) {
	path := form.Get("Path")
	if path == "" {
		path = "/"
	}
	op, fail := onRole(form, true, func(s *State, lag int, name string) apiResponse {
		role := Role{Path: path, Trust: form.Get("AssumeRolePolicyDocument"), Description: form.Get("Description"), Inline: map[string]string{},
			Boundary: form.Get("PermissionsBoundary"), MaxSession: number(form.Get("MaxSessionDuration"))}
		if _, ok := s.Roles[name]; ok {
			return &apiError{409, "EntityAlreadyExists", "Role with name " + name + " already exists."}
		}
		if ownedByAWS.MatchString(path) {
			return &apiError{400, "InvalidInput", "Role path " + path + " is reserved for AWS"}
		}
		if fail := cmp.Or(checkTrust(s, role.Trust), checkBoundary(s, role.Boundary), addIAMTags(&role.Tags, form)); fail != nil {
			return fail
		}
		s.lag("role "+name, lag)
		s.Roles[name] = role
		return xmlAnswer{"CreateRole", struct{ Role roleXML }{describeRole(s, name, role)}}
	})
	if op.resource != "" {
		op.resource = roleARN(path, form.Get("RoleName"))
		op.context = boundaryContext(form)
		if form.Has("Tags.member.1.Key") {
			op.also = append(op.also, requiredPermission{"iam:TagRole", op.resource})
		}
	}
	return op, fail
}

// checkTrust returns the error of IAM for a trust policy. The quota counts all characters
// except white space.
func checkTrust(s *State, policy string) *apiError {
	doc, err := iam.Parse([]byte(policy))
	if err != nil {
		return &apiError{400, "MalformedPolicyDocument", err.Error()}
	}
	for _, statement := range doc.Statement {
		if statement.Principal.IsZero() && statement.NotPrincipal.IsZero() {
			return &apiError{400, "MalformedPolicyDocument", "AssumeRolepolicy must contain a Principal"}
		}
		if len(statement.Resource)+len(statement.NotResource) > 0 {
			return &apiError{400, "MalformedPolicyDocument", "Has prohibited field Resource"}
		}
		for _, principal := range slices.Concat(statement.Principal.AWS, statement.NotPrincipal.AWS) {
			if s.Deleted[principal] != "" || uniqueIDs.MatchString(principal) {
				return &apiError{400, "MalformedPolicyDocument", fmt.Sprintf(`Invalid principal in policy: "AWS":%q`, principal)}
			}
		}
	}
	if counted(policy) > s.TrustPolicyQuota {
		return &apiError{409, "LimitExceeded", fmt.Sprintf("Cannot exceed quota for ACLSizePerRole: %d", s.TrustPolicyQuota)}
	}
	return nil
}

// uniqueIDs matches the IDs of users and roles. IAM accepts none: it shows the ID of a
// principal only after its deletion.
var uniqueIDs = regexp.MustCompile(`^A[A-Z]{3}[A-Z0-9]{12,}$`)

func counted(text string) int {
	n := 0
	for _, r := range text {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

func updateAssumeRolePolicy(form url.Values) (apiOperation, *apiError) {
	return changeRole(form, "UpdateAssumeRolePolicy", func(s *State, role *Role) *apiError {
		role.Trust = form.Get("PolicyDocument")
		return checkTrust(s, role.Trust)
	})
}

func tagRole(form url.Values) (apiOperation, *apiError) {
	return changeRole(form, "TagRole", func(_ *State, role *Role) *apiError { return addIAMTags(&role.Tags, form) })
}

// addIAMTags adds the tags of a form. The keys of IAM's tags do not distinguish case.
//
// Source: IAM User Guide, "Tags for IAM resources", "Rules for tagging in IAM".
func addIAMTags(tags *map[string]string, form url.Values) *apiError {
	after := maps.Clone(*tags)
	if after == nil {
		after = map[string]string{}
	}
	added := map[string]bool{}
	for n := 1; form.Has(fmt.Sprintf("Tags.member.%d.Key", n)); n++ {
		key := form.Get(fmt.Sprintf("Tags.member.%d.Key", n))
		folded := strings.ToLower(key)
		switch {
		case strings.HasPrefix(folded, "aws:"):
			return &apiError{400, "InvalidInput", "Tag keys that begin with aws: are reserved for system use"}
		case added[folded]:
			return &apiError{400, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."}
		}
		added[folded] = true
		maps.DeleteFunc(after, func(existing, _ string) bool { return strings.EqualFold(existing, key) })
		after[key] = form.Get(fmt.Sprintf("Tags.member.%d.Value", n))
	}
	if len(after) > 50 {
		return &apiError{409, "LimitExceeded", "Cannot exceed quota for TagsPerRole: 50"}
	}
	*tags = after
	return nil
}

// mergeMaps returns the entries of both maps. The second map wins.
func mergeMaps(first, second map[string]string) map[string]string {
	all := map[string]string{}
	maps.Copy(all, first)
	maps.Copy(all, second)
	return all
}
