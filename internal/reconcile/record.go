package reconcile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/fnv"
	"io"
	"maps"
	"slices"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
)

// EKS lists associations without their roles. Reading the role takes one call for each
// association. A run with SkipUnchanged avoids most of these calls: a tag of the IAM role
// records checksums of the associations for which there was nothing to plan.
//
// A checksum covers one part of the associations: their IDs, and what the config says about
// them. A plan reads only parts whose checksum differs. There are sixteen parts of those that
// the config names, so one new control plane costs a sixteenth of the reads. There are
// sixteen more of the foreign ones that it does not name. Checksums do not detect an
// association that somebody else changed without replacing it.

// recordTag is the tag of a role with the checksums.
const recordTag = "spaces-identity.dev/associations"

// sumParts is the number of parts of each kind, and sumBytes the length of a checksum. In
// base64 all checksums take the 256 characters that a tag value may have.
//
// Source: IAM User Guide, "Tags for IAM resources", "Rules for tagging".
const (
	sumParts = 16
	sumBytes = 6
)

// associationSums are the checksums of the parts. They do not depend on an order.
type associationSums [sumParts]uint64

func (s *associationSums) add(id string, a desired.Association) {
	text, err := json.Marshal(a)
	if err != nil {
		panic(err) // strings, a boolean and a map of strings: encoding cannot fail
	}
	sum := sha256.Sum256(append([]byte(id+"\n"+a.ClusterName+"\n"), text...))
	s[partOf(a)] += binary.BigEndian.Uint64(sum[:8])
}

func partOf(a desired.Association) int {
	h := fnv.New32a()
	_, _ = io.WriteString(h, a.Namespace) // a hash returns no error
	return int(h.Sum32() % sumParts)
}

// roleSums are the checksums of a role's associations.
type roleSums struct {
	named  associationSums // of those that the config names
	others associationSums // of the foreign ones that it does not name
}

// String returns the value of the tag.
func (s roleSums) String() string {
	var all []byte
	for part := range 2 * sumParts {
		all = append(all, s.sum(part)...)
	}
	return base64.StdEncoding.EncodeToString(all)
}

// sum returns the checksum of a part. The parts of others come after those of named.
func (s roleSums) sum(part int) []byte {
	value := slices.Concat(s.named[:], s.others[:])[part]
	return binary.BigEndian.AppendUint64(nil, value)[:sumBytes]
}

// associationRecord has the old and the new checksums of a role's associations.
type associationRecord struct {
	role   identity.RoleARN
	before string   // value of the tag
	listed roleSums // of all listed associations
	now    roleSums // of those for which there is nothing to plan
}

// knows reports whether the part of an association that the config names has the recorded
// checksum.
func (m *associationRecord) knows(a desired.Association) bool { return m.same(partOf(a)) }

// knowsOther is knows for an association that the config does not name.
func (m *associationRecord) knowsOther(a desired.Association) bool {
	return m.same(sumParts + partOf(a))
}

// same reports whether a checksum of the listed associations is the recorded one.
func (m *associationRecord) same(part int) bool {
	before, err := base64.StdEncoding.DecodeString(m.before)
	if err != nil || len(before) != 2*sumParts*sumBytes {
		return false
	}
	at := part * sumBytes
	return bytes.Equal(before[at:at+sumBytes], m.listed.sum(part))
}

// writeRecords writes the checksums that have changed into the tags of their roles. A role that
// has no room for the tag works without them.
func (r *Reconciler) writeRecords(ctx context.Context, p *Plan) error {
	for _, m := range p.records {
		after := m.now.String()
		if after == m.before || m.before == "" && m.now == (roleSums{}) {
			continue
		}
		tag := func() error { return r.IAM.TagRole(ctx, m.role, map[string]string{recordTag: after}) }
		if err := retry(ctx, visibilityAttempts, account.IsMissing, tag); err != nil && !account.IsTagLimit(err) {
			return err
		}
		m.before = after
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
