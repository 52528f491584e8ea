package main

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"spaces-identity.dev/internal/cli"
	"spaces-identity.dev/internal/cli/live"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"spaces-identity": main, "spaces-identity-live": func() { os.Exit(cli.Main(live.Run)) }})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"status": status},
		Setup: func(env *testscript.Env) error {
			env.Setenv("ROLE", "--role-arn=arn:aws:iam::123456789012:role/spaces-backup")
			env.Setenv("OIDC", "--oidc-provider=oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E")
			return nil
		},
	})
}

// status runs a program and holds its exit status: status 2 program [args...].
func status(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) < 2 {
		ts.Fatalf("usage: status number program [args...]")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit status %d, want %s", got, args[0])
	}
}
