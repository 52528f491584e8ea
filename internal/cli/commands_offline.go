//go:build offline

package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
)

// liveProgram stands beside this one and has every command. A program pays at
// each start for all the libraries it has, and those that speak to a cluster and
// to AWS would double what a helm upgrade waits for; so the post-renderer is built
// without them and hands their commands on.
const liveProgram = "spaces-identity-live"

// liveCommands hand their command lines on.
func (a *app) liveCommands() []*cobra.Command {
	var commands []*cobra.Command
	for _, verb := range liveVerbs {
		commands = append(commands, &cobra.Command{Use: verb.name, Short: verb.short, DisableFlagParsing: true,
			RunE: func(_ *cobra.Command, args []string) error { return handOn(verb.name, args) }})
	}
	return commands
}

// handOn becomes the program that has the command.
func handOn(verb string, args []string) error {
	program, err := besideThis(liveProgram)
	if err != nil {
		return err
	}
	err = syscall.Exec(program, append([]string{program, verb}, args...), os.Environ())
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s needs the program %s, which is not there: `make build` builds it, and it stays beside this one", verb, program)
	}
	return fmt.Errorf("starting %s: %w", program, err)
}

// besideThis is the path of a program in the directory of this one, links
// followed.
func besideThis(name string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("finding the path of this program: %w", err)
	}
	if resolved, err := filepath.EvalSymlinks(self); err == nil {
		self = resolved
	}
	return filepath.Join(filepath.Dir(self), name), nil
}
