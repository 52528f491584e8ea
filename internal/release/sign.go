package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/ProtonMail/go-crypto/openpgp"
	"helm.sh/helm/v4/pkg/provenance"
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

// provenance returns the signature of a Helm plugin that is called file where Helm
// verifies it.
func (s *signer) provenance(plugin []byte, file, version string) ([]byte, error) {
	signatory := provenance.Signatory{Entity: s.key}
	text, err := signatory.ClearSign(plugin, file, []byte("name: "+name+"\nversion: "+version+"\n"))
	return []byte(text), err
}

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
