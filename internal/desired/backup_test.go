package desired_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
)

func TestBackupConfigIsThatOfTheBucket(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*identity.Settings)
		want   desired.BackupConfig
		fails  string // what the error names
	}{
		"by default": {func(*identity.Settings) {}, desired.BackupConfig{Kind: desired.SharedBackups, Name: "spaces-backups", Bucket: "spaces-backups", Region: "us-west-2", Endpoint: "s3.us-west-2.amazonaws.com"}, ""},
		"with everything": {func(s *identity.Settings) {
			s.Components[0].Prefix = "prod"
			s.SharedBackupConfig = identity.SharedBackupConfig{Name: "nightly", Namespace: "team", Endpoint: "minio:9000"}
		}, desired.BackupConfig{Kind: desired.SharedBackups, Name: "nightly", Namespace: "team", Bucket: "spaces-backups", Prefix: "prod", Region: "us-west-2", Endpoint: "minio:9000"}, ""},
		"in China": {func(s *identity.Settings) { s.Cluster.Region, s.Components[0].Role.Partition = "cn-north-1", "aws-cn" },
			desired.BackupConfig{Kind: desired.SharedBackups, Name: "spaces-backups", Bucket: "spaces-backups", Region: "cn-north-1", Endpoint: "s3.cn-north-1.amazonaws.com.cn"}, ""},
		"of the whole Space": {func(s *identity.Settings) {
			s.Components[0].Name = "spaces-controller"
			s.SharedBackupConfig = identity.SharedBackupConfig{Namespace: "team", Endpoint: "minio:9000"}
		}, desired.BackupConfig{Kind: desired.SpaceBackups, Name: "spaces-backups", Bucket: "spaces-backups", Region: "us-west-2", Endpoint: "minio:9000"}, ""},
		"without a bucket": {func(s *identity.Settings) { s.Components[0].Bucket = "" }, desired.BackupConfig{}, "components[0].bucket"},
		"without a region": {func(s *identity.Settings) { s.Cluster.Region = "" }, desired.BackupConfig{}, "cluster.region"},
	} {
		t.Run(name, func(t *testing.T) {
			s := stateOf(t, identity.IRSA, tt.change)
			got, err := s.BackupConfig(s.Components[0])
			if (err != nil) != (tt.fails != "") || err != nil && !strings.Contains(withHints(err), tt.fails) {
				t.Errorf("error is %v", err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
			if s.HasBackupConfig(s.Components[0]) != (err == nil) {
				t.Error("HasBackupConfig differs from BackupConfig")
			}
		})
	}
	s := stateOf(t, identity.IRSA, func(s *identity.Settings) { s.Components[0].Name = "vector" })
	if s.HasBackupConfig(s.Components[0]) {
		t.Error("vector makes backups")
	}
}

func TestServiceAccountsAreSorted(t *testing.T) {
	s := stateOf(t, identity.IRSA, vector(identity.IRSA, "logs"), func(s *identity.Settings) {
		s.Components = append(s.Components, identity.Component{Name: "b", ServiceAccount: "a", Role: s.Components[0].Role})
	})
	if diff := cmp.Diff([]string{"a", "mxp-controller", "vector"}, s.ServiceAccounts()); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}

// TestWithRoleFillsInOnlyMissingRoles has a component with a role and one without.
func TestWithRoleFillsInOnlyMissingRoles(t *testing.T) {
	s := stateOf(t, identity.IRSA, vector(identity.IRSA, "logs"), func(s *identity.Settings) { s.Components[0].Role = identity.RoleARN{} })
	const example = "arn:aws:iam::111122223333:role/example"
	role, err := identity.ParseRoleARN(example)
	if err != nil {
		t.Fatal(err)
	}
	with := s.WithRole(role)
	if a, b := with.Components[0].Annotations[identity.RoleAnnotation], with.Components[1].Annotations[identity.RoleAnnotation]; a != example || !strings.HasSuffix(b, "role/logs") {
		t.Errorf("the annotations are %s and %s", a, b)
	}
	if !s.Components[0].Role.IsZero() {
		t.Error("the state itself has changed")
	}
}

func TestBudgetSaysHowManyControlPlanesFit(t *testing.T) {
	ways := []desired.WayOut{{Setting: "x", Length: 5, Consequence: "y"}}
	for _, tt := range []struct {
		budget        desired.Budget
		text, warning string
		fails         string
	}{
		{desired.Budget{Used: 80, Limit: 100, Fits: 0, WaysOut: ways}, "trust policy: 80 of 100 characters (80 %); 0 more control planes fit", "", ""},
		{desired.Budget{Used: 81, Limit: 100, Fits: 1, WaysOut: ways}, "trust policy: 81 of 100 characters (81 %); 1 more control plane fits",
			"trust policy: 81 of 100 characters (81 %); 1 more control plane fits\nways out:\n  x (5 characters): y", ""},
		{desired.Budget{Used: 100, Limit: 100, Unlimited: true}, "trust policy: 100 of 100 characters (100 %); any number of control planes fits",
			"trust policy: 100 of 100 characters (100 %); any number of control planes fits", ""},
		{desired.Budget{Used: 101, Limit: 100, Fits: 2}, "trust policy: 101 of 100 characters (101 %); 2 more control planes fit", "", "the trust policy has 101 characters, but the quota is 100"},
		{desired.Budget{Used: 101, Limit: 100, Foreign: 1, Kept: 2, WaysOut: ways}, "trust policy: 101 of 100 characters (101 %); 0 more control planes fit", "",
			"the trust policy has 101 characters (1 in foreign statements, 2 for kept subjects), but the quota is 100\nways out:\n  x (5 characters): y"},
	} {
		failure := ""
		if err := tt.budget.Err(); err != nil {
			failure = err.Error()
		}
		if diff := cmp.Diff([]string{tt.text, tt.warning, tt.fails}, []string{tt.budget.String(), tt.budget.Warning(), failure}); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt.budget, diff)
		}
	}
}
