package cli

import (
	"os"
	"path/filepath"
	"slices"
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
		return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveDefault // files
		}
	case "artifacts-dir", flagOutputDir:
		return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		}
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
		return complete.Contexts(p.kubeconfigs(cmd))
	case "profile":
		return complete.Profiles(p.awsFiles())
	}
	if f, ok := flag.Value.(*formatFlag); ok {
		var words []string
		for _, format := range f.allowed {
			words = append(words, string(format))
		}
		return words
	}
	return slices.Concat(config.Choices(flag.Name), rewriteChoices[flag.Name])
}

// kubeconfigs returns the kubeconfig files that kubectl would read.
func (p *parser) kubeconfigs(cmd *cobra.Command) []string {
	if flag := cmd.Flags().Lookup("kubeconfig"); flag != nil && flag.Value.String() != "" {
		return []string{flag.Value.String()}
	}
	if files := p.env.Getenv("KUBECONFIG"); files != "" {
		return filepath.SplitList(files)
	}
	return []string{p.inHome(".kube", "config")}
}

// awsFiles returns the files in which AWS keeps profiles.
func (p *parser) awsFiles() (configFile, credentialsFile string) {
	configFile, credentialsFile = p.env.Getenv("AWS_CONFIG_FILE"), p.env.Getenv("AWS_SHARED_CREDENTIALS_FILE")
	if configFile == "" {
		configFile = p.inHome(".aws", "config")
	}
	if credentialsFile == "" {
		credentialsFile = p.inHome(".aws", "credentials")
	}
	return configFile, credentialsFile
}

func (p *parser) inHome(path ...string) string {
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
