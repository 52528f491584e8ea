package cli_test

import (
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"spaces-identity.dev/internal/cli"
	"spaces-identity.dev/internal/config"
)

// The post-renderer parses its own command line without making the other commands. The
// whole program must understand the line in the same way.
func TestPostRendererParsesAsTheWholeProgram(t *testing.T) {
	t.Chdir(t.TempDir())
	lines := [][]string{nil, {"--"}, {"--role-arn=a", "--bucket", "b", "--host-namespace", "x", "--host-namespace=y"}}
	postRender, _, err := cli.Commands().Find([]string{"post-render"})
	if err != nil {
		t.Fatal(err)
	}
	flags := 0
	all := func(f *pflag.Flag) {
		flags++
		for _, value := range append(config.Choices(f.Name), "x", "", "warn", "keep", "fail", "leave", "refuse", "a=b") {
			lines = append(lines, []string{"--" + f.Name, value}, []string{"--" + f.Name + "=" + value}, []string{"--" + f.Name, value, "--" + f.Name, "y"})
		}
		lines = append(lines, []string{"--" + f.Name})
	}
	postRender.LocalFlags().VisitAll(all)
	postRender.InheritedFlags().VisitAll(all)
	if flags < 19 {
		t.Fatalf("%d flags", flags)
	}
	for _, line := range lines {
		compareParsers(t, line, nil)
		compareParsers(t, append([]string{"post-render"}, line...), nil)
	}
	for _, value := range []string{"", "warn", "fail", "keep", "x"} {
		for _, name := range []string{"on-missing", "on-conflict", "on-immutable", "then", "role-arn"} {
			variables := map[string]string{config.EnvName(name): value}
			compareParsers(t, nil, variables)
			compareParsers(t, []string{"post-render", "--on-missing", "warn", "--then=run"}, variables)
		}
	}
}

// compareParsers requires that the short way accepts what the whole program accepts as a
// command line of the post-renderer, and nothing else.
func compareParsers(t *testing.T, line []string, variables map[string]string) {
	t.Helper()
	short, ok := cli.ParsePostRender(newEnv(io.Discard, variables), line)
	whole, err := cli.ParseWhole(newEnv(io.Discard, variables), line)
	if ok != (err == nil) {
		t.Errorf("%q, %v: the short way accepts it: %v; the whole program: %v", line, variables, ok, err)
	}
	if d := cmp.Diff(whole, short); ok && d != "" {
		t.Errorf("%q, %v (-whole program +short way):\n%s", line, variables, d)
	}
}

// Help, versions, completions, mistakes and other commands are for the whole program.
func TestOtherLinesAreForTheWholeProgram(t *testing.T) {
	for _, line := range [][]string{
		{"--help"}, {"-h"}, {"--role-arn", "a", "--help"}, {"post-render", "-h"}, {"--version"}, {"-v"}, {"post-render", "--version"},
		{"help"}, {"help", "post-render"}, {"post-render", "help"}, {"--config", "c", "help", "plan"}, {"completion", "bash"},
		{"--config=c", "completion", "bash"}, {"__complete", ""}, {"post-render", "__complete", "--"}, {"__completeNoDesc", "post"},
		{"--config", "c", "plan"}, {"--config=c", "post-render"}, {"plan", "--config", "c"}, {"post-render", "x"}, {"post-render", "--", "x"},
		{"--", "x"}, {"--", "post-render"}, {"post-rendr"}, {"post-renderer"}, {"--no-such-flag"}, {"-x"}, {"--all"}, {"post-render", "post-render"},
	} {
		if op, ok := cli.ParsePostRender(newEnv(io.Discard, nil), line); ok {
			t.Errorf("%q became %v", line, op)
		}
	}
	env := newEnv(io.Discard, nil)
	env.Terminal = func(any) bool { return true }
	if op, ok := cli.ParsePostRender(env, nil); ok {
		t.Errorf("on a terminal, no arguments became %v", op)
	}
	if _, ok := cli.ParsePostRender(env, []string{"post-render"}); !ok {
		t.Error("on a terminal, post-render takes what a person types")
	}
}

// errUnread shows that a run has come to its input.
var errUnread = errors.New("not read")

type unread struct{}

func (unread) Read([]byte) (int, error) { return 0, errUnread }

// A run makes about 290 allocations up to its input. It makes 850 more if it makes all
// commands, and 500 more if it makes the table of settings at each use.
func TestStartOfPostRendererAllocatesLittle(t *testing.T) {
	t.Chdir(t.TempDir())
	args := []string{"--role-arn=arn:aws:iam::123456789012:role/r", "--artifacts-dir=none"}
	run := func() {
		env := *newEnv(io.Discard, nil)
		env.In = unread{}
		cli.Run(t.Context(), env, args)
	}
	if n := testing.AllocsPerRun(5, run); n > 400 {
		t.Errorf("%v allocations, want at most 400", n)
	}
}
