package check

import "strings"

// finding returns a finding at a place.
func finding(at place, path, problem, fix string) Finding {
	return Finding{Place: at.Place, Path: path, Problem: problem, Fix: fix, Argument: at.argument}
}

// with returns the finding with a repair.
func (f Finding) with(r repair) Finding {
	f.repair = r
	return f
}

// BadConfig finds mistakes in the config.
type BadConfig struct{}

// About describes the rule.
func (BadConfig) About() About {
	return About{"config", "a config that the program does not accept: an unknown key, a wrong type or a bad value"}
}

func (BadConfig) find(in *input) []Finding { return in.configs }

// BadSyntax finds documents that are not YAML.
type BadSyntax struct{}

// About describes the rule.
func (BadSyntax) About() About { return About{"syntax", "a document that is not valid YAML or JSON"} }

func (BadSyntax) find(in *input) []Finding { return in.syntax }

// BadArgument finds arguments that Helm rejects.
type BadArgument struct{}

// About describes the rule.
func (BadArgument) About() About {
	return About{"set-syntax", "an argument of helm --set that Helm rejects"}
}

func (BadArgument) find(in *input) []Finding {
	var all []Finding
	for _, p := range in.bad {
		if p.brackets == "" {
			all = append(all, finding(p.at, "", p.text, "write KEY=VALUE, with a comma between two of them and a backslash before a comma in a value"))
		}
	}
	return all
}

// BracketKey finds keys of annotations in brackets.
type BracketKey struct{}

// About describes the rule.
func (BracketKey) About() About {
	return About{"set-brackets", "a key in brackets in an argument of helm --set, which Helm reads as the index of a list"}
}

func (BracketKey) find(in *input) []Finding {
	var all []Finding
	for _, p := range in.bad {
		if p.brackets != "" {
			fix := "write a number, or a backslash before the bracket"
			if strings.Contains(p.brackets, "/") {
				fix = `write .` + escapedKey(strings.ReplaceAll(strings.Trim(p.brackets, `"'`), `\`, "")) + " instead of the brackets, in single quotes for the shell"
			}
			all = append(all, finding(p.at, "", p.text, fix))
		}
	}
	return all
}
