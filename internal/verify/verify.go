// Package verify checks the whole chain of a workload identity for each control
// plane and component: from the ServiceAccount's annotation to the credentials
// that the webhook put into the pods, to the backups, and with access to the
// account also to the role, its policies and the associations. It changes
// nothing.
package verify

import (
	"context"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
)

// State is the outcome of a check.
type State string

// The outcomes of a check.
const (
	OK      State = "ok"
	Fails   State = "fail"
	Warns   State = "warn"    // works, and is worth a look
	Unknown State = "unknown" // could not be checked; Detail says why
)

// Check is one link of the chain.
type Check struct {
	Name   string `json:"check"`
	State  State  `json:"state"`
	Detail string `json:"detail,omitempty"` // what was found
	Fix    string `json:"fix,omitempty"`    // the first thing to do
}

// The names of the checks, in the order of the chain.
const (
	AdmissionPolicy = "admission-policy" // the cluster has the policies, where the config asks for them
	ServiceAccount  = "service-account"  // present and annotated as the config says
	Workload        = "workload"         // something runs as the service account
	Labels          = "labels"           // the pods have the labels
	Injected        = "injected"         // the pods carry what the webhook injects for the mode
	Ready           = "ready"            // the pods run and are ready
	BackupConfig    = "backup-config"    // a backup config uses the identity and the bucket
	LatestBackup    = "latest-backup"    // the control plane's last Backup
	RoleExists      = "role"             // the role is in the account
	Trust           = "trust-policy"     // the live trust policy admits the service account
	Permissions     = "permissions"      // the role's policies cover the bucket
	OIDCProvider    = "oidc-provider"    // the account has the cluster's provider, with the audience
	Association     = "association"      // EKS has the Pod Identity association
)

// RowNames are the checks of each control plane, in order; the others are of the
// cluster or the account.
var RowNames = []string{ServiceAccount, Workload, Labels, Injected, Ready, BackupConfig, LatestBackup, Trust, Association}

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
	Problems []string `json:"problems,omitempty"` // what could not be read, and what it takes
}

// Failed reports whether something differs from what the config says.
func (r Result) Failed() bool { return r.has(Fails) }

// Complete reports whether everything could be checked.
func (r Result) Complete() bool { return len(r.Problems) == 0 && !r.has(Unknown) }

func (r Result) has(state State) bool {
	for _, rows := range [][]Row{r.Common, r.Rows} {
		for _, row := range rows {
			for _, c := range row.Checks {
				if c.State == state {
					return true
				}
			}
		}
	}
	return false
}

// Verify checks every control plane of the config. aws may be nil: then the
// account's half is left out. It is an error where nothing can be read at all.
func Verify(ctx context.Context, client *space.Client, aws AWS, spec identity.Spec) (Result, error) {
	observed, err := Observe(ctx, client, spec)
	if err != nil {
		return Result{}, err
	}
	result := Result{Rows: []Row{}, Problems: observed.problems()}
	account := readAccount(ctx, aws, spec)
	result.Problems = append(result.Problems, account.problems...)
	for _, c := range spec.Components {
		if common := append(observed.admission(spec, c), account.common(spec, c)...); len(common) > 0 {
			result.Common = append(result.Common, Row{Component: c.Name, Checks: common})
		}
	}
	for _, plane := range observed.Planes {
		for _, c := range spec.Components {
			row := Row{ControlPlane: plane, Component: c.Name, Checks: observed.checks(plane, c)}
			row.Checks = append(row.Checks, account.checks(spec, c, plane)...)
			result.Rows = append(result.Rows, row)
		}
	}
	return result, nil
}
