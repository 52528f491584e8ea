package cli

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "write docs/commands.md")

const commandsPage = "../../docs/commands.md"

// generatedPart matches the part of the page that comes from the commands.
var generatedPart = regexp.MustCompile(`(?s)<!-- commands: make docs writes this part -->\n.*<!-- end -->\n`)

// TestDocumentationShowsTheHelpOfEveryCommand compares the page with the commands that both
// programs declare.
func TestDocumentationShowsTheHelpOfEveryCommand(t *testing.T) {
	content, err := os.ReadFile(commandsPage)
	if err != nil {
		t.Fatal(err)
	}
	page := string(content)
	part := "<!-- commands: make docs writes this part -->\n" + commandsReference(t) + "<!-- end -->\n"
	want := generatedPart.ReplaceAllLiteralString(page, part)
	if !strings.Contains(want, part) {
		t.Fatalf("%s has no part that is generated", commandsPage)
	}
	if *update {
		if err := os.WriteFile(commandsPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, page); diff != "" {
		t.Errorf("the page differs from the commands; run make docs (-want +got):\n%s", diff)
	}
}

// commandsReference returns a list of the commands, and a section with the help of each.
func commandsReference(t *testing.T) string {
	var list, sections strings.Builder
	list.WriteString("| command | does |\n|---|---|\n")
	eachCommand(Commands(), func(cmd *cobra.Command) {
		name := cmd.CommandPath()
		if cmd.HasParent() {
			fmt.Fprintf(&list, "| [`%s`](#%s) | %s |\n", strings.TrimPrefix(name, programName+" "), strings.ReplaceAll(name, " ", "-"), lowerFirst(cmd.Short))
		}
		fmt.Fprintf(&sections, "\n## %s\n\n```\n%s```\n", name, shortHelp(t, cmd))
		if note := notes(cmd); note != "" {
			fmt.Fprintf(&sections, "\n%s\n", note)
		}
	})
	return list.String() + sections.String()
}

// eachCommand visits the commands that the help lists, each before its own commands.
func eachCommand(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() || c.Name() == "help" {
			eachCommand(c, visit)
		}
	}
}

func lowerFirst(text string) string {
	if strings.HasPrefix(text, "EKS") || strings.HasPrefix(text, "AWS") {
		return text
	}
	return strings.ToLower(text[:1]) + text[1:]
}

// settingsSection matches the section of a help page that is the same for many commands.
var settingsSection = regexp.MustCompile(`(?s)\nSettings, which win over.*$`)

// shortHelp returns what --help prints. Except on the page of the program, the settings are
// left out.
func shortHelp(t *testing.T, cmd *cobra.Command) string {
	var out bytes.Buffer
	cmd.InitDefaultHelpFlag()
	cmd.Root().SetOut(&out)
	cmd.Root().SetErr(&out)
	if err := cmd.Help(); err != nil {
		t.Fatal(err)
	}
	if !cmd.HasParent() {
		return out.String()
	}
	return settingsSection.ReplaceAllLiteralString(out.String(), "")
}

// notes says what the help does not: whether the command takes the settings, and which
// program runs it.
func notes(cmd *cobra.Command) string {
	var notes []string
	if cmd.HasParent() && settingsUsage(cmd) != "" {
		notes = append(notes, "It takes the [settings](#spaces-identity), too.")
	}
	if op := opOf(cmd); op != nil {
		if _, ok := op.(runner); !ok {
			notes = append(notes, "`spaces-identity-live` runs it.")
		}
	}
	return strings.Join(notes, " ")
}

// opOf returns what the command is parsed into, or nil if it only prints something.
func opOf(cmd *cobra.Command) Op {
	args := strings.Fields(cmd.CommandPath())[1:]
	for _, word := range strings.Fields(cmd.Use)[1:] {
		if word[0] != '[' {
			args = append(args, "a")
		}
	}
	env := &Env{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard, Getenv: func(string) string { return "" }, Terminal: func(any) bool { return true }}
	op, err := Parse(env, args)
	if err != nil {
		return nil
	}
	return op
}
