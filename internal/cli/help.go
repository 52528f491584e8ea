package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/config"
)

// help prints the help of a command, unless the command is not known.
func (p *parser) help(cmd *cobra.Command, _ []string) {
	if cmd.HasSubCommands() && len(cmd.ValidArgs) == 0 {
		if p.err = noCommand(cmd, cmd.Flags().Args()); p.err != nil {
			return
		}
	}
	cmd.Println(cmp.Or(cmd.Long, cmd.Short+".") + "\n")
	p.err = cmd.Usage()
}

// addHelpCommand makes help for an unknown command an error.
func (p *parser) addHelpCommand(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	help, _, err := root.Find([]string{"help"})
	if err != nil {
		panic(err) // it was added the line before
	}
	help.Use, help.Short, help.Long, help.Run = "help [COMMAND]", "Show the help of a command", "", nil
	help.DisableFlagsInUseLine = true
	help.RunE = func(_ *cobra.Command, args []string) error {
		cmd, rest, err := root.Find(args)
		if err := errors.Join(err, noCommand(cmd, rest)); err != nil {
			return err
		}
		cmd.InitDefaultHelpFlag()
		return cmd.Help()
	}
}

// addCompletionCommand gives the library's completion commands help in our words.
func addCompletionCommand(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	completion, _, err := root.Find([]string{"completion"})
	if err != nil {
		panic(err) // it was added the line before
	}
	completion.Short = "Print a completion script for a shell"
	completion.Long = `completion prints a script with which a shell completes commands, flags and
their values. The Helm plugin needs no script: Helm completes its commands too.`
	for _, c := range completion.Commands() {
		load := "source <(spaces-identity completion " + c.Name() + ")"
		switch c.Name() {
		case "fish":
			load = "spaces-identity completion fish | source"
		case "powershell":
			load = "spaces-identity completion powershell | Out-String | Invoke-Expression"
		}
		c.Short = "Print the completion script for " + c.Name()
		c.Long = c.Short + `.
To load it in every new shell, add the example to the shell's start file.`
		c.Example = "  " + load
	}
}

// helpWidth is the width of help in columns.
const helpWidth = 80

// printUsage prints what follows the description of a command.
func printUsage(cmd *cobra.Command) error {
	var b strings.Builder
	b.WriteString("Usage:\n")
	if cmd.Runnable() {
		fmt.Fprintf(&b, "  %s\n", cmd.UseLine())
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s COMMAND\n\nCommands:\n", cmd.CommandPath())
		widest := len(slices.MaxFunc(subcommands(cmd), func(a, b string) int { return len(a) - len(b) }))
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() || c.Name() == "help" {
				fmt.Fprintf(&b, "  %-*s  %s\n", widest, c.Name(), c.Short)
			}
		}
	}
	for _, section := range []struct{ title, text string }{
		{"Examples", cmd.Example},
		{"Flags", cmd.LocalNonPersistentFlags().FlagUsagesWrapped(helpWidth)},
		{"Settings, which win over the environment and the config", settingsUsage(cmd)},
		{"Environment variables, which win over the config", variablesUsage(cmd)},
	} {
		if section.text != "" {
			fmt.Fprintf(&b, "\n%s:\n%s\n", section.title, strings.TrimRight(section.text, "\n"))
		}
	}
	_, err := fmt.Fprint(cmd.OutOrStdout(), b.String())
	return err
}

// settingsUsage is empty for the commands that read no settings.
func settingsUsage(cmd *cobra.Command) string {
	if _, ok := cmd.Annotations[withoutSettings]; ok || cmd.Name() == "help" || cmd.Name() == "completion" ||
		cmd.HasParent() && cmd.Parent().Name() == "completion" {
		return ""
	}
	return cmd.Root().PersistentFlags().FlagUsagesWrapped(helpWidth)
}

// variablesUsage lists the environment variables on the help page of the program.
func variablesUsage(cmd *cobra.Command) string {
	var b strings.Builder
	for _, flag := range config.FlagsWithVariables(rewriteFlags...) {
		if !cmd.HasParent() {
			fmt.Fprintf(&b, "  %-32s --%s\n", config.EnvName(flag), flag)
		}
	}
	return b.String()
}
