package postrender

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/pipe"
	"spaces-identity.dev/internal/rewrite"
)

// ThenPolicy says what to do if the config names programs under then. The zero value runs
// them.
type ThenPolicy string

// The choices for programs under then.
const (
	ThenRuns    ThenPolicy = "run"
	ThenRefuses ThenPolicy = "refuse"
)

// edited is a stream to deliver.
type edited struct {
	*rewrite.Result        // of this program, or what it finds in the stream of the programs after it
	stream          []byte // of those programs; nil if there are none
}

// WriteTo writes the stream.
func (e edited) WriteTo(w io.Writer) (int64, error) {
	if e.stream == nil {
		return e.Result.WriteTo(w)
	}
	return bytes.NewReader(e.stream).WriteTo(w)
}

// nested is the environment variable that the programs of the setting then get. Should one
// of them be this program with the same config, it would run itself without end. The _
// keeps it apart from the variables of settings.
const nested = "_SPACES_IDENTITY_THEN"

// then pipes the edited stream through the programs of the setting then, and checks that
// every edit is still there.
func (r Renderer) then(ctx context.Context, result *rewrite.Result, report *Report) (edited, error) {
	commands := r.State.Spec().Then
	if len(commands) == 0 {
		return edited{result, nil}, nil
	}
	if r.Then == ThenRefuses {
		return edited{}, exit.Usage(identity.WithHint("remove then from the config", "the config names programs under then, which may not run here"))
	}
	if os.Getenv(nested) != "" {
		return edited{}, exit.Usage(identity.WithHint("give it a config without then", "a program under then runs spaces-identity, whose config has then too"))
	}
	var text bytes.Buffer
	if _, err := result.WriteTo(&text); err != nil {
		return edited{}, err
	}
	streams := [][]byte{text.Bytes()} // before the first program, and after each
	for i, command := range commands {
		before := streams[len(streams)-1]
		after, messages, err := pipe.Run(ctx, command, []string{nested + "=1"}, before)
		messages = withoutSecrets(messages, before, after)
		if ctx.Err() != nil {
			return edited{}, fmt.Errorf("stopped while %s runs (then[%d]): %w; no manifests were written", command[0], i, context.Cause(ctx))
		}
		if err == nil {
			err = checkStream(before, after)
		}
		done := ThenReport{Program: command[0], Stderr: messages}
		if err != nil {
			failed := &ThenError{Index: i, Program: command[0], Stderr: messages, Err: err}
			done.Error = err.Error()
			report.Then = append(report.Then, done)
			return edited{}, failed
		}
		report.Then = append(report.Then, done)
		streams = append(streams, after)
	}
	return r.recheck(result, streams, report)
}

// recheck compares the stream after the last program with the edits.
func (r Renderer) recheck(result *rewrite.Result, streams [][]byte, report *Report) (edited, error) {
	last := len(streams) - 1
	now, lost, err := result.Again(streams[last])
	if err != nil || len(lost) > 0 {
		return edited{}, r.firstLoss(result, streams)
	}
	for _, f := range now.Lacking(result) {
		report.Warnings = append(report.Warnings, placeOf(f)+" lacks its edit, because a program under then has added the place; run spaces-identity after that program")
	}
	return edited{now, streams[last]}, nil
}

// firstLoss returns an error that names the first program after which edits are lost.
func (r Renderer) firstLoss(result *rewrite.Result, streams [][]byte) error {
	for i, stream := range streams[1:] {
		failed := &ThenError{Index: i, Program: r.State.Spec().Then[i][0]}
		_, lost, err := result.Again(stream)
		if err != nil {
			failed.Err = fmt.Errorf("its output cannot be checked: %w", err)
			return failed
		}
		if len(lost) > 0 {
			failed.Err = &LostError{lost}
			return failed
		}
	}
	return nil // not reached: the last stream has lost edits
}

// checkStream checks that the output of a program is YAML. What was no YAML before it ran
// is not its fault.
func checkStream(before, after []byte) error {
	if len(bytes.TrimSpace(after)) == 0 {
		return errors.New("it wrote no manifests")
	}
	var parser manifest.Parser
	for doc := range manifest.Split(after) {
		text := after[doc.Start:doc.End]
		_, err := parser.Parse(text)
		if syntax, ok := errors.AsType[*manifest.SyntaxError](err); ok && !bytes.Contains(before, text) {
			line, column := manifest.NewLines(after).Position(doc.Start + syntax.Offset)
			return fmt.Errorf("its output is not YAML in line %d, column %d (document %d)", line, column, doc.Number)
		}
	}
	return nil
}

const (
	mostLines = 20  // of a program's standard error in the report
	mostWidth = 400 // bytes of such a line
)

// withoutSecrets returns the last lines of what a program has written to standard error. The
// values of the Secrets in the streams are replaced.
func withoutSecrets(text string, streams ...[]byte) string {
	if text == "" {
		return ""
	}
	var pairs []string
	for _, value := range rewrite.SecretValues(bytes.Join(streams, []byte("\n---\n"))) {
		pairs = append(pairs, value, "(not shown)")
	}
	lines := strings.Split(strings.NewReplacer(pairs...).Replace(text), "\n")
	lines = lines[max(0, len(lines)-mostLines):]
	for i, line := range lines {
		if line = strings.TrimRight(line, " \t\r"); len(line) > mostWidth {
			line = strings.ToValidUTF8(line[:mostWidth], "") + "…"
		}
		lines[i] = line
	}
	return strings.Join(lines, "\n")
}

// ThenError says which program of the setting then has failed.
type ThenError struct {
	Index   int    // in the setting
	Program string // as the config names it
	Stderr  string // the last lines of its standard error, without the values of Secrets
	Err     error
}

// Error returns the program, how it failed and, on lines of their own, what it said.
func (e *ThenError) Error() string {
	message := fmt.Sprintf("then[%d]: %s: %v", e.Index, e.Program, e.Err)
	if e.Stderr != "" {
		message += "; the end of its standard error:\n" + e.Stderr
	}
	return message
}

// Unwrap returns how it failed.
func (e *ThenError) Unwrap() error { return e.Err }

// Hint returns the next step.
func (e *ThenError) Hint() string {
	if hint := identity.HintOf(e.Err); hint != "" {
		return hint
	}
	return "try the program alone, with manifests on standard input, and correct it or remove it from then in the config"
}

// LostError lists edits that a program has removed or changed.
type LostError struct{ Lost []rewrite.Lost }

// Error returns a line for each edit. It contains no values.
func (e *LostError) Error() string {
	lines := []string{fmt.Sprintf("it removed or changed %s:", output.Count(len(e.Lost), "edit"))}
	for _, l := range e.Lost {
		lines = append(lines, fmt.Sprintf("  %s: %s", placeOf(l.Finding), l.Problem))
	}
	return strings.Join(lines, "\n")
}

// placeOf returns the object and the path of a finding.
func placeOf(f rewrite.Finding) string { return strings.TrimSpace(output.ObjectName(f) + " " + f.Path) }

// Hint returns the next step.
func (e *LostError) Hint() string {
	return "let the program keep these annotations and labels, or run spaces-identity after it"
}
