// Package verify checks the whole chain of a workload identity for each control plane
// and component: from the ServiceAccount's annotation to the credentials in the pods
// and the backups and, with access to the AWS account, to the role, its policies and
// the associations. It changes nothing and prints nothing.
package verify

import (
	"context"
	"errors"
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
	Warns   State = "warn"    // works, but deserves a look
	Unknown State = "unknown" // could not be checked; Detail says why
)

// Check is one link of the chain.
type Check struct {
	Name   string `json:"check"`
	State  State  `json:"state"`
	Detail string `json:"detail,omitempty"` // what was found
	Fix    string `json:"fix,omitempty"`    // the first thing to do
}

// The names of the checks.
const (
	AdmissionPolicy = "admission-policy" // the cluster has the policies, if the config asks for them
	RoleExists      = "role"             // the role is in the account
	Permissions     = "permissions"      // the role's policies allow what a backup needs
	OIDCProvider    = "oidc-provider"    // the account has the cluster's provider, with the audience
	ServiceAccount  = "service-account"  // exists and is annotated as the config says
	Workload        = "workload"         // something runs as the service account
	Labels          = "labels"           // the pods have the labels
	Injected        = "injected"         // the pods have what the webhook injects for the mode
	Ready           = "ready"            // the pods run and are ready
	BackupConfig    = "backup-config"    // a backup config uses the identity and the bucket
	LatestBackup    = "latest-backup"    // the control plane's last Backup
	Trust           = "trust-policy"     // the live trust policy admits the service account
	Association     = "association"      // EKS has the Pod Identity association
)

// allChecks are the checks in the order of the chain. One with a column is made for each
// control plane, one without for each component. A Check without a state does not apply.
var allChecks = []struct {
	name, column string
	run          func(*checkInput) Check
}{
	{AdmissionPolicy, "", checkAdmissionPolicy},
	{RoleExists, "", ofAccount(checkRole)},
	{Permissions, "", checkPermissions},
	{OIDCProvider, "", ofAccount(checkOIDCProvider)},
	{ServiceAccount, "ACCOUNT", checkServiceAccount},
	{Workload, "WORKLOAD", checkWorkload},
	{Labels, "LABELS", checkLabels},
	{Injected, "INJECTED", checkInjected},
	{Ready, "READY", checkReady},
	{BackupConfig, "CONFIG", ofBackups(checkBackupConfig)},
	{LatestBackup, "BACKUP", ofBackups(checkLatestBackup)},
	{Trust, "TRUST", ofRole(checkTrustPolicy)},
	{Association, "ASSOCIATION", ofAccount(checkAssociation)},
}

// checkInput are what a check judges.
type checkInput struct {
	observed  space.Observed
	account   accountState
	state     desired.State
	component desired.Component
	plane     space.ControlPlane // zero in a check for each component
}

// RowNames are the names of the checks of each control plane, in order.
var RowNames = rowNames()

func rowNames() []string {
	var names []string
	for _, c := range allChecks {
		if c.column != "" {
			names = append(names, c.name)
		}
	}
	return names
}

// Column returns the header of a check's column in a table of control planes.
func Column(name string) string {
	for _, c := range allChecks {
		if c.name == name {
			return c.column
		}
	}
	return ""
}

// Row is what was found of one component in one control plane.
type Row struct {
	ControlPlane space.ControlPlane `json:"controlPlane"`
	Component    string             `json:"component"`
	Checks       []Check            `json:"checks"`
}

// Result is what was found.
type Result struct {
	Common   []Row    `json:"common,omitempty"` // of the cluster and the account; their control plane is empty
	Rows     []Row    `json:"rows"`
	Problems []string `json:"problems,omitempty"` // what could not be read
}

// Failed reports whether something differs from what the config says.
func (r Result) Failed() bool { return r.has(Fails) }

// Complete reports whether everything could be checked.
func (r Result) Complete() bool { return len(r.Problems) == 0 && !r.has(Unknown) }

func (r Result) has(state State) bool {
	return slices.ContainsFunc(slices.Concat(r.Common, r.Rows), func(row Row) bool {
		return slices.ContainsFunc(row.Checks, func(c Check) bool { return c.State == state })
	})
}

// Verify checks every control plane of the config. Without aws it leaves the account's
// half out. The error says that nothing could be read at all.
func Verify(ctx context.Context, client *space.Client, aws AWS, state desired.State) (Result, error) {
	wanted := injection.Selection(state)
	wanted.Backups = slices.ContainsFunc(state.Components, makesBackups)
	if state.Spec().AdmissionPolicy != identity.NoAdmissionPolicy {
		wanted.Names = admissionResources
	}
	observed, err := space.Observe(ctx, client, wanted)
	if err != nil {
		return Result{}, err
	}
	return runChecks(observed, readAccount(ctx, aws, state), state), nil
}

// runChecks runs the checks.
func runChecks(observed space.Observed, account accountState, state desired.State) Result {
	result := Result{Rows: []Row{}, Problems: slices.Concat(readProblems(observed), account.problems)}
	for _, c := range state.Components {
		if row := (&checkInput{observed, account, state, c, space.ControlPlane{}}).row(false); len(row.Checks) > 0 {
			result.Common = append(result.Common, row)
		}
	}
	for _, plane := range observed.ControlPlanes {
		for _, c := range state.Components {
			result.Rows = append(result.Rows, (&checkInput{observed, account, state, c, plane}).row(true))
		}
	}
	return result
}

// row runs the checks with a column, or those without.
func (f *checkInput) row(columns bool) Row {
	row := Row{ControlPlane: f.plane, Component: f.component.Name}
	for _, c := range allChecks {
		if columns != (c.column != "") {
			continue
		}
		if found := c.run(f); found.State != "" {
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

// unknownCheck is a check that an error made impossible. The error's hint, if it has one, is
// the first thing to do.
func unknownCheck(err error) Check {
	found := Check{State: Unknown, Detail: err.Error()}
	if hinted, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok {
		found.Fix = hinted.Hint()
	}
	return found
}

// optionalResources are those that a cluster may lack. The check that needs one says so.
var optionalResources = append([]space.Resource{space.SpaceBackupConfigs}, admissionResources...)

// readProblems returns what could not be read, the lists of one resource as one problem.
func readProblems(o space.Observed) []string {
	var all []string
	for _, e := range o.Undiscovered {
		if !e.NotServed() || len(o.ControlPlanes) == 0 { // otherwise another source has them
			all = append(all, "discovery: "+e.Error())
		}
	}
	byResource := map[space.Resource]int{}
	for _, e := range o.Unread {
		byResource[e.Resource]++
	}
	for _, e := range o.Unread {
		n := byResource[e.Resource]
		delete(byResource, e.Resource)
		switch {
		case n == 0 || e.NotServed() && slices.Contains(optionalResources, e.Resource):
		case n == 1:
			all = append(all, e.Error())
		default:
			all = append(all, fmt.Sprintf("%v (and %d more lists of %s)", e, n-1, e.Resource))
		}
	}
	return all
}
