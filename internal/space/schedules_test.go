package space

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSchedulesOfFindsWhatSelectsEachControlPlane compares the index with [Schedule.Selects]
// for each schedule and each control plane.
func TestSchedulesOfFindsWhatSelectsEachControlPlane(t *testing.T) {
	var schedules []Schedule
	for i, spec := range []string{
		`{"controlPlane":"a"}`, `{"controlPlane":"gone"}`, `{"controlPlaneSelector":{"names":["b","a","b"]}}`, `{"controlPlane":"a","controlPlaneSelector":{"names":["a"]}}`,
		`{"controlPlaneSelector":{"labelSelectors":[{}]}}`, `{"controlPlaneSelector":{"labelSelectors":[{"matchLabels":{"tier":"prod"}}]}}`,
		`{"controlPlaneSelector":{"names":["c"],"labelSelectors":[{"matchLabels":{"tier":"prod"}}]}}`, `{"suspend":true,"controlPlane":"a"}`, `{}`,
	} {
		for _, namespace := range []string{"team", "other"} {
			var s Schedule
			if err := json.Unmarshal(fmt.Appendf(nil, `{"metadata":{"name":"%d","namespace":%q},"spec":%s}`, i, namespace, spec), &s); err != nil {
				t.Fatal(err)
			}
			schedules = append(schedules, s)
		}
	}
	planes := []ControlPlane{{Name: "a", Namespace: "team", Labels: map[string]string{"tier": "prod"}}, {Name: "b", Namespace: "team"},
		{Name: "c", Namespace: "team"}, {Name: "a", Namespace: "other"}, {HostNamespace: "mxp-x-system"}}
	index := SchedulesOf(planes, schedules)
	for _, p := range planes {
		var want, got []string
		for _, s := range schedules {
			if s.Selects(p) {
				want = append(want, s.Meta.Namespace+"/"+s.Meta.Name)
			}
		}
		for _, s := range index[Key{p.Namespace, p.Name}] {
			got = append(got, s.Meta.Namespace+"/"+s.Meta.Name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", p, diff)
		}
	}
}

func TestFailureReturnsTheFirstErrorOfTheNamespace(t *testing.T) {
	var o Observed
	errs := []*Error{{Resource: Pods, Namespace: "a"}, {Resource: Deployments}, {Resource: Pods, Namespace: "b"}, {Resource: Pods, Namespace: "a"}, {Resource: Pods}}
	for _, e := range errs {
		o.Unread.Add(e)
	}
	for _, tt := range []struct {
		namespace string
		resources []Resource
		want      *Error
	}{
		{"a", []Resource{Pods}, errs[0]},
		{"a", []Resource{Deployments, Pods}, errs[0]},
		{"b", []Resource{Pods, Deployments}, errs[1]},
		{"b", []Resource{Pods}, errs[2]},
		{"c", []Resource{Pods}, errs[4]},
		{"a", []Resource{ServiceAccounts}, nil},
		{"a", nil, nil},
	} {
		if got := o.Failure(tt.namespace, tt.resources...); got != tt.want {
			t.Errorf("%s %v: got %v, want %v", tt.namespace, tt.resources, got, tt.want)
		}
	}
}
