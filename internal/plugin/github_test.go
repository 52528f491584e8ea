package plugin_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// workflow is a workflow of GitHub Actions, as far as the example uses the language.
type workflow struct {
	Permissions map[string]string
	Env         map[string]string
	Jobs        map[string]workflowJob
}

type workflowJob struct {
	Needs, If   string
	Permissions map[string]string
	Steps       []workflowStep
}

type workflowStep struct {
	Name, Uses, Run, If string
	Env, With           map[string]string
}

// event starts a workflow.
type event struct {
	pull, fork bool   // a pull request, from a fork
	branch     string // to check out; main if it is empty
}

// The example runs its jobs in this order.
var workflowOrder = []string{"check", "render", "propose"}

// github simulates GitHub Actions. It runs the shell steps with a real Helm, git and
// program, and does itself what the actions of the example do. gh is a script that writes
// down its arguments.
type github struct {
	*pipeline
	file      workflow
	artifacts string
	sarif     []string // the files that were uploaded
	variables map[string]string
}

func newGitHub(t *testing.T, h helm) *github {
	t.Helper()
	g := &github{pipeline: newPipeline(t, h)}
	decodeExample(t, "github-actions/render.yaml", &g.file)
	g.artifacts = filepath.Join(g.dir, "artifacts")
	g.variables = map[string]string{
		"secrets.UPBOUND_USER": registryUser, "secrets.UPBOUND_TOKEN": registryToken,
		"github.token": "ghs_token", "github.ref_name": "main",
	}
	for name, value := range map[string]string{"IDENTITY_PLUGIN": repository(), "SPACES_CHART": g.chart, "KUBE_VERSION": "1.36"} {
		if _, ok := g.file.Env[name]; !ok {
			t.Errorf("the workflow has no %s for the user to set", name)
		}
		g.file.Env[name] = value
	}
	gh := fmt.Sprintf("#!/bin/sh\n# A fake gh: it writes down its arguments, and says how many pull requests are open.\necho \"$*\" >>%[1]s/asked\nif [ \"$2\" = create ]; then test ! -e %[1]s/forbidden; else cat %[1]s/open; fi\n", g.dir)
	if err := os.WriteFile(filepath.Join(g.dir, "bin", "gh"), []byte(gh), 0o700); err != nil { //nolint:gosec // it is to run
		t.Fatal(err)
	}
	g.opens(0)
	return g
}

// opens sets the number of pull requests that gh says are open.
func (g *github) opens(n int) { g.put(g.dir, "open", fmt.Sprintln(n)) }

// start runs the workflow, and returns the result of each job with what the jobs print.
func (g *github) start(e event) (results map[string]string, log string) {
	g.t.Helper()
	if err := os.RemoveAll(g.artifacts); err != nil {
		g.t.Fatal(err)
	}
	results = map[string]string{}
	for _, name := range workflowOrder {
		job := g.file.Jobs[name]
		if job.Needs != "" && results[job.Needs] != "success" || job.If != "" && !g.holds(job.If, e, false) {
			results[name] = "skipped"
			continue
		}
		out, failed := g.job(job, e)
		log += out
		results[name] = map[bool]string{false: "success", true: "failure"}[failed]
	}
	return results, log
}

// holds evaluates a condition. It knows those of the example alone.
func (g *github) holds(condition string, e event, failed bool) bool {
	g.t.Helper()
	switch strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(condition, "${{"), "}}")) {
	case "":
		return !failed
	case "!cancelled()":
		return true
	case "github.event_name != 'pull_request' && github.ref == 'refs/heads/main'":
		return !e.pull && (e.branch == "" || e.branch == "main")
	case "!cancelled() && (github.event_name != 'pull_request' || github.event.pull_request.head.repo.full_name == github.repository)":
		return !e.pull || !e.fork
	}
	g.t.Fatalf("this test does not know the condition %q", condition)
	return false
}

// job runs the steps of a job in a directory of its own, with its own Helm directories.
func (g *github) job(job workflowJob, e event) (log string, failed bool) {
	g.t.Helper()
	dir := ""
	var home []string
	for _, step := range job.Steps {
		if !g.holds(step.If, e, failed) {
			continue
		}
		if strings.HasPrefix(step.Uses, "actions/checkout@") {
			dir = g.clone(map[bool]string{true: "main", false: e.branch}[e.branch == ""])
			home = helmHome(dir + "-home")
			continue
		}
		if step.Uses != "" {
			g.use(step, dir)
			continue
		}
		env := home
		for name, value := range g.file.Env {
			env = append(env, name+"="+g.expand(value))
		}
		for name, value := range step.Env {
			env = append(env, name+"="+g.expand(value))
		}
		// Source: GitHub documentation, "Workflow syntax", on the default shell.
		out, messages, status := g.try(dir, env, "", "bash", "-e", "-c", step.Run)
		log += out + messages
		failed = failed || status != 0
	}
	return log, failed
}

var workflowExpression = regexp.MustCompile(`\$\{\{ ([^}]*) \}\}`)

// expand replaces the expressions in a value.
func (g *github) expand(text string) string {
	return workflowExpression.ReplaceAllStringFunc(text, func(expression string) string {
		name := workflowExpression.FindStringSubmatch(expression)[1]
		value, ok := g.variables[name]
		if !ok {
			g.t.Errorf("the workflow uses %q, which this test does not know", name)
		}
		return value
	})
}

// use does what an action does.
func (g *github) use(step workflowStep, dir string) {
	g.t.Helper()
	var err error
	switch name, _, _ := strings.Cut(step.Uses, "@"); name {
	case "azure/setup-helm": // the Helm of the test is on PATH
	case "actions/upload-artifact":
		err = os.CopyFS(filepath.Join(g.artifacts, step.With["name"]), os.DirFS(filepath.Join(dir, step.With["path"])))
	case "actions/download-artifact":
		err = os.CopyFS(filepath.Join(dir, step.With["path"]), os.DirFS(filepath.Join(g.artifacts, step.With["name"])))
	case "github/codeql-action/upload-sarif":
		var text []byte
		text, err = os.ReadFile(filepath.Join(dir, step.With["sarif_file"]))
		if err == nil && !json.Valid(text) {
			err = fmt.Errorf("not JSON: %s", text)
		}
		g.sarif = append(g.sarif, string(text))
	default:
		g.t.Fatalf("this test does not know the action %s", step.Uses)
	}
	if err != nil {
		g.t.Fatal(err)
	}
}

// asked returns what gh was asked for since the last call.
func (g *github) asked() (all []string) {
	g.t.Helper()
	text, err := os.ReadFile(filepath.Join(g.dir, "asked"))
	if err != nil && !os.IsNotExist(err) {
		g.t.Fatal(err)
	}
	_ = os.Remove(filepath.Join(g.dir, "asked"))
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		all = append(all, strings.Join(words[:2], " "))
	}
	return all
}

// expects compares the results of the jobs and the questions to gh.
func (g *github) expects(when string, results map[string]string, log, want string, asked ...string) {
	g.t.Helper()
	got := ""
	for _, name := range workflowOrder {
		got += " " + results[name]
	}
	if got = strings.TrimSpace(got); got != want {
		g.t.Fatalf("%s: the jobs ended with %s, want %s:\n%s", when, got, want, log)
	}
	if d := cmp.Diff(asked, g.asked()); d != "" {
		g.t.Errorf("%s: gh was asked for (-want +got):\n%s", when, d)
	}
}

const allSucceed, onlyChecked = "success success success", "success skipped skipped"

// TestWorkflowOfTheExample runs the jobs of the GitHub Actions example.
func TestWorkflowOfTheExample(t *testing.T) {
	eachGitHub(t, runWorkflow)
}

// eachGitHub runs a test with each Helm.
func eachGitHub(t *testing.T, run func(*testing.T, *github)) {
	t.Helper()
	for _, h := range findHelms(t) {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			run(t, newGitHub(t, h))
		})
	}
}

func runWorkflow(t *testing.T, g *github) {
	t.Helper()
	results, log := g.start(event{})
	g.expects("the first run", results, log, allSucceed, "pr list", "pr create")
	compareCommitted(t, g.pipeline, "role/spaces-backup")
	first := g.proposed()

	g.opens(1)
	results, log = g.start(event{})
	g.expects("a second run", results, log, allSucceed, "pr list")
	if g.proposed() != first {
		t.Error("a second run without changes pushed another commit")
	}

	merged := strings.ReplaceAll(pipelineConfig, "role/spaces-backup", "role/another-role")
	g.commit(map[string]string{"spaces-identity.yaml": merged, "rendered/manifests/old.yaml": "left: by an older chart\n"})
	results, log = g.start(event{})
	g.expects("a change while the pull request is open", results, log, allSucceed, "pr list")
	compareCommitted(t, g.pipeline, "role/another-role")
	if g.proposed() == first {
		t.Error("the change is not on the branch")
	}

	g.merge()
	results, log = g.start(event{})
	g.expects("the proposal is merged", results, log, allSucceed)
	if g.proposed() != "" {
		t.Error("the branch is still there after the merge")
	}

	g.opens(0)
	g.commit(map[string]string{"spaces-identity.yaml": pipelineConfig})
	g.put(g.dir, "forbidden", "the repository does not let workflows open pull requests\n")
	results, log = g.start(event{})
	g.expects("pull requests are not allowed", results, log, "success success failure", "pr list", "pr create")
	g.put(g.dir, "forbidden", "")
	results, log = g.start(event{})
	g.expects("pull requests are allowed now", results, log, allSucceed, "pr list", "pr create")

	g.commit(map[string]string{"spaces-identity.yaml": merged})
	results, log = g.start(event{})
	g.expects("the change is reverted", results, log, allSucceed)
	if g.proposed() != "" {
		t.Error("the branch proposes what main no longer asks for")
	}
}

// TestWorkflowWithMistakes runs the example with mistakes in the repository, and for pull requests.
func TestWorkflowWithMistakes(t *testing.T) {
	eachGitHub(t, runWorkflowWithMistakes)
}

func runWorkflowWithMistakes(t *testing.T, g *github) {
	t.Helper()
	g.run(g.developer, "git", "push", "--quiet", "origin", "main:contribution")
	results, log := g.start(event{pull: true, branch: "contribution"})
	g.expects("a pull request", results, log, onlyChecked)
	results, log = g.start(event{pull: true, fork: true, branch: "contribution"})
	g.expects("a pull request from a fork", results, log, onlyChecked)
	if len(g.sarif) != 1 {
		t.Errorf("SARIF was uploaded %d times, want once: not for the fork", len(g.sarif))
	}
	results, log = g.start(event{branch: "contribution"})
	g.expects("started by hand on another branch", results, log, onlyChecked)

	g.commit(map[string]string{"values.yaml": "billing:\n  storage:\n    aws:\n      region: \" us-west-2\"\n"})
	results, log = g.start(event{})
	g.expects("a mistake in the values", results, log, "failure skipped skipped")
	if want := "::error file=values.yaml,line=4,"; !strings.Contains(log, want) {
		t.Errorf("there is no %s in:\n%s", want, log)
	}
	if text := g.sarif[len(g.sarif)-1]; !strings.Contains(text, `"ruleId": "stray-space"`) {
		t.Errorf("the uploaded SARIF lacks the mistake:\n%s", text)
	}

	g.commit(map[string]string{"values.yaml": "controller: [\n"})
	results, log = g.start(event{})
	g.expects("values that are no YAML", results, log, "failure skipped skipped")

	missing := pipelineConfig + "- {name: my-operator, serviceAccount: my-operator, roleARN: \"arn:aws:iam::123456789012:role/r\"}\n"
	g.commit(map[string]string{"values.yaml": "{}\n", "spaces-identity.yaml": missing})
	results, log = g.start(event{})
	g.expects("a component without a place in the chart", results, log, "success failure skipped")
	if g.proposed() != "" {
		t.Error("a failed run pushed a branch")
	}
	if _, err := os.Stat(g.artifacts); err == nil {
		t.Error("a failed run uploaded its result")
	}

	g.commit(map[string]string{"spaces-identity.yaml": pipelineConfig})
	g.variables["secrets.UPBOUND_TOKEN"] = "wrong"
	results, log = g.start(event{})
	g.expects("a wrong token", results, log, "success failure skipped")
}

// TestWorkflowSeparatesPermissions checks that no job has more permissions than it needs, that
// the job that may push runs neither Helm nor the config's programs, and that no text that
// others choose becomes part of a script.
func TestWorkflowSeparatesPermissions(t *testing.T) {
	var file workflow
	decodeExample(t, "github-actions/render.yaml", &file)
	want := map[string]map[string]string{
		"check":   {"contents": "read", "security-events": "write"},
		"render":  {"contents": "read"},
		"propose": {"contents": "write", "pull-requests": "write"},
	}
	if d := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(file.Jobs))); d != "" {
		t.Fatalf("jobs (-want +got):\n%s", d)
	}
	if file.Permissions == nil || len(file.Permissions) != 0 {
		t.Errorf("the workflow has permissions of its own: %v", file.Permissions)
	}
	// Source: GitHub documentation, "Variables": a pull request from a fork gets none.
	if strings.Contains(fmt.Sprint(file), "vars.") {
		t.Error("the workflow uses variables of the repository, which are empty for a fork")
	}
	for name, job := range file.Jobs {
		if d := cmp.Diff(want[name], job.Permissions); d != "" {
			t.Errorf("permissions of %s (-want +got):\n%s", name, d)
		}
		for _, step := range job.Steps {
			if strings.Contains(step.Run, "${{") {
				t.Errorf("the script of %s contains an expression: use env:\n%s", name, step.Run)
			}
			if name == "propose" && strings.Contains(step.Run, "helm") {
				t.Errorf("the job that may push runs Helm:\n%s", step.Run)
			}
			if strings.HasPrefix(step.Uses, "actions/checkout@") && name != "propose" && step.With["persist-credentials"] != "false" {
				t.Errorf("the job %s leaves a token in the clone", name)
			}
			if name != "render" && strings.Contains(fmt.Sprint(step.Env), "secrets.") {
				t.Errorf("the job %s gets a secret: %v", name, step.Env)
			}
		}
	}
}
