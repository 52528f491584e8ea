package reconcile

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"slices"
	"strings"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// EKS lists associations without their roles and reads each by a call of its own:
// 2,000 calls to learn that nothing changed. So a tag of the role remembers what
// was last seen, as sums of the associations' IDs and wanted settings, in sixteen
// parts: one control plane more or less costs a sixteenth of the reading. What the
// sums cannot see is an association that somebody else changed in place; reading
// all of them is for that.

// parts divide the associations: sixteen of twelve digits fit into the value of a
// tag, 256 characters.
//
// Source: IAM User Guide, "Tags for IAM resources", "Rules for tagging".
const parts = 16

// sums are those of the parts. Adding up does not depend on an order.
type sums [parts]uint64

func (s *sums) add(id string, a iam.Association) {
	text, err := json.Marshal(a)
	if err != nil {
		panic(err) // strings, a boolean and a map of strings: encoding cannot fail
	}
	sum := sha256.Sum256(append([]byte(id+"\n"+a.ClusterName+"\n"), text...))
	s[partOf(a)] += binary.BigEndian.Uint64(sum[:8])
}

func partOf(a iam.Association) int {
	h := fnv.New32a()
	_, _ = io.WriteString(h, a.Namespace) // a hash takes everything
	return int(h.Sum32() % parts)
}

// String is the value of the tag.
func (s sums) String() string {
	var text []string
	for _, sum := range s {
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], sum)
		text = append(text, hex.EncodeToString(b[:6]))
	}
	return strings.Join(text, ".")
}

// part is one part of a tag's value.
func part(value string, n int) string {
	all := strings.Split(value, ".")
	if len(all) != parts {
		return ""
	}
	return all[n]
}

// fingerprint is what is remembered of a role's associations, and what will be.
type fingerprint struct {
	role   identity.RoleARN
	before string // value of the tag
	listed sums   // of what was found where something is wanted
	now    map[string]remembered
}

// remembered is an association that is as it should be.
type remembered struct {
	id     string
	wanted iam.Association
}

// expect adds an association that was found in a wanted place.
func (f *fingerprint) expect(id string, wanted iam.Association) { f.listed.add(id, wanted) }

// known reports whether the part of the association is as it was remembered.
func (f *fingerprint) known(a iam.Association) bool {
	return part(f.before, partOf(a)) == part(f.listed.String(), partOf(a))
}

// keep notes that an association is as it should be.
func (f *fingerprint) keep(id string, wanted iam.Association) {
	if f.now == nil {
		f.now = map[string]remembered{}
	}
	f.now[key(wanted)] = remembered{id, wanted}
}

func key(a iam.Association) string {
	return fmt.Sprintf("%s/%s/%s", a.ClusterName, a.Namespace, a.ServiceAccount)
}

// after is the value that the tag should have now.
func (f *fingerprint) after() string {
	var s sums
	for _, k := range slices.Sorted(maps.Keys(f.now)) {
		s.add(f.now[k].id, f.now[k].wanted)
	}
	return s.String()
}
