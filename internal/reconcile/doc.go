// Package reconcile finds the difference between what a config says should hold
// and what stands in AWS, as a [Plan], and carries it out. It neither reads flags
// nor prints.
//
// It owns the statements of a trust policy that bear this program's Sid, the
// inline policies that bear its name, and the roles and associations that bear
// its tag. What is a stranger's stays, in its place.
//
// Nothing that admits a control plane is taken away unless pruning is asked for:
// a subject that the config no longer names is kept until then.
package reconcile
