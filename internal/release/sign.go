package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
)

// passphraseVariable names the environment variable with the passphrase of the key.
const passphraseVariable = "KEY_PASSPHRASE"

// signer signs a release. Without a key it is nil.
type signer struct{ key *openpgp.Entity }

// readSigner reads a secret key as gpg --export-secret-keys writes it, with or without
// --armor. Without a path it returns nil.
func readSigner(path string) (*signer, error) {
	if path == "" {
		return nil, nil //nolint:nilnil // unsigned
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the key: %w", err)
	}
	keys, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(text))
	if err != nil {
		keys, err = openpgp.ReadKeyRing(bytes.NewReader(text))
	}
	if err != nil {
		return nil, fmt.Errorf("the key %s: %w", path, err)
	}
	if len(keys) != 1 || keys[0].PrivateKey == nil {
		return nil, fmt.Errorf("the key %s: want one secret key", path)
	}
	key := keys[0]
	if key.PrivateKey.Encrypted {
		passphrase := os.Getenv(passphraseVariable)
		if passphrase == "" {
			return nil, errors.New("the key has a passphrase: set " + passphraseVariable)
		}
		if err := key.DecryptPrivateKeys([]byte(passphrase)); err != nil {
			return nil, fmt.Errorf("the key %s: %w", path, err)
		}
	}
	return &signer{key}, nil
}

// provenanceSuffix follows the name of a Helm plugin in the name of its signature.
const provenanceSuffix = ".prov"

// provenance returns the signature of a Helm plugin, in the format of
// helm.sh/helm/v4/pkg/provenance, with two names. Helm verifies a URL or a file under the
// name of the file. It verifies a plugin from a registry, and reports how an installed one
// is signed, under the name that follows from plugin.yaml.
func (s *signer) provenance(plugin []byte, file, version string) ([]byte, error) {
	var out bytes.Buffer
	text, err := clearsign.Encode(&out, s.key.PrivateKey, nil)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(plugin)
	_, err = fmt.Fprintf(text, "name: %s\nversion: %s\n\n...\nfiles:\n  %s: sha256:%x\n  %s: sha256:%x\n",
		name, version, file, sum, installedPlugin(version), sum)
	if err := errors.Join(err, text.Close()); err != nil { // Close signs
		return nil, err
	}
	return out.Bytes(), nil
}

// installedPlugin returns the name under which Helm 4 keeps the archive of a plugin.
func installedPlugin(version string) string { return name + "-" + version + ".tgz" }

// detached returns a binary signature that gpgv verifies.
func (s *signer) detached(content []byte) ([]byte, error) {
	var out bytes.Buffer
	err := openpgp.DetachSign(&out, s.key, bytes.NewReader(content), nil)
	return out.Bytes(), err
}

// publicKey returns the key with which Helm and gpgv verify, in the binary form that both
// read.
func (s *signer) publicKey() ([]byte, error) {
	var out bytes.Buffer
	err := s.key.Serialize(&out)
	return out.Bytes(), err
}
