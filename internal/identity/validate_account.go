package identity

import (
	"slices"

	"spaces-identity.dev/internal/iam"
)

// sharedAccount returns a name on the host that the service accounts of both components may
// have.
func sharedAccount(a, b Component) (string, bool) {
	others := b.HostAccounts()
	for _, account := range a.HostAccounts() {
		if account != "" && slices.Contains(others, account) {
			return account, true
		}
	}
	return "", false
}

// canMeet reports whether two components may run in the same namespace.
func (c ControlPlanes) canMeet(a, b Component) bool {
	if a.Namespace == b.Namespace {
		return true
	}
	if a.Namespace != "" && b.Namespace != "" {
		return false
	}
	namespace := a.Namespace + b.Namespace // one of them is empty
	return slices.Contains(c.Namespaces, namespace) || c.Match != "" && iam.Like(c.Match.Pattern(), namespace)
}

// syncedFrom checks the description of a service account inside the control plane.
func (p *problemList) syncedFrom(at string, c Component) {
	if !c.IsSynced() {
		return
	}
	from := c.SyncedFrom
	p.text(at+".namespace", from.Namespace, validateOneNamespace)
	p.required(at+".serviceAccount", from.ServiceAccount, ValidateServiceAccount)
	p.text(at+".vcluster", from.VCluster, validateVCluster)
	if len(from.Namespaces()) == 0 {
		p.add(at+".namespace", WithHint("write the namespace of the service account inside the control plane", "is missing"))
	}
	if c.ServiceAccount != "" {
		p.add(at+".serviceAccount", WithHint("remove serviceAccount: vcluster gives the service account its name on the host", "%s contradicts the setting serviceAccount, which is %s",
			quote(from.ServiceAccount), quote(c.ServiceAccount)))
	}
}
