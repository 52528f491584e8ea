package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/CycloneDX/cyclonedx-gomod/pkg/generate/bin"
	"github.com/rs/zerolog"
)

// sbomSuffix follows the name of the file that an SBOM describes.
const sbomSuffix = ".cdx.json"

// sbom returns the modules of the programs as a CycloneDX document in JSON. It has neither
// a serial number nor a time, so that the same programs give the same document.
func (p project) sbom(paths []string) ([]byte, error) {
	var main *cyclonedx.Component
	components := map[string]cyclonedx.Component{} // by BOMRef
	for _, path := range paths {
		modules, err := p.modules(path)
		if err != nil {
			return nil, fmt.Errorf("the SBOM of %s: %w", filepath.Base(path), err)
		}
		main = modules.Metadata.Component
		for _, c := range *modules.Components {
			components[c.BOMRef] = c
		}
		program, err := programComponent(path)
		if err != nil {
			return nil, err
		}
		components[program.BOMRef] = program
	}
	main.Name = name
	document := cyclonedx.NewBOM()
	document.Metadata = &cyclonedx.Metadata{Component: main}
	list := slices.SortedFunc(maps.Values(components), func(a, b cyclonedx.Component) int { return cmp.Compare(a.BOMRef, b.BOMRef) })
	var refs []string
	for _, c := range list {
		refs = append(refs, c.BOMRef)
	}
	document.Components = &list
	document.Dependencies = &[]cyclonedx.Dependency{{Ref: main.BOMRef, Dependencies: &refs}}
	var out bytes.Buffer
	encoder := cyclonedx.NewBOMEncoder(&out, cyclonedx.BOMFileFormatJSON)
	encoder.SetPretty(true)
	err := encoder.Encode(document)
	return out.Bytes(), err
}

// modules returns the modules that a program contains, the standard library of Go included.
func (p project) modules(path string) (*cyclonedx.BOM, error) {
	generator, err := bin.NewGenerator(path, bin.WithIncludeStdlib(true), bin.WithVersionOverride("v"+p.version), bin.WithLogger(zerolog.Nop()))
	if err != nil {
		return nil, err
	}
	return generator.Generate()
}

// programComponent returns a component with the checksum of the program.
func programComponent(path string) (cyclonedx.Component, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return cyclonedx.Component{}, err
	}
	sum := sha256.Sum256(content)
	program := filepath.Base(path)
	return cyclonedx.Component{
		BOMRef: "file:" + program, Type: cyclonedx.ComponentTypeFile, Name: program,
		Hashes: &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hex.EncodeToString(sum[:])}},
	}, nil
}
