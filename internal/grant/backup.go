package grant

import (
	"errors"
	"fmt"

	"spaces-identity.dev/internal/identity"
)

// sharedBackupConfig is the part of the API that is written.
//
// Source: Upbound Spaces API reference, SharedBackupConfig
// (spaces.upbound.io/v1alpha1).
type sharedBackupConfig struct {
	APIVersion string         `yaml:"apiVersion"`
	Kind       string         `yaml:"kind"`
	Metadata   backupMetadata `yaml:"metadata"`
	Spec       backupSpec     `yaml:"spec"`
}

type backupMetadata struct {
	Name      string `yaml:"name"`
	Namespace string `yaml:"namespace,omitempty"`
}

type backupSpec struct {
	ObjectStorage objectStorage `yaml:"objectStorage"`
}

type objectStorage struct {
	Provider    string              `yaml:"provider"`
	Bucket      string              `yaml:"bucket"`
	Prefix      string              `yaml:"prefix,omitempty"`
	Config      objectStorageConfig `yaml:"config"`
	Credentials credentials         `yaml:"credentials"`
}

// objectStorageConfig follows the S3 client configuration of Thanos. The field
// aws_sdk_auth is left out: with it EKS Pod Identity does not work.
//
// Source: Thanos, "Object storage: S3".
type objectStorageConfig struct {
	Region   string `yaml:"region"`
	Endpoint string `yaml:"endpoint"`
}

type credentials struct {
	Source string `yaml:"source"`
}

// SharedBackupConfig is a YAML document that makes backups go to the component's
// bucket with the identity of the pod. Its name is that of the bucket unless the
// config gives another; without a namespace it goes where it is applied. The
// region is the cluster's, and the endpoint that of S3 there unless the config
// gives one.
func SharedBackupConfig(spec identity.Spec, c identity.Component) ([]byte, error) {
	if err := checkBackup(spec, c); err != nil {
		return nil, fmt.Errorf("SharedBackupConfig of %s: %w", c.Name, err)
	}
	prefix, err := identity.ParsePrefix(c.Prefix)
	if err != nil {
		return nil, fmt.Errorf("SharedBackupConfig of %s: prefix: %w", c.Name, err)
	}
	set := spec.SharedBackupConfig
	return yamlStream(sharedBackupConfig{"spaces.upbound.io/v1alpha1", "SharedBackupConfig",
		backupMetadata{or(set.Name, c.Bucket), set.Namespace},
		backupSpec{objectStorage{"AWS", c.Bucket, prefix,
			objectStorageConfig{spec.Cluster.Region, or(set.Endpoint, s3Endpoint(spec.Cluster.Region, c.Role.Partition))},
			credentials{"InjectedIdentity"}}}})
}

func checkBackup(spec identity.Spec, c identity.Component) error {
	if c.Bucket == "" {
		return errors.New("no bucket is set: give bucket (or --bucket)")
	}
	if spec.Cluster.Region == "" {
		return errors.New("no region is set: give cluster.region (or --region)")
	}
	set := spec.SharedBackupConfig
	problems := []error{identity.ValidateBucket(c.Bucket), identity.ValidateRegion(spec.Cluster.Region)}
	if set.Name != "" {
		problems = append(problems, identity.ValidateObjectName(set.Name))
	}
	if set.Namespace != "" {
		problems = append(problems, identity.ValidateNamespace(set.Namespace))
	}
	if set.Endpoint != "" {
		problems = append(problems, identity.ValidateEndpoint(set.Endpoint))
	} else if _, known := dnsSuffixes[c.Role.Partition]; !known {
		problems = append(problems, fmt.Errorf("partition %s: give sharedBackupConfig.endpoint, the host of S3 there", c.Role.Partition))
	}
	return errors.Join(problems...)
}

// dnsSuffixes are the domains of the partitions whose S3 endpoints are published.
//
// Source: AWS General Reference, "Amazon S3 endpoints and quotas"; Amazon Web
// Services in China, "Endpoints".
var dnsSuffixes = map[string]string{
	"":           "amazonaws.com", // no role set: a component that needs none here
	"aws":        "amazonaws.com",
	"aws-us-gov": "amazonaws.com",
	"aws-cn":     "amazonaws.com.cn",
}

func s3Endpoint(region, partition string) string {
	return "s3." + region + "." + dnsSuffixes[partition]
}

func or(value, otherwise string) string {
	if value != "" {
		return value
	}
	return otherwise
}
