// Command kpt-fn is the command fn of kpt. kpt's main program needs a module that is on no
// proxy, for a command that has nothing to do with functions.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/kptdev/kpt/commands/fn"
	"github.com/kptdev/kpt/pkg/printer"
)

func main() {
	ctx := printer.WithContext(context.Background(), printer.New(os.Stdout, os.Stderr))
	command := fn.GetCommand(ctx, "kpt")
	command.SilenceUsage, command.SilenceErrors = true, true // as in kpt
	if err := command.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}
