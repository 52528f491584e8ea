package reconcile

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"slices"
	"strings"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
)

// EKS lists associations without their roles. Reading the role takes one call for each
// association: 2,000 calls to learn that nothing changed. So a tag of the IAM role records
// checksums of the associations that were up to date.
//
// A checksum covers the IDs and desired settings of one part of the associations. A plan
// reads only parts whose checksum differs. There are sixteen parts, so one new control
// plane costs a sixteenth of the reads. Checksums do not detect an association that
// somebody else changed without replacing it. ReadAll detects that.

// recordTag is the tag of a role with the checksums.
const recordTag = "spaces-identity.dev/associations"

// sumParts is the number of parts. Sixteen checksums of twelve digits fit into the 256
// characters of a tag value.
//
// Source: IAM User Guide, "Tags for IAM resources", "Rules for tagging".
const sumParts = 16

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

// String returns the value of the tag: twelve hexadecimal digits for each part.
func (s associationSums) String() string {
	var text []string
	for _, sum := range s {
		text = append(text, fmt.Sprintf("%012x", sum>>16))
	}
	return strings.Join(text, ".")
}

// associationRecord has the old and the new checksums of a role's associations.
type associationRecord struct {
	role   identity.RoleARN
	before string          // value of the tag
	listed associationSums // of the listed associations that the config names
	now    associationSums // of the associations that are up to date
}

// knows reports whether the part of the association has the recorded checksum.
func (m *associationRecord) knows(a desired.Association) bool {
	before, listed := strings.Split(m.before, "."), strings.Split(m.listed.String(), ".")
	return len(before) == sumParts && before[partOf(a)] == listed[partOf(a)]
}

// writeRecords writes the checksums that have changed into the tags of their roles. A role that
// has no room for the tag works without them.
func (r *Reconciler) writeRecords(ctx context.Context, p *Plan) error {
	for _, m := range p.records {
		after := m.now.String()
		if after == m.before || m.before == "" && m.now == (associationSums{}) {
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
