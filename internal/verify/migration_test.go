package verify

import (
	"fmt"
	"strings"
	"testing"

	"spaces-identity.dev/internal/space"
)

// The commands are complete: each can be copied to a shell.
func TestReplacementsNameEveryWorkloadOnce(t *testing.T) {
	pod := func(namespace, owner, more string) space.Pod {
		return decodeJSON[space.Pod](t, `{"metadata":{"name":"p-1","namespace":"`+namespace+`","labels":{"pod-template-hash":"abc"},"ownerReferences":[`+owner+`]`+more+`}}`)
	}
	const (
		deployment  = `{"kind":"ReplicaSet","name":"mxp-controller-abc"}`
		replicaSet  = `{"kind":"ReplicaSet","name":"alone"}`
		statefulSet = `{"kind":"StatefulSet","name":"vector"}`
		synced      = `,"annotations":{"vcluster.loft.sh/object-name":"crossplane-1","vcluster.loft.sh/object-namespace":"upbound-system"}`
	)
	var many, kinds []space.Pod
	for i := range 12 {
		many = append(many, pod(fmt.Sprintf("ns-%02d", i), deployment, ""))
		kinds = append(kinds, pod("a", fmt.Sprintf(`{"kind":"StatefulSet","name":"set-%d"}`, i), ""))
	}
	for name, tt := range map[string]struct {
		pods            []space.Pod
		names, commands string
	}{
		"two pods of one": {[]space.Pod{pod("a", deployment, ""), pod("a", deployment, "")}, "deployments/mxp-controller in a", "`kubectl rollout restart deployments/mxp-controller -n a`"},
		"one in two namespaces": {[]space.Pod{pod("a", deployment, ""), pod("b", deployment, "")}, "deployments/mxp-controller in a, b",
			"`for ns in a b; do kubectl rollout restart deployments/mxp-controller -n $ns; done`"},
		"two kinds": {[]space.Pod{pod("a", deployment, ""), pod("a", statefulSet, "")}, "deployments/mxp-controller in a; statefulsets/vector in a",
			"`kubectl rollout restart deployments/mxp-controller -n a`, `kubectl rollout restart statefulsets/vector -n a`"},
		"a ReplicaSet without a Deployment": {[]space.Pod{pod("a", replicaSet, "")}, "pod/p-1 in a", "`kubectl delete pod/p-1 -n a`"},
		"no owner":                          {[]space.Pod{pod("a", "", "")}, "pod/p-1 in a", "`kubectl delete pod/p-1 -n a`, then create it again, because nothing owns it"},
		"a copy of one inside the control plane": {[]space.Pod{pod("a", `{"kind":"Service","name":"vcluster"}`, synced)}, "pod/crossplane-1 in upbound-system inside the control plane of a",
			"with the kubeconfig of the control plane of a, `kubectl delete pod/crossplane-1 -n upbound-system`"},
		"twelve namespaces": {many, "ns-09 and 2 more namespaces", "for ns in ns-00 ns-01 ns-02 ns-03 ns-04 ns-05 ns-06 ns-07 ns-08 ns-09; do"},
		"twelve workloads":  {kinds, "statefulsets/set-9 in a; 2 more workloads", "statefulsets/set-9 -n a`"},
	} {
		t.Run(name, func(t *testing.T) {
			names, commands := replacements(tt.pods)
			if !strings.Contains(names, tt.names) || !strings.Contains(commands, tt.commands) || strings.Contains(commands, "ns-10") || strings.Contains(commands, "set-10") {
				t.Errorf("names: %s\ncommands: %s", names, commands)
			}
		})
	}
}
