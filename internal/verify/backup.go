package verify

import (
	"cmp"
	"fmt"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/space"
)

// ofBackups returns a check that applies only to components that make backups. Backups of a
// control plane and their configs are in the namespace of the ControlPlane object. Those of
// the whole Space have no namespace.
func ofBackups(run func(*checkInput) Check) func(*checkInput) Check {
	return func(f *checkInput) Check {
		switch {
		case !f.component.MakesBackups():
			return Check{}
		case f.plane.Name == "" && !f.backsUpSpace():
			return unknownf("", "no ControlPlane object names this host namespace, so its backups cannot be found")
		}
		return run(f)
	}
}

// backsUpSpace reports whether the component makes the backups of the whole Space.
func (f *checkInput) backsUpSpace() bool { return f.component.BackupKind() == desired.SpaceBackups }

// fixBackupConfig returns what to do about a backup config.
func (f *checkInput) fixBackupConfig() string {
	return fmt.Sprintf("apply the %s that `spaces-identity post-render` writes among its artifacts", f.component.BackupKind())
}

// backupResources are the resources with the backup configs, the backups and their schedules
// of a component.
func (f *checkInput) backupResources() (configs, backups space.Resource, schedules []space.Resource) {
	if f.backsUpSpace() {
		return space.SpaceBackupConfigs, space.SpaceBackups, []space.Resource{space.SpaceSchedules}
	}
	return space.SharedBackupConfigs, space.Backups, []space.Resource{space.BackupSchedules, space.SharedSchedules}
}

// backupIndex finds what belongs to a control plane. There may be a schedule and a config for
// each of them.
type backupIndex struct {
	schedules map[space.Key][]space.Schedule    // that are not suspended, by ControlPlane object
	configs   map[space.Key]*space.BackupConfig // by name
}

func indexBackups(o space.Observed) backupIndex {
	index := backupIndex{space.SchedulesOf(o.ControlPlanes, o.Schedules), map[space.Key]*space.BackupConfig{}}
	for namespace, configs := range o.BackupConfigs {
		for i := range configs {
			index.configs[space.Key{Namespace: namespace, Name: configs[i].Meta.Name}] = &configs[i]
		}
	}
	return index
}

// configNamespace returns the namespace of the backup configs that the backups can refer to. A
// SpaceBackupConfig has none.
func (f *checkInput) configNamespace() string {
	if f.backsUpSpace() {
		return ""
	}
	return f.plane.Namespace
}

// backupConfig returns the backup config of that name that the backups can refer to, or nil.
func (f *checkInput) backupConfig(name string) *space.BackupConfig {
	return f.backups.configs[space.Key{Namespace: f.configNamespace(), Name: name}]
}

// latestBackup returns the latest backup.
func (f *checkInput) latestBackup() (space.Backup, bool) {
	if latest := f.observed.SpaceBackup; f.backsUpSpace() {
		if latest == nil {
			return space.Backup{}, false
		}
		return *latest, true
	}
	b, ok := f.observed.Backups[space.Key{Namespace: f.plane.Namespace, Name: f.plane.Name}]
	return b, ok
}

// usedConfig is the name of a backup config and what refers to it.
type usedConfig struct{ name, by string }

// usedConfigs returns the backup configs that the latest backup and the schedules refer to.
func (f *checkInput) usedConfigs() []usedConfig {
	schedules := f.observed.SpaceSchedules
	if !f.backsUpSpace() {
		schedules = f.backups.schedules[space.Key{Namespace: f.plane.Namespace, Name: f.plane.Name}]
	}
	var all []usedConfig
	for _, s := range schedules {
		all = append(all, usedConfig{s.Spec.ConfigRef.Name, "schedule " + s.Meta.Name})
	}
	if b, ok := f.latestBackup(); ok {
		all = append(all, usedConfig{b.Spec.ConfigRef.Name, "backup " + b.Meta.Name})
	}
	return all
}

// checkBackupConfig judges the backup configs that are really used. If none is used yet, it
// judges all that backups can refer to.
func checkBackupConfig(f *checkInput) Check {
	kind := string(f.component.BackupKind())
	configsOf, backupsOf, schedulesOf := f.backupResources()
	for _, r := range append(schedulesOf, configsOf, backupsOf) {
		if err := f.observed.Failure(f.plane.Namespace, r); err != nil && !err.NotServed() {
			return unknownCheck(err)
		}
	}
	used := f.usedConfigs()
	found := Check{}
	for _, u := range used {
		config := f.backupConfig(u.name)
		if config == nil {
			return failedCheck("create the "+kind+", or correct the reference", "the %s that is in use does not exist", kind).about(u.by+", "+kind, u.name)
		}
		if c := f.reviewConfig(*config); c.State != OK || found.State == "" {
			found = c.about(u.by+", "+kind, u.name)
		}
		if found.State != OK {
			return found
		}
	}
	if len(used) > 0 {
		return found
	}
	return f.unusedConfigs(f.observed.BackupConfigs[f.configNamespace()])
}

// unusedConfigs judges the configs if nothing refers to one yet.
func (f *checkInput) unusedConfigs(configs []space.BackupConfig) Check {
	switch {
	case len(configs) > 0:
	case f.backsUpSpace():
		return warningCheck(f.fixBackupConfig(), "there is no SpaceBackupConfig")
	case len(f.observed.BackupConfigs[""]) > 0:
		return warningCheck(f.fixBackupConfig(), "there is only a SpaceBackupConfig, which a Backup of a control plane cannot refer to")
	default:
		return warningCheck(f.fixBackupConfig(), "there is no SharedBackupConfig in namespace %s", f.plane.Namespace)
	}
	var right, wrong Check
	for _, config := range configs {
		c := f.reviewConfig(config).about(string(f.component.BackupKind()), config.Meta.Name)
		if c.State == OK {
			right = c
		} else {
			wrong = c
		}
	}
	switch {
	case right.State == "":
		return wrong
	case wrong.State != "":
		return warningCheck("refer to "+right.Object+" in backups and schedules, or remove "+wrong.Object, "nothing refers to a backup config yet, and one of them does not fit: %s: %s", wrong.Object, wrong.Detail)
	}
	right.Detail += "; nothing refers to it yet"
	return right
}

// reviewConfig judges a backup config: whether it uses the identity, and whether the role
// may use what it names.
func (f *checkInput) reviewConfig(config space.BackupConfig) Check {
	storage, c := config.Spec.ObjectStorage, f.component
	fail := func(format string, args ...any) Check { return failedCheck(f.fixBackupConfig(), format, args...) }
	switch {
	case storage.Provider != "AWS":
		return fail("its provider is %s, not AWS", storage.Provider)
	case storage.Credentials.Source != desired.InjectedIdentity:
		return fail("credentials.source is %s, not %s, so the identity is not used", storage.Credentials.Source, desired.InjectedIdentity)
	case c.Bucket != "" && storage.Bucket != c.Bucket:
		return fail("the bucket is %s, not %s", storage.Bucket, c.Bucket)
	}
	if problem := f.reviewStore(storage.Config); problem != "" {
		return fail("%s", problem)
	}
	return worseCheck(f.reviewAccess(storage.Bucket, storage.Prefix), f.reviewEndpoint(storage.Config))
}

// reviewEndpoint warns of a config without an endpoint, and of an endpoint that is not in AWS,
// unless the config of this program names it.
//
// Source: github.com/thanos-io/objstore, providers/s3, validate.
func (f *checkInput) reviewEndpoint(config map[string]any) Check {
	endpoint := text(config, "endpoint", "")
	host := withoutScheme(endpoint)
	want, err := f.state.BackupConfig(f.component)
	switch {
	case host == "":
		return warningCheck(f.fixBackupConfig(), "config.endpoint is not set: the storage library of Thanos, whose settings these are, rejects that")
	case err == nil && host == want.Endpoint, desired.IsS3Host(host):
		return okCheck("config.endpoint is S3")
	}
	return warningCheck(f.fixBackupConfig()+"; if this host does accept the role's credentials, set sharedBackupConfig.endpoint to it",
		"config.endpoint is %s, which is not a host of S3 in AWS, and the role's credentials are for AWS", endpoint)
}

// withoutScheme returns the host of an endpoint, which may be a URL.
func withoutScheme(endpoint string) string {
	return strings.TrimPrefix(strings.TrimPrefix(endpoint, "https://"), "http://")
}

// reviewStore returns what is wrong with the free-form part of a backup config. It never
// prints a key.
//
// Source: Thanos, "Object storage: S3".
func (f *checkInput) reviewStore(config map[string]any) string {
	for _, key := range []string{"access_key", "secret_key", "session_token"} {
		if value, exists := config[key]; exists && value != "" {
			return "config." + key + " is set, and static keys come before the identity"
		}
	}
	auth, exists := config["aws_sdk_auth"]
	sdk, isBool := auth.(bool)
	switch {
	case exists && !isBool:
		return fmt.Sprintf("config.aws_sdk_auth is %#v, which is not a boolean: every backup fails", auth)
	case sdk && f.component.Mode.UsesPodIdentity():
		return "config.aws_sdk_auth is true, which does not work with EKS Pod Identity"
	}
	return f.reviewRegion(config)
}

// reviewRegion compares the region and the endpoint with those of the config, as far as it
// names them.
func (f *checkInput) reviewRegion(config map[string]any) string {
	want, err := f.state.BackupConfig(f.component)
	if err != nil {
		return "" // the config does not say where the bucket is
	}
	region := cmp.Or(endpointRegion(want.Endpoint), want.Region)
	if got, _ := config["region"].(string); got != "" && got != region {
		return fmt.Sprintf("config.region is %s, but the config of this program says that the bucket is in %s (cluster.region, or the region in sharedBackupConfig.endpoint)", got, region)
	}
	endpoint, _ := config["endpoint"].(string)
	if got := endpointRegion(endpoint); got != "" && got != region {
		return fmt.Sprintf("config.endpoint is %s, but the config of this program says that the bucket is in %s (cluster.region, or the region in sharedBackupConfig.endpoint)", endpoint, region)
	}
	return ""
}

// endpointRegion returns the region in a host of S3, such as s3.us-west-2.amazonaws.com, or
// "".
//
// Source: AWS General Reference, "Amazon S3 endpoints and quotas".
func endpointRegion(host string) string {
	host = withoutScheme(host)
	rest, isS3 := strings.CutPrefix(strings.Replace(host, "s3.dualstack.", "s3.", 1), "s3.")
	region, domain, ok := strings.Cut(rest, ".")
	if !isS3 || !ok || !strings.HasPrefix(domain, "amazonaws.com") {
		return ""
	}
	return region
}

// reviewAccess judges whether the role may use what backups use. Objects of a control plane
// are below prefix/group/name. Without the account, it compares the prefix with that of the
// config.
//
// Source: Upbound Spaces API reference, SharedBackupConfig, objectStorage.prefix.
func (f *checkInput) reviewAccess(bucket, prefix string) Check {
	c := f.component
	prefix = strings.Trim(prefix, "/")
	if c.Prefix != "" && prefix != c.Prefix && !strings.HasPrefix(prefix, c.Prefix+"/") {
		return failedCheck("set the prefix in the "+string(c.BackupKind())+" to "+c.Prefix+", or change prefix in the config and run `spaces-identity apply`",
			"the prefix is %q, but the role may use only what is below %s/", prefix, c.Prefix)
	}
	if c.IsScoped() && prefix != c.Prefix {
		return failedCheck(fmt.Sprintf("set the prefix in the SharedBackupConfig to %q, or change prefix in the config and run `spaces-identity apply`", c.Prefix),
			"the prefix is %q, but with podIdentity.scope: controlPlane the session policy allows only what is below %s/", prefix, desired.BackupPrefix(c.Prefix, f.planeName()))
	}
	in := *f
	in.component.Bucket, in.component.Prefix = bucket, desired.BackupPrefix(prefix, f.planeName())
	var judged Check
	role, read := f.account.roles[c.Role]
	switch target, targetRead := f.account.roles[c.PodIdentity.TargetRole]; {
	case c.HasTarget() && targetRead && target.err == nil:
		judged = in.judgeTarget(in.targetRequests())
	case !c.HasTarget() && read && role.err == nil:
		judged = judgeRequests(ownRole, role.value, in.roleRequests())
	default:
		return okCheck("uses the identity; what its role may do was not read")
	}
	if judged.State != OK {
		return judged
	}
	found := okCheck("uses the identity, whose role may use the bucket and the prefix")
	if live := f.account.associations.value[f.at()]; c.Mode.UsesPodIdentity() && !c.HasTarget() {
		found = worseCheck(found, judgeSession(live, in.roleRequests()))
	}
	return found
}

// checkLatestBackup judges the last backup. Only one that used the identity proves it.
func checkLatestBackup(f *checkInput) Check {
	configsOf, backupsOf, _ := f.backupResources()
	switch err := f.observed.Failure(f.plane.Namespace, backupsOf, configsOf); {
	case err != nil && err.NotServed() && f.backsUpSpace():
		return warningCheck("set features.alpha.spaceBackup.enabled=true in the values of the Spaces chart if the Space should be backed up", "the cluster does not serve %s", err.Resource)
	case err != nil:
		return unknownCheck(err)
	}
	backup, exists := f.latestBackup()
	if !exists {
		return warningCheck("create a backup: only a completed backup proves that the identity works", "there is no backup yet")
	}
	var found Check
	switch {
	case backup.Status.Phase == "Completed" && !f.usedIdentity(backup):
		found = warningCheck("create a backup with a "+string(f.component.BackupKind())+" that uses the identity", "the backup is completed, but its %s does not use the identity", f.component.BackupKind())
	case backup.Status.Phase == "Completed":
		found = okCheck("completed")
	case backup.Status.Phase == "Failed":
		found = failedCheck(fmt.Sprintf("fix the other checks first, then create another backup; `%s` shows why this one failed", f.describeBackup(backup)),
			"the backup failed")
	default:
		found = warningCheck("wait until the backup has finished", "the backup is %s", cmp.Or(backup.Status.Phase, "Pending"))
	}
	return found.about("backup", backup.Meta.Name)
}

// describeBackup returns the command that shows a backup.
func (f *checkInput) describeBackup(b space.Backup) string {
	if f.backsUpSpace() {
		return "kubectl describe spacebackups.admin.spaces.upbound.io " + b.Meta.Name
	}
	return "kubectl describe backups.spaces.upbound.io " + b.Meta.Name + " -n " + b.Meta.Namespace
}

// usedIdentity reports whether the config of a backup uses the identity.
func (f *checkInput) usedIdentity(b space.Backup) bool {
	config := f.backupConfig(b.Spec.ConfigRef.Name)
	return config != nil && config.Spec.ObjectStorage.Credentials.Source == desired.InjectedIdentity
}
