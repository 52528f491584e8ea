// Package verify checks the workload identity of each component in each control plane, from
// the issuer of the cluster's tokens to the last backup. It reads the cluster and the AWS
// account first. The checks then judge only what was read. It changes nothing.
package verify

import (
	"context"
	"fmt"
	"slices"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/injection"
	"spaces-identity.dev/internal/space"
)

// State is the outcome of a check.
type State string

// The outcomes of a check.
const (
	OK      State = "ok"
	Fails   State = "fail"
	Warns   State = "warn"    // works, but somebody should look at it
	Unknown State = "unknown" // could not be checked; Detail says why
)

// Check is the result of one check.
type Check struct {
	Name   string `json:"check"`
	State  State  `json:"state"`
	Detail string `json:"detail,omitempty"` // what was found
	Object string `json:"object,omitempty"` // the pod or other object that Detail is about
	Fix    string `json:"fix,omitempty"`    // the first thing to do
}

// The names of the checks.
const (
	Issuer          = "issuer"           // the cluster's tokens come from the issuer of the config
	AdmissionPolicy = "admission-policy" // if the config asks for admission policies, the cluster has them as the config says
	OIDCProvider    = "oidc-provider"    // the account has the cluster's provider, with the audience
	RoleExists      = "role"             // the role is in the account
	LimitsCheck     = "role-limits"      // the role has the permissions boundary, session duration and managed policies of the config
	Permissions     = "permissions"      // the role's policies allow what the component does
	Agent           = "agent"            // the EKS Pod Identity agent runs in the cluster
	Mechanism       = "mechanism"        // in mode both, which pods use which mechanism
	SecretStores    = "secret-stores"    // no SharedSecretStore needs IRSA if the component has EKS Pod Identity
	InScope         = "scope"            // whether the config covers the control plane
	ServiceAccount  = "service-account"  // exists and is annotated as the config says
	Workload        = "workload"         // a workload or pod uses the service account
	Labels          = "labels"           // the pods have the labels
	Injected        = "injected"         // the pods have what the EKS webhook injects for the mode
	Credentials     = "credentials"      // the processes really use it
	Network         = "network"          // no network policy blocks AWS or the agent
	Ready           = "ready"            // the pods run and are ready
	Trust           = "trust-policy"     // the live trust policy admits the service account
	Association     = "association"      // EKS has the Pod Identity association
	TargetRole      = "target-role"      // the target role of the association exists and admits its external ID
	Proof           = "proof"            // a token of the pod gives the role, which can use the bucket; only if asked for
	BackupConfig    = "backup-config"    // the backup configs in use have the identity and what the role may use
	LatestBackup    = "latest-backup"    // the latest Backup of the control plane is completed
)

// scope is how often a check runs.
type scope int

// The scopes.
const (
	once    scope = iota // for each component
	inPlane              // for each component in each control plane
)

// allChecks are the checks in the order of the chain. A check with a table column runs for
// each component in each control plane. A check without a column runs once for each
// component. If a check does not apply, it returns a Check without a state.
var allChecks = []struct {
	name, column string
	link         LinkName
	account      bool // whether the check needs the AWS account
	run          func(*checkInput) Check
}{
	{Issuer, "", TokenLink, false, checkIssuer},
	{AdmissionPolicy, "", AccountLink, false, checkAdmissionPolicy},
	{OIDCProvider, "", RoleLink, true, checkOIDCProvider},
	{RoleExists, "", RoleLink, true, checkRole},
	{LimitsCheck, "", RoleLink, true, checkLimits},
	{Permissions, "", ResourceLink, true, checkPermissions},
	{Agent, "", TokenLink, true, checkAgent},
	{Mechanism, "", TokenLink, false, checkMechanism},
	{SecretStores, "", TokenLink, false, checkSecretStores},
	{ServiceAccount, "ACCOUNT", AccountLink, false, checkServiceAccount},
	{Workload, "WORKLOAD", TokenLink, false, checkWorkload},
	{Labels, "LABELS", TokenLink, false, checkLabels},
	{Injected, "INJECTED", TokenLink, false, checkInjected},
	{Credentials, "USED", TokenLink, false, checkCredentials},
	{Network, "NETWORK", TokenLink, false, checkNetwork},
	{Ready, "READY", TokenLink, false, checkReady},
	{Trust, "TRUST", RoleLink, true, ofRole(checkTrust)},
	{Association, "ASSOCIATION", RoleLink, true, checkAssociation},
	{TargetRole, "TARGET", RoleLink, true, checkTarget},
	{Proof, "PROOF", ResourceLink, false, checkProof},
	{BackupConfig, "CONFIG", ResourceLink, false, ofBackups(checkBackupConfig)},
	{LatestBackup, "BACKUP", ResourceLink, false, ofBackups(checkLatestBackup)},
}

// checkInput is what a check looks at.
type checkInput struct {
	observed  *space.Observed
	backups   backupIndex
	account   accountState
	state     desired.State // with only the cluster that is verified
	component desired.Component
	plane     space.ControlPlane // zero in a check without a column
	name      string             // of the service account there; empty in a check without a column
	proofs    map[space.Key]proofState
}

// RowNames are the names of the checks with a column, in order.
var RowNames = rowNames()

func rowNames() []string {
	names := []string{InScope}
	for _, c := range allChecks {
		if c.column != "" {
			names = append(names, c.name)
		}
	}
	return names
}

// Column returns the table header of a check.
func Column(name string) string {
	for _, c := range allChecks {
		if c.name == name {
			return c.column
		}
	}
	return "SCOPE"
}

// Row is the result of all checks of one component in one control plane.
type Row struct {
	ControlPlane space.ControlPlane `json:"controlPlane"`
	Component    string             `json:"component"` // empty if the row is about the control plane only
	// ServiceAccount is the name of the component's service account on the host.
	ServiceAccount string  `json:"serviceAccount,omitempty"`
	Checks         []Check `json:"checks"`
}

// LeftOut are checks that did not run because the user asked for that.
type LeftOut struct {
	Checks []string `json:"checks"` // names
	Reason string   `json:"reason"`
}

// Result is the result of all checks.
type Result struct {
	Cluster    ClusterSummary     `json:"cluster"`
	Account    string             `json:"account,omitempty"` // of the credentials
	Components []ComponentSummary `json:"components"`
	Roles      []RoleSummary      `json:"roles"` // of the components, each once

	Common   []Row     `json:"common"` // checks without a column; their control plane is empty
	Rows     []Row     `json:"rows"`
	LeftOut  []LeftOut `json:"leftOut"`
	Problems []string  `json:"problems"` // what could not be read

	noPlanes bool // the config needs control planes, and none was checked
}

// Failed reports whether a check failed.
func (r Result) Failed() bool { return r.has(Fails) }

// Complete reports whether everything could be read and checked.
func (r Result) Complete() bool { return len(r.Problems) == 0 && !r.has(Unknown) }

// Checked reports whether a control plane was checked, or needs no check because it is being
// deleted, or the config needs none.
func (r Result) Checked() bool { return !r.noPlanes }

func (r Result) has(state State) bool {
	return slices.ContainsFunc(slices.Concat(r.Common, r.Rows), func(row Row) bool {
		return slices.ContainsFunc(row.Checks, func(c Check) bool { return c.State == state })
	})
}

// Verify checks every control plane of the config. If there is an exchanger, it also
// exchanges tokens. It checks the releases that are named. It returns an error if it can read
// nothing at all.
func Verify(ctx context.Context, client *space.Client, access Access, x *Exchanger, state desired.State, releases ...ReleaseName) (Result, error) {
	observed, err := space.Observe(ctx, client, selection(state))
	if err != nil {
		return Result{}, err
	}
	config := state
	state = onLiveCluster(state, observed.Issuer).WithControlPlaneNames(space.ObjectNames(observed.ControlPlanes))
	account := readAccount(ctx, access, state, observed)
	// The account knows the issuer of the live cluster alone.
	if state.Clusters[0].Name == config.Clusters[0].Name && state.Clusters[0].Region == config.Clusters[0].Region {
		config = account.resolve(config)
	}
	state = account.resolve(state)
	result := runChecks(observed, account, prove(ctx, x, observed, state), state)
	result.summarise(config, observed.Issuer, account)
	for _, name := range releases {
		result.addRelease(readRelease(ctx, client, name), state, observed)
	}
	return result, nil
}

// onLiveCluster returns the state for the cluster of the config that has the issuer, or else
// for the first one.
func onLiveCluster(s desired.State, issuer string) desired.State {
	live, err := identity.ParseOIDCProvider(issuer)
	for _, c := range s.Clusters {
		if err == nil && c.OIDC.HostPath == live.HostPath {
			return s.OnCluster(c)
		}
	}
	return s
}

// selection returns what the checks read in the cluster.
func selection(state desired.State) space.Selection {
	wanted := injection.Selection(state)
	wanted.Chain = true
	for _, c := range state.Components {
		wanted.Backups = wanted.Backups || c.BackupKind() == desired.SharedBackups
		wanted.SpaceBackups = wanted.SpaceBackups || c.BackupKind() == desired.SpaceBackups
	}
	wanted.SecretStores = slices.ContainsFunc(state.Components, usesSecretStores)
	if slices.ContainsFunc(state.Components, state.HasAdmissionPolicy) {
		wanted.Objects = admissionResources
		wanted.Kyverno = state.Spec().AdmissionPolicy == identity.KyvernoAdmissionPolicy
	}
	return wanted
}

// runChecks runs all checks for what was read.
func runChecks(observed space.Observed, account accountState, proofs map[space.Key]proofState, state desired.State) Result {
	state = state.OnCluster(state.Clusters[0])
	result := Result{Common: []Row{}, Rows: []Row{}, LeftOut: account.leftOut(), Problems: observed.Problems(), noPlanes: state.NeedsControlPlanes()}
	input := checkInput{observed: &observed, backups: indexBackups(observed), account: account, state: state, proofs: proofs}
	for _, c := range state.Components {
		input.component = c
		result.Common = append(result.Common, input.row(once))
	}
	addRow := func(site injection.Site) {
		input.component, input.plane, input.name = site.Component, site.Plane, site.Account
		result.Rows = append(result.Rows, input.row(inPlane))
	}
	for _, site := range injection.SitesElsewhere(observed, state) {
		addRow(site)
	}
	for _, plane := range observed.ControlPlanes {
		result.noPlanes = false
		if plane.Deleting {
			result.Rows = append(result.Rows, scopeRow(plane, Check{State: OK, Detail: "the control plane is being deleted, so its other checks are left out"}))
			continue
		}
		for _, site := range injection.SitesOf(observed, state, plane) {
			addRow(site)
		}
	}
	for _, plane := range observed.OutOfScope {
		if !plane.Deleting {
			result.Rows = append(result.Rows, scopeRow(plane, checkOutOfScope(plane)))
		}
	}
	return result
}

func scopeRow(plane space.ControlPlane, c Check) Row {
	c.Name = InScope
	return Row{ControlPlane: plane, Checks: []Check{c}}
}

// checkOutOfScope judges a control plane that the config does not cover.
func checkOutOfScope(plane space.ControlPlane) Check {
	if plane.HostNamespace == "" {
		return warningCheck("wait until Spaces has given it one, then run `spaces-identity verify` again", "the control plane has no host namespace yet")
	}
	return warningCheck("list its host namespace under controlPlanes.namespaces, widen controlPlanes.match, or set controlPlanes.discover: true; ignore this if another config covers it",
		"the config does not cover this control plane")
}

// row runs the checks of a scope.
func (f *checkInput) row(of scope) Row {
	row := Row{ControlPlane: f.plane, Component: f.component.Name, ServiceAccount: f.name}
	for _, c := range allChecks {
		if (of == once) != (c.column == "") || c.account && f.account.without != "" {
			continue
		}
		found := c.run(f)
		if c.account && f.account.err != nil && found.State != "" {
			found = unknownCheck(f.account.err)
		}
		if found.State != "" {
			found.Name = c.name
			row.Checks = append(row.Checks, found)
		}
	}
	return row
}

func okCheck(format string, args ...any) Check {
	return Check{State: OK, Detail: fmt.Sprintf(format, args...)}
}

func failedCheck(fix, format string, args ...any) Check {
	return Check{State: Fails, Detail: fmt.Sprintf(format, args...), Fix: fix}
}

func warningCheck(fix, format string, args ...any) Check {
	return Check{State: Warns, Detail: fmt.Sprintf(format, args...), Fix: fix}
}

// unknownf returns an unknown check with its reason.
func unknownf(fix, format string, args ...any) Check {
	return Check{State: Unknown, Detail: fmt.Sprintf(format, args...), Fix: fix}
}

// unknownCheck returns the result of a check that an error made impossible. If the error
// has a hint, it is the fix.
func unknownCheck(err error) Check {
	return Check{State: Unknown, Detail: err.Error(), Fix: identity.HintOf(err)}
}

// about names the object that a check is about.
func (c Check) about(kind, name string) Check {
	c.Object = kind + " " + name
	return c
}
