package desired_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
)

// withHints returns an error's message, and below it the hints of the errors in it.
func withHints(err error) string {
	if err == nil {
		return ""
	}
	return strings.Join(append([]string{err.Error()}, hintsIn(err)...), "\n")
}

func hintsIn(err error) []string {
	switch e := err.(type) { //nolint:errorlint // it visits every error of the tree
	case interface{ Hint() string }:
		return []string{e.Hint()}
	case interface{ Unwrap() []error }:
		var all []string
		for _, err := range e.Unwrap() {
			all = append(all, hintsIn(err)...)
		}
		return all
	}
	if inner := errors.Unwrap(err); inner != nil {
		return hintsIn(inner)
	}
	return nil
}

// The config has none of the settings.
func TestRequireNamesWhatEachOutputNeeds(t *testing.T) {
	const (
		role, bucket = "components[0].roleARN", "components[0].bucket"
		oidc         = "cluster.oidcProvider"
		name, region = "cluster.name", "cluster.region"
		oidc2        = "additionalClusters[0].oidcProvider"
		name2        = "additionalClusters[0].name"
	)
	tests := []struct {
		need desired.Need
		mode identity.Mode
		want []string
	}{
		{desired.NeedManifests, identity.IRSA, []string{role}},
		{desired.NeedManifests, identity.PodIdentity, nil},
		{desired.NeedManifests, identity.Both, []string{role}},
		{desired.NeedTrust, identity.IRSA, []string{role, oidc, oidc2}},
		{desired.NeedTrust, identity.PodIdentity, []string{role, name, region, name2}},
		{desired.NeedTrust, identity.Both, []string{role, oidc, name, region, oidc2, name2}},
		{desired.NeedPermissions, identity.IRSA, []string{role, bucket}},
		{desired.NeedPermissions, identity.PodIdentity, []string{role, bucket}},
		{desired.NeedAssociations, identity.PodIdentity, []string{role, name, name2}},
		{desired.NeedBackups, identity.IRSA, []string{role, bucket, region}},
		{desired.NeedLive, identity.IRSA, []string{role, oidc, oidc2}},
		{desired.NeedLive, identity.PodIdentity, []string{role, name, region, name2}},
	}
	bare := func(s *identity.Settings) {
		s.Cluster, s.Components[0].Role, s.Components[0].Bucket = identity.Cluster{}, identity.RoleARN{}, ""
		s.AdditionalClusters = []identity.Cluster{{Region: "eu-west-1"}} // an empty one is not valid
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%d %s", tt.need, tt.mode), func(t *testing.T) {
			s := stateOf(t, tt.mode, bare)
			var got []string
			err := s.Require(tt.need)
			if missing, ok := errors.AsType[*desired.MissingError](err); ok {
				for _, m := range missing.Missing {
					got = append(got, m.Key)
					if !strings.Contains(err.Error(), m.What) {
						t.Errorf("%v does not name %s", err, m.What)
					}
				}
				if want := "set " + identity.AllOf(tt.want) + " in the config"; missing.Hint() != want {
					t.Errorf("got the hint %q, want %q", missing.Hint(), want)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if full := stateOf(t, tt.mode).Require(tt.need); full != nil {
				t.Errorf("%v", full)
			}
		})
	}
	// A comparison with AWS can read the provider of a named cluster.
	s := stateOf(t, identity.IRSA, func(s *identity.Settings) { s.Cluster.OIDC = identity.OIDCProvider{} })
	if err := s.Require(desired.NeedLive); err != nil {
		t.Error(err)
	}
	if err := s.Require(desired.NeedTrust); err == nil {
		t.Error("a trust policy needs the provider")
	}
}

// Only the command line knows its flags.
func TestMessagesNameNoFlags(t *testing.T) {
	flags := regexp.MustCompile(`--[a-z]`)
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(data), "\n") {
			if !strings.HasSuffix(file, "_test.go") && flags.MatchString(line) && !strings.Contains(line, "aws eks") && !strings.Contains(line, "// --cli-input-json") {
				t.Errorf("%s:%d: %s", file, i+1, line)
			}
		}
	}
}
