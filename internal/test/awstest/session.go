package awstest

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// session is what the credentials of an assumed role stand for.
type session struct{ role, arn string }

// claims are what the server reads of a web identity token. It does not check the
// signature, so a test can write tokens itself.
type claims struct {
	Issuer   string   `json:"iss"`
	Audience audience `json:"aud"`
	Subject  string   `json:"sub"`
	Expires  int64    `json:"exp"`
	Bound    struct {
		Pod struct{ Name, UID string } `json:"pod"`
	} `json:"kubernetes.io"`
}

// audience is a text or a list of texts.
//
// Source: RFC 7519, section 4.1.3.
type audience []string

func (a *audience) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(a))
}

// Token returns a web identity token without a signature.
func Token(issuer, audience, subject string, expires time.Time) string {
	part := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err) // maps of texts and numbers: encoding cannot fail
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	return part(map[string]string{"alg": "RS256"}) + "." +
		part(map[string]any{"iss": issuer, "aud": []string{audience}, "sub": subject, "exp": expires.Unix()}) + "." + part("unsigned")
}

func parseToken(token string) (c claims, fail *apiError) {
	parts := strings.Split(token, ".")
	malformed := &apiError{400, "InvalidIdentityToken", "The ID Token provided is not a valid JWT."}
	if len(parts) != 3 {
		return c, malformed
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(text, &c) != nil {
		return c, malformed
	}
	if time.Unix(c.Expires, 0).Before(time.Now()) {
		return c, &apiError{400, "ExpiredTokenException", "Token expired"}
	}
	return c, nil
}

// assumeRoleWithWebIdentity compares the token with the OIDC providers of the account, and
// then with the live trust policy of the role. The call has no signature.
//
// Source: AWS STS API reference, AssumeRoleWithWebIdentity.
func assumeRoleWithWebIdentity(form url.Values) (apiOperation, *apiError) {
	arn := form.Get("RoleArn")
	return apiOperation{resource: arn, run: func(s *State, _ int) apiResponse {
		token, fail := parseToken(form.Get("WebIdentityToken"))
		if fail != nil {
			return fail
		}
		host := strings.TrimPrefix(token.Issuer, "https://")
		clients, ok := s.Providers["arn:"+Partition+":iam::"+AccountID+":oidc-provider/"+host]
		if !ok {
			return &apiError{400, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for " + token.Issuer}
		}
		if !slices.ContainsFunc(token.Audience, func(a string) bool { return slices.Contains(clients, a) }) {
			return &apiError{400, "InvalidIdentityToken", "Incorrect token audience"}
		}
		name, allowed := s.trusts(arn, host, token)
		if number(form.Get("DurationSeconds")) > cmp.Or(s.Roles[name].MaxSession, defaultSession) {
			return &apiError{400, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."}
		}
		if !allowed {
			return &apiError{403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"}
		}
		return s.startSession(name, form.Get("RoleSessionName"), token)
	}}, nil
}

// trusts reports whether a role exists and its trust policy allows a token.
func (s *State) trusts(arn, host string, token claims) (name string, allowed bool) {
	name = arn[strings.LastIndexByte(arn, '/')+1:]
	role, ok := s.seen("role " + name).Roles[name]
	parsed, err := identity.ParseRoleARN(arn)
	provider, badHost := identity.ParseOIDCProvider(host)
	doc, badPolicy := iam.Parse([]byte(role.Trust))
	if !ok || roleARN(role.Path, name) != arn || err != nil || badHost != nil || badPolicy != nil {
		return name, false
	}
	request := desired.IRSARequest(identity.Cluster{OIDC: provider}, parsed, "", "").With(host+":aud", token.Audience...).With(host+":sub", token.Subject)
	return name, iam.Evaluate(request, doc).Verdict == iam.Allowed
}

// startSession returns the answer with credentials of a role.
func (s *State) startSession(role, name string, token claims) apiResponse {
	key, arn := s.newSession(role, name)
	type credentials struct{ AccessKeyId, SecretAccessKey, SessionToken, Expiration string }
	type user struct{ AssumedRoleId, Arn string }
	return xmlAnswer{"AssumeRoleWithWebIdentity", struct {
		Credentials                 credentials
		AssumedRoleUser             user
		SubjectFromWebIdentityToken string
		Audience                    string
		Provider                    string
	}{credentials{key, sessionSecret, sessionToken, "2126-01-01T00:00:00Z"}, user{uniqueID("AROA", role) + ":" + name, arn},
		token.Subject, token.Audience[0], token.Issuer}}
}

// What the server returns with the access key of a session. Tests look for them in output.
const (
	sessionSecret = "secret-of-a-session"
	sessionToken  = "token-of-a-session"
)

// newSession starts a session of a role, which does not expire.
func (s *State) newSession(role, name string) (accessKey, arn string) {
	s.made++
	accessKey = uniqueID("ASIA", fmt.Sprint(s.made))[:20]
	arn = "arn:" + Partition + ":sts::" + AccountID + ":assumed-role/" + role + "/" + name
	s.sessions[accessKey] = session{role, arn}
	used := s.Roles[role]
	used.LastUsed = "2026-11-22T00:00:00Z"
	s.Roles[role] = used
	return accessKey, arn
}

// permissionsOf returns the permissions policies of an access key; limited is false if it
// may do everything.
func (s *Server) permissionsOf(accessKey string) (policies []string, limited bool) {
	if policies, limited = s.hooks.Policies[accessKey]; limited {
		return policies, true
	}
	session, ok := s.state.sessions[accessKey]
	if !ok {
		return nil, false
	}
	role := s.state.Roles[session.role]
	for _, policy := range role.Inline {
		policies = append(policies, policy)
	}
	for _, arn := range role.Attached {
		policies = append(policies, s.state.Managed[arn])
	}
	return policies, true
}

// callerARN returns the identity of an access key.
func (s *State) callerARN(accessKey string) string {
	if session, ok := s.sessions[accessKey]; ok {
		return session.arn
	}
	return CallerARN
}
