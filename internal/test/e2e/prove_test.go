package e2e

import (
	"strings"
	"testing"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/test/awstest"
	"spaces-identity.dev/internal/test/kubetest"
	"spaces-identity.dev/internal/verify"
)

// TestProveExchangesARealToken requests tokens of the real API server. The account decodes
// them, and judges their issuer, audience and subject by the live trust policy.
func TestProveExchangesARealToken(t *testing.T) {
	h := newChain(t)
	h.account.Change(func(s *awstest.State) { s.Buckets = map[string]map[string]string{"spaces-backups": {}} })
	proofOf := func(t *testing.T, file string, status int, flag string) verify.Check {
		t.Helper()
		for _, row := range h.user.verify(t, status, file, flag).Rows {
			for _, c := range row.Checks {
				if c.Name == verify.Proof {
					return c
				}
			}
		}
		t.Fatal("no proof")
		return verify.Check{}
	}
	expect := func(t *testing.T, c verify.Check, state verify.State, says string) {
		t.Helper()
		if c.State != state || !strings.Contains(c.Detail, says) {
			t.Errorf("got %+v\nwant %s %q", c, state, says)
		}
	}

	t.Run("off by default", func(t *testing.T) {
		if out := h.user.must(t, "verify", "-o", "json", "--config", h.file); strings.Contains(out, `"`+verify.Proof+`"`) {
			t.Error("a token was exchanged, and nobody asked for it")
		}
	})
	t.Run("without the right to", func(t *testing.T) {
		expect(t, proofOf(t, h.file, 3, "--prove"), verify.Unknown, `{apiGroups: [""], resources: [serviceaccounts/token], verbs: [create]}`)
	})
	bindRole(t, h.Cluster, "spaces-identity-prover")
	t.Run("read", func(t *testing.T) {
		expect(t, proofOf(t, h.file, 0, "--prove"), verify.OK, "assumed-role/spaces-backup/spaces-identity-verify, which can list s3://spaces-backups/prod/team/ctp-a")
	})
	t.Run("write", func(t *testing.T) {
		h.account.Forget()
		expect(t, proofOf(t, h.file, 0, "--prove=write"), verify.OK, "put and delete "+account.ProofObject)
		var written []string
		for _, c := range h.account.Calls() {
			if c.Service == "s3" && c.Write {
				written = append(written, c.Operation+" "+c.Resource)
			}
		}
		const object = " arn:aws:s3:::spaces-backups/prod/team/ctp-a/" + account.ProofObject
		if got := strings.Join(written, ","); got != "PutObject"+object+",DeleteObject"+object {
			t.Errorf("written: %s", got)
		}
		if left := h.account.State().Buckets["spaces-backups"]; len(left) > 0 {
			t.Errorf("objects stay: %v", left)
		}
	})
	t.Run("no secret is printed", func(t *testing.T) {
		for _, format := range []string{"table", "wide", "json", "yaml", "junit", "html"} {
			o := h.user.run(t, "", "verify", "--prove", "-o", format, "--config", h.file)
			for _, secret := range []string{"eyJ", "secret-of-a-session", "token-of-a-session", "ASIA"} {
				if strings.Contains(o.Out+o.Err, secret) {
					t.Errorf("%s prints %q:\n%s%s", format, secret, o.Out, o.Err)
				}
			}
		}
	})
	for name, tt := range map[string]struct {
		breakIt func(*testing.T) func()
		says    string
	}{
		"a trust policy for another": {h.change(func(s *awstest.State) {
			r := s.Roles["spaces-backup"]
			r.Trust = strings.ReplaceAll(r.Trust, "mxp-controller", "vector")
			s.Roles["spaces-backup"] = r
		}), "AWS rejects sts:AssumeRoleWithWebIdentity: AccessDenied"},
		"no provider": {h.change(func(s *awstest.State) { s.Providers = map[string][]string{} }), "AWS rejects sts:AssumeRoleWithWebIdentity: InvalidIdentityToken"},
		"another audience": {func(t *testing.T) func() {
			h.annotate(t, "eks.amazonaws.com/audience", `"vault.example.com"`)
			return func() { h.annotate(t, "eks.amazonaws.com/audience", "null") }
		}, "InvalidIdentityToken: Incorrect token audience"},
		"no permission": {h.change(func(s *awstest.State) {
			r := s.Roles["spaces-backup"]
			r.Inline = nil
			s.Roles["spaces-backup"] = r
		}), "AWS rejects s3:ListObjectsV2: AccessDenied"},
		"no bucket": {func(*testing.T) func() {
			h.account.Change(func(s *awstest.State) { s.Buckets = map[string]map[string]string{} })
			return func() {
				h.account.Change(func(s *awstest.State) { s.Buckets = map[string]map[string]string{"spaces-backups": {}} })
			}
		}, "AWS rejects s3:ListObjectsV2: NoSuchBucket"},
	} {
		t.Run(name, func(t *testing.T) {
			repair := tt.breakIt(t)
			defer repair()
			expect(t, proofOf(t, h.file, 3, "--prove"), verify.Fails, tt.says)
		})
	}
	t.Run("migration", func(t *testing.T) {
		both := writeConfig(t, strings.Replace(chainSettings, "bucket:", "mode: both, bucket:", 1))
		h.user.must(t, "apply", "--approve", "--config", both)
		says := func(want string) {
			t.Helper()
			for _, c := range h.user.verify(t, 0, both).Common[0].Checks {
				if c.Name == verify.Mechanism && c.State == verify.Warns && strings.Contains(c.Detail+c.Fix, want) {
					return
				}
			}
			t.Errorf("no check says %q", want)
		}
		says("1 pods are left to migrate: 0 use EKS Pod Identity, 1 use IRSA")
		says("left are deployments/mxp-controller in " + planeA)
		says("`kubectl rollout restart deployments/mxp-controller -n " + planeA + "`")
		h.hook.Associate(planeA, "mxp-controller", true)
		h.replacePods(t, planeA)
		says("set mode: pod-identity")
		expect(t, proofOf(t, both, 0, "--prove"), verify.OK, "assumed-role/spaces-backup/eks-prod-space-mxp-controller-")
	})
	t.Run("pod identity", func(t *testing.T) {
		file := writeConfig(t, strings.Replace(chainSettings, "bucket:", "mode: pod-identity, bucket:", 1))
		h.user.must(t, "apply", "--approve", "--config", file)
		h.hook.Associate(planeA, "mxp-controller", true)
		h.Patch(t, kubetest.ServiceAccounts, planeA, "mxp-controller", `{"metadata":{"annotations":{"`+roleAnnotation+`":null}}}`)
		h.replacePods(t, planeA)
		expect(t, proofOf(t, file, 0, "--prove"), verify.OK, "assumed-role/spaces-backup/eks-prod-space-mxp-controller-")
		h.account.Change(func(s *awstest.State) { s.Associations[0].RoleARN = "arn:aws:iam::123456789012:role/other" })
		h.expect(t, file, verify.Association, verify.Fails, "the association gives the role arn:aws:iam::123456789012:role/other")
		h.account.Change(func(s *awstest.State) { s.Associations = nil })
		expect(t, proofOf(t, file, 3, "--prove"), verify.Fails, "ResourceNotFoundException")
		h.account.Change(func(s *awstest.State) {
			c := s.Clusters["prod-space"]
			c.Addons = nil
			s.Clusters["prod-space"] = c
		})
		h.expect(t, file, verify.Agent, verify.Fails, "does not have the add-on eks-pod-identity-agent")
	})
}
