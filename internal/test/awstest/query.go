package awstest

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"spaces-identity.dev/internal/iam"
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
	op, fail := prepare(r.PostForm)
	op.name = name
	return op, fail
}

var queryOperations = map[string]func(url.Values) (apiOperation, *apiError){
	"sts:GetCallerIdentity":                  getCallerIdentity,
	"iam:GetAccountSummary":                  getAccountSummary,
	"iam:GetRole":                            getRole,
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
	return apiOperation{resource: "*", run: func(*State, int) apiResponse {
		return xmlAnswer{"GetCallerIdentity", struct{ Arn, UserId, Account string }{CallerARN, "AIDATEST", AccountID}}
	}}, nil
}

// CallerARN is the identity of every access key.
const CallerARN = "arn:" + Partition + ":iam::" + AccountID + ":user/tester"

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

var (
	roleNames   = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)
	rolePaths   = regexp.MustCompile(`^/([!-~]*/)?$`)
	policyNames = regexp.MustCompile(`^[\w+=,.@-]{1,128}$`)
)

// onRole checks the role's name and returns an operation on its ARN.
func onRole(form url.Values, write bool, run func(s *State, lag int, name string) apiResponse) (apiOperation, *apiError) {
	name := form.Get("RoleName")
	if !roleNames.MatchString(name) {
		return apiOperation{}, &apiError{400, "ValidationError", "The specified value for roleName is invalid"}
	}
	op := apiOperation{resource: roleARN("/", name), write: write}
	op.run = func(s *State, lag int) apiResponse { return run(s, lag, name) }
	return op, nil
}

func roleARN(path, name string) string {
	return "arn:" + Partition + ":iam::" + AccountID + ":role" + path + name
}

type tag struct{ Key, Value string }

type roleXML struct {
	Path, RoleName, RoleId, Arn, CreateDate, AssumeRolePolicyDocument, Description string
	Tags                                                                           []tag `xml:"Tags>member"`
}

func describeRole(name string, r Role) roleXML {
	out := roleXML{r.Path, name, "AROATEST", roleARN(r.Path, name), "2026-11-22T00:00:00Z", url.PathEscape(r.Trust), r.Description, nil}
	for key, value := range r.Tags {
		out.Tags = append(out.Tags, tag{key, value})
	}
	slices.SortFunc(out.Tags, func(a, b tag) int { return strings.Compare(a.Key, b.Key) })
	return out
}

func noRole(name string) *apiError {
	return missingEntity("The role with name %s cannot be found.", name)
}

// readRole returns an operation that reads a role.
func readRole(form url.Values, run func(name string, role Role) apiResponse) (apiOperation, *apiError) {
	return onRole(form, false, func(s *State, _ int, name string) apiResponse {
		role, ok := s.seen("role " + name).Roles[name]
		if !ok {
			return noRole(name)
		}
		return run(name, role)
	})
}

// changeRole returns an operation that changes a role and has no result.
func changeRole(form url.Values, name string, change func(s *State, role *Role) *apiError) (apiOperation, *apiError) {
	return onRole(form, true, func(s *State, lag int, roleName string) apiResponse {
		role, ok := s.Roles[roleName]
		if !ok || s.invisible("role "+roleName, roleName) {
			return noRole(roleName)
		}
		if fail := change(s, &role); fail != nil {
			return fail
		}
		s.lag("role "+roleName, lag)
		s.Roles[roleName] = role
		return xmlAnswer{name, nil}
	})
}

func getRole(form url.Values) (apiOperation, *apiError) {
	return readRole(form, func(name string, role Role) apiResponse {
		return xmlAnswer{"GetRole", struct{ Role roleXML }{describeRole(name, role)}}
	})
}

func createRole(form url.Values) (apiOperation, *apiError) {
	path := form.Get("Path")
	if path == "" {
		path = "/"
	}
	op, fail := onRole(form, true, func(s *State, lag int, name string) apiResponse {
		role := Role{Path: path, Trust: form.Get("AssumeRolePolicyDocument"), Description: form.Get("Description"), Inline: map[string]string{}, Tags: formTags(form)}
		if _, ok := s.Roles[name]; ok {
			return &apiError{409, "EntityAlreadyExists", "Role with name " + name + " already exists."}
		}
		if !rolePaths.MatchString(path) {
			return &apiError{400, "ValidationError", "The specified value for path is invalid"}
		}
		if fail := checkTrust(s, role.Trust); fail != nil {
			return fail
		}
		s.lag("role "+name, lag)
		s.Roles[name] = role
		return xmlAnswer{"CreateRole", struct{ Role roleXML }{describeRole(name, role)}}
	})
	if op.resource != "" {
		op.resource = roleARN(path, form.Get("RoleName"))
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
	}
	if counted(policy) > s.TrustPolicyQuota {
		return &apiError{409, "LimitExceeded", fmt.Sprintf("Cannot exceed quota for ACLSizePerRole: %d", s.TrustPolicyQuota)}
	}
	return nil
}

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

// invisible reports whether a role was created so recently that other calls do not find
// it yet.
func (s *State) invisible(thing, name string) bool {
	_, there := s.seen(thing).Roles[name]
	return !there
}

func tagRole(form url.Values) (apiOperation, *apiError) {
	return changeRole(form, "TagRole", func(_ *State, role *Role) *apiError {
		if role.Tags = mergeMaps(role.Tags, formTags(form)); len(role.Tags) > 50 {
			return &apiError{409, "LimitExceeded", "Cannot exceed quota for TagsPerRole: 50"}
		}
		return nil
	})
}

// mergeMaps returns the entries of both maps. The second map wins.
func mergeMaps(first, second map[string]string) map[string]string {
	all := map[string]string{}
	maps.Copy(all, first)
	maps.Copy(all, second)
	return all
}

func formTags(form url.Values) map[string]string {
	tags := map[string]string{}
	for n := 1; form.Has(fmt.Sprintf("Tags.member.%d.Key", n)); n++ {
		tags[form.Get(fmt.Sprintf("Tags.member.%d.Key", n))] = form.Get(fmt.Sprintf("Tags.member.%d.Value", n))
	}
	return tags
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
		if !policyNames.MatchString(name) {
			return &apiError{400, "ValidationError", "The specified value for policyName is invalid"}
		}
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

func onProvider(form url.Values, write bool, run func(s *State, lag int, arn string) apiResponse) (apiOperation, *apiError) {
	arn := form.Get("OpenIDConnectProviderArn")
	if !strings.HasPrefix(arn, "arn:"+Partition+":iam::"+AccountID+":oidc-provider/") {
		return apiOperation{}, &apiError{400, "InvalidInput", "the ARN is not one of an OIDC provider of this account"}
	}
	return apiOperation{resource: arn, write: write, run: func(s *State, lag int) apiResponse { return run(s, lag, arn) }}, nil
}

func getProvider(form url.Values) (apiOperation, *apiError) {
	return onProvider(form, false, func(s *State, _ int, arn string) apiResponse {
		clients, ok := s.seen("provider " + arn).Providers[arn]
		if !ok {
			return missingEntity("OpenIDConnect Provider not found for arn %s", arn)
		}
		return xmlAnswer{"GetOpenIDConnectProvider", struct {
			Url     string
			Clients []string `xml:"ClientIDList>member"`
		}{strings.SplitN(arn, "/", 2)[1], clients}}
	})
}

func createProvider(form url.Values) (apiOperation, *apiError) {
	issuer, isHTTPS := strings.CutPrefix(form.Get("Url"), "https://")
	if !isHTTPS || strings.Contains(issuer, "?") {
		return apiOperation{}, &apiError{400, "InvalidInput", "The URL must begin with https://"}
	}
	arn := "arn:" + Partition + ":iam::" + AccountID + ":oidc-provider/" + issuer
	op := apiOperation{resource: arn, write: true}
	if form.Has("Tags.member.1.Key") {
		op.also = append(op.also, requiredPermission{"iam:TagOpenIDConnectProvider", arn})
	}
	op.run = func(s *State, lag int) apiResponse {
		if _, ok := s.Providers[arn]; ok {
			return &apiError{409, "EntityAlreadyExists", "Provider with url https://" + issuer + " already exists."}
		}
		s.lag("provider "+arn, lag)
		s.Providers[arn] = []string{form.Get("ClientIDList.member.1")}
		return xmlAnswer{"CreateOpenIDConnectProvider", struct{ OpenIDConnectProviderArn string }{arn}}
	}
	return op, nil
}

func addClientID(form url.Values) (apiOperation, *apiError) {
	return onProvider(form, true, func(s *State, lag int, arn string) apiResponse {
		clients, ok := s.Providers[arn]
		if !ok {
			return missingEntity("OpenIDConnect Provider not found for arn %s", arn)
		}
		s.lag("provider "+arn, lag)
		if id := form.Get("ClientID"); !slices.Contains(clients, id) {
			s.Providers[arn] = append(slices.Clone(clients), id)
		}
		return xmlAnswer{"AddClientIDToOpenIDConnectProvider", nil}
	})
}
