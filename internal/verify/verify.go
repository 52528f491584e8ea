// Package verify checks the workload identity of each component in each control plane. In
// the cluster it checks service accounts, pods and backups. With access to the AWS
// account it also checks the role, its policies and the associations. It only reads.
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
	Warns   State = "warn"    // works, but somebody should look at it
	Unknown State = "unknown" // could not be checked; Detail says why
)

// Check is the result of one check.
type Check struct {
	Name   string `json:"check"`
	State  State  `json:"state"`
	Detail string `json:"detail,omitempty"` // what was found
	Fix    string `json:"fix,omitempty"`    // the first thing to do
}

// The names of the checks.
const (
	AdmissionPolicy = "admission-policy" // if the config asks for admission policies, the cluster has them
	RoleExists      = "role"             // the role is in the account
	Permissions     = "permissions"      // the role's policies allow what the component does
	OIDCProvider    = "oidc-provider"    // the account has the cluster's provider, with the audience
	ServiceAccount  = "service-account"  // exists and is annotated as the config says
	Workload        = "workload"         // a workload or pod uses the service account
	Labels          = "labels"           // the pods have the labels
	Injected        = "injected"         // the pods have the credentials of the mode
	Ready           = "ready"            // the pods run and are ready
	BackupConfig    = "backup-config"    // a backup config uses the identity and the right bucket
	LatestBackup    = "latest-backup"    // the latest Backup of the control plane is completed
	Trust           = "trust-policy"     // the live trust policy admits the service account
	Association     = "association"      // EKS has the Pod Identity association
)

// allChecks are the checks in the order of the report. A check with a table column runs for
// each component in each control plane. A check without a column runs once for each
// component. If a check does not apply, it returns a Check without a state.
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

// checkInput is what a check looks at.
type checkInput struct {
	observed  space.Observed
	account   accountState
	state     desired.State
	component desired.Component
	plane     space.ControlPlane // zero in a check without a column
}

// RowNames are the names of the checks with a column, in order.
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

// Column returns the table header of a check.
func Column(name string) string {
	for _, c := range allChecks {
		if c.name == name {
			return c.column
		}
	}
	return ""
}

// Row is the result of all checks of one component in one control plane.
type Row struct {
	ControlPlane space.ControlPlane `json:"controlPlane"`
	Component    string             `json:"component"`
	Checks       []Check            `json:"checks"`
}

// Result is the result of all checks.
type Result struct {
	Common   []Row    `json:"common,omitempty"` // checks without a column; their control plane is empty
	Rows     []Row    `json:"rows"`
	Problems []string `json:"problems,omitempty"` // what could not be read
}

// Failed reports whether a check failed.
func (r Result) Failed() bool { return r.has(Fails) }

// Complete reports whether everything could be read and checked.
func (r Result) Complete() bool { return len(r.Problems) == 0 && !r.has(Unknown) }

func (r Result) has(state State) bool {
	return slices.ContainsFunc(slices.Concat(r.Common, r.Rows), func(row Row) bool {
		return slices.ContainsFunc(row.Checks, func(c Check) bool { return c.State == state })
	})
}

// Verify checks every control plane of the config. If aws is nil, it leaves out the checks
// of the account. It returns an error if it can read nothing at all.
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

// runChecks runs all checks for what was read.
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

// row runs the checks with a column, or the checks without one.
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

// unknownCheck returns the result of a check that an error made impossible. If the error
// has a hint, it is the fix.
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

// optionalResources need not exist in a cluster. The check that needs one reports it.
var optionalResources = append([]space.Resource{space.SpaceBackupConfigs}, admissionResources...)

// readProblems returns what could not be read. Each resource is reported once.
func readProblems(o space.Observed) []string {
	var all []string
	for _, e := range o.Undiscovered {
		// A source that the cluster does not serve is no problem if another source finds
		// control planes.
		if !e.NotServed() || len(o.ControlPlanes) == 0 {
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
