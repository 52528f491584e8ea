// Command install installs or upgrades a release of the chart of Spaces with Helm 4's
// library, and lets spaces-identity edit the manifests:
//
//	install [-dry-run] [-values FILE] RELEASE CHART
//
// As in Helm, the cluster comes from KUBECONFIG and the namespace from HELM_NAMESPACE.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/loader"
	"helm.sh/helm/v4/pkg/cli"
	"helm.sh/helm/v4/pkg/kube"
	"helm.sh/helm/v4/pkg/postrenderer"
	"helm.sh/helm/v4/pkg/release"
	"helm.sh/helm/v4/pkg/storage/driver"
)

func main() {
	dryRun := flag.Bool("dry-run", false, "print the manifests, without a cluster")
	values := flag.String("values", "", "the `FILE` with the values")
	flag.Parse()
	if flag.NArg() != 2 {
		log.Fatal("usage: install [-dry-run] [-values FILE] RELEASE CHART")
	}
	if err := run(context.Background(), flag.Arg(0), flag.Arg(1), *values, *dryRun); err != nil {
		log.Fatal(err)
	}
}

// identity is a post-renderer that runs spaces-identity. Helm 4's command line runs plugins
// only, but its library accepts every implementation of this interface. In contrast to
// postrenderer.NewPostRendererPlugin, this one needs no installed plugin, and its error
// contains the message of the program.
type identity struct {
	program string
}

var _ postrenderer.PostRenderer = identity{}

// Run gives the manifests to the program. The program reads spaces-identity.yaml in the
// working directory, or the file that SPACES_IDENTITY_CONFIG names.
func (i identity) Run(manifests *bytes.Buffer) (*bytes.Buffer, error) {
	var out, messages bytes.Buffer
	cmd := exec.Command(i.program, "post-render")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = manifests, &out, &messages
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", i.program, err, &messages)
	}
	return &out, nil
}

func run(ctx context.Context, name, path, valuesFile string, dryRun bool) error {
	loaded, err := loader.Load(path)
	if err != nil {
		return err
	}
	values := common.Values{}
	if valuesFile != "" {
		if values, err = common.ReadValuesFile(valuesFile); err != nil {
			return err
		}
	}
	program, err := exec.LookPath("spaces-identity")
	if err != nil {
		return err
	}
	released, err := apply(ctx, name, loaded, values, identity{program}, dryRun)
	if err != nil {
		return err
	}
	r, err := release.NewAccessor(released)
	if err != nil {
		return err
	}
	if dryRun {
		fmt.Print(r.Manifest())
	} else {
		fmt.Printf("%s: revision %d\n", r.Name(), r.Version())
	}
	return nil
}

// apply installs the release, or upgrades it if it exists. Both actions need the
// post-renderer: an upgrade without it removes the identity.
func apply(ctx context.Context, name string, c chart.Charter, values common.Values, identity postrenderer.PostRenderer, dryRun bool) (release.Releaser, error) {
	settings, config := cli.New(), action.NewConfiguration()
	if err := config.Init(settings.RESTClientGetter(), settings.Namespace(), os.Getenv("HELM_DRIVER")); err != nil {
		return nil, err
	}
	exists := false
	if !dryRun {
		_, err := action.NewHistory(config).Run(name)
		if err != nil && !errors.Is(err, driver.ErrReleaseNotFound) {
			return nil, err
		}
		exists = err == nil
	}
	if exists {
		upgrade := action.NewUpgrade(config)
		upgrade.Namespace = settings.Namespace()
		upgrade.WaitStrategy = kube.HookOnlyStrategy
		upgrade.PostRenderer = identity
		return upgrade.RunWithContext(ctx, name, c, values)
	}
	install := action.NewInstall(config)
	install.ReleaseName = name
	install.Namespace = settings.Namespace()
	install.CreateNamespace = true
	install.WaitStrategy = kube.HookOnlyStrategy
	if dryRun {
		install.DryRunStrategy = action.DryRunClient
	}
	install.PostRenderer = identity
	return install.RunWithContext(ctx, c, values)
}
