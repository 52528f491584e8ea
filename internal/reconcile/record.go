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

// EKS lists associations without their roles, and reads each by a call of its own:
// 2,000 calls to learn that nothing changed. So a tag of the role remembers what was
// seen last, as sums of the associations' IDs and desired settings, in sixteen parts:
// one control plane more or less costs a sixteenth of the reading. The sums cannot
// show an association that somebody else changed in place; ReadAll is for that.

// recordTag is the tag of a role with the sums.
const recordTag = "spaces-identity.dev/associations"

// sumParts divide the associations. Sixteen of twelve digits fit into the value of a tag,
// 256 characters.
//
// Source: IAM User Guide, "Tags for IAM resources", "Rules for tagging".
const sumParts = 16

// associationSums are those of the parts. Adding does not depend on an order.
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
	_, _ = io.WriteString(h, a.Namespace) // a hash takes everything
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

// associationRecord is what is remembered of a role's associations, and what will be.
type associationRecord struct {
	role   identity.RoleARN
	before string          // value of the tag
	listed associationSums // of the associations that exist in wanted places
	now    associationSums // of those that are as they should be
}

// knows reports whether the part of the association is as it was remembered.
func (m *associationRecord) knows(a desired.Association) bool {
	before, listed := strings.Split(m.before, "."), strings.Split(m.listed.String(), ".")
	return len(before) == sumParts && before[partOf(a)] == listed[partOf(a)]
}

// remember writes the tags of the roles whose associations have changed.
func (r *Reconciler) remember(ctx context.Context, p *Plan) error {
	for _, m := range p.memories {
		after := m.now.String()
		if after == m.before || m.before == "" && m.now == (associationSums{}) {
			continue
		}
		tag := func() error { return r.IAM.TagRole(ctx, m.role, map[string]string{recordTag: after}) }
		if err := retry(ctx, visibilityAttempts, account.IsMissing, tag); err != nil {
			return err
		}
		m.before = after
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
