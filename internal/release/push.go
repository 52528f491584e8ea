package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/authn"
	ref "github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// push pushes what make dist and make image wrote: the image as REGISTRY/spaces-identity,
// the Helm plugins as REGISTRY/plugin/spaces-identity. Helm 4 takes the name of the plugin
// from the last part of the path. The login is that of docker or podman.
func push(ctx context.Context, o options, out io.Writer) error {
	if o.registry == "" {
		return errors.New("name a registry: push -registry HOST/PATH")
	}
	for _, p := range []struct{ layout, repository string }{
		{imageLayout, o.registry + "/" + name},
		{pluginLayout, o.registry + "/plugin/" + name},
	} {
		if err := pushLayout(ctx, filepath.Join(o.output, p.layout), p.repository, out); err != nil {
			return err
		}
	}
	return nil
}

// pushLayout pushes each tag of a layout, and what has no tag by its digest. If the layout
// has an index, its images get no tags of their own.
func pushLayout(ctx context.Context, dir, repository string, out io.Writer) error {
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return fmt.Errorf("%w: run make dist and make image first", err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return err
	}
	repo, err := ref.NewRepository(repository)
	if err != nil {
		return err
	}
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)}
	indexed := map[v1.Hash]bool{}
	for _, d := range manifest.Manifests {
		tag, tagged := d.Annotations[refKey]
		switch {
		case d.MediaType.IsIndex():
			err = pushIndex(index, d, repo.Tag(tag), indexed, options)
		case indexed[d.Digest]:
			continue
		case tagged:
			err = pushImage(index, d, repo.Tag(tag), options)
		default:
			err = pushImage(index, d, repo.Digest(d.Digest.String()), options)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", repository, err)
		}
		_, _ = fmt.Fprintf(out, "pushed %s:%s %s\n", repository, tag, d.Digest)
	}
	return nil
}

func pushIndex(from v1.ImageIndex, d v1.Descriptor, to ref.Reference, indexed map[v1.Hash]bool, options []remote.Option) error {
	index, err := from.ImageIndex(d.Digest)
	if err != nil {
		return err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return err
	}
	for _, m := range manifest.Manifests {
		indexed[m.Digest] = true
	}
	return remote.WriteIndex(to, index, options...)
}

func pushImage(from v1.ImageIndex, d v1.Descriptor, to ref.Reference, options []remote.Option) error {
	img, err := from.Image(d.Digest)
	if err != nil {
		return err
	}
	return remote.Write(to, img, options...)
}
