package main

import (
	"bytes"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"spaces-identity.dev/internal/cli"
)

// completions returns the completion scripts of the commands, by the file name under which
// each shell or package manager looks for it.
func completions() (map[string][]byte, error) {
	var bash, zsh, fish, powershell bytes.Buffer
	root := cli.Commands()
	for _, write := range []func() error{
		func() error { return root.GenBashCompletionV2(&bash, true) },
		func() error { return root.GenZshCompletion(&zsh) },
		func() error { return root.GenFishCompletion(&fish, true) },
		func() error { return root.GenPowerShellCompletionWithDesc(&powershell) },
	} {
		if err := write(); err != nil {
			return nil, err
		}
	}
	return map[string][]byte{
		"completions/" + name + ".bash": bash.Bytes(),
		"completions/_" + name:          zsh.Bytes(),
		"completions/" + name + ".fish": fish.Bytes(),
		"completions/" + name + ".ps1":  powershell.Bytes(),
	}, nil
}

// manPages returns one page for each command.
func (p project) manPages() (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", name)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the system cleans up
	root := cli.Commands()
	undatedFooter(root)
	header := &doc.GenManHeader{Section: "1", Date: &p.time, Source: name + " " + p.version, Manual: "Commands"}
	if err := doc.GenManTree(root, header, dir); err != nil {
		return nil, err
	}
	pages := map[string][]byte{}
	files, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		pages["man/man1/"+filepath.Base(f)] = text
	}
	return pages, nil
}

// undatedFooter leaves out the line of each page that says when it was generated.
func undatedFooter(cmd *cobra.Command) {
	cmd.DisableAutoGenTag = true
	for _, c := range cmd.Commands() {
		undatedFooter(c)
	}
}
