// Command release builds what a release of spaces-identity consists of: archives, Helm
// plugins and an image. It has a module of its own, so that users of the project do not
// download the libraries that only a release needs.
//
//	go -C internal/release run . dist -commit COMMIT [-key FILE]
//
// make dist and make image run it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"spaces-identity.dev/internal/exit"
)

const usage = `usage: release COMMAND [FLAGS]

  dist      write archives, Helm plugins, checksums and SBOMs to dist
  image     write the container image to dist/image
  push      push the Helm plugins and the image in dist to a registry
  generate  write the files that name the address of releases`

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(int(exit.Failed))
	}
}

// options are the flags of all commands.
type options struct {
	root      string
	output    string
	commit    string
	key       string
	registry  string
	platforms platforms
}

func run(ctx context.Context, args []string, out io.Writer) error {
	commands := map[string]func(context.Context, options, io.Writer) error{
		"dist": dist, "image": image, "push": push, "generate": generate,
	}
	if len(args) == 0 || commands[args[0]] == nil {
		return errors.New(usage)
	}
	o := options{platforms: allPlatforms}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error says what is wrong
	flags.StringVar(&o.root, "root", "../..", "directory of the repository")
	flags.StringVar(&o.output, "output", "", "directory to write to (default: dist in the repository)")
	flags.StringVar(&o.commit, "commit", "", "commit that the programs report (default: the one that git reports)")
	flags.StringVar(&o.key, "key", "", "file with the OpenPGP secret key to sign with")
	flags.StringVar(&o.registry, "registry", "", "registry and path to push to, such as ghcr.io/owner")
	flags.Func("platforms", "platforms to build, such as linux/amd64,darwin/arm64 (default: all)", o.platforms.parse)
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%s does not take the argument %q", args[0], flags.Arg(0))
	}
	if o.output == "" {
		o.output = filepath.Join(o.root, "dist")
	}
	return commands[args[0]](ctx, o, out)
}

// headCommit returns the commit of the working tree, with the suffix -dirty if files have
// changed since. Without git it returns an empty string.
func headCommit(ctx context.Context, root string) string {
	hash, err := exec.CommandContext(ctx, "git", "-C", root, "rev-parse", "HEAD").Output()
	if err != nil {
		return ""
	}
	commit := strings.TrimSpace(string(hash))
	if changed, err := exec.CommandContext(ctx, "git", "-C", root, "status", "--porcelain").Output(); err != nil || len(changed) > 0 {
		commit += "-dirty"
	}
	return commit
}
