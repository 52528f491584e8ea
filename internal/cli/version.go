package cli

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/output"
)

// Version is the release, set when the program is linked.
var Version string

// Commit is the commit of the source, set when the program is linked.
var Commit string

// VersionOp prints the version.
type VersionOp struct{ Output output.Format }

func (p *parser) versionCommand() *cobra.Command {
	var op VersionOp
	cmd := &cobra.Command{
		Use: "version", Short: "Print the version", Annotations: readsNoSettings,
		Example: "  spaces-identity version --output json",
	}
	outputFlag(cmd, &op.Output, output.Table, output.JSON, output.YAML)
	return parsed(p, cmd, &op, nil)
}

// Run prints the version.
func (op VersionOp) Run(_ context.Context, env *Env) error {
	return env.Print(op.Output, output.VersionView{Version: version(), Commit: commit(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH})
}

func version() string {
	if Version != "" {
		return Version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// commit returns the commit of the source, or unknown: the go command knows it only if it
// builds a clone.
func commit() string {
	if Commit != "" {
		return Commit
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "unknown"
}

// callerVersion is the variable in which the small program tells its version to
// the live program. It begins unlike the variables of settings.
const callerVersion = "_SPACES_IDENTITY_VERSION"

// checkCaller refuses to run for a small program of another version.
func (env *Env) checkCaller() error {
	caller := env.Getenv(callerVersion)
	if caller == "" || caller == version() {
		return nil
	}
	err := fmt.Errorf("%s is version %s, but %s beside it is version %s", programName, caller, liveProgram, version())
	return exit.Usage(output.Hint(err, "install both programs from the same release"))
}
