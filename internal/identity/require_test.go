package identity_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/fixture"
)

func TestRequire(t *testing.T) {
	spec := fixture.Spec(t, identity.Settings{
		Cluster:            identity.Cluster{Name: "prod"},
		AdditionalClusters: []identity.Cluster{{Region: "us-west-2"}},
		Components: []identity.Component{
			{Name: "mxp-controller", Bucket: "spaces"},
			{Name: "vector", Role: identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "r"}},
		},
	})
	role := identity.Missing{What: "the role's ARN", Key: "components[0].roleARN", Flag: "--role-arn"}
	for name, c := range map[string]struct {
		component string
		needs     []identity.Need
		want      []identity.Missing
	}{
		"nothing":       {"mxp-controller", nil, nil},
		"what is there": {"mxp-controller", []identity.Need{identity.NeedBucket}, nil},
		"the role once": {"mxp-controller", []identity.Need{identity.NeedRole, identity.NeedAccount}, []identity.Missing{role}},
		"of another":    {"vector", []identity.Need{identity.NeedRole, identity.NeedBucket}, []identity.Missing{{What: "the bucket", Key: "components[1].bucket", Flag: "--component vector --bucket"}}},
		"of none":       {"crossplane", []identity.Need{identity.NeedRole}, []identity.Missing{{What: "the role's ARN", Key: "components[2].roleARN", Flag: "--component crossplane --role-arn"}}},
		"of every cluster": {"vector", []identity.Need{identity.NeedClusterName, identity.NeedRegion, identity.NeedOIDCProvider}, []identity.Missing{
			{What: "the cluster's name", Key: "additionalClusters[0].name"},
			{What: "the cluster's region", Key: "cluster.region", Flag: "--region"},
			{What: "the OIDC provider", Key: "cluster.oidcProvider", Flag: "--oidc-provider"},
			{What: "the OIDC provider", Key: "additionalClusters[0].oidcProvider"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			err := spec.Require(c.component, c.needs...)
			var got []identity.Missing
			if missing, ok := errors.AsType[*identity.MissingError](err); ok {
				got = missing.Missing
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestMissingErrorSaysWhatToDo(t *testing.T) {
	spec := fixture.Spec(t, identity.Settings{AdditionalClusters: []identity.Cluster{{Region: "us-west-2"}}})
	err := spec.Require("mxp-controller", identity.NeedRole, identity.NeedClusterName)
	want := `component mxp-controller lacks what this needs:
  the role's ARN: set components[0].roleARN in the config, or give --role-arn
  the cluster's name: set cluster.name in the config, or give --cluster
  the cluster's name: set additionalClusters[0].name in the config`
	if err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
