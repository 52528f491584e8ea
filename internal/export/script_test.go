package export_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/awstest"
)

const (
	providerARN  = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"
	foreignRole  = "arn:aws:iam::123456789012:role/theirs"
	teamsRole    = "arn:aws:iam::123456789012:role/teams/spaces-backup"
	policyName   = "SpacesIdentity-mxp-controller"
	subjectKey   = "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E:sub"
	managedByTag = "spaces-identity.dev/managed-by"
)

// bothModes returns a config whose script has every step.
func bothModes() identity.Settings {
	s := oneComponent()
	s.Components[0].Mode = identity.Both
	s.Components[0].Role.Name = "teams/spaces-backup"
	return s
}

// scriptAccount is an account in which scripts run.
type scriptAccount struct {
	*awstest.Server
	dir string // has the program aws
}

// newScriptAccount returns an account with the cluster of the configs and a foreign role.
func newScriptAccount(t *testing.T) scriptAccount {
	t.Helper()
	a := scriptAccount{awstest.New(t), t.TempDir()}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, filepath.Join(a.dir, "aws")); err != nil {
		t.Fatal(err)
	}
	a.Change(func(s *awstest.State) {
		s.TrustPolicyQuota = 8192
		for _, arn := range []string{"arn:aws:iam::123456789012:policy/a;b/limit", "arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::123456789012:policy/a;b/extra"} {
			s.Managed[arn] = `{"Version": "2012-10-17", "Statement": []}`
		}
		s.Clusters["prod-space"] = awstest.Cluster{}
		s.Roles["theirs"] = awstest.Role{Path: "/", Trust: `{"Version": "2012-10-17", "Statement": []}`}
	})
	return a
}

func scriptOf(t *testing.T, s identity.Settings) []byte {
	t.Helper()
	script, err := export.Render(formOf(t, "aws-cli"), stateOf(t, s), export.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return script
}

// run runs a script and returns what it printed.
func (a scriptAccount) run(t *testing.T, shell string, script []byte) (stdout, stderr string, err error) {
	t.Helper()
	file := filepath.Join(a.dir, "script")
	if err := os.WriteFile(file, script, 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	cmd := exec.CommandContext(t.Context(), shell, file)
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.TempDir(), &out, &errs
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return v == "AWS_PROFILE=" }), "PATH="+a.dir+":"+os.Getenv("PATH"), "AWS_DEFAULT_REGION="+awstest.Region)
	err = cmd.Run()
	if left, _ := os.ReadDir(cmd.Dir); len(left) > 0 {
		t.Errorf("the script left files: %v", left)
	}
	return out.String(), errs.String(), err
}

// mustRun runs a script that must succeed, and returns its messages.
func (a scriptAccount) mustRun(t *testing.T, script []byte) []string {
	t.Helper()
	out, errs, err := a.run(t, "sh", script)
	if err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	return strings.FieldsFunc(out+errs, func(r rune) bool { return r == '\n' })
}

func (a scriptAccount) writes() []string {
	var all []string
	for _, c := range a.Calls() {
		if c.Write {
			all = append(all, c.Operation)
		}
	}
	return all
}

// edit changes the trust policy of the role.
func (a scriptAccount) edit(t *testing.T, change func(*iam.Document)) {
	t.Helper()
	a.Change(func(s *awstest.State) {
		role := s.Roles["spaces-backup"]
		doc := parsePolicy(t, role.Trust)
		change(&doc)
		role.Trust = string(doc.JSON())
		s.Roles["spaces-backup"] = role
	})
}

// restore gives the account the roles, providers and associations of another one.
func (a scriptAccount) restore(from awstest.State) {
	a.Change(func(s *awstest.State) {
		s.Roles, s.Providers, s.Associations = maps.Clone(from.Roles), maps.Clone(from.Providers), slices.Clone(from.Associations)
		for i := range s.Associations {
			s.Associations[i].Tags = maps.Clone(s.Associations[i].Tags)
		}
	})
}

// TestScriptCreatesTheDesiredState runs the script in each shell, twice: the second run
// changes nothing.
func TestScriptCreatesTheDesiredState(t *testing.T) {
	hostile := hostileSettings()
	hostile.AdditionalClusters = nil
	company := companySettings()
	company.AdditionalClusters = nil
	shared := bothModes()
	shared.Components = append(shared.Components, identity.Component{Name: "vector", Role: shared.Components[0].Role, Mode: identity.PodIdentity})
	stored := storedSettings(t)
	stored.AdditionalClusters = nil
	shells := []string{"sh", "bash", "dash"}
	for name, settings := range map[string]identity.Settings{"one": oneComponent(), "both": bothModes(), "shared": shared, "hostile": hostile, "company": company, "scoped": scopedSettings(), "stored": stored} {
		t.Run(name, func(t *testing.T) {
			a, shell := newScriptAccount(t), shells[len(name)%3]
			if out, errs, err := a.run(t, shell, scriptOf(t, settings)); err != nil || errs != "" {
				t.Fatalf("%v\n%s%s", err, out, errs)
			}
			if diff := cmp.Diff(accountOf(rolesOf(t, settings)), accountAt(t, a), ignoreOrder()...); diff != "" {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
			a.Forget()
			if lines := a.mustRun(t, scriptOf(t, settings)); len(lines) > 0 || len(a.writes()) > 0 {
				t.Errorf("the second run changed something: %q, %q", a.writes(), lines)
			}
		})
	}
}

// samePolicy compares session policies by their statements: Terraform sorts the keys of JSON.
var samePolicy = cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Policy" }, cmp.Comparer(func(a, b string) bool {
	x, err1 := iam.Parse([]byte(a))
	y, err2 := iam.Parse([]byte(b))
	return a == b || err1 == nil && err2 == nil && iam.SameStatements(x, y)
}))

// ignoreOrder returns options that ignore the order of associations and audiences.
func ignoreOrder() []cmp.Option {
	return []cmp.Option{cmpopts.IgnoreFields(desired.Association{}, "Component"), cmpopts.EquateEmpty(), samePolicy,
		cmpopts.SortSlices(func(a, b desired.Association) bool {
			return a.Region+a.Namespace+a.ServiceAccount < b.Region+b.Namespace+b.ServiceAccount
		})}
}

// accountAt returns what a script can write in an account.
func accountAt(t *testing.T, at scriptAccount) account {
	t.Helper()
	s, a := at.State(), newAccount()
	for arn, clients := range s.Providers {
		_, issuer, _ := strings.Cut(arn, "/")
		a.Providers[arn] = provider{"https://" + issuer, clients[max(0, slices.Index(clients, "sts.amazonaws.com"))], s.ProviderTags[arn]}
	}
	for name, r := range s.Roles {
		if name == "theirs" {
			continue
		}
		a.Roles["arn:aws:iam::123456789012:role"+r.Path+name] = role{parsePolicy(t, r.Trust), r.Tags, r.Boundary, sessionOf(r)}
		for _, arn := range r.Attached {
			a.Attached = append(a.Attached, name+" "+arn)
		}
		for policy, text := range r.Inline {
			a.Policies[name+" "+policy] = parsePolicy(t, text)
		}
	}
	for _, x := range s.Associations {
		a.Associations = append(a.Associations, desired.Association{Region: awstest.Region, ClusterName: x.Cluster, Namespace: x.Namespace,
			ServiceAccount: x.ServiceAccount, RoleARN: x.RoleARN, Tags: x.Tags, DisableSessionTags: x.DisableSessionTags,
			TargetRoleARN: x.TargetRoleARN, Policy: x.Policy})
	}
	return a
}

func sessionOf(r awstest.Role) string {
	if r.MaxSession == 0 {
		return ""
	}
	return strconv.Itoa(r.MaxSession)
}

// TestScriptSetsTheLimitsOfManagedRoles changes the limits of the role by hand, and runs the
// script again. It leaves the limits of a foreign role.
func TestScriptSetsTheLimitsOfManagedRoles(t *testing.T) {
	settings := companySettings()
	settings.AdditionalClusters = nil
	a := newScriptAccount(t)
	a.mustRun(t, scriptOf(t, settings))
	want := accountAt(t, a)
	change := func(tags map[string]string) {
		a.Change(func(s *awstest.State) {
			r := s.Roles["spaces-backup+=,.@_-"]
			r.Boundary, r.MaxSession, r.Attached, r.Tags = "", 3600, nil, tags
			s.Roles["spaces-backup+=,.@_-"] = r
		})
		a.Forget()
	}
	change(map[string]string{managedByTag: "spaces-identity"})
	a.mustRun(t, scriptOf(t, settings))
	if diff := cmp.Diff(want, accountAt(t, a), ignoreOrder()...); diff != "" {
		t.Errorf("the managed role (-want +got):\n%s", diff)
	}
	change(nil)
	lines := strings.Join(a.mustRun(t, scriptOf(t, settings)), "\n")
	if got := a.writes(); !slices.Equal(got, []string{"AttachRolePolicy", "AttachRolePolicy"}) || !strings.Contains(lines, "its permissions boundary differs") {
		t.Errorf("the foreign role: %q\n%s", got, lines)
	}
}

// TestScriptKeepsWhatApplyProtects changes an account in which the script has run, and
// runs it again.
func TestScriptKeepsWhatApplyProtects(t *testing.T) {
	type test struct {
		before func(t *testing.T, a scriptAccount)
		want   []string // parts of what it prints. If one begins with error: the script changes nothing.
		writes []string
	}
	onAssociation := func(change func(*awstest.Association)) func(*testing.T, scriptAccount) {
		return func(_ *testing.T, a scriptAccount) {
			a.Change(func(s *awstest.State) { change(&s.Associations[0]) })
		}
	}
	onTrust := func(change func(*iam.Document)) func(*testing.T, scriptAccount) {
		return func(t *testing.T, a scriptAccount) { a.edit(t, change) }
	}
	onRole := func(change func(*awstest.Role)) func(*testing.T, scriptAccount) {
		return func(_ *testing.T, a scriptAccount) {
			a.Change(func(s *awstest.State) {
				r := s.Roles["spaces-backup"]
				change(&r)
				s.Roles["spaces-backup"] = r
			})
		}
	}
	done, script := newScriptAccount(t), scriptOf(t, bothModes())
	done.mustRun(t, script)
	applied := done.State()
	foreign := iam.Statement{Effect: iam.Allow, Principal: iam.Principal{AWS: iam.Values{"arn:aws:iam::123456789012:root"}}, Action: iam.Values{"sts:AssumeRole"}}
	subjects := func(d *iam.Document) iam.Values { return d.Statement[0].Condition["StringEquals"][subjectKey] }
	for name, test := range map[string]test{
		"foreign statement with a Sid": {onTrust(func(d *iam.Document) {
			foreign.Sid = "update"
			d.Statement = append(d.Statement, foreign)
		}), []string{"error: this script would remove access", "in these statements: update\n", "hint: run `spaces-identity apply`"}, nil},
		"foreign statement without a Sid": {onTrust(func(d *iam.Document) {
			foreign.Sid = ""
			d.Statement = append([]iam.Statement{foreign}, d.Statement...)
		}), []string{"error: ", "in these statements: one without a Sid\n"}, nil},
		"only a foreign statement": {onTrust(func(d *iam.Document) { d.Statement = []iam.Statement{foreign} }), []string{"error: "}, nil},
		"one foreign statement that is no list": {onRole(func(r *awstest.Role) {
			r.Trust = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}`
		}), []string{"error: ", "one without a Sid"}, nil},
		"policy that is not JSON": {onRole(func(r *awstest.Role) { r.Trust = `{"Version":` }), []string{"error: "}, nil},
		"statements in another order": {onTrust(func(d *iam.Document) {
			slices.Reverse(d.Statement)
			slices.Reverse(subjects(&iam.Document{Statement: d.Statement[1:]}))
		}), nil, nil},
		"statement as an object and values as lists": {onRole(func(r *awstest.Role) {
			r.Trust = strings.ReplaceAll(r.Trust, `"sts:AssumeRoleWithWebIdentity"`, `["sts:AssumeRoleWithWebIdentity"]`)
		}), nil, nil},
		"fewer subjects": {onTrust(func(d *iam.Document) { d.Statement[0].Condition["StringEquals"][subjectKey] = subjects(d)[:1] }),
			[]string{"updated the trust policy of role " + teamsRole}, []string{"UpdateAssumeRolePolicy"}},
		"one mode only": {onTrust(func(d *iam.Document) { d.Statement = d.Statement[1:] }),
			[]string{"updated the trust policy of role " + teamsRole}, []string{"UpdateAssumeRolePolicy"}},
		"nobody admitted": {onRole(func(r *awstest.Role) {
			r.Trust = `{"Version":"2012-10-17","Statement":[{"Sid":"SpacesIdentityNobody","Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}`
		}), []string{"updated the trust policy of role " + teamsRole}, []string{"UpdateAssumeRolePolicy"}},
		"kept subject in the statement": {onTrust(func(d *iam.Document) {
			d.Statement[0].Condition["StringEquals"][subjectKey] = append(subjects(d), "system:serviceaccount:old:mxp-controller")
		}), []string{"error: ", "SpacesIdentityIRSA\n"}, nil},
		"kept subject in a statement of its own": {onTrust(func(d *iam.Document) {
			kept := d.Statement[0]
			kept.Sid = "SpacesIdentityKept0123abcd"
			d.Statement = append(d.Statement, kept)
		}), []string{"error: ", "SpacesIdentityKept0123abcd\n"}, nil},
		"statement with a condition added": {onTrust(func(d *iam.Document) {
			d.Statement[0].Condition["IpAddress"] = map[string]iam.Values{"aws:SourceIp": {"10.0.0.0/8"}}
		}), []string{"error: ", "SpacesIdentityIRSA\n"}, nil},
		"statement with a condition key added": {onTrust(func(d *iam.Document) {
			d.Statement[0].Condition["StringEquals"]["aws:PrincipalTag/x"] = iam.Values{"y"}
		}), []string{"error: ", "SpacesIdentityIRSA\n"}, nil},
		"statement without its condition": {onTrust(func(d *iam.Document) { d.Statement[0].Condition = nil }), []string{"error: ", "SpacesIdentityIRSA\n"}, nil},
		"statement that denies":           {onTrust(func(d *iam.Document) { d.Statement[0].Effect = iam.Deny }), []string{"error: ", "SpacesIdentityIRSA\n"}, nil},
		"role with another path":          {onRole(func(r *awstest.Role) { r.Path = "/" }), []string{"error: role spaces-backup has the ARN arn:aws:iam::123456789012:role/spaces-backup", "hint: write roleARN: "}, nil},
		"role without tags":               {onRole(func(r *awstest.Role) { r.Tags = nil }), nil, nil},
		"policy of an earlier config": {onRole(func(r *awstest.Role) {
			r.Inline = map[string]string{policyName: strings.ReplaceAll(r.Inline[policyName], "spaces-backups", "other")}
		}), []string{"wrote inline policy " + policyName}, []string{"PutRolePolicy"}},
		"policy missing": {onRole(func(r *awstest.Role) { r.Inline = nil }), []string{"wrote inline policy " + policyName}, []string{"PutRolePolicy"}},
		"policy with a foreign statement": {onRole(func(r *awstest.Role) {
			r.Inline = map[string]string{policyName: strings.Replace(r.Inline[policyName], `"SpacesIdentityList"`, `"Theirs"`, 1)}
		}), []string{"error: inline policy " + policyName, "foreign statements: Theirs\n", "hint: "}, nil},
		"policy of an earlier name": {onRole(func(r *awstest.Role) {
			r.Inline = map[string]string{policyName: r.Inline[policyName], "spaces-identity-mxp-controller": r.Inline[policyName]}
		}), []string{"warning: role spaces-backup also has the inline policy spaces-identity-mxp-controller", "hint: run `spaces-identity apply --adopt`"}, nil},
		"provider without the audience": {func(_ *testing.T, a scriptAccount) {
			a.Change(func(s *awstest.State) { s.Providers[providerARN] = []string{"theirs"} })
		}, []string{"added the audience sts.amazonaws.com"}, []string{"AddClientIDToOpenIDConnectProvider"}},
		"provider without any audience": {func(_ *testing.T, a scriptAccount) {
			a.Change(func(s *awstest.State) { s.Providers[providerARN] = nil })
		}, []string{"added the audience sts.amazonaws.com"}, []string{"AddClientIDToOpenIDConnectProvider"}},
		"provider with more audiences": {func(_ *testing.T, a scriptAccount) {
			a.Change(func(s *awstest.State) { s.Providers[providerARN] = []string{"theirs", "sts.amazonaws.com"} })
		}, nil, nil},
		"provider missing": {func(_ *testing.T, a scriptAccount) {
			a.Change(func(s *awstest.State) { s.Providers = map[string][]string{} })
		}, []string{"created OIDC provider " + providerARN}, []string{"CreateOpenIDConnectProvider"}},
		"association missing": {func(_ *testing.T, a scriptAccount) {
			a.Change(func(s *awstest.State) { s.Associations = s.Associations[1:] })
		}, []string{"created an association for " + nsB + "/mxp-controller in cluster prod-space"}, []string{"CreatePodIdentityAssociation"}},
		"association of another namespace": {onAssociation(func(x *awstest.Association) {
			x.ID, x.Namespace, x.RoleARN, x.Tags = "a-other", "other", foreignRole, nil
		}), []string{"created an association for " + nsB}, []string{"CreatePodIdentityAssociation"}},
		"foreign association with the same settings": {onAssociation(func(x *awstest.Association) { x.Tags = nil }), nil, nil},
		"foreign association with another role": {onAssociation(func(x *awstest.Association) { x.Tags, x.RoleARN = nil, foreignRole }),
			[]string{"error: the foreign association ", "gives the role " + foreignRole, "hint: ask its owner"}, nil},
		"foreign association with a target role": {onAssociation(func(x *awstest.Association) { x.Tags, x.TargetRoleARN = nil, foreignRole }), []string{"error: the foreign association "}, nil},
		"foreign association without session tags": {onAssociation(func(x *awstest.Association) {
			x.Tags, x.DisableSessionTags = map[string]string{managedByTag: "them"}, true
		}), []string{"error: the foreign association "}, nil},
		"association of an add-on with another role": {onAssociation(func(x *awstest.Association) {
			x.RoleARN, x.OwnerARN = foreignRole, "arn:aws:eks:us-west-2:123456789012:addon/prod-space/x/1"
		}), []string{"error: the foreign association "}, nil},
		"association of an add-on with the same settings": {onAssociation(func(x *awstest.Association) {
			x.Tags, x.OwnerARN = nil, "arn:aws:eks:us-west-2:123456789012:addon/prod-space/x/1"
		}), nil, nil},
		"own association with another role": {onAssociation(func(x *awstest.Association) { x.RoleARN = foreignRole }),
			[]string{"updated association "}, []string{"UpdatePodIdentityAssociation", "TagResource"}},
		"own association with a target role": {onAssociation(func(x *awstest.Association) { x.TargetRoleARN = foreignRole }),
			[]string{"updated association "}, []string{"UpdatePodIdentityAssociation", "TagResource"}},
		"own association without session tags": {onAssociation(func(x *awstest.Association) { x.DisableSessionTags = true }),
			[]string{"updated association "}, []string{"UpdatePodIdentityAssociation", "TagResource"}},
		"own association with a session policy": {onAssociation(func(x *awstest.Association) {
			x.DisableSessionTags, x.Policy = true, `{"Version":"2012-10-17","Statement":[]}`
		}), []string{"updated association "}, []string{"UpdatePodIdentityAssociation", "TagResource"}},
		"own association with more tags": {onAssociation(func(x *awstest.Association) { x.Tags["theirs"] = "x" }), nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			a := newScriptAccount(t)
			a.restore(applied)
			want := accountAt(t, a)
			test.before(t, a)
			before := a.State()
			a.Forget()
			out, errs, err := a.run(t, "sh", script)
			for _, part := range test.want {
				if !strings.Contains(out+errs, part) {
					t.Errorf("it does not print %q:\n%s%s", part, out, errs)
				}
			}
			if refuses := len(test.want) > 0 && strings.HasPrefix(test.want[0], "error:"); refuses != (err != nil) {
				t.Errorf("%v\n%s%s", err, out, errs)
			}
			if len(test.want) == 0 && out+errs != "" {
				t.Errorf("it prints %s%s", out, errs)
			}
			if diff := cmp.Diff(test.writes, a.writes()); diff != "" {
				t.Errorf("writes differ (-want +got):\n%s", diff)
			}
			if len(test.writes) == 0 {
				if diff := cmp.Diff(before, a.State(), cmpopts.IgnoreUnexported(awstest.State{})); diff != "" {
					t.Errorf("the account has changed (-before +after):\n%s", diff)
				}
				return
			}
			if missing := missingIn(want, accountAt(t, a)); missing != "" {
				t.Errorf("differs (-want +got):\n%s", missing)
			}
			a.Forget()
			if lines := a.mustRun(t, script); len(a.writes()) > 0 {
				t.Errorf("it wrote again: %q", lines)
			}
		})
	}
}

// missingIn returns what an account lacks of another, or has with other content.
func missingIn(want, got account) string {
	got.Associations = slices.DeleteFunc(got.Associations, func(x desired.Association) bool { return x.RoleARN == foreignRole })
	return cmp.Diff(want, got, ignoreOrder()...)
}

// TestScriptSaysThatAnUpdateRemovedNothing has an EKS that keeps target roles that an
// update leaves empty.
func TestScriptSaysThatAnUpdateRemovedNothing(t *testing.T) {
	a := newScriptAccount(t)
	script := scriptOf(t, bothModes())
	a.mustRun(t, script)
	a.Change(func(s *awstest.State) { s.Associations[0].TargetRoleARN, s.KeepsTargetRoles = foreignRole, true })
	_, errs, err := a.run(t, "sh", script)
	if err == nil || !strings.Contains(errs, "error: EKS did not remove the target role or the policy of association a-") ||
		!strings.Contains(errs, "hint: delete the association, then run the script again") {
		t.Errorf("%v\n%s", err, errs)
	}
}

// TestScriptListsAllProblems has a foreign statement and a foreign association in one
// account.
func TestScriptListsAllProblems(t *testing.T) {
	a := newScriptAccount(t)
	script := scriptOf(t, bothModes())
	a.mustRun(t, script)
	a.edit(t, func(d *iam.Document) { d.Statement[0].Effect = iam.Deny })
	a.Change(func(s *awstest.State) {
		for i := range s.Associations {
			s.Associations[i].Tags, s.Associations[i].RoleARN = nil, foreignRole
		}
		s.Providers = map[string][]string{}
	})
	a.Forget()
	_, errs, err := a.run(t, "sh", script)
	if err == nil || strings.Count(errs, "error: ") != 3 || len(a.writes()) > 0 {
		t.Errorf("%v, %v\n%s", err, a.writes(), errs)
	}
}

// TestScriptStopsIfItCannotRead denies each read in turn: an error is not the same as
// "there is none".
func TestScriptStopsIfItCannotRead(t *testing.T) {
	done, script := newScriptAccount(t), scriptOf(t, bothModes())
	done.mustRun(t, script)
	applied := done.State()
	reads := []string{"iam:GetOpenIDConnectProvider", "iam:GetRole", "iam:GetRolePolicy", "eks:ListPodIdentityAssociations", "eks:DescribePodIdentityAssociation"}
	for _, denied := range reads {
		t.Run(denied, func(t *testing.T) {
			a := newScriptAccount(t)
			a.restore(applied)
			a.Disturb(func(h *awstest.Hooks) {
				h.Policies = map[string][]string{"AKIDTEST": {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},` +
					`{"Effect":"Deny","Action":"` + denied + `","Resource":"*"}]}`}}
			})
			_, errs, err := a.run(t, "sh", script)
			if err == nil || !strings.Contains(errs, "AccessDenied") || len(a.writes()) > 0 {
				t.Errorf("%v, wrote %v\n%s", err, a.writes(), errs)
			}
		})
	}
}

func TestScriptRefusesAnotherAccount(t *testing.T) {
	a := newScriptAccount(t)
	other := oneComponent()
	other.Components[0].Role.Account = "999999999999"
	_, errs, err := a.run(t, "sh", scriptOf(t, other))
	if err == nil || !strings.Contains(errs, "error: the credentials are of account 123456789012, and this script is for account 999999999999") || len(a.writes()) > 0 {
		t.Errorf("%v, wrote %v\n%s", err, a.writes(), errs)
	}
}

// TestScriptCanBeRunAgainAfterAFailure fails each write in turn, before and after it takes
// effect.
func TestScriptCanBeRunAgainAfterAFailure(t *testing.T) {
	settings := bothModes()
	script := scriptOf(t, settings)
	for _, fate := range []awstest.Fate{awstest.FailBefore, awstest.FailAfter} {
		for nth := 1; ; nth++ {
			a, seen := newScriptAccount(t), 0
			a.Disturb(func(h *awstest.Hooks) {
				h.Fate = func(c awstest.Call) awstest.Fate {
					if c.Write {
						seen++
					}
					if c.Write && seen == nth {
						return fate
					}
					return awstest.Pass
				}
			})
			_, _, err := a.run(t, "sh", script)
			if seen < nth {
				break
			}
			if err == nil {
				t.Errorf("write %d failed, and the script succeeded", nth)
			}
			a.mustRun(t, script)
			if diff := cmp.Diff(accountOf(rolesOf(t, settings)), accountAt(t, a), ignoreOrder()...); diff != "" {
				t.Errorf("write %d: differs (-want +got):\n%s", nth, diff)
			}
		}
	}
}

// TestScriptWorksWithTheRealCLI runs the script with the aws CLI if it is installed.
func TestScriptWorksWithTheRealCLI(t *testing.T) {
	program, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("the aws CLI is not installed")
	}
	a := newScriptAccount(t)
	a.dir = filepath.Dir(program)
	settings := hostileSettings()
	settings.AdditionalClusters, settings.Components = nil, settings.Components[:1]
	settings.Components[0].Role.Name = "a;b&c|d(e){f}#g%h!i~/spaces-backup"
	script := scriptOf(t, settings)
	a.mustRun(t, script)
	if diff := cmp.Diff(accountOf(rolesOf(t, settings)), accountAt(t, a), ignoreOrder()...); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
	a.Change(func(s *awstest.State) {
		s.Associations[0].DisableSessionTags, s.Associations[0].Policy = true, `{"Version":"2012-10-17","Statement":[]}`
	})
	if lines := a.mustRun(t, script); len(lines) != 2 || !strings.HasPrefix(lines[0], "updated association ") {
		t.Errorf("%q", lines)
	}
	a.edit(t, func(d *iam.Document) {
		d.Statement = append(slices.Clone(d.Statement), d.Statement[0])
		d.Statement[len(d.Statement)-1].Sid = "Theirs"
		d.Statement[0].Condition = maps.Clone(d.Statement[0].Condition)
		d.Statement[0].Condition["Bool"] = map[string]iam.Values{"aws:SecureTransport": {"true"}}
	})
	a.Forget()
	if _, errs, err := a.run(t, "sh", script); err == nil || !strings.Contains(errs, "in these statements: SpacesIdentityIRSA, Theirs\n") || len(a.writes()) > 0 {
		t.Errorf("%v, wrote %v\n%s", err, a.writes(), errs)
	}
}
