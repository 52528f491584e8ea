package cli_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"spaces-identity.dev/internal/check"
	"spaces-identity.dev/internal/cli"
	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/export/kustomize"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/output"
)

// newEnv returns an environment with these variables and no terminal.
func newEnv(out io.Writer, variables map[string]string) *cli.Env {
	return &cli.Env{
		In: strings.NewReader(""), Out: out, Err: io.Discard,
		Getenv:   func(name string) string { return variables[name] },
		Terminal: func(any) bool { return false },
		Printer:  output.New(out, io.Discard, func(string) string { return "" }, func(any) bool { return false }),
	}
}

var (
	cluster = cli.ClusterFlags{Timeout: time.Minute}
	drift   = cli.DriftFlags{Cluster: cluster, Output: output.Table}
	rewrite = cli.RewriteFlags{OnMissing: "fail", OnConflict: "replace", OnImmutable: "leave"}
)

func TestCommandLinesBecomeOps(t *testing.T) {
	t.Chdir(t.TempDir())
	for line, want := range map[string]cli.Op{
		"":                                      cli.PostRenderOp{Then: "run", Rewrite: rewrite},
		"post-render --on-missing=warn":         cli.PostRenderOp{Then: "run", Rewrite: cli.RewriteFlags{OnMissing: "warn", OnConflict: "replace", OnImmutable: "leave"}},
		"--role-arn a --role-arn b":             cli.PostRenderOp{Then: "run", Rewrite: rewrite, Settings: config.Flags{"role-arn": {"b"}}},
		"--host-namespace a --host-namespace b": cli.PostRenderOp{Then: "run", Rewrite: rewrite, Settings: config.Flags{"host-namespace": {"a", "b"}}},
		"template --bucket b spaces chart --set on-missing=x -n ns --output-dir out": cli.TemplateOp{
			PostRender: cli.PostRenderOp{Then: "run", Rewrite: rewrite, Settings: config.Flags{"bucket": {"b"}, "artifacts-dir": {"out"}}},
			OutputDir:  "out", Helm: []string{"spaces", "chart", "--set", "on-missing=x", "-n", "ns"}},
		"inspect --diff":             cli.InspectOp{Rewrite: rewrite, Output: output.Diff},
		"inspect -ojson":             cli.InspectOp{Rewrite: rewrite, Output: output.JSON},
		"check a.yaml - --fix=false": cli.CheckOp{Files: []string{"a.yaml", "-"}, Output: output.Table},
		"check --set a=b --set-string c=d --set e=f -o sarif": cli.CheckOp{Output: output.SARIF, Arguments: []check.Argument{
			{Flag: "--set", Text: "a=b"}, {Flag: "--set", Text: "e=f"}, {Flag: "--set-string", Text: "c=d", String: true}}},
		"policy trust --component vector":  cli.DocumentOp{Document: "trust", Output: output.JSON, Settings: config.Flags{"component": {"vector"}}},
		"policy permissions -o yaml":       cli.DocumentOp{Document: "permissions", Output: output.YAML},
		"policy associations":              cli.DocumentOp{Document: "associations", Output: output.JSON},
		"policy self --read-only":          cli.DocumentOp{Document: "self", ReadOnly: true, Output: output.JSON},
		"policy admission":                 cli.DocumentOp{Document: "admission", Output: output.YAML},
		"policy admission native":          cli.DocumentOp{Document: "admission", Output: output.YAML, Kind: identity.NativeAdmissionPolicy},
		"policy admission kyverno -o json": cli.DocumentOp{Document: "admission", Output: output.JSON, Kind: identity.KyvernoAdmissionPolicy},
		"inspect a.yaml b.yaml":            cli.InspectOp{Rewrite: rewrite, Output: output.Table, Files: []string{"a.yaml", "b.yaml"}},
		"export kustomize":                 cli.KustomizeOp{Rewrite: rewrite, Form: kustomize.Kustomization},
		"export kustomize a.yaml -oflux":   cli.KustomizeOp{Rewrite: rewrite, Form: kustomize.Flux, Files: []string{"a.yaml"}},
		"fn":                               cli.FnOp{Rewrite: rewrite},
		"export terraform":                 cli.ExportOp{Form: "terraform", Provider: cli.CreateResource, Role: cli.CreateResource},
		"export ack --provider-resource existing --role-resource=existing --output-dir o": cli.ExportOp{Form: "ack", Provider: cli.ExistingResource,
			Role: cli.ExistingResource, OutputDir: "o"},
		"values":                                 cli.DocumentOp{Document: "values", Output: output.YAML},
		"explain ns sa --policy - --context a=b": cli.ExplainOp{Namespace: "ns", ServiceAccount: "sa", Policy: "-", Facts: []desired.Fact{{Key: "a", Values: []string{"b"}}}, Output: output.Table},
		"discover --kube-context c":              cli.DiscoverOp{Cluster: cli.ClusterFlags{Context: "c", Timeout: time.Minute}, Output: output.Table},
		"init --force --profile p":               cli.InitOp{Cluster: cluster, Profile: "p", Force: true},
		"plan --exit-code":                       cli.PlanOp{Drift: drift, ExitCode: true},
		"plan --all --prune --adopt --skip-unchanged": cli.PlanOp{Drift: cli.DriftFlags{Cluster: cluster, Output: output.Table,
			All: true, Prune: true, Adopt: true, SkipUnchanged: true}},
		"apply --approve":                       cli.ApplyOp{Drift: drift, Approve: true},
		"delete --approve --keep-role --prune":  cli.DeleteOp{Cluster: cluster, Output: output.Table, Approve: true, KeepRole: true, Prune: true},
		"delete --dry-run --all":                cli.DeleteOp{Cluster: cluster, Output: output.Table, DryRun: true, All: true},
		"verify --release=upbound-system/x":     cli.VerifyOp{Cluster: cluster, Release: "upbound-system/x", Output: output.Table},
		"verify --cluster-only --wait 5m":       cli.VerifyOp{Cluster: cluster, ClusterOnly: true, Wait: 5 * time.Minute, Output: output.Table},
		"restart --dry-run --max-unavailable 5": cli.RestartOp{Cluster: cluster, DryRun: true, MaxUnavailable: 5, Timeout: 5 * time.Minute, Output: output.Table},
		"post-renderer":                         cli.PostRendererOp{},
		"version":                               cli.VersionOp{Output: output.Table},
		"--version":                             cli.VersionOp{Output: output.Table},
	} {
		op, err := cli.Parse(newEnv(io.Discard, nil), strings.Fields(line))
		if err != nil {
			t.Errorf("%q: %v", line, err)
		}
		if d := cmp.Diff(want, op, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%q (-want +got):\n%s", line, d)
		}
	}
}

func TestEnvironmentSetsTheFlagsOfManifests(t *testing.T) {
	t.Chdir(t.TempDir())
	env := newEnv(io.Discard, map[string]string{"SPACES_IDENTITY_ON_MISSING": "warn", "SPACES_IDENTITY_ON_CONFLICT": "keep"})
	op, err := cli.Parse(env, []string{"inspect", "--on-conflict", "fail"})
	want := cli.InspectOp{Rewrite: cli.RewriteFlags{OnMissing: "warn", OnConflict: "fail", OnImmutable: "leave"}, Output: output.Table}
	if d := cmp.Diff(cli.Op(want), op, cmpopts.EquateEmpty()); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	_, err = cli.Parse(newEnv(io.Discard, map[string]string{"SPACES_IDENTITY_ON_MISSING": "no"}), []string{"inspect"})
	if err == nil || !strings.Contains(err.Error(), `SPACES_IDENTITY_ON_MISSING: unknown value "no": use fail or warn`) {
		t.Errorf("error: %v", err)
	}
}

func TestBadCommandLinesAreBadUsage(t *testing.T) {
	t.Chdir(t.TempDir())
	for line, says := range map[string]string{
		"foo":                              `unknown command "foo"`,
		"foo --help":                       `unknown command "foo"`,
		"policy foo --help":                `unknown command "foo"`,
		"help foo":                         `unknown command "foo"`,
		"help policy foo":                  `unknown command "foo"`,
		"completion foo":                   `unknown command "foo"`,
		"policy":                           "admission, associations, permissions, self, trust",
		"plan extra":                       `plan does not take the argument "extra"`,
		"explain a b c":                    `explain does not take the argument "c"`,
		"policy admission native x":        `admission does not take the argument "x"`,
		"policy trust x":                   `trust does not take the argument "x"`,
		"version x":                        `"x"`,
		"post-render x":                    `"x"`,
		"values x":                         `"x"`,
		"verify --wait 5":                  `--wait: "5" is not a duration, such as 90s or 5m`,
		"verify --wait -5m":                "--wait is -5m0s: it must not be negative",
		"restart --timeout=-1s":            "--timeout is -1s: it must not be negative",
		"plan --request-timeout=-1s":       "--request-timeout is -1s: it must not be negative",
		"verify --wait=":                   `--wait: "" is not a duration`,
		"restart --max-unavailable x":      `--max-unavailable: "x" is not a whole number`,
		"plan --prune=maybe":               `--prune: "maybe" is not true or false`,
		"plan -o xml":                      `"xml"`,
		"plan --bogus":                     "--bogus",
		"apply":                            "needs a terminal",
		"delete":                           "needs a terminal",
		"policy self --read-only --delete": "use one of them",
		"restart --max-unavailable 0":      "--max-unavailable is 0",
		"restart --timeout soon":           `--timeout: "soon" is not a duration`,
		"inspect --diff -o json":           "--diff",
		"export":                           "export needs FORM",
		"export helm":                      `unknown form "helm"`,
		"export ack --output-dir=":         "--output-dir is empty",
		"export ack --role-resource other": `unknown kind of resource "other": use create or existing`,
		"policy admission x":               `"x" is not a kind of admission policy`,
		"explain":                          "explain needs NAMESPACE",
		"explain ns --context x":           `"x" is not KEY=VALUE`,
		"verify --skip-aws":                "--skip-aws",
		"policy trust --format json":       "--format",
		"template":                         "needs RELEASE and CHART",
		"verify --release a/b/c":           `--release: "b/c" is not the name of an object`,
		"verify --release /b":              "--release: ",
		"verify --release=":                "--release: ",
		"template a b --then=maybe":        `unknown value "maybe": use run or refuse`,
	} {
		var out bytes.Buffer
		op, err := cli.Parse(newEnv(&out, nil), strings.Fields(line))
		if op != nil || exit.Of(err) != exit.BadUsage || out.Len() > 0 {
			t.Errorf("%q: op %v, status %d, output %q", line, op, exit.Of(err), out.String())
			continue
		}
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%q: the error does not say %s: %v", line, says, err)
		}
	}
}

func TestHelpFitsInEightyColumns(t *testing.T) {
	for _, line := range helpLines(t) {
		text := help(t, line)
		for row := range strings.Lines(text) {
			n := len([]rune(strings.TrimSuffix(row, "\n")))
			if n > 80 {
				t.Errorf("%q has a line of %d columns: %s", line, n, row)
			}
		}
		if !strings.Contains(text, "\nUsage:\n  spaces-identity") {
			t.Errorf("%q shows no usage", line)
		}
		if !strings.Contains(text, "\nExamples:\n") && !strings.Contains(text, "\nCommands:\n") {
			t.Errorf("%q shows no example", line)
		}
	}
}

// help returns what a command line prints that asks for help.
func help(t *testing.T, line []string) string {
	t.Helper()
	var out bytes.Buffer
	if op, err := cli.Parse(newEnv(&out, nil), line); op != nil || err != nil {
		t.Fatalf("%q: %v, %v", line, op, err)
	}
	return out.String()
}

// helpLines returns the command lines that print the help of every command, as
// the help of their parents lists them.
func helpLines(t *testing.T) [][]string {
	t.Helper()
	lines := [][]string{{"--help"}}
	for i := 0; i < len(lines); i++ {
		_, commands, _ := strings.Cut(help(t, lines[i]), "\nCommands:\n")
		commands, _, _ = strings.Cut(commands, "\n\n")
		for row := range strings.Lines(commands) {
			if name := strings.Fields(row)[0]; name != "help" {
				parents := lines[i][:len(lines[i])-1]
				lines = append(lines, append(append([]string{}, parents...), name, "--help"))
			}
		}
	}
	if len(lines) < 20 {
		t.Fatalf("only %d commands have help: %q", len(lines), lines)
	}
	return lines
}

func TestHelpListsTheEnvironmentVariables(t *testing.T) {
	text := help(t, []string{"--help"})
	_, listed, _ := strings.Cut(text, "\nEnvironment variables")
	flags := config.FlagsWithVariables("on-missing", "on-conflict", "on-immutable", "then")
	if got := strings.Count(listed, "SPACES_IDENTITY_"); got != len(flags) || got < 15 {
		t.Errorf("%d variables are listed, want %d:\n%s", got, len(flags), listed)
	}
	for _, flag := range flags {
		variable := config.EnvName(flag)
		if !strings.Contains(listed, variable+" ") || !strings.Contains(text, "--"+flag+" ") {
			t.Errorf("the help lacks %s or --%s", variable, flag)
		}
		if warnings := config.UnknownVariables([]string{variable + "=x"}, "on-missing", "on-conflict", "on-immutable", "then"); len(warnings) > 0 {
			t.Errorf("a listed variable is unknown: %q", warnings)
		}
	}
}

func TestBadCommandLinesHintAtTheNextStep(t *testing.T) {
	t.Chdir(t.TempDir())
	for line, want := range map[string]string{
		"help foo":         "`spaces-identity --help` lists the commands",
		"foo":              "`spaces-identity --help` lists the commands",
		"policy foo":       "`spaces-identity policy --help` lists the commands",
		"help policy trus": "did you mean `spaces-identity policy trust`?",
		"export terrafrom": `did you mean "terraform"?`,
		"export":           "for example: `spaces-identity export terraform > identity.tf`",
		"explain":          "for example: `spaces-identity explain mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system`",
		"template":         "for example: `spaces-identity template spaces CHART --output-dir out`",
		"verify -n x":      "did you mean --host-namespace?",
		"plan --namespace": "did you mean --host-namespace?",
		"values -x":        "`spaces-identity values --help` shows the usage",
		"export -o json":   "`spaces-identity export --help` shows the usage",
		"values --confg x": "did you mean --config?",
		"plan extra":       "`spaces-identity plan --help` shows the usage",
	} {
		_, err := cli.Parse(newEnv(io.Discard, nil), strings.Fields(line))
		if got := identity.HintOf(err); got != want {
			t.Errorf("%q: the hint is %q, want %q (%v)", line, got, want, err)
		}
	}
}

// A command that waits for a person to type its input says so. With a file or a pipe it
// says nothing.
func TestCommandsSayThatTheyReadFromTheTerminal(t *testing.T) {
	t.Chdir(t.TempDir())
	for line, what := range map[string]string{
		"post-render":             "manifests",
		"inspect":                 "manifests",
		"explain ns --policy -":   "trust policy",
		"post-render --mode both": "manifests",
	} {
		for _, terminal := range []bool{true, false} {
			var errs bytes.Buffer
			env := newEnv(io.Discard, map[string]string{"SPACES_IDENTITY_ROLE_ARN": "arn:aws:iam::123456789012:role/r"})
			env.Err, env.Terminal = &errs, func(stream any) bool { return terminal && stream == env.In }
			cli.Run(t.Context(), *env, strings.Fields(line))
			note := "note: reading the " + what + " from the terminal; press Ctrl-D at the end, or Ctrl-C to stop\n"
			if got := strings.HasPrefix(errs.String(), note); got != terminal {
				t.Errorf("%s, terminal %v: %s", line, terminal, errs.String())
			}
		}
	}
}
