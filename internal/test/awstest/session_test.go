package awstest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

const (
	testIssuer = "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE"
	testRole   = "arn:aws:iam::123456789012:role/team/backup"
	subject    = "system:serviceaccount:mxp-a-system:mxp-controller"
)

// newWorkload starts an account in which pods with the subject may use a bucket.
func newWorkload(t *testing.T) (*Server, *sts.Client) {
	t.Helper()
	s := New(t)
	s.Change(func(state *State) {
		host := strings.TrimPrefix(testIssuer, "https://")
		state.Providers["arn:aws:iam::123456789012:oidc-provider/"+host] = []string{"sts.amazonaws.com"}
		state.Buckets["backups"] = map[string]string{"other/1": "x"}
		state.Roles["backup"] = Role{Path: "/team/",
			Trust: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/` + host + `"},
				"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"` + host + `:aud":"sts.amazonaws.com","` + host + `:sub":"` + subject + `"}}}]}`,
			Inline: map[string]string{"p": `{"Version":"2012-10-17","Statement":[
				{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::backups","Condition":{"StringLike":{"s3:prefix":"team/*"}}},
				{"Effect":"Allow","Action":["s3:PutObject","s3:DeleteObject"],"Resource":"arn:aws:s3:::backups/team/*"}]}`}}
	})
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s, sts.NewFromConfig(cfg)
}

func assume(ctx context.Context, client *sts.Client, role, token string) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	return client.AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{RoleArn: aws.String(role), RoleSessionName: aws.String("pod"),
		WebIdentityToken: aws.String(token)})
}

func TestTokenIsComparedWithProviderAndTrustPolicy(t *testing.T) {
	later := time.Now().Add(time.Hour)
	for name, c := range map[string]struct{ role, token, want string }{
		"as the policy says": {testRole, Token(testIssuer, "sts.amazonaws.com", subject, later), ""},
		"another subject":    {testRole, Token(testIssuer, "sts.amazonaws.com", subject+"2", later), "AccessDenied"},
		"another audience":   {testRole, Token(testIssuer, "vault", subject, later), "InvalidIdentityToken"},
		"another issuer":     {testRole, Token(testIssuer+"2", "sts.amazonaws.com", subject, later), "InvalidIdentityToken"},
		"expired":            {testRole, Token(testIssuer, "sts.amazonaws.com", subject, time.Now().Add(-time.Hour)), "ExpiredTokenException"},
		"no token":           {testRole, "token", "InvalidIdentityToken"},
		"another path":       {"arn:aws:iam::123456789012:role/backup", Token(testIssuer, "sts.amazonaws.com", subject, later), "AccessDenied"},
		"no such role":       {testRole + "2", Token(testIssuer, "sts.amazonaws.com", subject, later), "AccessDenied"},
	} {
		t.Run(name, func(t *testing.T) {
			s, client := newWorkload(t)
			out, err := assume(t.Context(), client, c.role, c.token)
			code := ""
			if api, ok := errors.AsType[smithy.APIError](err); ok {
				code = api.ErrorCode()
			}
			if code != c.want || (err == nil) != (c.want == "") {
				t.Fatalf("error %v, want %q", err, c.want)
			}
			if used := s.State().Roles["backup"].LastUsed != ""; used != (err == nil) {
				t.Errorf("the role was used: %t", used)
			}
			if err == nil && aws.ToString(out.AssumedRoleUser.Arn) != "arn:aws:sts::123456789012:assumed-role/backup/pod" {
				t.Errorf("user %s", aws.ToString(out.AssumedRoleUser.Arn))
			}
		})
	}
}

func TestSessionUsesTheBucketAsThePoliciesAllow(t *testing.T) {
	s, client := newWorkload(t)
	out, err := assume(t.Context(), client, testRole, Token(testIssuer, "sts.amazonaws.com", subject, time.Now().Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"PUT", "/backups/team/1", 200, ""},
		{"PUT", "/backups/1", 403, "not authorized to perform: s3:PutObject on resource: arn:aws:s3:::backups/1 because no identity-based policy"},
		{"GET", "/backups?list-type=2&prefix=team/", 200, "<Contents><Key>team/1</Key><Size>4</Size></Contents>"},
		{"GET", "/backups?list-type=2", 403, "s3:ListBucket"},
		{"GET", "/backups?list-type=2&prefix=other/", 403, "s3:ListBucket"},
		{"GET", "/backups?list-type=2&prefix=team/&size=1", 400, "no query parameter size"},
		{"HEAD", "/backups", 403, ""},
		{"DELETE", "/backups/team/1", 204, ""},
		{"DELETE", "/backups/team/1", 204, ""},
		{"DELETE", "/backups/other/1", 403, ""},
		{"GET", "/backups?list-type=2&prefix=team/", 200, "<KeyCount>0</KeyCount>"},
		{"GET", "/backups?versions", 400, "no operation"},
	} {
		request, err := http.NewRequestWithContext(t.Context(), c.method, s.web.URL+c.path, strings.NewReader("text"))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+aws.ToString(out.Credentials.AccessKeyId)+"/20261122/us-west-2/s3/aws4_request, Signature=0")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil || answer.Body.Close() != nil || answer.StatusCode != c.status || !strings.Contains(string(body), c.body) {
			t.Errorf("%s %s: %d %s, error %v", c.method, c.path, answer.StatusCode, body, err)
		}
	}
}
