package space

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"spaces-identity.dev/internal/identity"
)

// The resources in which Helm stores releases.
var (
	Secrets    = Resource{"", "v1", "secrets"}
	ConfigMaps = Resource{"", "v1", "configmaps"}
)

// ReleaseStore returns the resource in which Helm stores releases, given the value of
// HELM_DRIVER.
//
// Source: Helm documentation, "Advanced Helm Techniques: Storage backends".
func ReleaseStore(driver string) (Resource, error) {
	switch driver {
	case "", "secret", "secrets":
		return Secrets, nil
	case "configmap", "configmaps":
		return ConfigMaps, nil
	}
	return Resource{}, identity.WithHint("it can be read from Secrets and ConfigMaps only", "HELM_DRIVER is %q, so no release of Helm can be read", driver)
}

// Revision is a revision of a Helm release, without its content.
type Revision struct {
	Release string
	Number  int
	Status  string // of Helm, such as deployed
	object  string
}

// Revisions returns all revisions of all releases in a namespace, those of a release from
// the newest on. It does not read what Helm stores in them.
//
// Source: package helm.sh/helm/v4/pkg/storage/driver, which labels the objects as that of
// Helm 3 does.
func (c *Client) Revisions(ctx context.Context, store Resource, namespace string) ([]Revision, error) {
	var all []Revision
	err := List(ctx, c, store, Query{Namespace: namespace, Labels: "owner=helm", MetadataOnly: true}, func(o Object) {
		number, err := strconv.Atoi(o.Meta.Labels["version"])
		if release := o.Meta.Labels["name"]; err == nil && release != "" {
			all = append(all, Revision{release, number, o.Meta.Labels["status"], o.Meta.Name})
		}
	})
	slices.SortStableFunc(all, func(a, b Revision) int {
		return cmp.Or(strings.Compare(a.Release, b.Release), b.Number-a.Number)
	})
	return slices.CompactFunc(all, func(a, b Revision) bool { return a.object == b.object }), err
}

// Manifests are what a revision of a Helm release has installed.
type Manifests struct {
	Templates string // after the post-renderer
	Hooks     string // after the post-renderer in Helm 4, without one in Helm 3
}

// ReadRevision reads what Helm stores in a revision. The error does not quote it.
func (c *Client) ReadRevision(ctx context.Context, store Resource, namespace string, r Revision) (Manifests, error) {
	o, err := getObject[struct {
		Data map[string]string `json:"data"`
	}](ctx, c, store, namespace, r.object)
	if err != nil {
		return Manifests{}, err
	}
	text, exists := o.Data["release"]
	if decoded, err := base64.StdEncoding.DecodeString(text); store == Secrets && err == nil {
		text = string(decoded)
	}
	manifests, err := decodeRelease(text)
	if !exists {
		err = errors.New("it has no data of that name")
	}
	if err != nil {
		return Manifests{}, fmt.Errorf("%s %s/%s is not a release as Helm 3 or Helm 4 stores it: %w", strings.TrimSuffix(store.Plural, "s"), namespace, r.object, err)
	}
	return manifests, nil
}

// mostRelease limits a decompressed release, in bytes. Kubernetes limits the compressed one
// to a megabyte.
const mostRelease = 256 << 20

// decodeRelease decodes JSON that is compressed with gzip, except by old versions of Helm, and
// encoded in base64.
func decodeRelease(text string) (Manifests, error) {
	encoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return Manifests{}, errors.New("it is not base64")
	}
	var content io.Reader = bytes.NewReader(encoded)
	if bytes.HasPrefix(encoded, []byte{0x1f, 0x8b, 0x08}) {
		if content, err = gzip.NewReader(content); err != nil {
			return Manifests{}, errors.New("it is not gzip")
		}
	}
	limited := &io.LimitedReader{R: content, N: mostRelease}
	var release struct {
		Manifest string `json:"manifest"`
		Hooks    []struct {
			Manifest string `json:"manifest"`
		} `json:"hooks"`
	}
	decoder := json.NewDecoder(limited)
	err = decoder.Decode(&release)
	if err == nil {
		_, err = io.Copy(io.Discard, limited) // the checksum of gzip follows
	}
	switch {
	case limited.N == 0:
		return Manifests{}, fmt.Errorf("it has more than %d MiB", mostRelease>>20)
	case err != nil:
		return Manifests{}, errors.New("it is damaged")
	}
	manifests := Manifests{Templates: release.Manifest}
	for _, hook := range release.Hooks {
		manifests.Hooks += "---\n" + strings.TrimRight(hook.Manifest, "\n") + "\n"
	}
	return manifests, nil
}
