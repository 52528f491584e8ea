// Command spaces-identity is a Helm post-renderer that gives the components of
// Upbound Spaces control planes an AWS identity, and the plugin around it. It has
// neither a Kubernetes nor an AWS client, so that it starts fast, and runs
// spaces-identity-live for the commands that need one.
package main

import (
	"os"

	"spaces-identity.dev/internal/cli"
)

func main() { os.Exit(cli.Main(nil)) }
