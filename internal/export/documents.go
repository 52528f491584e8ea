package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"spaces-identity.dev/internal/artifact"
	"spaces-identity.dev/internal/desired"
)

// Part is one of a component's documents, by the name of the command that prints it.
type Part string

// The parts.
const (
	Trust        Part = "trust"        // the role's trust policy, for all components that share the role
	Permissions  Part = "permissions"  // the component's inline policy
	Associations Part = "associations" // an array of inputs of `aws eks create-pod-identity-association --cli-input-json`
	Backups      Part = "backups"      // a SharedBackupConfig or SpaceBackupConfig, which no command prints
)

// documents are the kinds of artifacts of a component. JSON is indented by two spaces and
// ends with a newline.
var documents = []struct {
	part  Part
	file  string // the artifact's name after the component's
	asked func(desired.State, desired.Component) bool
	write func(desired.State, desired.Component) ([]byte, error)
}{
	{Trust, ".trust-policy.json", func(desired.State, desired.Component) bool { return true },
		func(s desired.State, c desired.Component) ([]byte, error) {
			doc, err := s.TrustPolicy(c)
			return doc.JSON(), err
		}},
	{Permissions, ".permissions-policy.json", func(_ desired.State, c desired.Component) bool { return c.HasPermissions() },
		func(s desired.State, c desired.Component) ([]byte, error) {
			policy, err := s.Permissions(c)
			return policy.Document.JSON(), err
		}},
	{Associations, ".pod-identity-associations.json", func(_ desired.State, c desired.Component) bool { return c.HasAssociations() },
		func(s desired.State, c desired.Component) ([]byte, error) {
			list, err := s.Associations(c)
			return encodeJSON(list), err
		}},
	{Backups, ".shared-backup-config.yaml", desired.State.HasBackupConfig, writeBackupConfig},
}

// Document returns one document of a component. The errors are those of package desired.
func Document(part Part, s desired.State, c desired.Component) ([]byte, error) {
	for _, d := range documents {
		if d.part == part {
			return d.write(s, c)
		}
	}
	return nil, fmt.Errorf("unknown document %q", part)
}

// IsArtifact reports whether a file has the name of a document of some component.
func IsArtifact(name string) bool {
	for _, d := range documents {
		if strings.HasSuffix(name, d.file) {
			return true
		}
	}
	return false
}

// File is an artifact.
type File = artifact.File

// Files returns the documents that the config asks for, component by component.
func Files(s desired.State) ([]File, error) {
	var files []File
	for _, c := range s.Components {
		for _, d := range documents {
			if !d.asked(s, c) {
				continue
			}
			content, err := d.write(s, c)
			if err != nil {
				return nil, err
			}
			files = append(files, File{Name: c.Name + d.file, Content: content})
		}
	}
	return files, nil
}

// encodeJSON returns a value as JSON. It must consist of strings, lists and maps, which
// can always be encoded.
func encodeJSON(value any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// objectStorage has the fields of a backup config's spec that this program sets.
//
// Source: Upbound Spaces API reference, SharedBackupConfig
// (spaces.upbound.io/v1alpha1).
type objectStorage struct {
	Provider    string              `yaml:"provider"`
	Bucket      string              `yaml:"bucket"`
	Prefix      string              `yaml:"prefix,omitempty"`
	Config      objectStorageConfig `yaml:"config"`
	Credentials map[string]string   `yaml:"credentials"`
}

// objectStorageConfig is the S3 client configuration of Thanos. It does not set
// aws_sdk_auth, because EKS Pod Identity does not work with it.
//
// Source: Thanos, "Object storage: S3".
type objectStorageConfig struct {
	Region   string `yaml:"region"`
	Endpoint string `yaml:"endpoint"`
}

// backupVersions are the API versions of the kinds of backup configs.
//
// Source: Upbound Spaces API reference.
var backupVersions = map[desired.BackupKind]string{
	desired.SharedBackups: "spaces.upbound.io/v1alpha1",
	desired.SpaceBackups:  "admin.spaces.upbound.io/v1alpha1",
}

func writeBackupConfig(s desired.State, c desired.Component) ([]byte, error) {
	b, err := s.BackupConfig(c)
	if err != nil {
		return nil, err
	}
	return encodeYAML(object{backupVersions[b.Kind], string(b.Kind),
		metadata{Name: b.Name, Namespace: b.Namespace},
		map[string]objectStorage{"objectStorage": {"AWS", b.Bucket, b.Prefix, objectStorageConfig{b.Region, b.Endpoint},
			map[string]string{"source": desired.InjectedIdentity}}}}), nil
}
