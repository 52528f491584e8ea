package space

import (
	"net/netip"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// NetworkPolicy is a network policy of Kubernetes with the part that is read: which pods it
// selects, and to which addresses they may connect.
type NetworkPolicy struct {
	Meta Meta `json:"metadata"`
	Spec struct {
		Pods   metav1.LabelSelector `json:"podSelector"`
		Types  []string             `json:"policyTypes"`
		Egress []egressRule         `json:"egress"`
	} `json:"spec"`
}

type egressRule struct {
	To []struct {
		Block *struct {
			CIDR   string   `json:"cidr"`
			Except []string `json:"except"`
		} `json:"ipBlock"`
	} `json:"to"`
	Ports []struct {
		Protocol string `json:"protocol"`
		Port     any    `json:"port"` // a number, or a name of a container's port
		End      int    `json:"endPort"`
	} `json:"ports"`
}

// Endpoint is an address and a TCP port that pods connect to. Without an address it is one
// that is not known, such as that of a service of AWS.
type Endpoint struct {
	Address netip.Addr
	Port    int
}

// Blocking returns the network policies that select a pod and restrict its egress, if none
// of them admits the endpoint. A policy admits an unknown address if it admits any block of
// addresses: an endpoint of AWS may have a private address in the VPC.
//
// Source: Kubernetes documentation, "Network Policies: The two sorts of pod isolation".
func Blocking(policies []NetworkPolicy, p Pod, to Endpoint) []string {
	var names []string
	for _, policy := range policies {
		switch {
		case !policy.restrictsEgress(p):
		case slices.ContainsFunc(policy.Spec.Egress, func(r egressRule) bool { return r.admits(to) }):
			return nil
		default:
			names = append(names, policy.Meta.Name)
		}
	}
	return names
}

func (n NetworkPolicy) restrictsEgress(p Pod) bool {
	selector, err := metav1.LabelSelectorAsSelector(&n.Spec.Pods)
	// Without types, a policy restricts egress only if it has rules for it.
	restricts := slices.Contains(n.Spec.Types, "Egress") || len(n.Spec.Types) == 0 && len(n.Spec.Egress) > 0
	return err == nil && restricts && selector.Matches(labels.Set(p.Meta.Labels))
}

func (r egressRule) admits(to Endpoint) bool {
	return r.admitsPort(to.Port) && r.admitsAddress(to.Address)
}

func (r egressRule) admitsPort(port int) bool {
	for _, p := range r.Ports {
		number, isNumber := p.Port.(float64)
		switch {
		case p.Protocol != "" && p.Protocol != "TCP":
		case p.Port == nil, isNumber && int(number) == port, isNumber && int(number) <= port && port <= p.End:
			return true
		}
	}
	return len(r.Ports) == 0
}

// admitsAddress ignores peers that are pods or namespaces: neither the agent nor AWS is a
// pod.
func (r egressRule) admitsAddress(address netip.Addr) bool {
	for _, peer := range r.To {
		if peer.Block == nil {
			continue
		}
		if !address.IsValid() {
			if block, err := netip.ParsePrefix(peer.Block.CIDR); err == nil && !block.Addr().IsLinkLocalUnicast() {
				return true
			}
			continue
		}
		excepted := slices.ContainsFunc(peer.Block.Except, func(cidr string) bool { return contains(cidr, address) })
		if contains(peer.Block.CIDR, address) && !excepted {
			return true
		}
	}
	return len(r.To) == 0
}

func contains(cidr string, address netip.Addr) bool {
	block, err := netip.ParsePrefix(cidr)
	return err == nil && block.Contains(address)
}
