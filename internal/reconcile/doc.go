// Package reconcile compares the desired state with an AWS account, as a [Plan], and
// applies the plan. It neither reads flags nor prints.
//
// It manages the statements of a trust policy that have this program's Sids, the inline
// policies that have its names, and the roles and associations that have its tag.
// Everything else is foreign, and the package leaves it alone.
//
// It removes no access unless the user asks for pruning. Until then it keeps every
// subject that the config no longer names.
package reconcile
