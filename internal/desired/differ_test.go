package desired_test

import (
	"strings"
	"testing"

	"spaces-identity.dev/internal/desired"
)

func TestDifferencesNameEachFieldOfAnAssociation(t *testing.T) {
	const policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`
	wanted := desired.Association{RoleARN: "r", TargetRoleARN: "t", Policy: policy}
	for name, tt := range map[string]struct {
		change func(*desired.Association)
		want   string
	}{
		"nothing":          {func(*desired.Association) {}, ""},
		"tags":             {func(a *desired.Association) { a.Tags = map[string]string{"a": "b"} }, ""},
		"the role":         {func(a *desired.Association) { a.RoleARN = "x" }, "roleArn"},
		"no target":        {func(a *desired.Association) { a.TargetRoleARN = "" }, "targetRoleArn"},
		"no session tags":  {func(a *desired.Association) { a.DisableSessionTags = true }, "disableSessionTags"},
		"no policy":        {func(a *desired.Association) { a.Policy = "" }, "policy"},
		"another policy":   {func(a *desired.Association) { a.Policy = strings.Replace(policy, "Get", "Put", 1) }, "policy"},
		"a policy, spaced": {func(a *desired.Association) { a.Policy = strings.ReplaceAll(policy, ",", ",\n ") }, ""},
		"a policy, in another order": {func(a *desired.Association) {
			a.Policy = `{"Statement":{"Resource":"*","Action":["s3:GetObject"],"Effect":"Allow"},"Version":"2012-10-17"}`
		}, ""},
		"no JSON":    {func(a *desired.Association) { a.Policy = "{" }, "policy"},
		"everything": {func(a *desired.Association) { *a = desired.Association{DisableSessionTags: true} }, "roleArn targetRoleArn disableSessionTags policy"},
	} {
		live := wanted
		tt.change(&live)
		if got := strings.Join(live.Differences(wanted), " "); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
		if got := strings.Join(wanted.Differences(live), " "); got != tt.want {
			t.Errorf("%s, the other way round: %q, want %q", name, got, tt.want)
		}
	}
}
