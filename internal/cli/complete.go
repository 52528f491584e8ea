package cli

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"spaces-identity.dev/internal/complete"
	"spaces-identity.dev/internal/config"
)

// completeFlags adds the completion of flag values to every command.
func (p *parser) completeFlags(cmd *cobra.Command) {
	add := func(flag *pflag.Flag) {
		if _, added := cmd.GetFlagCompletionFunc(flag.Name); added {
			return
		}
		if err := cmd.RegisterFlagCompletionFunc(flag.Name, p.flagCompletion(flag)); err != nil {
			panic(err) // the flag is the command's
		}
	}
	cmd.LocalFlags().VisitAll(add)
	for _, c := range cmd.Commands() {
		p.completeFlags(c)
	}
}

// flagCompletion returns the completion of the values of a flag.
func (p *parser) flagCompletion(flag *pflag.Flag) cobra.CompletionFunc {
	switch flag.Name {
	case "config", "kubeconfig", "policy":
		return cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault) // files
	case "artifacts-dir", flagOutputDir:
		return cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
	}
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return p.words(cmd, flag), cobra.ShellCompDirectiveNoFileComp
	}
}

// words returns the values of a flag that the program can list.
func (p *parser) words(cmd *cobra.Command, flag *pflag.Flag) []string {
	switch flag.Name {
	case "component":
		if names := p.settings.ComponentNames(p.env.Getenv); len(names) > 0 {
			return names
		}
	case "kube-context":
		if file := cmd.Flag("kubeconfig").Value.String(); file != "" {
			return complete.Contexts([]string{file})
		}
		return complete.Contexts(filepath.SplitList(p.named("KUBECONFIG", ".kube", "config")))
	case "profile":
		return complete.Profiles(p.named("AWS_CONFIG_FILE", ".aws", "config"), p.named("AWS_SHARED_CREDENTIALS_FILE", ".aws", "credentials"))
	}
	return config.Choices(flag.Name)
}

// named returns the value of a variable that names files, or the path in the home
// directory that is its default.
func (p *parser) named(variable string, path ...string) string {
	if value := p.env.Getenv(variable); value != "" {
		return value
	}
	home := p.env.Getenv("HOME")
	if home == "" {
		home, _ = os.UserHomeDir() // without one there is nothing to complete
	}
	return filepath.Join(append([]string{home}, path...)...)
}

// completeNamespaces completes the first argument with the namespaces of the
// config.
func (p *parser) completeNamespaces(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	spec, err := config.Read(p.settings.File(p.env.Getenv))
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return spec.ControlPlanes.Namespaces, cobra.ShellCompDirectiveNoFileComp
}

// completeTemplate completes the values of this program's own flags, which cobra
// does not parse for template, and else files.
func (p *parser) completeTemplate(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		last := len(args) - 1
		own, _ := divide(cmd.Flags(), args[:last])
		_ = cmd.Flags().Parse(own) // such as --config
		if name, ok := strings.CutPrefix(args[last], "--"); ok {
			if values, ok := cmd.GetFlagCompletionFunc(name); ok {
				return values(cmd, args, word)
			}
		}
	}
	return nil, cobra.ShellCompDirectiveDefault
}
