package identity

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// SyncedFrom is a service account inside a control plane. vcluster, in which a control plane
// runs, copies it to the host namespace under another name, see [SyncedName].
type SyncedFrom struct {
	Namespace      string
	ServiceAccount string
	VCluster       string // name of the vcluster

	Candidates []string // namespaces of which one is right if Namespace is empty
}

// DefaultVCluster is the name of the vcluster of each control plane. It ends the names of
// the pods that vcluster copies to the host namespace.
//
// Source: Upbound Spaces documentation, "Troubleshooting".
const DefaultVCluster = "vcluster"

// crossplaneNamespaces are the namespaces inside a control plane in which Crossplane runs:
// with UXP v1 and with UXP v2.
//
// Source: Upbound Crossplane documentation, "Install".
var crossplaneNamespaces = []string{"upbound-system", "crossplane-system"}

// IsZero reports whether the config describes no service account inside a control plane.
func (s SyncedFrom) IsZero() bool {
	return s.Namespace == "" && s.ServiceAccount == "" && s.VCluster == ""
}

// Namespaces returns the namespaces inside the control plane in which the service account
// may be. There are several if the config leaves open which one is right.
func (s SyncedFrom) Namespaces() []string {
	if s.Namespace != "" {
		return []string{s.Namespace}
	}
	return s.Candidates
}

// hosts returns the names on the host cluster, one for each of the namespaces.
func (s SyncedFrom) hosts(namespaces []string) []string {
	var names []string
	for _, namespace := range namespaces {
		names = append(names, SyncedName(s.ServiceAccount, namespace, s.VCluster))
	}
	return names
}

// SyncedName returns the name on the host cluster of an object that vcluster copies from a
// namespace inside it: <name>-x-<namespace>-x-<vcluster>. If that has more than 63
// characters, the name is the first 52 of them, a dash and 10 hexadecimal digits of its
// SHA-256. In such a name a dot before a dash is removed.
//
// Source: github.com/loft-sh/vcluster, pkg/util/translate, SafeConcatName.
func SyncedName(name, namespace, vcluster string) string {
	const longest, kept, digits = 63, 52, 10
	full := strings.Join([]string{name, "x", namespace, "x", vcluster}, "-")
	if len(full) <= longest {
		return full
	}
	sum := sha256.Sum256([]byte(full))
	return strings.ReplaceAll(full[:kept]+"-"+hex.EncodeToString(sum[:])[:digits], ".-", "-")
}

// VClusterOf returns the name of the vcluster from the name on the host of an object inside it.
// It returns "" if a name that was cut does not tell.
func VClusterOf(host, name, namespace string) string {
	if host == SyncedName(name, namespace, DefaultVCluster) {
		return DefaultVCluster
	}
	vcluster, _ := strings.CutPrefix(host, strings.Join([]string{name, "x", namespace, "x", ""}, "-"))
	if SyncedName(name, namespace, vcluster) != host {
		return ""
	}
	return vcluster
}

// IsSynced reports whether the service account is one inside the control plane.
func (c Component) IsSynced() bool { return !c.SyncedFrom.IsZero() }

// Inside returns the service account inside the control plane that the component has, even if
// the config gives the name on the host. It is zero if the component has none there.
func (c Component) Inside() SyncedFrom {
	if known, _ := Known(c.Name); !c.IsSynced() {
		return known.SyncedFrom
	}
	return c.SyncedFrom
}

// HostAccounts returns the names that the component's service account may have on the host
// cluster. There are several if the config leaves open in which namespace inside the control
// plane it is.
func (c Component) HostAccounts() []string {
	if c.IsSynced() {
		return c.SyncedFrom.hosts(c.SyncedFrom.Namespaces())
	}
	return []string{c.ServiceAccount}
}

// OtherHostAccounts returns the names of the service account that [Component.HostAccounts]
// leaves out because the config says in which namespace it is. An earlier config may have
// used them.
func (c Component) OtherHostAccounts() []string {
	var others []string
	for _, namespace := range c.SyncedFrom.Candidates {
		if c.SyncedFrom.Namespace != "" && namespace != c.SyncedFrom.Namespace {
			others = append(others, namespace)
		}
	}
	return c.SyncedFrom.hosts(others)
}

// accountDefaults fills in the service account from the known component. A service account
// that the config names is the one on the host, unless the config also describes where it is
// inside the control plane. Then it is the name there.
func (c Component) accountDefaults(known Component) (string, SyncedFrom) {
	from := c.SyncedFrom
	if from.IsZero() && (c.ServiceAccount != "" || known.SyncedFrom.IsZero()) {
		return cmp.Or(c.ServiceAccount, known.ServiceAccount), from
	}
	from.ServiceAccount = cmp.Or(from.ServiceAccount, c.ServiceAccount, known.SyncedFrom.ServiceAccount, known.ServiceAccount)
	from.VCluster = cmp.Or(from.VCluster, DefaultVCluster)
	from.Candidates = known.SyncedFrom.Candidates
	if c.ServiceAccount == from.ServiceAccount {
		return "", from
	}
	return c.ServiceAccount, from // the two names contradict each other if both are set
}
