// Command spaces-identity is a Helm post-renderer that gives the components of
// Upbound Spaces control planes an AWS workload identity.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"spaces-identity.dev/internal/cli"
)

func main() {
	// The program is short-lived: a larger heap costs less than collecting it.
	debug.SetGCPercent(400)
	// Asked for, a broken pipe is an error of the write and does not end the
	// program before it has cleaned up.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := cli.Run(ctx, cli.System(), os.Args[1:])
	stop()
	os.Exit(status)
}
