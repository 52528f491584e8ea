package rewrite

import (
	"cmp"
	"slices"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/manifest"
)

// OtherWorkloads warns of objects of other kinds that run pods as a component's service
// account. The program does not edit them, because their template cannot change, or
// because it is not in a known place.
type OtherWorkloads struct{ state desired.State }

func (r OtherWorkloads) searchNames() []string { return r.state.ServiceAccounts() }

func (r OtherWorkloads) find(o *object) found {
	if slices.ContainsFunc(runNoPods, func(group string) bool { return strings.HasSuffix(o.group, group) }) {
		return found{}
	}
	var all found
	for _, c := range r.state.Components {
		runs := func(account string) bool {
			return c.HasAccount(account) && slices.ContainsFunc(r.state.ComponentsOf(o.namespace, account), func(of desired.Component) bool { return of.Name == c.Name })
		}
		edited := slices.ContainsFunc(o.podTemplates(), func(t podTemplate) bool { return runs(t.serviceAccount()) })
		if !edited && runsAs(o.node.Field("spec"), runs) {
			all = all.plus(warningf("%s runs as the service account of %s, but spaces-identity does not edit this kind of workload: "+
				"its pods get no labels and do not restart with the upgrade", o, c.Name))
		}
	}
	return all
}

// runNoPods are the ends of API groups whose objects name the service account of a
// workload, but do not run it: a controller acts as it, or a policy examines it.
var runNoPods = []string{"toolkit.fluxcd.io", "k14s.io", "carvel.dev", "kyverno.io", "apiextensions.k8s.io"}

// runsAs reports whether a value or anything below it names a service account of pods that
// is meant. It ignores chart values.
func runsAs(n *manifest.Node, isMeant func(account string) bool) bool {
	if isMeant(n.Text("serviceAccountName")) || isMeant(n.Text("serviceAccount")) {
		return true
	}
	for key, child := range n.Fields {
		if name := key.Resolve().Value; name != "values" && name != "valuesObject" && runsAs(child, isMeant) {
			return true
		}
	}
	return slices.ContainsFunc(n.Items(), func(item *manifest.Node) bool { return runsAs(item, isMeant) })
}

// BackupConfigs warns of a SharedBackupConfig or SpaceBackupConfig that does not use the
// component's identity. The program does not edit it: its content is the user's choice.
type BackupConfigs struct{ state desired.State }

func (r BackupConfigs) searchNames() []string {
	if !slices.ContainsFunc(r.state.Components, func(c desired.Component) bool { return c.Bucket != "" && c.MakesBackups() }) {
		return nil
	}
	return []string{"BackupConfig"}
}

// find warns of credentials from a Secret, of another bucket, and of aws_sdk_auth, which
// breaks EKS Pod Identity.
//
// Source: Thanos documentation, "Object storage: S3".
func (r BackupConfigs) find(o *object) found {
	storage := o.node.Get("spec", "objectStorage")
	if !strings.HasSuffix(o.group, "spaces.upbound.io") || !strings.HasSuffix(o.kind, "BackupConfig") || storage.Text("provider") != "AWS" {
		return found{}
	}
	var all found
	for _, c := range r.state.Components {
		warn := func(field []string, format string, args ...any) {
			n := cmp.Or(storage.Get(field...), o.node)
			all = all.plus(warningf("%s, line %d: spec.objectStorage."+format, append([]any{o, o.line(n)}, args...)...))
		}
		if c.Bucket == "" || string(c.BackupKind()) != o.kind {
			continue
		}
		if source := storage.Text("credentials", "source"); source != desired.InjectedIdentity {
			warn([]string{"credentials", "source"}, "credentials.source is %q, so backups do not use the pod's identity: set it to InjectedIdentity", source)
		}
		if bucket := storage.Text("bucket"); bucket != c.Bucket {
			warn([]string{"bucket"}, "bucket is %q, but the role of %s may only use %q", bucket, c.Name, c.Bucket)
		}
		if c.Mode.UsesPodIdentity() && strings.EqualFold(storage.Text("config", "aws_sdk_auth"), "true") {
			warn([]string{"config", "aws_sdk_auth"}, "config.aws_sdk_auth is true, so EKS Pod Identity does not work: remove it")
		}
	}
	return all
}
