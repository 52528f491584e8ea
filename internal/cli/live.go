package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/output"
)

// The ops of this file need a cluster or AWS. They are declared here, and package
// live runs them.

// ClusterFlags say which cluster to use. Helm keeps flags of these names for
// itself and passes them on in the environment.
type ClusterFlags struct {
	Kubeconfig, Context string
	Timeout             time.Duration // of one request
}

func (f *ClusterFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.Kubeconfig, "kubeconfig", "", "the kubeconfig `FILE` (default KUBECONFIG, then ~/.kube/config)")
	cmd.Flags().StringVar(&f.Context, "kube-context", "", "the `CONTEXT` of the kubeconfig (default HELM_KUBECONTEXT, then the current one)")
	cmd.Flags().DurationVar(&f.Timeout, "request-timeout", time.Minute, "the longest `DURATION` of a request to the API server")
}

func registerProfile(cmd *cobra.Command, profile *string) {
	cmd.Flags().StringVar(profile, "profile", "", "the `NAME` of the AWS profile (default: what the AWS SDK finds)")
}

// registerLive adds the flags of commands that can read a policy in AWS.
func registerLive(cmd *cobra.Command, live *bool, profile *string) {
	cmd.Flags().BoolVar(live, "live", false, "the policy that the role has in AWS; needs iam:GetRole")
	registerProfile(cmd, profile)
}

// DiscoverOp lists the control planes of the cluster.
type DiscoverOp struct {
	Settings config.Flags
	Cluster  ClusterFlags
	Output   output.Format
}

func (p *parser) discoverCommand() *cobra.Command {
	op := DiscoverOp{Settings: p.settings}
	cmd := &cobra.Command{
		Use:   "discover",
		Short: "List control planes with their host namespaces",
		Long: `discover lists the control planes of a Space and where each was found. It asks
the host cluster for its ControlPlane objects, for the labels of its namespaces,
and for service accounts with the name of a component.
A namespace that only such a service account points to is uncertain, unless its
name is mxp-<UUID>-system. No other command uses uncertain namespaces.

The permissions that it needs are in examples/rbac.`,
		Example: `  spaces-identity discover
  spaces-identity discover --output json`,
	}
	op.Cluster.register(cmd)
	outputFlag(cmd, &op.Output, output.Table, output.JSON, output.YAML)
	return parsed(p, cmd, &op, nil)
}

// InitOp writes a first config.
type InitOp struct {
	Settings config.Flags
	Cluster  ClusterFlags
	Profile  string
	Force    bool // overwrite an existing config
}

func (p *parser) initCommand() *cobra.Command {
	op := InitOp{Settings: p.settings}
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a config from what the account and the cluster report",
		Long: `init asks AWS for the account, the cluster, its issuer and the Pod Identity
agent, and writes a config with comments. On a terminal it asks for what it
cannot find. In a script, give it with flags: --cluster, --region, --role-arn,
--bucket, --mode, --host-namespace, --match.

It chooses the mode that the cluster can do, and the admission policy that the
cluster of the kubeconfig can evaluate, and says why, also in the config. Flags
win. It compares the issuer of that cluster with the EKS cluster's.

It changes nothing in AWS. It needs eks:ListClusters, eks:DescribeCluster,
eks:DescribeAddon and iam:GetOpenIDConnectProvider, and in the cluster the
permissions in examples/rbac.`,
		Example: `  spaces-identity init
  spaces-identity init --bucket spaces-backups --mode pod-identity`,
	}
	op.Cluster.register(cmd)
	registerProfile(cmd, &op.Profile)
	cmd.Flags().BoolVar(&op.Force, "force", false, "overwrite an existing config")
	return parsed(p, cmd, &op, nil)
}

// PlanOp shows the difference between the config and AWS.
type PlanOp struct {
	Settings config.Flags
	Drift    DriftFlags
	ExitCode bool // exit.Differs if something differs
}

// DriftFlags are those of plan and apply.
type DriftFlags struct {
	Cluster ClusterFlags
	Profile string
	Adopt   bool
	Prune   bool
	All     bool // show what does not change, too

	// SkipUnchanged does not read associations whose record in the role's tag is unchanged.
	SkipUnchanged bool
	Output        output.Format
}

func (f *DriftFlags) register(cmd *cobra.Command) {
	f.Cluster.register(cmd)
	registerProfile(cmd, &f.Profile)
	outputFlag(cmd, &f.Output, output.Table, output.JSON, output.YAML)
	set := cmd.Flags()
	set.BoolVar(&f.Adopt, "adopt", false, "take over statements, roles and associations that already match the config")
	set.BoolVar(&f.Prune, "prune", false, "remove what the config no longer names")
	set.BoolVar(&f.SkipUnchanged, "skip-unchanged", false, "do not read associations that were up to date when apply last ran, to save calls")
	set.BoolVar(&f.All, "all", false, "show what does not change, too")
}

func (p *parser) planCommand() *cobra.Command {
	op := PlanOp{Settings: p.settings}
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show the difference between the config and AWS",
		Long: `plan reads the roles, policies, OIDC providers and EKS Pod Identity associations
that the config names, and shows what apply would create, change and remove,
down to each subject of a trust policy. What the config no longer names is kept
unless --prune is given.

With --exit-code the exit status is 3 if something differs. That includes
subjects that have access and that the config does not name: kept ones, and
those that a foreign statement admits under a service account of the config.
Subjects of other clusters that share the role are only shown.`,
		Example: `  spaces-identity plan
  spaces-identity plan --prune --exit-code`,
	}
	op.Drift.register(cmd)
	cmd.Flags().BoolVar(&op.ExitCode, "exit-code", false, "exit with status 3 if something differs")
	return parsed(p, cmd, &op, nil)
}

// ApplyOp applies the plan.
type ApplyOp struct {
	Settings config.Flags
	Drift    DriftFlags
	Approve  bool // apply without asking
}

func (p *parser) applyCommand() *cobra.Command {
	op := ApplyOp{Settings: p.settings}
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Apply the plan after you confirm it",
		Long: `apply shows the plan, asks for confirmation, and applies it in an order that
never grants more than before or after. It changes only what this program
manages: statements by their Sid, associations and roles by their tag. If
nothing differs, it changes nothing, so it can run on a schedule.`,
		Example: `  spaces-identity apply
  spaces-identity apply --approve`,
	}
	op.Drift.register(cmd)
	cmd.Flags().BoolVar(&op.Approve, "approve", false, "apply the plan without asking, in scripts")
	return parsed(p, cmd, &op, func([]string) error {
		if !op.Approve && !p.env.Terminal(p.env.In) {
			return output.Hint(errors.New("apply needs a terminal to ask for confirmation"),
				"look at `spaces-identity plan`, then give --approve")
		}
		return nil
	})
}

// DeleteOp removes what the config names.
type DeleteOp struct {
	Settings config.Flags
	Cluster  ClusterFlags
	Profile  string
	KeepRole bool
	Prune    bool // also what the config no longer names
	DryRun   bool
	Approve  bool // delete without asking
	All      bool // show what does not change, too
	Output   output.Format
}

func (p *parser) deleteCommand() *cobra.Command {
	op := DeleteOp{Settings: p.settings}
	cmd := &cobra.Command{
		Use:   "delete",
		Short: "Delete from AWS what this config names, after you confirm it",
		Long: `delete removes what the config names and this program manages, and nothing else:
associations, permissions, statements of trust policies, roles and OIDC
providers, in this order. It shows them first and asks for confirmation.

A role stays if it lacks this program's tag, or if anything else is left in it:
what somebody else created, or what another config or cluster wrote. An OIDC
provider stays if another role uses it. A warning says what stays and why.
Subjects that the config no longer names stay, too, unless --prune is given.

The pods lose their access. After a failure, run it again. The policy that it
needs is printed by "spaces-identity policy self --delete".`,
		Example: `  spaces-identity delete --dry-run
  spaces-identity delete --keep-role --approve`,
	}
	op.Cluster.register(cmd)
	registerProfile(cmd, &op.Profile)
	outputFlag(cmd, &op.Output, output.Table, output.JSON, output.YAML)
	set := cmd.Flags()
	set.BoolVar(&op.KeepRole, "keep-role", false, "keep the roles; they then admit nobody and may do nothing")
	set.BoolVar(&op.Prune, "prune", false, "delete also what the config no longer names on its clusters")
	set.BoolVar(&op.DryRun, "dry-run", false, "show what would be deleted, and change nothing")
	set.BoolVar(&op.Approve, "approve", false, "delete without asking, in scripts")
	set.BoolVar(&op.All, "all", false, "show what stays, too")
	return parsed(p, cmd, &op, func([]string) error {
		if !op.Approve && !op.DryRun && !p.env.Terminal(p.env.In) {
			return output.Hint(errors.New("delete needs a terminal to ask for confirmation"),
				"look at `spaces-identity delete --dry-run`, then give --approve")
		}
		return nil
	})
}

// VerifyOp checks the chain of each control plane.
type VerifyOp struct {
	Settings    config.Flags
	Cluster     ClusterFlags
	Profile     string
	ClusterOnly bool          // leave the account out
	Prove       Prove         // whether to exchange a token
	Release     string        // the Helm release to check, as NAME or NAMESPACE/NAME; empty for none
	Wait        time.Duration // look again for so long, until nothing fails
	Output      output.Format
}

// Prove says what verify does with the credentials that it gets for a token.
type Prove string

// The ways to prove the chain.
const (
	ProveNothing Prove = ""
	ProveRead    Prove = "read"  // lists the bucket
	ProveWrite   Prove = "write" // also puts and deletes an object
)

func (p *parser) verifyCommand() *cobra.Command {
	op := VerifyOp{Settings: p.settings}
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check each control plane, from issuer to credentials",
		Long: `verify checks the chain of each component in each control plane of the config:
the cluster's issuer, the OIDC provider, the role and its policies, the service
account, what the EKS webhook wrote into the pods and what their processes will
use, network policies, the associations, and the backups. For each finding it
prints the first thing to do. It changes nothing.

What could not be read is unknown, with the reason. Without AWS credentials that
is every check of the account; --cluster-only leaves those out instead.

--prove exchanges a short-lived token of a pod for credentials, as the pod does,
and lists the bucket with them below the prefix. --prove=write also puts and
deletes the object spaces-identity-proof there; a bucket with versions keeps a
version and a delete marker. It needs the right to create serviceaccounts/token,
and for EKS Pod Identity eks-auth:AssumeRoleForPodIdentity. It runs here, not in
the pod, whose network may differ. No token and no key is printed or stored.

--release reads the manifests that Helm stores of a release, and reports every
edit that they lack: a tool that ignored the post-renderer, another config, or a
rollback. It needs the right to read the Secrets of the release's namespace,
which are those of everybody there. Nothing of their content is printed.

--output html writes one page for a browser, which makes no requests: the chain
of each control plane as a picture, the findings, and the trust policy of each
role with its length. Redirect it into a file.

The exit status is 3 if something differs from what the config says or could not
be read, and 1 if there is no control plane to check. The output is complete in
both cases. The permissions that it needs are in examples/rbac.`,
		Example: `  spaces-identity verify
  spaces-identity verify --output html > report.html
  spaces-identity verify --wait 5m --output junit > verify.xml`,
	}
	op.Cluster.register(cmd)
	registerProfile(cmd, &op.Profile)
	outputFlag(cmd, &op.Output, output.Table, output.Wide, output.JSON, output.YAML, output.JUnit, output.HTML)
	cmd.Flags().BoolVar(&op.ClusterOnly, "cluster-only", false, "leave the checks of the AWS account out")
	cmd.Flags().Func("prove", "exchange a token of a pod and `USE` the credentials: read (the default) or write", op.setProve)
	cmd.Flags().Lookup("prove").NoOptDefVal = string(ProveRead)
	cmd.Flags().Func("release", "also check the manifests of a Helm release, `NAME` or NAMESPACE/NAME", op.setRelease)
	cmd.Flags().DurationVar(&op.Wait, "wait", 0, "check again until nothing fails or a `DURATION` such as 5m is over")
	return parsed(p, cmd, &op, func([]string) error {
		if op.ClusterOnly && op.Prove != ProveNothing {
			return errors.New("--prove needs AWS, which --cluster-only leaves out: use one of them")
		}
		return nil
	})
}

func (op *VerifyOp) setProve(value string) (err error) {
	op.Prove, err = output.Parse("way to prove the chain", value, ProveRead, ProveWrite)
	return err
}

func (op *VerifyOp) setRelease(value string) error {
	namespace, name, both := strings.Cut(value, "/")
	if !both {
		name = namespace
	} else if err := identity.ValidateNamespace(namespace); err != nil {
		return err
	}
	op.Release = value
	return identity.ValidateObjectName(name)
}

// RestartOp restarts the workloads whose pods run without the identity.
type RestartOp struct {
	Settings       config.Flags
	Cluster        ClusterFlags
	DryRun         bool
	Exclude        []string      // what is left alone: NAMESPACE or NAMESPACE/WORKLOAD
	MaxUnavailable int           // workloads that are restarted at once
	Timeout        time.Duration // of one workload
	Output         output.Format
}

func (p *parser) restartCommand() *cobra.Command {
	op := RestartOp{Settings: p.settings}
	cmd := &cobra.Command{
		Use:   "restart",
		Short: "Restart only the workloads whose pods run without the identity",
		Long: `restart restarts workloads whose pods lack the identity, as "kubectl rollout
restart" does: one at a time, or as many as --max-unavailable says. It waits for
each. If new pods still lack the identity, it restarts them once more, because
an association takes effect a moment after it was created. With
delivery.admissionPolicy it first updates the service accounts that lack their
annotations.

It leaves what a restart cannot cure, names it, and goes on: pods that no
workload owns, paused Deployments, workloads with the update strategy OnDelete,
and pods that the EKS webhook leaves out. The exit status is then 3. If a
rollout fails, it restarts no further workload.

Run it again after an interruption or a failure: it restarts nothing twice.`,
		Example: `  spaces-identity restart --dry-run
  spaces-identity restart --max-unavailable 5`,
	}
	op.Cluster.register(cmd)
	outputFlag(cmd, &op.Output, output.Table, output.Wide, output.JSON, output.YAML)
	cmd.Flags().BoolVar(&op.DryRun, "dry-run", false, "show what would be restarted, and change nothing")
	cmd.Flags().StringArrayVar(&op.Exclude, "exclude", nil, "leave this alone: a host `NAMESPACE`, or one workload as NAMESPACE/WORKLOAD (repeatable)")
	cmd.Flags().IntVar(&op.MaxUnavailable, "max-unavailable", 1, "restart up to this `NUMBER` of workloads at once")
	cmd.Flags().DurationVar(&op.Timeout, "timeout", 5*time.Minute, "the longest `DURATION` of the restart of one workload")
	return parsed(p, cmd, &op, func([]string) error {
		if op.MaxUnavailable < 1 {
			return fmt.Errorf("--max-unavailable is %d: it must be at least 1", op.MaxUnavailable)
		}
		return nil
	})
}
