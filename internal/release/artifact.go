package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Keys of annotations, from https://specs.opencontainers.org/image-spec/annotations/.
const (
	titleKey = "org.opencontainers.image.title"
	refKey   = "org.opencontainers.image.ref.name"
)

// emptyConfig is the config of an artifact that has none, from
// https://specs.opencontainers.org/image-spec/manifest/#guidance-for-an-empty-descriptor.
var emptyConfig = blob{mediaType: "application/vnd.oci.empty.v1+json", content: []byte("{}")}

// blob is a part of an artifact.
type blob struct {
	mediaType types.MediaType
	title     string // the file name, or empty
	content   []byte
}

func (b blob) descriptor() (v1.Descriptor, error) {
	digest, size, err := v1.SHA256(bytes.NewReader(b.content))
	d := v1.Descriptor{MediaType: b.mediaType, Digest: digest, Size: size}
	if b.title != "" {
		d.Annotations = map[string]string{titleKey: b.title}
	}
	return d, err
}

// artifact is a manifest of the OCI image specification that is no container image.
type artifact struct {
	manifest []byte
	blobs    []blob
}

// artifactOf returns an artifact of a type with the given parts. The subject, if there is
// one, is the image that the artifact describes.
func artifactOf(artifactType string, subject *v1.Descriptor, blobs ...blob) (v1.Image, error) {
	config, err := emptyConfig.descriptor()
	if err != nil {
		return nil, err
	}
	manifest := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: artifactType, Config: config, Subject: subject}
	for _, b := range blobs {
		layer, err := b.descriptor()
		if err != nil {
			return nil, err
		}
		manifest.Layers = append(manifest.Layers, layer)
	}
	text, err := json.Marshal(manifest)
	if err != nil {
		return nil, err
	}
	return partial.CompressedToImage(artifact{text, blobs})
}

// RawConfigFile returns the empty config.
func (artifact) RawConfigFile() ([]byte, error) { return emptyConfig.content, nil }

// MediaType returns the type of the manifest.
func (artifact) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

// RawManifest returns the manifest as JSON.
func (a artifact) RawManifest() ([]byte, error) { return a.manifest, nil }

// LayerByDigest returns the part with the digest, or the config.
func (a artifact) LayerByDigest(digest v1.Hash) (partial.CompressedLayer, error) {
	for _, b := range append(a.blobs, emptyConfig) {
		if d, err := b.descriptor(); err == nil && d.Digest == digest {
			return static.NewLayer(b.content, b.mediaType), nil
		}
	}
	return nil, fmt.Errorf("no blob %s: %w", digest, io.EOF)
}
