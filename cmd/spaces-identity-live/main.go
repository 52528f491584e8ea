// Command spaces-identity-live has every command of spaces-identity, and the
// clients of Kubernetes and AWS that some of them need.
package main

import (
	"os"

	"spaces-identity.dev/internal/cli"
	"spaces-identity.dev/internal/cli/live"
)

func main() { os.Exit(cli.Main(live.Run)) }
