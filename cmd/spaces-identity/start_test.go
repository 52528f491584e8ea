package main

import (
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Go's runtime initialises all packages of the program at each start. Most runs of the
// post-renderer need no regular expression and no large map, so the packages make them at
// first use. GODEBUG=inittrace=1 counts what their initialisation allocates.
func TestPackagesOfTheProgramInitialiseLittle(t *testing.T) {
	list, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	linked := strings.Fields(string(list))
	cmd := exec.CommandContext(t.Context(), "spaces-identity", "version")
	cmd.Env = append(environ(), "GODEBUG=inittrace=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	all := regexp.MustCompile(`(?m)^init (\S+) @.*, (\d+) bytes, (\d+) allocs$`).FindAllStringSubmatch(string(out), -1)
	count := 0
	for _, m := range all {
		if !strings.HasPrefix(m[1], "spaces-identity.dev/internal/") || !slices.Contains(linked, m[1]) {
			continue
		}
		allocations, err := strconv.Atoi(m[3])
		if err != nil {
			t.Fatal(err)
		}
		if count += allocations; allocations > 30 {
			t.Errorf("%s: %s bytes in %d allocations", m[1], m[2], allocations)
		}
	}
	if count == 0 || count > 120 {
		t.Errorf("%d allocations, want about 75:\n%s", count, out)
	}
}
