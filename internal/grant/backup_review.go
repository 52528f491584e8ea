package grant

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/identity"
)

// backupConfig is what matters of a SharedBackupConfig or SpaceBackupConfig that
// someone else wrote.
type backupConfig struct {
	Kind     string         `yaml:"kind"`
	Metadata backupMetadata `yaml:"metadata"`
	Spec     struct {
		ObjectStorage struct {
			Bucket string `yaml:"bucket"`
			Config struct {
				AWSSDKAuth bool `yaml:"aws_sdk_auth"`
			} `yaml:"config"`
			Credentials credentials `yaml:"credentials"`
			Provider    string      `yaml:"provider"`
		} `yaml:"objectStorage"`
	} `yaml:"spec"`
}

// ReviewBackupConfig says what keeps a SharedBackupConfig or SpaceBackupConfig,
// one YAML document, from backing up with the component's identity: credentials
// from a Secret, another bucket, or aws_sdk_auth where EKS Pod Identity gives the
// credentials. A document of another kind, or for another provider than AWS, has
// no findings. An error says that the document is not YAML of that form; it
// quotes nothing of it.
func ReviewBackupConfig(document []byte, c identity.Component) ([]string, error) {
	var config backupConfig
	if err := yaml.Unmarshal(document, &config); err != nil {
		return nil, errors.New("a backup config is not of the form that Spaces takes")
	}
	storage := config.Spec.ObjectStorage
	if config.Kind != "SharedBackupConfig" && config.Kind != "SpaceBackupConfig" || storage.Provider != "AWS" {
		return nil, nil
	}
	var out []string
	warn := func(format string, args ...any) {
		out = append(out, fmt.Sprintf("%s %s: ", config.Kind, config.Metadata.Name)+fmt.Sprintf(format, args...))
	}
	if storage.Credentials.Source != "InjectedIdentity" {
		warn("spec.objectStorage.credentials.source is %q, so the pod's identity is not used: set InjectedIdentity", storage.Credentials.Source)
	}
	if c.Bucket != "" && storage.Bucket != c.Bucket {
		warn("spec.objectStorage.bucket is %q, and the role may use %q", storage.Bucket, c.Bucket)
	}
	if storage.Config.AWSSDKAuth && c.Mode.UsesPodIdentity() {
		warn("spec.objectStorage.config.aws_sdk_auth is true, with which EKS Pod Identity does not work: take it out")
	}
	return out, nil
}
