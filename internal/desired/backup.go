package desired

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"spaces-identity.dev/internal/identity"
)

// InjectedIdentity is the credentials source of a backup config that uses the identity.
//
// Source: Upbound Spaces API reference, SharedBackupConfig.
const InjectedIdentity = "InjectedIdentity"

// BackupConfig says where a Space stores its backups. Pods access it with their identity.
type BackupConfig struct {
	Kind      BackupKind
	Name      string
	Namespace string // empty: the namespace it is applied in, or none for a SpaceBackupConfig
	Bucket    string
	Prefix    string // without a slash at its end; empty for none
	Region    string
	Endpoint  string // host of S3, with a port if the config gives one
}

// BackupKind is a kind of backup config.
type BackupKind string

// The kinds of backup configs: in a group, for backups of its control planes, and for backups
// of the whole Space.
const (
	SharedBackups BackupKind = "SharedBackupConfig"
	SpaceBackups  BackupKind = "SpaceBackupConfig"
)

// BackupKind returns the kind of backup config that the component reads, or nothing if it
// makes no backups.
//
// Source: Upbound Spaces documentation, "Backup and Restore Workload ID" and "Space Backups
// Workload ID".
func (c Component) BackupKind() BackupKind {
	switch c.Name {
	case identity.DefaultComponent:
		return SharedBackups
	case identity.SpaceController:
		return SpaceBackups
	}
	return ""
}

// MakesBackups reports whether the component makes backups.
func (c Component) MakesBackups() bool { return c.BackupKind() != "" }

// HasBackupConfig reports whether the component backs up and the config says where to.
func (s State) HasBackupConfig(c Component) bool {
	return c.MakesBackups() && c.Bucket != "" && s.Clusters[0].Region != ""
}

// BackupConfig returns the backup config for the component's bucket. Its default name is
// the bucket's, and its default endpoint is that of S3 in the cluster's region. The error
// is a [*MissingError].
func (s State) BackupConfig(c Component) (BackupConfig, error) {
	if err := s.RequireOf(c.Name, NeedBackups); err != nil {
		return BackupConfig{}, err
	}
	set, region := s.spec.SharedBackupConfig, s.Clusters[0].Region
	if c.BackupKind() == SpaceBackups {
		set.Namespace = ""
	}
	return BackupConfig{
		Kind:      c.BackupKind(),
		Name:      cmp.Or(set.Name, c.Bucket),
		Namespace: set.Namespace,
		Bucket:    c.Bucket,
		Prefix:    c.Prefix,
		Region:    region,
		Endpoint:  cmp.Or(set.Endpoint, "s3."+region+"."+dnsSuffix[c.Role.Partition]),
	}, nil
}

// IsS3Host reports whether a host, perhaps with a port, is one of S3 in AWS, such as
// s3.us-west-2.amazonaws.com or that of a VPC endpoint.
//
// Source: AWS General Reference, "Amazon S3 endpoints and quotas"; Amazon S3 User Guide, "AWS
// PrivateLink for Amazon S3".
func IsS3Host(host string) bool {
	host, _, _ = strings.Cut(strings.ToLower(host), ":")
	isAWS := slices.ContainsFunc(slices.Collect(maps.Values(dnsSuffix)), func(suffix string) bool { return strings.HasSuffix(host, "."+suffix) })
	return isAWS && slices.ContainsFunc(strings.Split(host, "."), func(label string) bool { return label == "s3" || strings.HasPrefix(label, "s3-") })
}
