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
	ContainerURI Source = "a container credentials endpoint of Amazon ECS"
	PodIdentity  Source = "EKS Pod Identity"
	InstanceRole Source = "the role of the node"
)

type chainLink struct {
	source Source
	all    []string // variables that must all be set; for SharedFile one is enough
}

// chain are the variables of each source.
var chain = []chainLink{
	{StaticKeys, []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}},
	{WebIdentity, []string{envToken}},
	{SharedFile, []string{"AWS_PROFILE"}},
	{SharedFile, []string{"AWS_SHARED_CREDENTIALS_FILE"}},
	{SharedFile, []string{"AWS_CONFIG_FILE"}},
	{ContainerURI, []string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"}},
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
	Unread string // what was not read and may win: variables of a Secret or ConfigMap, or a shared file
	Check  string // a command that shows what Unread has; may be empty
}

// UseOf walks the chain of an AWS SDK in each container of a pod that the EKS webhook has
// changed.
func UseOf(p space.Pod, c desired.Component) Use {
	var use Use
	for _, container := range p.Spec.All() {
		source, variable := SourceOf(container)
		switch {
		case source == StaticKeys, source == SharedFile, source == ContainerURI:
			return Use{Wrong: fmt.Sprintf("container %s uses %s (%s) instead of the identity", container.Name, source, variable)}
		case source == WebIdentity && !c.Mode.UsesIRSA():
			return Use{Wrong: fmt.Sprintf("container %s uses %s (%s) instead of EKS Pod Identity", container.Name, source, variable)}
		case source == PodIdentity:
			if problem := agentProblem(container); problem != "" {
				return Use{Wrong: "container " + container.Name + ": " + problem}
			}
		}
		if at, exists := sharedFileOf(container); exists && source == PodIdentity {
			use = Use{Unread: fmt.Sprintf("container %s has a volume at %s, which is not read: credentials in it would come first", container.Name, at)}
		}
		for _, from := range container.EnvFrom {
			if !setsCredentials(from) {
				continue
			}
			use.Unread = fmt.Sprintf("container %s has variables from %s, which is not read: static keys there would come first", container.Name, from)
			if kind, name, ok := strings.Cut(from.String(), " "); ok {
				use.Check = fmt.Sprintf("kubectl describe %s %s -n %s", strings.ToLower(kind), name, p.Meta.Namespace)
			}
		}
	}
	return use
}

// sharedFileOf returns the path of a volume that may have the shared files of the AWS SDKs.
//
// Source: AWS SDKs and Tools Reference Guide, "Shared config and credentials files".
func sharedFileOf(container space.Container) (path string, exists bool) {
	for _, mount := range container.Mounts {
		if slices.ContainsFunc([]string{"/.aws", "/.aws/config", "/.aws/credentials"}, func(end string) bool { return strings.HasSuffix(strings.TrimSuffix(mount.Path, "/"), end) }) {
			return mount.Path, true
		}
	}
	return "", false
}

// setsCredentials reports whether an object with variables can set one that AWS SDKs read
// credentials from. Its prefix may exclude that.
func setsCredentials(from space.Environment) bool {
	return slices.ContainsFunc(chain, func(link chainLink) bool {
		return slices.ContainsFunc(link.all, func(name string) bool { return strings.HasPrefix(name, from.Prefix) })
	})
}

// OtherSource says which container uses something else than the identity, and what, for a
// pod with a problem.
func OtherSource(p space.Pod, c desired.Component) string {
	var found []string
	for _, container := range p.Spec.All() {
		source, _ := SourceOf(container)
		ours := source == WebIdentity && c.Mode.UsesIRSA() || source == PodIdentity && c.Mode.UsesPodIdentity()
		if text := fmt.Sprintf("container %s uses %s", container.Name, source); !ours {
			found = append(found, text)
		}
	}
	if len(found) == 0 {
		return "its containers use the mechanism of the config, but not with the identity"
	}
	return found[0]
}

// AgentAddresses are the addresses of the EKS Pod Identity agent on each node.
//
// Source: Amazon EKS User Guide, "Set up the Amazon EKS Pod Identity Agent".
var AgentAddresses = []netip.Addr{netip.MustParseAddr("169.254.170.23"), netip.MustParseAddr("fd00:ec2::23")}

// agentPort ends an entry of NO_PROXY that is only for the agent's port. An IPv6 address
// with a port has brackets, and no group of the agent's address is 80.
const agentPort = ":80"

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
	return proxyProblem(container, address)
}

// proxyProblem returns why a proxy gets the requests to the agent, or "".
func proxyProblem(container space.Container, address netip.Addr) string {
	for _, name := range []string{"HTTP_PROXY", "http_proxy"} {
		if proxy, _ := container.Lookup(name); proxy.Value != "" && !bypasses(container, address) {
			return fmt.Sprintf("%s is set and NO_PROXY does not have %s, so the proxy gets the requests to the agent", name, address)
		}
	}
	return ""
}

// bypasses reports whether NO_PROXY names an address, with or without the agent's port.
//
// Source: Go, golang.org/x/net/http/httpproxy, Config.NoProxy.
func bypasses(container space.Container, address netip.Addr) bool {
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		list, _ := container.Lookup(name)
		for entry := range strings.SplitSeq(list.Value, ",") {
			entry = strings.Trim(strings.TrimSuffix(strings.TrimSpace(entry), agentPort), "[]")
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

// RoleOf returns the role that a pod's processes ask for with IRSA, or "".
func RoleOf(p space.Pod) string {
	for _, container := range p.Spec.Containers {
		if source, _ := SourceOf(container); source == WebIdentity {
			role, _ := container.Lookup(envRole)
			return role.Value
		}
	}
	return ""
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
