package injection

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/space"
)

// Source is where a process gets its AWS credentials.
type Source string

// The sources, in the order in which an AWS SDK looks for them.
//
// Source: AWS SDKs and Tools Reference Guide, "Standardized credential providers", for the
// SDK for Go, in which Spaces is written.
const (
	StaticKeys   Source = "static keys in the environment"
	WebIdentity  Source = "a web identity token (IRSA)"
	SharedFile   Source = "a shared config or credentials file"
	PodIdentity  Source = "EKS Pod Identity"
	InstanceRole Source = "the role of the node"
)

// chain are the variables of each source.
var chain = []struct {
	source Source
	all    []string // variables that must all be set; for SharedFile one is enough
}{
	{StaticKeys, []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}},
	{WebIdentity, []string{envToken}},
	{SharedFile, []string{"AWS_PROFILE"}},
	{SharedFile, []string{"AWS_SHARED_CREDENTIALS_FILE"}},
	{SharedFile, []string{"AWS_CONFIG_FILE"}},
	{PodIdentity, []string{envCredentials}},
}

// SourceOf returns where a process in the container gets its credentials, and the variable
// that decides.
func SourceOf(container space.Container) (Source, string) {
	for _, link := range chain {
		set := 0
		for _, name := range link.all {
			if v, ok := container.Lookup(name); ok && (v.Value != "" || v.From != nil) {
				set++
			}
		}
		if set == len(link.all) {
			return link.source, link.all[0]
		}
	}
	return InstanceRole, ""
}

// Mechanism returns how the pod's main containers get their credentials.
func Mechanism(p space.Pod) Source {
	source := InstanceRole
	for _, container := range p.Spec.Containers {
		if found, _ := SourceOf(container); found == WebIdentity || found == PodIdentity {
			source = found
		}
	}
	return source
}

// Use is what a pod's processes really use.
type Use struct {
	Wrong  string // why it is not the component's identity
	Unread string // a Secret or ConfigMap whose variables may win
}

// UseOf walks the chain of an AWS SDK in each container of a pod that the EKS webhook has
// changed.
func UseOf(p space.Pod, c desired.Component) Use {
	unread := ""
	for _, container := range p.Spec.All() {
		source, variable := SourceOf(container)
		switch {
		case source == StaticKeys, source == SharedFile:
			return Use{Wrong: fmt.Sprintf("container %s uses %s (%s) instead of the identity", container.Name, source, variable)}
		case source == WebIdentity && !c.Mode.UsesIRSA():
			return Use{Wrong: fmt.Sprintf("container %s uses %s (%s) instead of EKS Pod Identity", container.Name, source, variable)}
		case source == PodIdentity:
			if problem := agentProblem(container); problem != "" {
				return Use{Wrong: "container " + container.Name + ": " + problem}
			}
		}
		for _, from := range container.EnvFrom {
			unread = fmt.Sprintf("container %s has variables from %s, which is not read: static keys there would come first", container.Name, from)
		}
	}
	return Use{Unread: unread}
}

// AgentAddresses are the addresses of the EKS Pod Identity agent on each node.
//
// Source: Amazon EKS User Guide, "Set up the Amazon EKS Pod Identity Agent".
var AgentAddresses = []netip.Addr{netip.MustParseAddr("169.254.170.23"), netip.MustParseAddr("fd00:ec2::23")}

// agentOf returns the address of the agent that a container uses, if it uses it.
func agentOf(container space.Container) (netip.Addr, bool) {
	uri, _ := container.Lookup(envCredentials)
	i := slices.IndexFunc(AgentAddresses, func(a netip.Addr) bool { return strings.Contains(uri.Value, a.String()) })
	if i < 0 {
		return netip.Addr{}, false
	}
	return AgentAddresses[i], true
}

// agentProblem returns why a container cannot reach the agent, or "".
func agentProblem(container space.Container) string {
	address, ok := agentOf(container)
	if !ok {
		return envCredentials + " is not an address of the EKS Pod Identity agent"
	}
	for _, name := range []string{"HTTP_PROXY", "http_proxy"} {
		if proxy, _ := container.Lookup(name); proxy.Value != "" && !bypasses(container, address) {
			return fmt.Sprintf("%s is set and NO_PROXY does not have %s, so the proxy gets the requests to the agent", name, address)
		}
	}
	return ""
}

// bypasses reports whether NO_PROXY names an address.
func bypasses(container space.Container, address netip.Addr) bool {
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		list, _ := container.Lookup(name)
		for entry := range strings.SplitSeq(list.Value, ",") {
			entry = strings.Trim(strings.TrimSpace(entry), "[]")
			block, err := netip.ParsePrefix(entry)
			if entry == "*" || entry == address.String() || err == nil && block.Contains(address) {
				return true
			}
		}
	}
	return false
}

// AgentOf returns the address of the EKS Pod Identity agent that a pod uses, if it uses it.
func AgentOf(p space.Pod) (netip.Addr, bool) {
	for _, container := range p.Spec.All() {
		if address, ok := agentOf(container); ok {
			return address, true
		}
	}
	return netip.Addr{}, false
}

// AudienceOf returns the audience of the token that a pod's processes exchange for AWS
// credentials.
func AudienceOf(p space.Pod) (string, bool) {
	variable := map[Source]string{WebIdentity: envToken, PodIdentity: envPodToken}[Mechanism(p)]
	for _, container := range p.Spec.Containers {
		file, exists := container.Lookup(variable)
		if token, mounted := p.Spec.TokenAt(container, file.Value); exists && mounted {
			return token.Audience, true
		}
	}
	return "", false
}
