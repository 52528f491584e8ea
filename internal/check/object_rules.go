package check

import (
	"fmt"
	"slices"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// StaticCredentials finds backup configs that do not use the identity.
type StaticCredentials struct{}

// About describes the rule.
func (StaticCredentials) About() About {
	return About{"credentials-source", "a backup config whose credentials.source is not InjectedIdentity, so backups do not use the identity"}
}

// backupStorage returns the S3 storage of a backup config, or nil.
func (o *object) backupStorage() *manifest.Node {
	storage := o.node.Get("spec", "objectStorage").Resolve()
	if !strings.HasSuffix(o.group, "spaces.upbound.io") || !strings.HasSuffix(o.kind, "BackupConfig") || storage == nil {
		return nil
	}
	if provider := storage.Text("provider"); provider != "" && !strings.EqualFold(provider, "AWS") {
		return nil
	}
	return storage
}

func (StaticCredentials) find(in *input) []Finding {
	var all []Finding
	for _, o := range in.objects {
		storage := o.backupStorage()
		if storage == nil {
			continue
		}
		path := o.path.Field("spec", "objectStorage", "credentials", "source")
		source := storage.Get("credentials", "source").Resolve()
		if source == nil || source.Kind != manifest.Scalar {
			all = append(all, finding(o.locate(storage), path.String(), "credentials.source is missing", "set it to "+desired.InjectedIdentity))
			continue
		}
		if source.Value == desired.InjectedIdentity || placeholder(source.Value) {
			continue
		}
		f := finding(o.locate(source), path.String(), fmt.Sprintf("credentials.source is %q, so backups do not use the identity", source.Value), "set it to "+desired.InjectedIdentity+", and remove secretRef")
		if source.Value != "Secret" && identity.Nearest(source.Value, []string{desired.InjectedIdentity, "Secret"}) == desired.InjectedIdentity {
			f = f.with(o.locate(source).setTo(path, desired.InjectedIdentity))
		}
		all = append(all, f)
	}
	return all
}

// SDKAuth finds backup configs that ask for a way to authenticate that EKS Pod Identity
// breaks.
type SDKAuth struct{}

// About describes the rule.
func (SDKAuth) About() About {
	return About{"sdk-auth", "a backup config with config.aws_sdk_auth, which does not work with EKS Pod Identity"}
}

func (SDKAuth) find(in *input) []Finding {
	var all []Finding
	podIdentity := slices.ContainsFunc(in.specs, func(s identity.Spec) bool {
		return slices.ContainsFunc(desired.Of(s).Components, func(c desired.Component) bool { return c.Mode.UsesPodIdentity() && c.MakesBackups() })
	})
	for _, o := range in.objects {
		auth := o.backupStorage().Get("config", "aws_sdk_auth")
		if auth.IsTrue() && podIdentity {
			all = append(all, finding(o.locate(auth), o.path.Field("spec", "objectStorage", "config", "aws_sdk_auth").String(),
				"with aws_sdk_auth, backups cannot use EKS Pod Identity", "remove it"))
		}
	}
	return all
}

// StoreWithToken finds secret stores that request a token themselves, which EKS Pod Identity
// does not give them.
type StoreWithToken struct{}

// About describes the rule.
func (StoreWithToken) About() About {
	return About{"store-auth", "a secret store with auth.jwt.serviceAccountRef, which cannot work with EKS Pod Identity"}
}

func (StoreWithToken) find(in *input) []Finding {
	var all []Finding
	for _, o := range in.objects {
		if !strings.HasSuffix(o.kind, "SecretStore") || o.group != "spaces.upbound.io" && o.group != "external-secrets.io" {
			continue
		}
		below := []string{"spec", "provider", "aws", "auth", "jwt", "serviceAccountRef"}
		ref := o.node.Get(below...)
		if ref == nil {
			continue
		}
		for _, spec := range in.specs {
			c, ok := spec.Component("external-secrets-controller")
			if ok && c.Mode == identity.PodIdentity && ref.Text("name") == c.ServiceAccount {
				all = append(all, finding(o.locate(ref), o.path.Field(below...).String(),
					"the store requests a token for the service account and reads its role annotation, and with mode pod-identity there is none",
					"remove auth, so that the store uses the identity of its pod"))
			}
		}
	}
	return all
}
