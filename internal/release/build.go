package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// build compiles both programs for a platform and returns their paths. The programs
// contain neither the path of the repository nor the time.
func (p project) build(ctx context.Context, target platform, commit, dir string) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var paths []string
	flags := fmt.Sprintf("-s -w -buildid= -X spaces-identity.dev/internal/cli.Version=%s -X spaces-identity.dev/internal/cli.Commit=%s", p.version, commit)
	for _, program := range programs {
		path := filepath.Join(dir, target.exe(program))
		args := []string{"build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", path, "./cmd/" + program}
		if _, err := p.goTool(ctx, target, args...); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// goTool runs the go command in the repository for a platform and returns its output.
func (p project) goTool(ctx context.Context, target platform, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = p.root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOOS="+target.os, "GOARCH="+target.arch,
		"GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=", "GOFIPS140=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s for %s: %w\n%s", args[0], target, err, &stderr)
	}
	return out, nil
}
