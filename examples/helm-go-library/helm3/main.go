// Command install installs or upgrades a release of the chart of Spaces with Helm 3's
// library, and lets spaces-identity edit the manifests:
//
//	install [-dry-run] [-values FILE] RELEASE CHART
//
// As in Helm, the cluster comes from KUBECONFIG and the namespace from HELM_NAMESPACE.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/cli"
	"helm.sh/helm/v3/pkg/postrender"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
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

func run(ctx context.Context, name, path, valuesFile string, dryRun bool) error {
	loaded, err := loader.Load(path)
	if err != nil {
		return err
	}
	values := chartutil.Values{}
	if valuesFile != "" {
		if values, err = chartutil.ReadValuesFile(valuesFile); err != nil {
			return err
		}
	}
	// NewExec looks the program up on PATH, and returns an error if it is not there. The
	// program reads spaces-identity.yaml in the working directory, or the file that
	// SPACES_IDENTITY_CONFIG names. If it fails, the error contains its message.
	identity, err := postrender.NewExec("spaces-identity", "post-render")
	if err != nil {
		return err
	}
	r, err := apply(ctx, name, loaded, values, identity, dryRun)
	if err != nil {
		return err
	}
	if dryRun {
		fmt.Print(r.Manifest)
	} else {
		fmt.Printf("%s: revision %d\n", r.Name, r.Version)
	}
	return nil
}

// apply installs the release, or upgrades it if it exists. Both actions need the
// post-renderer: an upgrade without it removes the identity.
func apply(ctx context.Context, name string, c *chart.Chart, values chartutil.Values, identity postrender.PostRenderer, dryRun bool) (*release.Release, error) {
	settings, config := cli.New(), new(action.Configuration)
	if err := config.Init(settings.RESTClientGetter(), settings.Namespace(), os.Getenv("HELM_DRIVER"), func(string, ...any) {}); err != nil {
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
		upgrade.PostRenderer = identity
		return upgrade.RunWithContext(ctx, name, c, values)
	}
	install := action.NewInstall(config)
	install.ReleaseName = name
	install.Namespace = settings.Namespace()
	install.CreateNamespace = true
	install.DryRun, install.ClientOnly = dryRun, dryRun
	install.PostRenderer = identity
	return install.RunWithContext(ctx, c, values)
}
