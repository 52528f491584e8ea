package verify

import (
	"cmp"
	"context"
	"fmt"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
)

// injectedIdentity is the source of credentials that uses a workload identity.
//
// Source: Upbound Spaces API reference, SharedBackupConfig.
const injectedIdentity = "InjectedIdentity"

func (o *Observed) readBackups(ctx context.Context, client *space.Client) error {
	if _, makesBackups := o.spec.Component(identity.DefaultComponent); !makesBackups {
		return nil
	}
	planes := map[key]bool{}
	var groups []string
	for _, p := range o.Planes {
		planes[key{p.Namespace, p.Name}] = true
		groups = append(groups, p.Namespace)
	}
	groups = sortedUnique(groups)
	err := list(ctx, o, client, space.SharedBackupConfigs, space.Query{}, groups, func(b space.BackupConfig) {
		o.configs[b.Meta.Namespace] = append(o.configs[b.Meta.Namespace], b)
	})
	if err != nil {
		return err
	}
	err = list(ctx, o, client, space.SpaceBackupConfigs, space.Query{}, nil, func(b space.BackupConfig) {
		o.spaceConfigs = append(o.spaceConfigs, b)
	})
	if err != nil {
		return err
	}
	return list(ctx, o, client, space.Backups, space.Query{}, groups, func(b space.Backup) {
		at := key{b.Meta.Namespace, b.Spec.ControlPlane}
		if last, seen := o.backups[at]; planes[at] && b.Status.Phase != "Deleted" && (!seen || b.Meta.Created.After(last.Meta.Created)) {
			o.backups[at] = b
		}
	})
}

const fixBackupConfig = "apply a SharedBackupConfig as `spaces-identity post-render` writes it among the artifacts"

// backupConfig looks for a config of the control plane's group, or of the Space,
// that uses the identity and the bucket.
func (o *Observed) backupConfig(plane space.ControlPlane, c identity.Component) Check {
	if plane.Name == "" {
		return Check{Name: BackupConfig, State: Unknown, Detail: "no ControlPlane object tells to which group this namespace belongs"}
	}
	if err := o.cannot(plane.Namespace, space.SharedBackupConfigs); err != nil {
		return unknown(BackupConfig, err)
	}
	var wrong string
	for _, config := range append(o.configs[plane.Namespace], o.spaceConfigs...) {
		problem := reviewConfig(config, c)
		if problem == "" {
			return ok(BackupConfig, "%s", config.Meta.Name)
		}
		wrong = cmp.Or(wrong, config.Meta.Name+": "+problem)
	}
	if wrong != "" {
		return fails(BackupConfig, fixBackupConfig, "%s", wrong)
	}
	return Check{Name: BackupConfig, State: Warns, Detail: "no SharedBackupConfig in namespace " + plane.Namespace, Fix: fixBackupConfig}
}

// reviewConfig says what keeps a config from backing up with the identity.
func reviewConfig(config space.BackupConfig, c identity.Component) string {
	storage := config.Spec.ObjectStorage
	switch {
	case storage.Provider != "AWS":
		return "it is for " + storage.Provider
	case storage.Credentials.Source != injectedIdentity:
		return fmt.Sprintf("credentials.source is %s, not %s, so the identity is not used", storage.Credentials.Source, injectedIdentity)
	case c.Bucket != "" && storage.Bucket != c.Bucket:
		return fmt.Sprintf("the bucket is %s, not %s", storage.Bucket, c.Bucket)
	case storage.Config.AWSSDKAuth && c.Mode.UsesPodIdentity():
		return "config.aws_sdk_auth is true, with which EKS Pod Identity does not work"
	}
	return ""
}

func (o *Observed) latestBackup(plane space.ControlPlane) Check {
	if plane.Name == "" {
		return Check{Name: LatestBackup, State: Unknown, Detail: "no ControlPlane object tells which backups are of this namespace"}
	}
	if err := o.cannot(plane.Namespace, space.Backups); err != nil {
		return unknown(LatestBackup, err)
	}
	backup, there := o.backups[key{plane.Namespace, plane.Name}]
	switch {
	case !there:
		return Check{Name: LatestBackup, State: Warns, Detail: "no backup yet", Fix: "make one: it is the last proof that the identity works"}
	case backup.Status.Phase == "Completed":
		return ok(LatestBackup, "%s is Completed", backup.Meta.Name)
	case backup.Status.Phase == "Failed":
		return fails(LatestBackup, fmt.Sprintf("kubectl describe backups.spaces.upbound.io %s --namespace %s; mend what fails above, then make another", backup.Meta.Name, backup.Meta.Namespace),
			"%s Failed", backup.Meta.Name)
	}
	return Check{Name: LatestBackup, State: Warns, Detail: backup.Meta.Name + " is " + cmp.Or(backup.Status.Phase, "Pending"), Fix: "wait for it to end"}
}
