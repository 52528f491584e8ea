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
	// abandoned is the age at which a temporary file is no run's any more.
	abandoned = time.Hour
)

// tempName is a name that nobody guesses or has, with the time it was made: the
// file's own time would be that of what it links to.
func tempName() string {
	return fmt.Sprintf("%s%d-%s%s", tempPrefix, time.Now().Unix(), rand.Text(), tempSuffix)
}

// madeAt is the time in a temporary file's name.
func madeAt(name string) (time.Time, bool) {
	rest, isTemp := strings.CutPrefix(name, tempPrefix)
	if !isTemp || !strings.HasSuffix(rest, tempSuffix) {
		return time.Time{}, false
	}
	seconds, _, _ := strings.Cut(rest, "-")
	unix, err := strconv.ParseInt(seconds, 10, 64)
	return time.Unix(unix, 0), err == nil
}

// sweep takes away what killed runs left. What it cannot remove stays for
// another run: no artifact depends on it.
func (s *Staging) sweep() {
	dir, err := s.root.Open(".")
	if err != nil {
		return
	}
	defer func() { _ = dir.Close() }() // read only: nothing is lost
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		if made, isTemp := madeAt(name); isTemp && time.Since(made) > abandoned {
			_ = s.root.Remove(name)
		}
	}
}
