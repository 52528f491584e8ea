package desired_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/fixture"
	"spaces-identity.dev/internal/test/simulator"
)

// sessionCases collects requests with the verdicts that the config means.
type sessionCases struct {
	cases []simulator.Case
	wants []bool
	what  []string
}

func (s *sessionCases) add(want bool, what string, c simulator.Case) {
	s.cases, s.wants, s.what = append(s.cases, c), append(s.wants, want), append(s.what, what)
}

func (s *sessionCases) check(t *testing.T) {
	t.Helper()
	allowed := 0
	for i, verdict := range simulator.Ask(t, s.cases) {
		if (verdict == simulator.Allowed) != s.wants[i] {
			t.Errorf("case %d (%s): the simulator says %s to %s on %s, context %v\nrole %s\nsession %s", i, s.what[i], verdict,
				s.cases[i].Action, s.cases[i].Resource, s.cases[i].Context, s.cases[i].Permissions, s.cases[i].Session)
		}
		if s.wants[i] {
			allowed++
		}
	}
	t.Logf("%d cases, %d allowed", len(s.cases), allowed)
	if allowed < 100 || len(s.cases)-allowed < 100 {
		t.Error("the generator is too one-sided")
	}
}

// planeNames are names that are prefixes of each other, so that a policy that is too wide
// admits another one.
var planeNames = []identity.ControlPlaneName{{Group: "default", Name: "ctp1"}, {Group: "default", Name: "ctp10"}, {Group: "default", Name: "ctp"},
	{Group: "default", Name: "ctp1.a"}, {Group: "default-2", Name: "ctp1"}, {Group: "prod", Name: "default"}, {Group: "ctp1", Name: "default"}}

// randomScope returns settings in which each control plane is limited to its own backups.
func randomScope(rng *rand.Rand) identity.Settings {
	pick := func(values ...string) string { return values[rng.IntN(len(values))] }
	s := space(identity.PodIdentity)
	c := &s.Components[0]
	c.Prefix = pick("", "prod", "prod/default", "default", "p/q")
	c.PodIdentity.Scope = identity.ControlPlaneScope
	if rng.IntN(2) == 0 {
		c.KMSKey = kmsKey("aws")
	}
	s.ControlPlanes.Names = map[string]identity.ControlPlaneName{}
	for i, at := range rng.Perm(len(planeNames))[:2+rng.IntN(4)] {
		ns := uuidNamespaces(i + 1)[i]
		s.ControlPlanes.Namespaces = append(s.ControlPlanes.Namespaces, ns)
		s.ControlPlanes.Names[ns] = planeNames[at]
	}
	for range rng.IntN(3) {
		access := identity.ReadAccess{From: planeNames[rng.IntN(len(planeNames))]}
		if rng.IntN(3) > 0 {
			access.Into = planeNames[rng.IntN(len(planeNames))]
		}
		c.PodIdentity.ReadFrom = append(c.PodIdentity.ReadFrom, access)
	}
	return s
}

// TestSessionPoliciesAgainstSimulator lets an independent evaluator judge what the session of
// each control plane may do with the backups of each other one.
func TestSessionPoliciesAgainstSimulator(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 5))
	var all sessionCases
	for len(all.cases) < *simulator.Cases {
		settings := randomScope(rng)
		s := desired.Of(fixture.Spec(t, settings))
		c := s.Components[0]
		role, err := s.Permissions(c)
		if err != nil {
			t.Fatal(err)
		}
		associations, err := s.Associations(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range associations {
			session := sessionOf{policy: json.RawMessage(a.Policy), role: role, prefix: settings.Components[0].Prefix,
				own: settings.ControlPlanes.Names[a.Namespace], readable: readableBy(settings, settings.ControlPlanes.Names[a.Namespace])}
			for _, other := range planeNames {
				session.askFor(&all, other)
			}
			session.askForOthers(&all, !settings.Components[0].KMSKey.IsZero())
		}
	}
	all.check(t)
}

// readableBy returns whose backups a control plane may read besides its own.
func readableBy(s identity.Settings, plane identity.ControlPlaneName) map[identity.ControlPlaneName]bool {
	readable := map[identity.ControlPlaneName]bool{}
	for _, access := range s.Components[0].PodIdentity.ReadFrom {
		if access.Into.IsZero() || access.Into == plane {
			readable[access.From] = true
		}
	}
	return readable
}

// sessionOf is a session of a control plane.
type sessionOf struct {
	policy   json.RawMessage
	role     desired.Policy
	prefix   string // of the config
	own      identity.ControlPlaneName
	readable map[identity.ControlPlaneName]bool
}

func (s sessionOf) request(action, resource string, context map[string][]string) simulator.Case {
	c := simulator.Case{Permissions: []json.RawMessage{s.role.Document.Compact()}, Session: s.policy,
		Principal: "arn:aws:sts::123456789012:assumed-role/spaces-backup/eks-x", Action: action, Resource: resource, Context: context}
	if strings.HasPrefix(action, "kms:") {
		c.Trust = json.RawMessage(keyPolicy)
	}
	return c
}

// keyPolicy is the default policy of a KMS key: policies of the account decide who may use it.
const keyPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"kms:*","Resource":"*"}]}`

const backups = "arn:aws:s3:::spaces-backups"

// askFor adds requests for the backups of a control plane. The test itself joins the key, so
// that it does not repeat a mistake of the program.
func (s sessionOf) askFor(all *sessionCases, other identity.ControlPlaneName) {
	at := strings.TrimPrefix(s.prefix+"/"+other.Group+"/"+other.Name, "/")
	own, reads := other == s.own, other == s.own || s.readable[other]
	what := s.own.String() + " asks for " + other.String()
	for _, name := range []string{"/dump.tar", "/2026/11/dump.tar"} {
		all.add(reads, what, s.request("s3:GetObject", backups+"/"+at+name, map[string][]string{}))
		all.add(own, what, s.request("s3:PutObject", backups+"/"+at+name, map[string][]string{}))
		all.add(own, what, s.request("s3:DeleteObject", backups+"/"+at+name, map[string][]string{}))
	}
	all.add(reads, what, s.request("s3:ListBucket", backups, map[string][]string{"s3:prefix": {at + "/"}}))
	all.add(reads, what, s.request("s3:ListBucket", backups, map[string][]string{"s3:prefix": {at + "/2026"}}))
	for _, near := range []string{at, strings.TrimSuffix(at, "/"+other.Name) + "/", at + "*/"} {
		all.add(false, what, s.request("s3:ListBucket", backups, map[string][]string{"s3:prefix": {near}}))
	}
	for _, action := range []string{"s3:GetObjectAcl", "s3:PutObjectAcl"} {
		all.add(false, what, s.request(action, backups+"/"+at+"/dump.tar", map[string][]string{}))
	}
	all.add(false, what, s.request("s3:GetObject", backups+"/"+at, map[string][]string{}))
	all.add(false, what, s.request("s3:GetObject", backups+"-2/"+at+"/dump.tar", map[string][]string{}))
}

// askForOthers adds requests that do not depend on a control plane.
func (s sessionOf) askForOthers(all *sessionCases, hasKey bool) {
	what := s.own.String()
	all.add(false, what, s.request("s3:ListBucket", backups, map[string][]string{}))
	all.add(false, what, s.request("s3:ListAllMyBuckets", "*", map[string][]string{}))
	all.add(false, what, s.request("s3:GetObject", backups+"/"+strings.TrimPrefix(s.prefix+"/spaces-identity", "/"), map[string][]string{}))
	key := kmsKey("aws").String()
	for _, action := range []string{"kms:Decrypt", "kms:GenerateDataKey"} {
		all.add(hasKey, what, s.request(action, key, map[string][]string{"kms:ViaService": {"s3.us-west-2.amazonaws.com"}}))
		all.add(false, what, s.request(action, key, map[string][]string{}))
		all.add(false, what, s.request(action, key, map[string][]string{"kms:ViaService": {"secretsmanager.us-west-2.amazonaws.com"}}))
		all.add(false, what, s.request(action, key+"0", map[string][]string{"kms:ViaService": {"s3.us-west-2.amazonaws.com"}}))
	}
}

// TestStoredValuesAgainstSimulator lets an independent evaluator judge who may read which
// secrets and parameters.
func TestStoredValuesAgainstSimulator(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 3))
	var all sessionCases
	for len(all.cases) < *simulator.Cases {
		settings := space(identity.IRSA)
		two := rng.IntN(2) == 0
		if two {
			twoClusters(&settings)
		}
		c := &settings.Components[0]
		*c = identity.Component{Name: "external-secrets-controller", Role: c.Role, KMSKey: kmsKey("aws")}
		named := map[string]bool{} // of both kinds
		for _, name := range []string{"db", "db-abcdef", "db1", "prod/db", "prod"} {
			if rng.IntN(2) == 0 {
				continue
			}
			named[name] = true
			c.Secrets = append(c.Secrets, identity.Stored{Kind: identity.SecretKind, Name: name})
			slash := []string{"", "/"}[rng.IntN(2)]
			c.Parameters = append(c.Parameters, identity.Stored{Kind: identity.ParameterKind, Name: slash + name})
		}
		if len(named) == 0 {
			continue
		}
		s := desired.Of(fixture.Spec(t, settings))
		policy, err := s.Permissions(s.Components[0])
		if err != nil {
			t.Fatal(err)
		}
		askForStored(&all, sessionOf{role: policy}, named, two)
	}
	all.check(t)
}

// askForStored adds requests for secrets and parameters with similar names and in other
// regions and accounts.
func askForStored(all *sessionCases, role sessionOf, named map[string]bool, two bool) {
	ask := func(want bool, action, resource string, context map[string][]string) {
		c := role.request(action, resource, context)
		c.Principal = "arn:aws:iam::123456789012:role/spaces-backup"
		all.add(want, "stored values", c)
	}
	for _, name := range []string{"db", "db-abcdef", "db1", "prod/db", "prod", "d", "dbx", "xdb", "prod/db/x", "PROD", "prod/"} {
		for _, region := range []string{"us-west-2", "eu-central-1", "us-west-1"} {
			want := named[name] && (region == "us-west-2" || region == "eu-central-1" && two)
			secret := "arn:aws:secretsmanager:" + region + ":123456789012:secret:" + name + "-AbC123"
			parameter := "arn:aws:ssm:" + region + ":123456789012:parameter/" + name
			for _, action := range []string{"secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"} {
				ask(want, action, secret, map[string][]string{})
				ask(false, action, secret+"4", map[string][]string{})
				ask(false, action, strings.Replace(secret, "123456789012", "999999999999", 1), map[string][]string{})
			}
			ask(false, "secretsmanager:PutSecretValue", secret, map[string][]string{})
			ask(want, "ssm:GetParameter", parameter, map[string][]string{})
			ask(false, "ssm:PutParameter", parameter, map[string][]string{})
			ask(false, "ssm:GetParameters", parameter, map[string][]string{})
		}
	}
	key := kmsKey("aws").String()
	for via, want := range map[string]bool{"secretsmanager": true, "ssm": true, "s3": false} {
		ask(want, "kms:Decrypt", key, map[string][]string{"kms:ViaService": {via + ".us-west-2.amazonaws.com"}})
		ask(false, "kms:GenerateDataKey", key, map[string][]string{"kms:ViaService": {via + ".us-west-2.amazonaws.com"}})
	}
}
