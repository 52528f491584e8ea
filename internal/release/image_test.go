package main

import (
	"cmp"
	"context"
	"encoding/pem"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"spaces-identity.dev/internal/test/awstest"
)

// TestImageRunsAsNobody unpacks the image with another program and runs it as a container
// does: in its own root, as user 65532, with nothing that this user may write to.
func TestImageRunsAsNobody(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root for chroot")
	}
	umoci, err := exec.LookPath("umoci")
	if err != nil {
		t.Skip("needs umoci, which unpacks images")
	}
	dir := t.TempDir()
	buildImage(t, dir, host.String())
	rootfs := filepath.Join(dir, "unpacked", "rootfs")
	unpack := exec.Command(umoci, "unpack", "--image", filepath.Join(dir, imageLayout)+":"+host.tag("0.1.0"), filepath.Dir(rootfs))
	if out, err := unpack.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	nobodyMayWrite(t, rootfs)
	runsAsFunction(t, rootfs)

	server := httptest.NewTLSServer(awstest.New(t))
	t.Cleanup(server.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	mount(t, rootfs, "config/test-authority.pem", authority)
	mount(t, rootfs, "config/spaces-identity.yaml", must[[]byte](t)(os.ReadFile("../plugin/testdata/chart.yaml")))

	c := container{root: rootfs, env: []string{"PATH=/" + programDir}}
	for k, v := range awstest.Environment(server.URL, "AKIDTEST") {
		c.env = append(c.env, k+"="+v)
	}
	if out := c.run(t, "", "version", "--output", "json"); !strings.Contains(out, `"version": "0.1.0"`) || !strings.Contains(out, testCommit) {
		t.Errorf("version printed:\n%s", out)
	}
	given := "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: mxp-controller\n  namespace: mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system\n"
	if out := c.run(t, given, "post-render", "--config", "/config/spaces-identity.yaml", "--artifacts-dir", "none"); !strings.Contains(out, "role/spaces-backup") {
		t.Errorf("post-render printed:\n%s", out)
	}
	if out := c.fails(t, "plan", "--config", "/config/spaces-identity.yaml"); !strings.Contains(out, "certificate signed by unknown authority") {
		t.Errorf("plan without the authority of the test server printed:\n%s", out)
	}
	c.env = append(c.env, "SSL_CERT_FILE=/config/test-authority.pem")
	if out := c.run(t, "", "plan", "--config", "/config/spaces-identity.yaml"); !strings.Contains(out, "Plan: ") {
		t.Errorf("plan printed:\n%s", out)
	}
}

// resourceList is what kustomize and kpt write to a function.
const resourceList = `apiVersion: config.kubernetes.io/v1
kind: ResourceList
items:
- apiVersion: v1
  kind: ServiceAccount
  metadata:
    name: mxp-controller
    namespace: mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system
functionConfig:
`

// runsAsFunction runs the image as kustomize and kpt do:
//
//	docker run --rm -i --network none --user nobody IMAGE
//
// There is no container runtime here. So the test does what one does: it finds nobody in the
// image, and starts the entry point without arguments in the root of the image, as that
// user, in a network of its own.
//
// Source: https://github.com/kubernetes-sigs/kustomize/blob/master/kyaml/fn/runtime/container/container.go.
func runsAsFunction(t *testing.T, rootfs string) {
	t.Helper()
	config := must[[]byte](t)(os.ReadFile("../../examples/kustomize/container/spaces-identity.yaml"))
	indented := "  " + strings.ReplaceAll(strings.TrimSpace(string(config)), "\n", "\n  ") + "\n"
	uid, gid := userOf(t, rootfs, "nobody")
	c := container{root: rootfs, env: []string{"PATH=/" + programDir}, user: &syscall.Credential{Uid: uid, Gid: gid}, prepare: removeNetwork}
	out := c.run(t, resourceList+indented)
	if !strings.Contains(out, "kind: ResourceList") || strings.Count(out, "eks.amazonaws.com/role-arn: arn:aws:iam::123456789012:role/spaces-backup") != 1 {
		t.Errorf("the function printed:\n%s", out)
	}
	cmd := c.command()
	cmd.Stdin = strings.NewReader(resourceList + strings.Replace(indented, "match: uuid", "match: '*'", 1))
	if out, err := cmd.Output(); err == nil || !strings.Contains(string(out), "severity: error") {
		t.Errorf("with a bad config: error %v, output:\n%s", err, out)
	}
}

// userOf returns the numbers of a user as the image has them.
func userOf(t *testing.T, rootfs, name string) (uid, gid uint32) {
	t.Helper()
	for line := range strings.Lines(string(must[[]byte](t)(os.ReadFile(filepath.Join(rootfs, "etc/passwd"))))) {
		if fields := strings.Split(strings.TrimSpace(line), ":"); fields[0] == name {
			return uint32(must[uint64](t)(strconv.ParseUint(fields[2], 10, 32))), uint32(must[uint64](t)(strconv.ParseUint(fields[3], 10, 32)))
		}
	}
	t.Fatalf("the image has no user %s", name)
	return 0, 0
}

// TestImage checks what a registry and a container runtime read.
func TestImage(t *testing.T) {
	dir := t.TempDir()
	buildImage(t, dir, "linux/"+host.arch)
	index := must[v1.ImageIndex](t)(layout.ImageIndexFromPath(filepath.Join(dir, imageLayout)))
	var attached, images int
	for _, d := range must[*v1.IndexManifest](t)(index.IndexManifest()).Manifests {
		switch {
		case d.MediaType.IsIndex():
			for _, m := range must[*v1.IndexManifest](t)(must[v1.ImageIndex](t)(index.ImageIndex(d.Digest)).IndexManifest()).Manifests {
				images++
				checkImage(t, must[v1.Image](t)(index.Image(m.Digest)), m.Platform)
			}
		case d.ArtifactType == sbomArtifact:
			attached++
			sbom := must[*v1.Manifest](t)(must[v1.Image](t)(index.Image(d.Digest)).Manifest())
			if sbom.Subject == nil {
				t.Error("the SBOM has no subject")
			} else if _, err := index.Image(sbom.Subject.Digest); err != nil {
				t.Errorf("the subject of the SBOM: %v", err)
			}
		}
	}
	if images != 1 || attached != 1 {
		t.Errorf("the layout has %d images and %d SBOMs, want one each", images, attached)
	}
	if _, err := os.Stat(filepath.Join(dir, "spaces-identity-0.1.0-image.tar")); err != nil {
		t.Error(err)
	}
}

func checkImage(t *testing.T, img v1.Image, platform *v1.Platform) {
	t.Helper()
	config := must[*v1.ConfigFile](t)(img.ConfigFile())
	if config.OS != "linux" || config.Architecture != host.arch || platform.Architecture != host.arch {
		t.Errorf("the platform is %s/%s, in the index %v", config.OS, config.Architecture, platform)
	}
	if config.Config.User != "65532:65532" || config.Config.Entrypoint[0] != "/usr/local/bin/spaces-identity" {
		t.Errorf("it runs %v as %s", config.Config.Entrypoint, config.Config.User)
	}
	for _, label := range []string{"title", "description", "version", "licenses", "source", "revision", "created"} {
		if config.Config.Labels["org.opencontainers.image."+label] == "" {
			t.Errorf("the label %s is missing", label)
		}
	}
}

func buildImage(t *testing.T, dir, targets string) {
	t.Helper()
	err := run(context.Background(), []string{"image", "-root", repository, "-output", dir, "-commit", testCommit, "-platforms", targets}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
}

// nobodyMayWrite checks that every file belongs to root and that only root may write.
func nobodyMayWrite(t *testing.T, rootfs string) {
	t.Helper()
	err := filepath.WalkDir(rootfs, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if owner := info.Sys().(*syscall.Stat_t); owner.Uid != 0 || owner.Gid != 0 || info.Mode()&0o022 != 0 {
			t.Errorf("%s has mode %s and owner %d:%d", path, info.Mode(), owner.Uid, owner.Gid)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// mount writes a file that only root may write into the container.
func mount(t *testing.T, rootfs, path string, content []byte) {
	t.Helper()
	path = filepath.Join(rootfs, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// container is an unpacked image.
type container struct {
	root    string
	env     []string
	user    *syscall.Credential        // nil: the one of the image
	prepare func(*syscall.SysProcAttr) // nil: nothing
}

func (c container) command(args ...string) *exec.Cmd {
	cmd := exec.Command("/usr/local/bin/spaces-identity", args...)
	cmd.Dir, cmd.Env = "/", c.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: c.root, Credential: cmp.Or(c.user, &syscall.Credential{Uid: 65532, Gid: 65532})}
	if c.prepare != nil {
		c.prepare(cmd.SysProcAttr)
	}
	return cmd
}

func (c container) run(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	cmd := c.command(args...)
	var stderr strings.Builder
	cmd.Stdin, cmd.Stderr = strings.NewReader(stdin), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v\n%s%s", args, err, out, &stderr)
	}
	return string(out)
}

// fails runs a command that must fail and returns what it printed.
func (c container) fails(t *testing.T, args ...string) string {
	t.Helper()
	out, err := c.command(args...).CombinedOutput()
	if err == nil {
		t.Errorf("%s did not fail", args[0])
	}
	return string(out)
}
