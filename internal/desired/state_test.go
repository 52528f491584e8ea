package desired_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/identity"
)

// summary has a line for each part of the roles.
func summary(roles []desired.Role) []string {
	var lines []string
	for _, r := range roles {
		var names []string
		for _, c := range r.Components {
			names = append(names, c.Name)
		}
		lines = append(lines, fmt.Sprintf("role %s of %s: %d statements", r.ARN.Name, strings.Join(names, ", "), len(r.TrustPolicy.Statement)))
		for _, p := range r.Policies {
			lines = append(lines, "policy "+p.Name)
		}
		for _, p := range r.Providers {
			lines = append(lines, fmt.Sprintf("provider %s for %s on %s", p.URL, p.Audience, p.Cluster.Name))
		}
		for _, a := range r.Associations {
			lines = append(lines, fmt.Sprintf("association %s/%s on %s", a.Namespace, a.ServiceAccount, a.ClusterName))
		}
	}
	return lines
}

func TestRoles(t *testing.T) {
	second := "provider https://" + provider2 + " for sts.amazonaws.com on prod-space-eu"
	first := "provider https://" + provider + " for sts.amazonaws.com on prod-space"
	tests := map[string]struct {
		mode    identity.Mode
		changes []change
		want    []string
	}{
		"irsa": {identity.IRSA, []change{namespaces("a", "b")},
			[]string{"role spaces-backup of mxp-controller: 1 statements", "policy SpacesIdentity-mxp-controller", first}},
		"pod-identity": {identity.PodIdentity, []change{namespaces("b", "a")},
			[]string{"role spaces-backup of mxp-controller: 1 statements", "policy SpacesIdentity-mxp-controller", "association a/mxp-controller on prod-space", "association b/mxp-controller on prod-space"}},
		"pod-identity, a pattern alone": {identity.PodIdentity, []change{match("uuid")},
			[]string{"role spaces-backup of mxp-controller: 1 statements", "policy SpacesIdentity-mxp-controller"}},
		"both, two clusters": {identity.Both, []change{namespaces("a"), twoClusters},
			[]string{"role spaces-backup of mxp-controller: 3 statements", "policy SpacesIdentity-mxp-controller", first, second, "association a/mxp-controller on prod-space", "association a/mxp-controller on prod-space-eu"}},
		"a shared role, no bucket": {identity.PodIdentity, []change{namespaces("b", "a"), twoClusters, vector(identity.Both, "spaces-backup"), component(func(c *identity.Component) { c.Bucket = "" })},
			[]string{"role spaces-backup of mxp-controller, vector: 4 statements", first, second,
				"association a/mxp-controller on prod-space", "association a/vector on prod-space", "association b/mxp-controller on prod-space", "association b/vector on prod-space",
				"association a/mxp-controller on prod-space-eu", "association a/vector on prod-space-eu", "association b/mxp-controller on prod-space-eu", "association b/vector on prod-space-eu"}},
		"a shared role with two policies": {identity.IRSA, []change{namespaces("a"), vector(identity.IRSA, "spaces-backup"), func(s *identity.Settings) { s.Components[1].Bucket = "logs-bucket" }},
			[]string{"role spaces-backup of mxp-controller, vector: 2 statements", "policy SpacesIdentity-mxp-controller", "policy SpacesIdentity-vector", first}},
		"two roles": {identity.IRSA, []change{namespaces("a"), vector(identity.PodIdentity, "logs")},
			[]string{"role spaces-backup of mxp-controller: 1 statements", "policy SpacesIdentity-mxp-controller", first, "role logs of vector: 1 statements", "association a/vector on prod-space"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := stateOf(t, tt.mode, tt.changes...)
			roles, err := s.Roles()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, summary(roles)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, r := range roles { // each part is the same if it is computed alone
				for _, c := range r.Components {
					doc, err := s.TrustPolicy(c)
					if err != nil || string(doc.JSON()) != string(r.TrustPolicy.JSON()) {
						t.Errorf("%s: %v\n%s", c.Name, err, doc.JSON())
					}
					if c.HasAssociations() {
						list, err := s.Associations(c)
						if err != nil {
							t.Fatal(err)
						}
						for _, a := range list {
							if !slices.ContainsFunc(r.Associations, func(b desired.Association) bool { return cmp.Equal(a, b) }) {
								t.Errorf("the role lacks %+v", a)
							}
						}
					}
				}
			}
		})
	}
}

func TestRolesNameEveryMissingSetting(t *testing.T) {
	s := stateOf(t, identity.IRSA, vector(identity.PodIdentity, "logs"), func(s *identity.Settings) {
		s.Cluster, s.Components[0].Role = identity.Cluster{}, identity.RoleARN{}
	})
	_, err := s.Roles()
	want := `component mxp-controller has no value for the role's ARN and the OIDC provider, which this command needs
component vector has no value for the cluster's name and the cluster's region, which this command needs
set components[0].roleARN and cluster.oidcProvider in the config
set cluster.name and cluster.region in the config`
	if diff := cmp.Diff(want, withHints(err)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if missing, ok := errors.AsType[*desired.MissingError](err); !ok || missing.Component != "mxp-controller" || len(missing.Missing) != 2 {
		t.Errorf("got %+v", missing)
	}
}

func TestProvidersAreInTheAccountOfTheRole(t *testing.T) {
	s := stateOf(t, identity.IRSA, component(func(c *identity.Component) { c.Role.Partition, c.Role.Account = "aws-cn", "999999999999" }))
	got := s.Providers(s.Components[0])
	want := []desired.Provider{{ARN: "arn:aws-cn:iam::999999999999:oidc-provider/" + provider, URL: "https://" + provider,
		Audience: "sts.amazonaws.com", Cluster: s.Clusters[0]}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	pods := stateOf(t, identity.PodIdentity)
	if got := pods.Providers(pods.Components[0]); got != nil || pods.UsesIRSA() || !pods.UsesPodIdentity() || s.UsesPodIdentity() || !s.UsesIRSA() {
		t.Errorf("%+v", got)
	}
}

func TestAnnotationsIncludeTheRoleOnlyUnderIRSA(t *testing.T) {
	extra := component(func(c *identity.Component) { c.ExtraAnnotations = map[string]string{"a": "b"} })
	noRole := component(func(c *identity.Component) { c.Role = identity.RoleARN{} })
	role := map[string]string{identity.RoleAnnotation: "arn:aws:iam::123456789012:role/spaces-backup"}
	tests := map[string]struct {
		mode    identity.Mode
		changes []change
		want    map[string]string
	}{
		"irsa":                  {identity.IRSA, nil, role},
		"both":                  {identity.Both, nil, role},
		"pod-identity":          {identity.PodIdentity, nil, nil},
		"no role":               {identity.IRSA, []change{noRole}, nil},
		"others":                {identity.PodIdentity, []change{extra}, map[string]string{"a": "b"}},
		"others and the role's": {identity.IRSA, []change{extra}, map[string]string{"a": "b", identity.RoleAnnotation: role[identity.RoleAnnotation]}},
	}
	for name, tt := range tests {
		s := stateOf(t, tt.mode, tt.changes...)
		if diff := cmp.Diff(tt.want, s.Components[0].Annotations); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if len(s.Spec().Components[0].ExtraAnnotations) > 1 {
			t.Errorf("%s: the config has changed", name)
		}
	}
}

func TestComponentByName(t *testing.T) {
	s := stateOf(t, identity.IRSA, vector(identity.IRSA, "logs"))
	if c, ok := s.Component("vector"); !ok || c.Role.Name != "logs" {
		t.Errorf("%+v, %v", c, ok)
	}
	if _, ok := s.Component("other"); ok {
		t.Error("it has a component that the config lacks")
	}
}

func TestComponentOfAServiceAccount(t *testing.T) {
	s := stateOf(t, identity.IRSA, vector(identity.IRSA, "logs"), component(func(c *identity.Component) { c.ServiceAccount = "mxp" }))
	for account, name := range map[string]string{"mxp": "mxp-controller", "vector": "vector", "mxp-controller": "", "": ""} {
		if got := namesOf(s.ComponentsOf(nsA, account)); got != name {
			t.Errorf("%q: %q", account, got)
		}
	}
}

func namesOf(components []desired.Component) string {
	var names []string
	for _, c := range components {
		names = append(names, c.Name)
	}
	return strings.Join(names, " ")
}

func TestValues(t *testing.T) {
	roleKey := "serviceAccount.annotations[\"eks.amazonaws.com/role-arn\"] = "
	full := component(func(c *identity.Component) {
		c.ExtraAnnotations = map[string]string{"b": "2", "a": "1", "z/z": "3"}
		c.PodLabels = map[string]string{"team": "platform"}
	})
	mine := func(s *identity.Settings) {
		s.Components = append(s.Components, identity.Component{Name: "mine", ServiceAccount: "mine", Role: s.Components[0].Role, PodLabels: map[string]string{"a": "b"},
			Values: identity.ValuesPaths{Component: []string{"mine"}, Annotations: []string{"sa", "annotations"}}})
	}
	undescribed := func(s *identity.Settings) {
		s.Components = append(s.Components, identity.Component{Name: "mine", ServiceAccount: "mine", Role: s.Components[0].Role})
	}
	arn := "arn:aws:iam::123456789012:role/spaces-backup"
	own := "controlPlanes.mxpController." + roleKey + arn
	tests := map[string]struct {
		mode    identity.Mode
		changes []change
		want    []string
	}{
		"irsa":         {identity.IRSA, nil, []string{own}},
		"both":         {identity.Both, nil, []string{own}},
		"pod-identity": {identity.PodIdentity, []change{component(func(c *identity.Component) { c.Role = identity.RoleARN{} })}, nil},
		"annotations and labels": {identity.IRSA, []change{full}, []string{own, "controlPlanes.mxpController.serviceAccount.annotations.a = 1",
			"controlPlanes.mxpController.serviceAccount.annotations.b = 2", "controlPlanes.mxpController.serviceAccount.annotations[\"z/z\"] = 3",
			"controlPlanes.mxpController.pod.customLabels.team = platform"}},
		"a setting of the component": {identity.IRSA, []change{vector(identity.PodIdentity, "logs")}, []string{own, "billing.storage.secretRef.name = "}},
		"no path for labels":         {identity.IRSA, []change{mine}, []string{own, `mine.sa.annotations["eks.amazonaws.com/role-arn"] = ` + arn}},
		"no path at all":             {identity.IRSA, []change{undescribed}, []string{own}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			values, err := stateOf(t, tt.mode, tt.changes...).Values()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, v := range values {
				got = append(got, v.Path.String()+" = "+v.Text)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	s := stateOf(t, identity.IRSA, component(func(c *identity.Component) { c.Role = identity.RoleARN{} }))
	if values, err := s.Values(); !strings.Contains(withHints(err), "the role's ARN, which this command needs\nset components[0].roleARN in") {
		t.Errorf("%v, %v", values, err)
	}
}

func TestValuesOfTwoComponentsAtOnePathAreAnError(t *testing.T) {
	at := func(role, path, annotations string) change {
		return func(s *identity.Settings) {
			r := s.Components[0].Role
			r.Name = role
			s.Components = append(s.Components, identity.Component{Name: "c" + strconv.Itoa(len(s.Components)), ServiceAccount: "sa" + strconv.Itoa(len(s.Components)), Role: r,
				PodLabels: map[string]string{"of": role}, Values: identity.ValuesPaths{Component: strings.Split(path, "."), Annotations: strings.Split(annotations, "."), PodLabels: []string{"labels"}}})
		}
	}
	for name, tt := range map[string]struct {
		changes []change
		want    string // empty: no error
	}{
		"one path":         {[]change{at("a", "mine", "sa"), at("b", "mine", "sa")}, "c1 and c2 need different values at mine.sa["},
		"reversed":         {[]change{at("b", "mine", "sa"), at("a", "mine", "sa")}, "c1 and c2 need different values at mine.sa["},
		"joined paths":     {[]change{at("a", "mine.deep", "sa"), at("b", "mine", "deep.sa")}, "c1 and c2 need different values at mine.deep.sa["},
		"labels only":      {[]change{at("a", "mine", "sa"), at("b", "mine", "other")}, "c1 and c2 need different values at mine.labels.of"},
		"a known one's":    {[]change{at("a", "controlPlanes.mxpController", "serviceAccount.annotations")}, "mxp-controller and c1 need"},
		"one role for all": {[]change{at("a", "mine", "sa"), at("a", "mine", "sa")}, ""},
		"other paths":      {[]change{at("a", "mine", "sa"), at("b", "yours", "sa")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			values, err := stateOf(t, identity.IRSA, tt.changes...).Values()
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if values != nil || !strings.Contains(err.Error(), tt.want) || !errors.Is(err, desired.ErrSamePlace) || exit.Of(err) != exit.BadUsage {
				t.Errorf("%v, %v", values, err)
			}
		})
	}
}

func TestPolicyNamesAreUniqueAndShort(t *testing.T) {
	long := strings.Repeat("a.", 63) + "a" // 127 characters
	for _, name := range []string{"vector", "a-b.c", long} {
		policy, former := desired.PolicyName(name), desired.FormerPolicyName(name)
		if len(policy) > 128 || len(former) > 128 || !desired.ManagesPolicy(policy) || desired.ManagesPolicy(former) {
			t.Errorf("%q is %q, was %q", name, policy, former)
		}
		if policy == desired.PolicyName(name+"x") || former == desired.FormerPolicyName(name+"x") {
			t.Errorf("%q and %qx have the same name", name, name)
		}
	}
	if got := desired.PolicyName("vector") + " " + desired.FormerPolicyName("vector"); got != "SpacesIdentity-vector spaces-identity-vector" {
		t.Error(got)
	}
	for name, managed := range map[string]bool{"SpacesIdentity-x": true, "SpacesIdentityX": false, "spaces-identity-x": false, desired.ReadmePolicyName: false} {
		if desired.ManagesPolicy(name) != managed {
			t.Errorf("%s: %v", name, !managed)
		}
	}
}

func TestRestartValueChangesOnlyWithTheIdentity(t *testing.T) {
	value := func(changes ...change) string {
		s := stateOf(t, identity.IRSA, changes...)
		return desired.RestartValue(s.Components...)
	}
	before := value()
	if len(before) != 16 || before != value(component(prefixAndKey), namespaces("a"), twoClusters) {
		t.Errorf("%q changes with the permissions or subjects", before)
	}
	seen := map[string]string{before: "nothing"}
	for name, c := range map[string]change{
		"mode":           component(func(c *identity.Component) { c.Mode = identity.Both }),
		"role":           component(func(c *identity.Component) { c.Role.Name = "x" }),
		"annotation":     component(func(c *identity.Component) { c.ExtraAnnotations = map[string]string{"a": "b"} }),
		"label":          component(func(c *identity.Component) { c.PodLabels = map[string]string{"a": "b"} }),
		"more component": vector(identity.IRSA, "logs"),
	} {
		got := value(c)
		if other, ok := seen[got]; ok {
			t.Errorf("a change of %s gives the same value as one of %s", name, other)
		}
		seen[got] = name
	}
}
