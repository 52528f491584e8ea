package desired

import (
	"cmp"

	"spaces-identity.dev/internal/identity"
)

// InjectedIdentity is the credentials source of a backup config that uses the identity.
//
// Source: Upbound Spaces API reference, SharedBackupConfig.
const InjectedIdentity = "InjectedIdentity"

// BackupConfig says where a Space stores its backups. Pods access it with their identity.
type BackupConfig struct {
	Name      string
	Namespace string // empty: the namespace it is applied in
	Bucket    string
	Prefix    string // without a slash at its end; empty for none
	Region    string
	Endpoint  string // host of S3, with a port if the config gives one
}

// MakesBackups reports whether the component makes the backups of the control planes.
func (c Component) MakesBackups() bool { return c.Name == identity.DefaultComponent }

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
	return BackupConfig{
		Name:      cmp.Or(set.Name, c.Bucket),
		Namespace: set.Namespace,
		Bucket:    c.Bucket,
		Prefix:    c.Prefix,
		Region:    region,
		Endpoint:  cmp.Or(set.Endpoint, "s3."+region+"."+dnsSuffix[c.Role.Partition]),
	}, nil
}
