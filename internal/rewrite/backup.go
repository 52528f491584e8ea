package rewrite

import (
	"strings"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// backups warns of backup configs in the stream that do not back up with the
// component's identity. They are no places: what is in them is the user's
// choice, and one that is no YAML is left to Kubernetes.
func (r *run) backups() {
	for _, c := range r.spec.Components {
		if c.Bucket == "" {
			continue
		}
		failed := len(r.errs)
		r.openNaming(names{[]byte("BackupConfig")})
		r.errs = r.errs[:failed]
		for _, doc := range r.docs {
			for _, o := range doc.objects {
				r.backup(o, c)
			}
		}
	}
}

// backup reviews a SharedBackupConfig or SpaceBackupConfig for AWS: credentials
// from a Secret, another bucket, or aws_sdk_auth, with which EKS Pod Identity
// does not work (Thanos, "Object storage: S3").
func (r *run) backup(o object, c identity.Component) {
	storage := o.node.Get("spec", "objectStorage")
	if !strings.HasSuffix(o.group, "spaces.upbound.io") || !strings.HasSuffix(o.kind, "BackupConfig") || storage.Text("provider") != "AWS" {
		return
	}
	warn := func(n *manifest.Node, format string, args ...any) {
		if n == nil {
			n = o.node
		}
		r.warn("%s, line %d: spec.objectStorage."+format, append([]any{o, o.line(n)}, args...)...)
	}
	if source := storage.Text("credentials", "source"); source != "InjectedIdentity" {
		warn(storage.Get("credentials", "source"), "credentials.source is %q, so the pod's identity is not used: set InjectedIdentity", source)
	}
	if bucket := storage.Text("bucket"); bucket != c.Bucket {
		warn(storage.Field("bucket"), "bucket is %q, and the role of %s may use %q", bucket, c.Name, c.Bucket)
	}
	if c.Mode.UsesPodIdentity() && strings.EqualFold(storage.Text("config", "aws_sdk_auth"), "true") {
		warn(storage.Get("config", "aws_sdk_auth"), "config.aws_sdk_auth is true, with which EKS Pod Identity does not work: take it out")
	}
}
