package pages

import (
	"flag"
	"path/filepath"
	"slices"
	"testing"

	"spaces-identity.dev/internal/test/awstest"
)

var update = flag.Bool("update", false, "write what the commands print to the pages that show it")

const (
	root   = "../../.."
	issuer = "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"
)

// TestPagesShowWhatTheirCommandsPrint runs each command of the README and of the walk-through
// that needs no cluster, with both Helms. The AWS account is simulated. TestWalkThrough of the
// end-to-end tests runs the pages with a cluster.
func TestPagesShowWhatTheirCommandsPrint(t *testing.T) {
	for _, version := range []string{"3", "4"} {
		t.Run("helm"+version, func(t *testing.T) {
			helm := Helm(t, version)
			account := awstest.New(t)
			account.Change(func(s *awstest.State) {
				s.Clusters["demo-space"] = awstest.Cluster{Issuer: issuer, Version: "1.36"}
			})
			session := NewSession(t, root, helm, account.Environment("AKIDTEST"))
			Walk{Session: session, Helm: version, NotRun: NotRunInReadme(), Update: *update}.Run(t, root+"/README.md")
			Walk{Session: session, Helm: version, NotRun: NotRunInWalkThrough(), Update: *update}.Run(t, root+"/docs/walk-through.md")
		})
	}
}

// TestMarkedCommandsOfPages runs the commands that the other pages mark with <!-- run -->, in
// a directory with the files that the page shows.
func TestMarkedCommandsOfPages(t *testing.T) {
	files, err := filepath.Glob(root + "/docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, file := range files {
		page, err := Read(file)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(page.Steps, func(s Step) bool { return s.Marked }) {
			ran++
			t.Run(filepath.Base(file), func(t *testing.T) {
				Walk{Session: NewProgramSession(t, root), Marked: true, Update: *update}.Run(t, file)
			})
		}
	}
	if ran == 0 {
		t.Error("no page marks a command")
	}
}
