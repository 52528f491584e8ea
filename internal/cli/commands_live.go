//go:build !offline

package cli

import "github.com/spf13/cobra"

// liveCommands are the commands that speak to a cluster or an AWS account, in the
// order of liveVerbs.
func (a *app) liveCommands() []*cobra.Command {
	commands := []*cobra.Command{a.discoverCommand(), a.initCommand(), a.planCommand(), a.applyCommand(), a.verifyCommand(), a.restartCommand()}
	for i, verb := range liveVerbs {
		commands[i].Short = verb.short
	}
	return commands
}
