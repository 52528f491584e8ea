package space

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func decodeJSON[T any](t *testing.T, text string) T {
	t.Helper()
	var value T
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestBlockingNamesThePoliciesThatAdmitNothing(t *testing.T) {
	agent := Endpoint{netip.MustParseAddr("169.254.170.23"), 80}
	agent6 := Endpoint{netip.MustParseAddr("fd00:ec2::23"), 80}
	aws := Endpoint{Port: 443}
	const toDNS = `{"egress":[{"to":[{"namespaceSelector":{}}],"ports":[{"protocol":"UDP","port":53}]}]}`
	for name, tt := range map[string]struct {
		policies string // their specs
		to       Endpoint
		want     string // names of the policies
	}{
		"none":                 {``, agent, ""},
		"ingress only":         {`{"policyTypes":["Ingress"]}`, agent, ""},
		"no type, no egress":   {`{}`, agent, ""},
		"other pods":           {`{"podSelector":{"matchLabels":{"app":"other"}},"policyTypes":["Egress"]}`, agent, ""},
		"nothing is admitted":  {`{"podSelector":{"matchLabels":{"app":"mxp"}},"policyTypes":["Egress"]}`, agent, "p0"},
		"only DNS":             {toDNS, agent, "p0"},
		"only DNS, AWS":        {toDNS, aws, "p0"},
		"everything":           {`{"egress":[{}]}`, agent, ""},
		"another admits it":    {toDNS + `,{"egress":[{"to":[{"ipBlock":{"cidr":"169.254.170.23/32"}}]}]}`, agent, ""},
		"two admit nothing":    {toDNS + `,{"policyTypes":["Egress"]}`, agent, "p0 p1"},
		"another port":         {`{"egress":[{"ports":[{"port":443}]}]}`, agent, "p0"},
		"its port":             {`{"egress":[{"ports":[{"port":443},{"protocol":"TCP","port":80}]}]}`, agent, ""},
		"a range of ports":     {`{"egress":[{"ports":[{"port":1,"endPort":100}]}]}`, agent, ""},
		"its port, UDP":        {`{"egress":[{"ports":[{"protocol":"UDP","port":80}]}]}`, agent, "p0"},
		"all but link-local":   {`{"egress":[{"to":[{"ipBlock":{"cidr":"0.0.0.0/0","except":["169.254.0.0/16"]}}]}]}`, agent, "p0"},
		"all but others":       {`{"egress":[{"to":[{"ipBlock":{"cidr":"0.0.0.0/0","except":["10.0.0.0/8"]}}]}]}`, agent, ""},
		"IPv4 for IPv6":        {`{"egress":[{"to":[{"ipBlock":{"cidr":"0.0.0.0/0"}}]}]}`, agent6, "p0"},
		"IPv6":                 {`{"egress":[{"to":[{"ipBlock":{"cidr":"fd00:ec2::23/128"}}]}]}`, agent6, ""},
		"the agent, AWS":       {`{"egress":[{"to":[{"ipBlock":{"cidr":"169.254.170.23/32"}}]}]}`, aws, "p0"},
		"the VPC, AWS":         {`{"egress":[{"to":[{"ipBlock":{"cidr":"10.0.0.0/16"}}],"ports":[{"port":443}]}]}`, aws, ""},
		"the Internet, AWS":    {`{"egress":[{"to":[{"ipBlock":{"cidr":"0.0.0.0/0","except":["10.0.0.0/8"]}}]}]}`, aws, ""},
		"a named port for AWS": {`{"egress":[{"ports":[{"port":"https"}]}]}`, aws, "p0"},
		"pods only, for AWS":   {`{"egress":[{"to":[{"podSelector":{}}]}]}`, aws, "p0"},
		"expressions match":    {`{"podSelector":{"matchExpressions":[{"key":"app","operator":"In","values":["mxp"]}]},"policyTypes":["Egress"]}`, aws, "p0"},
		"expressions rule out": {`{"podSelector":{"matchExpressions":[{"key":"app","operator":"DoesNotExist"}]},"policyTypes":["Egress"]}`, aws, ""},
	} {
		t.Run(name, func(t *testing.T) {
			pod := decodeJSON[Pod](t, `{"metadata":{"labels":{"app":"mxp"}}}`)
			var policies []NetworkPolicy
			for i, spec := range decodeJSON[[]json.RawMessage](t, "["+tt.policies+"]") {
				policies = append(policies, decodeJSON[NetworkPolicy](t, `{"metadata":{"name":"p`+string(rune('0'+i))+`"},"spec":`+string(spec)+`}`))
			}
			if got := strings.Join(Blocking(policies, pod, tt.to), " "); got != tt.want {
				t.Errorf("blocked by %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSchedulesSelectControlPlanes(t *testing.T) {
	plane := ControlPlane{Name: "ctp", Namespace: "team", Labels: map[string]string{"env": "prod"}}
	for spec, want := range map[string]bool{
		`{"controlPlane":"ctp"}`:                                                      true,
		`{"controlPlane":"other"}`:                                                    false,
		`{"controlPlane":"ctp","suspend":true}`:                                       false,
		`{"controlPlaneSelector":{"names":["x","ctp"]}}`:                              true,
		`{"controlPlaneSelector":{"names":["x"]}}`:                                    false,
		`{"controlPlaneSelector":{"names":["ctp"]}}`:                                  true,
		`{"controlPlaneSelector":{"labelSelectors":[{"matchLabels":{"env":"dev"}}]}}`: false,
		`{"controlPlaneSelector":{"labelSelectors":[{"matchLabels":{"env":"dev"}},{"matchLabels":{"env":"prod"}}]}}`: true,
	} {
		s := decodeJSON[Schedule](t, `{"metadata":{"namespace":"team"},"spec":`+spec+`}`)
		if got := s.Selects(plane); got != want {
			t.Errorf("%s: %t, want %t", spec, got, want)
		}
		s.Meta.Namespace = "other"
		if s.Selects(plane) {
			t.Errorf("%s: it selects a control plane of another group", spec)
		}
	}
}

func TestOutOfScopeListsCertainControlPlanesOnly(t *testing.T) {
	d := Discovery{ControlPlanes: []ControlPlane{
		{Name: "young", Namespace: "team", Certain: true}, {HostNamespace: "in", Certain: true},
		{HostNamespace: "out", Certain: true}, {HostNamespace: "logging"}}}
	var got []string
	for _, p := range d.OutOfScope(Scope{Namespaces: []string{"in"}, Admits: func(string) bool { return false }}) {
		got = append(got, p.String())
	}
	if !slices.Equal(got, []string{"team/young", "out"}) {
		t.Errorf("out of scope: %q", got)
	}
	if rest := d.OutOfScope(Scope{Certain: true, Admits: func(string) bool { return false }}); len(rest) != 1 {
		t.Errorf("only the one without a host namespace is out of scope: %v", rest)
	}
}

func TestStuckWorkloadsAreRecognised(t *testing.T) {
	for text, want := range map[string]string{
		`{"spec":{}}`: "", `{"spec":{"paused":true}}`: "the Deployment is paused",
		`{"spec":{"updateStrategy":{"type":"OnDelete"}}}`:                                                             "its update strategy is OnDelete",
		`{"spec":{"updateStrategy":{"type":"RollingUpdate"}}}`:                                                        "",
		`{"spec":{"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"partition":2,"maxUnavailable":"25%"}}}}`: "its update strategy has the partition 2",
		`{"spec":{"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"partition":0,"maxUnavailable":1}}}}`:     "",
	} {
		if got := decodeJSON[Workload](t, text).Stuck(); got != want {
			t.Errorf("%s: %q", text, got)
		}
	}
}

func TestRolledOutCountsPodsOfTheCurrentTemplate(t *testing.T) {
	for _, tt := range []struct {
		resource            Resource
		text                string
		replaced, rolledOut bool
	}{
		{Deployments, `{"status":{"replicas":1,"updatedReplicas":1,"availableReplicas":1}}`, true, true},
		{Deployments, `{"metadata":{"generation":2},"status":{"observedGeneration":1,"replicas":1,"updatedReplicas":1,"availableReplicas":1}}`, false, false},
		{Deployments, `{"spec":{"replicas":2},"status":{"replicas":2,"updatedReplicas":2,"availableReplicas":1}}`, true, false},
		{Deployments, `{"spec":{"replicas":2},"status":{"replicas":3,"updatedReplicas":2,"availableReplicas":2}}`, false, false},
		{Deployments, `{"spec":{"replicas":0},"status":{}}`, true, true},
		{DaemonSets, `{"status":{"desiredNumberScheduled":2,"updatedNumberScheduled":2,"numberAvailable":1}}`, true, false},
		{DaemonSets, `{"status":{"desiredNumberScheduled":2,"updatedNumberScheduled":1,"numberAvailable":2}}`, false, false},
		{DaemonSets, `{"status":{"desiredNumberScheduled":2,"updatedNumberScheduled":2,"numberAvailable":2}}`, true, true},
	} {
		w := decodeJSON[Workload](t, tt.text)
		w.Resource = tt.resource
		if w.Replaced() != tt.replaced || w.RolledOut() != tt.rolledOut {
			t.Errorf("%s %s: replaced %t, rolled out %t", tt.resource, tt.text, w.Replaced(), w.RolledOut())
		}
	}
}
