package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// licensesFile is the name of the file with the licences of others in an archive.
const licensesFile = "THIRD-PARTY-LICENSES.txt"

// licenseName matches the names of files that say under which terms code may be used.
var licenseName = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying|copyright|notice|patents)([-._].*)?$`)

// linkedPackage is what go list says about a package that the programs contain.
type linkedPackage struct {
	Dir      string
	Standard bool
	Module   *struct {
		Path, Version, Dir string
		Main               bool
	}
}

// licenses returns the licences of all modules that the programs contain: the files in the
// directories of the packages and in the directories above these. A module without any is
// an error.
func (p project) licenses(ctx context.Context, target platform) ([]byte, error) {
	files, err := p.licenseFiles(ctx, target)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.WriteString("The programs contain code of these modules. The licence of each follows.\n" +
		"The standard library of Go has the licence of golang.org/x/sys.\n\n")
	for _, module := range slices.Sorted(maps.Keys(files)) {
		if len(files[module]) == 0 {
			return nil, fmt.Errorf("the module %s has no file with its licence", module)
		}
		fmt.Fprintf(&out, "  %s\n", module)
	}
	for _, module := range slices.Sorted(maps.Keys(files)) {
		for _, path := range slices.Sorted(maps.Keys(files[module])) {
			text, err := os.ReadFile(files[module][path])
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(&out, "\n%[1]s\n%[2]s: %[3]s\n%[1]s\n\n%[4]s\n", strings.Repeat("=", 80), module, path, strings.TrimSpace(string(text)))
		}
	}
	return out.Bytes(), nil
}

// licenseFiles returns the files with licences by module and by path in the module.
func (p project) licenseFiles(ctx context.Context, target platform) (map[string]map[string]string, error) {
	args := []string{"list", "-deps", "-json=Dir,Standard,Module"}
	for _, program := range programs {
		args = append(args, "./cmd/"+program)
	}
	list, err := p.goTool(ctx, target, args...)
	if err != nil {
		return nil, err
	}
	files := map[string]map[string]string{}
	for packages := json.NewDecoder(bytes.NewReader(list)); ; {
		var pkg linkedPackage
		if err := packages.Decode(&pkg); errors.Is(err, io.EOF) {
			return files, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		if pkg.Standard || pkg.Module == nil || pkg.Module.Main {
			continue
		}
		module := pkg.Module.Path + " " + pkg.Module.Version
		if files[module] == nil {
			files[module] = map[string]string{}
		}
		if err := pkg.addLicenses(files[module]); err != nil {
			return nil, err
		}
	}
}

func (pkg linkedPackage) addLicenses(files map[string]string) error {
	root := pkg.Module.Dir
	for dir := pkg.Dir; ; dir = filepath.Dir(dir) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if !licenseName.MatchString(e.Name()) || !e.Type().IsRegular() || strings.HasSuffix(e.Name(), ".go") {
				continue
			}
			path, err := filepath.Rel(root, filepath.Join(dir, e.Name()))
			if err != nil {
				return err
			}
			files[filepath.ToSlash(path)] = filepath.Join(dir, e.Name())
		}
		if dir == root || len(dir) <= len(root) {
			return nil
		}
	}
}
