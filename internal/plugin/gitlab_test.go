package plugin_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// gitlabJob is a job of .gitlab-ci.yml, as far as the example uses the language.
type gitlabJob struct {
	Extends      string
	Stage        string
	Image        struct{ Name string }
	BeforeScript []string `yaml:"before_script"`
	Script       []string
	Rules        []struct{ If string }
	Artifacts    struct {
		When    string
		Paths   []string
		Reports struct{ Codequality string }
	}
}

// gitlab simulates GitLab and its runner. It runs the scripts with a real Helm, git and
// program. The remote accepts push options, and a hook writes them down.
type gitlab struct {
	*pipeline
	shell     string // sh or bash: the runner takes the one that the image has
	stages    []string
	jobs      map[string]gitlabJob
	workflow  []struct{ If string }
	variables map[string]string // of the file, then of the project
	artifacts string
	reports   []string // Code Quality, of each pipeline
}

func newGitLab(t *testing.T, h helm, shell string) *gitlab {
	t.Helper()
	g := &gitlab{pipeline: newPipeline(t, h), shell: shell, jobs: map[string]gitlabJob{}}
	g.read()
	g.artifacts = filepath.Join(g.dir, "artifacts")
	maps.Copy(g.variables, map[string]string{"IDENTITY_PLUGIN": repository(), "SPACES_CHART": g.chart, "KUBE_VERSION": "1.36",
		"UPBOUND_USER": registryUser, "UPBOUND_TOKEN": registryToken, "CI_DEFAULT_BRANCH": "main"})
	remote := filepath.Join(g.dir, "remote.git")
	g.run(remote, "git", "config", "receive.advertisePushOptions", "true")
	hook := fmt.Sprintf("#!/bin/sh\n# Writes down the push options, which GitLab reads.\ni=0\nwhile [ $i -lt ${GIT_PUSH_OPTION_COUNT:-0} ]; do eval echo \\\"\\$GIT_PUSH_OPTION_$i\\\"; i=$((i+1)); done >>%s/options\n", g.dir)
	if err := os.WriteFile(filepath.Join(remote, "hooks", "pre-receive"), []byte(hook), 0o700); err != nil { //nolint:gosec // it is to run
		t.Fatal(err)
	}
	return g
}

// read reads the file of the example.
func (g *gitlab) read() {
	g.t.Helper()
	var rest map[string]yaml.Node
	decodeExample(g.t, "gitlab-ci/.gitlab-ci.yml", &rest)
	decode := func(name string, into any) {
		node := rest[name]
		if err := node.Decode(into); err != nil {
			g.t.Fatal(err)
		}
		delete(rest, name)
	}
	var workflow struct{ Rules []struct{ If string } }
	decode("stages", &g.stages)
	decode("variables", &g.variables)
	decode("workflow", &workflow)
	g.workflow = workflow.Rules
	for name := range rest {
		var job gitlabJob
		decode(name, &job)
		g.jobs[name] = job
	}
}

// start runs a pipeline: of a merge request, or of a branch. It returns the result of each
// stage and what the jobs print.
func (g *gitlab) start(mergeRequest bool, branch string) (results, log string) {
	g.t.Helper()
	if err := os.RemoveAll(g.artifacts); err != nil {
		g.t.Fatal(err)
	}
	if !g.matches(g.workflow, mergeRequest, branch) {
		return "no pipeline", ""
	}
	failed := false
	for _, stage := range g.stages { // each has one job, of the same name
		job := g.jobs[stage]
		switch {
		case len(job.Rules) > 0 && !g.matches(job.Rules, mergeRequest, branch):
			results += " none"
		case failed:
			results += " skipped"
		default:
			out, status := g.job(job, branch)
			log += out
			failed = status != 0
			results += map[bool]string{false: " success", true: " failed"}[failed]
		}
	}
	return strings.TrimSpace(results), log
}

// matches evaluates rules. It knows the conditions of the example alone.
func (g *gitlab) matches(rules []struct{ If string }, mergeRequest bool, branch string) bool {
	g.t.Helper()
	for _, rule := range rules {
		known, ok := map[string]bool{
			`$CI_PIPELINE_SOURCE == "merge_request_event"`: mergeRequest,
			`$CI_PIPELINE_SOURCE != "merge_request_event"`: !mergeRequest,
			`$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH`:      !mergeRequest && branch == "main",
		}[rule.If]
		if !ok {
			g.t.Fatalf("this test does not know the rule %q", rule.If)
		}
		if known {
			return true
		}
	}
	return false
}

// job runs the scripts of a job in one shell, with the options and the eval of the runner.
//
// Source: GitLab Runner, shells/bash.go.
func (g *gitlab) job(job gitlabJob, branch string) (log string, status int) {
	g.t.Helper()
	if job.Extends != "" {
		base := g.jobs[job.Extends]
		job.BeforeScript = base.BeforeScript
	}
	dir := g.clone(branch)
	if _, err := os.Stat(g.artifacts); err == nil {
		if err := os.CopyFS(dir, os.DirFS(g.artifacts)); err != nil {
			g.t.Fatal(err)
		}
	}
	env := helmHome(dir + "-home")
	for name, value := range g.variables {
		env = append(env, name+"="+value)
	}
	script := strings.Join(slices.Concat(job.BeforeScript, job.Script), "\n")
	quoted := "'" + strings.ReplaceAll(script, "'", `'\''`) + "'"
	out, messages, status := g.try(dir, env, "if set -o | grep pipefail > /dev/null; then set -o pipefail; fi; set -o errexit\n"+
		"set +o noclobber\n: | eval "+quoted+"\nexit 0\n", g.shell)
	if report := job.Artifacts.Reports.Codequality; report != "" && (status == 0 || job.Artifacts.When == "always") {
		text, err := os.ReadFile(filepath.Join(dir, report))
		if err != nil {
			g.t.Fatal(err)
		}
		g.reports = append(g.reports, string(text))
	}
	for _, path := range job.Artifacts.Paths {
		if status != 0 {
			break
		}
		if err := os.CopyFS(filepath.Join(g.artifacts, path), os.DirFS(filepath.Join(dir, path))); err != nil {
			g.t.Fatal(err)
		}
	}
	return out + messages, status
}

// expects starts a pipeline and compares its result, and the push options that it sent.
func (g *gitlab) expects(when string, mergeRequest bool, branch, want string, options ...string) (log string) {
	g.t.Helper()
	results, log := g.start(mergeRequest, branch)
	if results != want {
		g.t.Fatalf("%s: the jobs ended with %s, want %s:\n%s", when, results, want, log)
	}
	text, err := os.ReadFile(filepath.Join(g.dir, "options"))
	if err != nil && !os.IsNotExist(err) {
		g.t.Fatal(err)
	}
	_ = os.Remove(filepath.Join(g.dir, "options"))
	var got []string
	for line := range strings.Lines(string(text)) {
		got = append(got, strings.TrimSuffix(line, "\n"))
	}
	if d := cmp.Diff(options, got); d != "" {
		g.t.Errorf("%s: push options (-want +got):\n%s", when, d)
	}
	return log
}

// eachGitLab runs a test with both Helms, and with both shells that a runner uses.
func eachGitLab(t *testing.T, run func(*gitlab)) {
	t.Helper()
	for i, h := range findHelms(t) {
		shell := []string{"sh", "bash"}[i]
		t.Run(h.name+"-"+shell, func(t *testing.T) {
			t.Parallel()
			run(newGitLab(t, h, shell))
		})
	}
}

const gitlabDone = "success success success"

var gitlabProposal = []string{"merge_request.create", "merge_request.target=main", "merge_request.remove_source_branch", "merge_request.title=Render the Spaces chart"}

// TestGitLabPipelineOfTheExample runs the jobs of the GitLab CI example.
func TestGitLabPipelineOfTheExample(t *testing.T) {
	eachGitLab(t, func(g *gitlab) {
		g.expects("the first pipeline", false, "main", gitlabDone, gitlabProposal...)
		compareCommitted(g.t, g.pipeline, "role/spaces-backup")
		first := g.proposed()

		g.expects("a second pipeline", false, "main", gitlabDone)
		if g.proposed() != first {
			g.t.Error("a second pipeline without changes pushed another commit")
		}

		g.commit(map[string]string{"README.md": "unrelated\n", "rendered/manifests/old.yaml": "left: by an older chart\n"})
		g.expects("a change while the merge request is open", false, "main", gitlabDone, gitlabProposal...)
		compareCommitted(g.t, g.pipeline, "role/spaces-backup")

		g.merge()
		g.expects("the proposal is merged", false, "main", gitlabDone)
		if g.proposed() != "" {
			g.t.Error("the branch is still there after the merge")
		}

		changed := strings.ReplaceAll(pipelineConfig, "role/spaces-backup", "role/another-role")
		g.commit(map[string]string{"spaces-identity.yaml": changed})
		g.expects("another role", false, "main", gitlabDone, gitlabProposal...)
		compareCommitted(g.t, g.pipeline, "role/another-role")
		g.commit(map[string]string{"spaces-identity.yaml": pipelineConfig})
		g.expects("the change is reverted", false, "main", gitlabDone)
		if g.proposed() != "" {
			g.t.Error("the branch proposes what main no longer asks for")
		}
	})
}

// TestGitLabPipelineWithMistakes runs the example with mistakes in the repository, and for
// merge requests.
func TestGitLabPipelineWithMistakes(t *testing.T) {
	eachGitLab(t, func(g *gitlab) {
		g.run(g.developer, "git", "push", "--quiet", "origin", "main:contribution")
		g.expects("a merge request", true, "contribution", "success none none")
		g.expects("a push to another branch", false, "contribution", "no pipeline")
		if len(g.reports) != 1 || strings.TrimSpace(g.reports[0]) != "[]" {
			g.t.Errorf("reports: %q", g.reports)
		}

		g.commit(map[string]string{"values.yaml": "billing:\n  storage:\n    aws:\n      region: \" us-west-2\"\n"})
		g.run(g.developer, "git", "push", "--quiet", "--force", "origin", "main:contribution")
		g.expects("a merge request with a mistake", true, "contribution", "failed none none")
		log := g.expects("a mistake on main", false, "main", "failed skipped skipped")
		if want := "values.yaml:4:"; !strings.Contains(log, want) {
			g.t.Errorf("there is no %s in:\n%s", want, log)
		}
		var report []struct {
			Check    string `json:"check_name"`
			Location struct {
				Path  string
				Lines struct{ Begin int }
			}
		}
		if err := json.Unmarshal([]byte(g.reports[len(g.reports)-1]), &report); err != nil || len(report) != 1 ||
			report[0].Check != "stray-space" || report[0].Location.Path != "values.yaml" || report[0].Location.Lines.Begin != 4 {
			g.t.Errorf("report %+v, error %v", report, err)
		}

		missing := pipelineConfig + "- {name: my-operator, serviceAccount: my-operator, roleARN: \"arn:aws:iam::123456789012:role/r\"}\n"
		g.commit(map[string]string{"values.yaml": "{}\n", "spaces-identity.yaml": missing})
		g.expects("a component without a place in the chart", false, "main", "success failed skipped")

		g.commit(map[string]string{"spaces-identity.yaml": pipelineConfig})
		g.variables["UPBOUND_TOKEN"] = "wrong"
		g.expects("a wrong token", false, "main", "success failed skipped")
		if g.proposed() != "" {
			g.t.Error("a failed pipeline pushed a branch")
		}
	})
}

// TestGitLabImagesArePinned checks that each image has an exact version.
func TestGitLabImagesArePinned(t *testing.T) {
	g := &gitlab{pipeline: &pipeline{t: t}, jobs: map[string]gitlabJob{}}
	g.read()
	for name, job := range g.jobs {
		if image := job.Image.Name; image != "" && !regexp.MustCompile(`:v?\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?$`).MatchString(image) {
			t.Errorf("%s: the image %s has no exact version", name, image)
		}
	}
}

// TestGitLabScriptsPassShellcheck checks that every POSIX shell understands the scripts.
func TestGitLabScriptsPassShellcheck(t *testing.T) {
	if _, err := exec.LookPath("shellcheck"); err != nil {
		t.Skip("shellcheck is not installed")
	}
	g := &gitlab{pipeline: &pipeline{t: t}, jobs: map[string]gitlabJob{}}
	g.read()
	for name, job := range g.jobs {
		script := "#!/bin/sh\nset -e\n" + strings.Join(append(job.BeforeScript, job.Script...), "\n") + "\n"
		cmd := exec.CommandContext(t.Context(), "shellcheck", "--severity=style", "-")
		cmd.Stdin = strings.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: shellcheck: %v\n%s", name, err, out)
		}
	}
}
