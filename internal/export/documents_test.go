package export_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/identity"
)

func TestFilesMatchTheirGoldens(t *testing.T) {
	china := oneComponent()
	china.Cluster.Region, china.Cluster.OIDC.HostPath = "cn-north-1", "oidc.eks.cn-north-1.amazonaws.com.cn/id/EXAMPLED539D4633E53DE1B716D3041E"
	china.Components[0].Role.Partition, china.Components[0].Prefix = "aws-cn", "prod/space-1"
	china.SharedBackupConfig = identity.SharedBackupConfig{Name: "nightly", Namespace: "default"}
	endpoint := oneComponent()
	endpoint.SharedBackupConfig.Endpoint = "vpce-1.s3.us-west-2.vpce.amazonaws.com:443"
	for name, settings := range map[string]identity.Settings{"many": manyComponents(), "nasty": hostileSettings(), "china": china, "endpoint": endpoint} {
		t.Run(name, func(t *testing.T) {
			files, err := export.Files(stateOf(t, settings))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				golden(t, "documents/"+name+"/"+f.Name, f.Content)
			}
		})
	}
}

func TestBackupConfigMatchesTheCRD(t *testing.T) {
	definitions, err := os.ReadFile("../../testdata/crds/spaces.yaml")
	if err != nil {
		t.Fatal(err)
	}
	ofSpace := oneComponent()
	ofSpace.Components[0].Name = identity.SpaceController
	ofSpace.SharedBackupConfig.Namespace = "team" // a SpaceBackupConfig has none
	for _, settings := range []identity.Settings{oneComponent(), hostileSettings(), ofSpace} {
		s := stateOf(t, settings)
		text, err := export.Document(export.Backups, s, s.Components[0])
		if err != nil {
			t.Fatal(err)
		}
		checkCRD(t, string(definitions), text)
	}
}

// TestComponentsShareATrustPolicy checks that components with the same role get the same
// document, the whole policy of the role.
func TestComponentsShareATrustPolicy(t *testing.T) {
	files, err := export.Files(stateOf(t, manyComponents()))
	if err != nil {
		t.Fatal(err)
	}
	policies := map[string]string{}
	for _, f := range files {
		policies[f.Name] = string(f.Content)
	}
	vector, secrets := policies["vector.trust-policy.json"], policies["external-secrets-controller.trust-policy.json"]
	if vector != secrets || !strings.Contains(vector, ":vector") || !strings.Contains(vector, `"external-secrets-controller"`) {
		t.Errorf("vector:\n%s\nexternal-secrets-controller:\n%s", vector, secrets)
	}
}

// Every partition has a domain of its own.
func TestBackupConfigNamesTheEndpointOfThePartition(t *testing.T) {
	for partition, domain := range map[string]string{"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com",
		"aws-iso": "c2s.ic.gov", "aws-iso-b": "sc2s.sgov.gov", "aws-iso-e": "cloud.adc-e.uk", "aws-iso-f": "csp.hci.ic.gov"} {
		settings := oneComponent()
		settings.Components[0].Role.Partition = partition
		s := stateOf(t, settings)
		out, err := export.Document(export.Backups, s, s.Components[0])
		if want := "endpoint: s3." + settings.Cluster.Region + "." + domain + "\n"; err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v, want %q\n%s", partition, err, want, out)
		}
	}
}

func TestBackupConfigNamesWhatIsMissing(t *testing.T) {
	s := stateOf(t, identity.Settings{})
	if out, err := export.Document(export.Backups, s, s.Components[0]); err == nil || !strings.Contains(err.Error(), "the bucket") || !strings.Contains(err.Error(), "the cluster's region") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestValuesQuoteWhatYAMLMisreads(t *testing.T) {
	s := manyComponents()
	s.Components[0].ExtraAnnotations = map[string]string{"eks.amazonaws.com/sts-regional-endpoints": "true", "example.com/none": "no"}
	s.Components[0].PodLabels = map[string]string{"team": "storage"}
	out, err := export.Values(stateOf(t, s))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "values.yaml", out)
	s.Components[0].Role = identity.RoleARN{}
	out, err = export.Values(stateOf(t, s))
	if missing, ok := errors.AsType[*desired.MissingError](err); !ok || missing.Hint() != "set components[0].roleARN in the config" {
		t.Errorf("%v\n%s", err, out)
	}
}
