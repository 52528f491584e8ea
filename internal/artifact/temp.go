package artifact

import (
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	tempPrefix = ".spaces-identity-"
	tempSuffix = ".tmp"
	// maxAge is the age after which a temporary file cannot belong to a running program.
	maxAge = time.Hour
)

// tempName returns a name that nobody else uses or can guess. It contains the current
// time, because the modification time of a link is that of the linked file.
func tempName() string {
	return fmt.Sprintf("%s%d-%s%s", tempPrefix, time.Now().Unix(), rand.Text(), tempSuffix)
}

// createdAt returns the time in the name of a temporary file.
func createdAt(name string) (time.Time, bool) {
	rest, isTemp := strings.CutPrefix(name, tempPrefix)
	if !isTemp || !strings.HasSuffix(rest, tempSuffix) {
		return time.Time{}, false
	}
	seconds, _, _ := strings.Cut(rest, "-")
	unix, err := strconv.ParseInt(seconds, 10, 64)
	return time.Unix(unix, 0), err == nil
}

// sweep removes the temporary files of runs that were killed. If it cannot remove one,
// a later run does: no artifact depends on them.
func (s *Staging) sweep() {
	dir, err := s.root.Open(".")
	if err != nil {
		return
	}
	defer func() { _ = dir.Close() }() // it was only read
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		if created, isTemp := createdAt(name); isTemp && time.Since(created) > maxAge {
			_ = s.root.Remove(name)
		}
	}
}
