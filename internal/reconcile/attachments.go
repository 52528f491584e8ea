package reconcile

import (
	"context"
	"slices"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
)

// Anybody may attach managed policies to a role. So a tag of the role records for each
// component the policies that this program attached: short hashes of their ARNs, because
// the ARNs do not fit. The program detaches only what a record names.
//
// The record is written before a policy is attached, so an interrupted run leaves no policy
// behind that nobody knows. A hash of a policy that is not attached means nothing.

// attachmentRecord is the record of one component: the hashes, sorted.
type attachmentRecord []string

func parseRecord(value string) attachmentRecord { return sortedUnique(strings.Fields(value)) }

func (a attachmentRecord) String() string { return strings.Join(a, " ") }

func (a attachmentRecord) has(arn string) bool { return slices.Contains(a, desired.ShortHash(arn)) }

// with returns the record with more policies.
func (a attachmentRecord) with(arns ...string) attachmentRecord {
	all := slices.Clone(a)
	for _, arn := range arns {
		all = append(all, desired.ShortHash(arn))
	}
	return sortedUnique(all)
}

// attachmentPlan compares the managed policies of a role.
type attachmentPlan struct {
	*Reconciler
	role     identity.RoleARN
	wanted   []string
	live     []string                    // ARNs of the attached policies
	own      map[string]bool             // keys of the records of the config's components
	before   map[string]attachmentRecord // by the key of the tag
	after    map[string]attachmentRecord
	changes  []AttachmentChange
	detaches []planStep
	attaches []planStep
}

// around returns the steps of both kinds of policies in order: what removes permissions comes
// first.
func (p *attachmentPlan) around(inline []planStep) []planStep {
	return slices.Concat(p.detaches, inline, p.attaches)
}

// newAttachmentPlan reads the records of a role, and the attached policies if there is a
// record or if they are to be read in any case.
func (r *Reconciler) newAttachmentPlan(ctx context.Context, role identity.RoleARN, tags map[string]string, own []desired.Component, read bool) (*attachmentPlan, error) {
	p := &attachmentPlan{Reconciler: r, role: role, own: map[string]bool{}, before: map[string]attachmentRecord{}, after: map[string]attachmentRecord{}}
	for _, c := range own {
		p.own[desired.AttachedTag(c.Name)] = true
	}
	for key, value := range tags {
		if desired.IsAttachedTag(key) {
			p.before[key], read = parseRecord(value), true
			p.after[key] = p.before[key]
		}
	}
	var err error
	if read {
		p.live, err = r.IAM.AttachedPolicies(ctx, role)
	}
	return p, err
}

// planAttachments plans the managed policies of a role. It calls IAM only if the config names
// one or a record exists.
func (r *Reconciler) planAttachments(ctx context.Context, plan *Plan, want desired.Role, tags map[string]string, there bool) (*attachmentPlan, error) {
	p, err := r.newAttachmentPlan(ctx, want.ARN, tags, want.Components, there && len(want.ManagedPolicies) > 0)
	if err != nil {
		return nil, err
	}
	for _, policy := range want.ManagedPolicies {
		p.wanted = append(p.wanted, policy.String())
		if slices.Contains(p.live, policy.String()) {
			p.keep(policy.String())
			continue
		}
		if err := r.requirePolicy(ctx, policy, "managedPolicies"); err != nil {
			return nil, err
		}
		p.changes = append(p.changes, AttachmentChange{policy.String(), Create})
		p.attaches = append(p.attaches, func(ctx context.Context) error { return r.IAM.AttachPolicy(ctx, p.role, policy.String()) })
	}
	for _, c := range want.Components {
		p.record(c)
	}
	p.unasked(r.Prune)
	p.addRecords(plan)
	return p, nil
}

// keep notes a wanted policy that is attached already. Adoption records one that somebody
// else attached.
func (p *attachmentPlan) keep(arn string) {
	action := None
	if p.Adopt && !p.isRecorded(arn) {
		action = Adopt
	}
	p.changes = append(p.changes, AttachmentChange{arn, action})
}

// isRecorded reports whether this program attached the policy, for any component.
func (p *attachmentPlan) isRecorded(arn string) bool {
	for _, record := range p.before {
		if record.has(arn) {
			return true
		}
	}
	return false
}

// record works out the new record of a component: the policies that it asks for, besides
// those that somebody else attached. What else the old record names follows in unasked.
func (p *attachmentPlan) record(c desired.Component) {
	var own attachmentRecord
	for _, policy := range c.ManagedPolicies {
		arn := policy.String()
		if p.Adopt || p.isRecorded(arn) || !slices.Contains(p.live, arn) {
			own = own.with(arn)
		}
	}
	key := desired.AttachedTag(c.Name)
	for _, arn := range p.live {
		if p.before[key].has(arn) && !slices.Contains(p.wanted, arn) {
			own = own.with(arn)
		}
	}
	p.after[key] = own
}

// unasked keeps or removes the policies that a component of the config recorded and none asks
// for. A policy that the record of another component names belongs to another config.
func (p *attachmentPlan) unasked(prune bool) {
	for _, arn := range p.live {
		own, others := p.recordedBy(arn)
		switch {
		case !own || slices.Contains(p.wanted, arn):
		case others:
			p.forget(arn)
		case prune:
			p.forget(arn)
			p.changes = append(p.changes, AttachmentChange{arn, Remove})
			p.detaches = append(p.detaches, func(ctx context.Context) error { return p.IAM.DetachPolicy(ctx, p.role, arn) })
		default:
			p.changes = append(p.changes, AttachmentChange{arn, Keep})
		}
	}
}

// recordedBy reports whether the record of a component of the config names a policy, and
// whether that of another component does.
func (p *attachmentPlan) recordedBy(arn string) (own, others bool) {
	for key, record := range p.before {
		own = own || record.has(arn) && p.own[key]
		others = others || record.has(arn) && !p.own[key]
	}
	return own, others
}

// forget removes a policy from the records of the config's components.
func (p *attachmentPlan) forget(arn string) {
	for key := range p.own {
		p.after[key] = subtract(p.after[key], []string{desired.ShortHash(arn)})
	}
}

// addRecords adds the steps that write the records: before policies are attached, what is
// and will be attached; at the end, what is attached.
func (p *attachmentPlan) addRecords(plan *Plan) {
	written := map[string]string{}
	for key := range p.own {
		written[key] = p.before[key].String()
		if both := sortedUnique(slices.Concat(p.before[key], p.after[key])); len(p.attaches) > 0 && len(both) > len(p.before[key]) {
			written[key] = attachmentRecord(both).String()
		}
	}
	intended := map[string]string{}
	for key, value := range written {
		if value != p.before[key].String() {
			intended[key] = value
		}
	}
	if len(intended) > 0 {
		p.attaches = slices.Insert(p.attaches, 0, func(ctx context.Context) error { return p.IAM.TagRole(ctx, p.role, intended) })
	}
	if finally := p.finally(written); finally != nil {
		plan.add(phaseRecord, finally)
	}
}

// finally returns the step that writes the records that differ from what was written, or
// nil.
func (p *attachmentPlan) finally(written map[string]string) planStep {
	tags, empty := map[string]string{}, []string(nil)
	for _, key := range sortedKeys(p.own) {
		switch after := p.after[key].String(); {
		case after == written[key]:
		case after == "":
			empty = append(empty, key)
		default:
			tags[key] = after
		}
	}
	if len(tags)+len(empty) == 0 {
		return nil
	}
	return func(ctx context.Context) error {
		var err error
		if len(tags) > 0 {
			err = p.IAM.TagRole(ctx, p.role, tags)
		}
		if err == nil && len(empty) > 0 {
			err = p.IAM.UntagRole(ctx, p.role, empty...)
		}
		return err
	}
}
