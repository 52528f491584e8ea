package live

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/cli"
)

func TestRemaining(t *testing.T) {
	for _, test := range []struct {
		elapsed     time.Duration
		done, total int
		want        time.Duration
	}{
		{0, 1, 2000, 0},
		{200 * time.Second, 1001, 2000, 200 * time.Second * 999 / 1000},
		{400 * time.Second, 2000, 2000, 0},
	} {
		if got := remaining(test.elapsed, test.done, test.total); got.Round(time.Second) != test.want.Round(time.Second) {
			t.Errorf("remaining(%s, %d, %d) is %s, not %s", test.elapsed, test.done, test.total, got, test.want)
		}
	}
}

func TestBar(t *testing.T) {
	got := bar("associations", 1000, 2000, 3*time.Minute)
	want := "\r[###############...............] 1000 of 2000 associations, 3m0s left   "
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A log gets a line for each tenth, and nothing for a few.
func TestProgressInALog(t *testing.T) {
	var told bytes.Buffer
	tell := progress(&cli.Env{Err: &told, Terminal: func(any) bool { return false }}, "associations")
	for n := range 19 {
		tell(n+1, 19)
	}
	for n := range 100 {
		tell(n+1, 100)
	}
	if n := strings.Count(told.String(), "\n"); n != 10 {
		t.Errorf("%d lines:\n%s", n, told.String())
	}
}
