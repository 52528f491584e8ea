# make demo and make test build everything they need. They require Go, git and make.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

version   := $(shell sed -n 's/^version: *//p' plugin.yaml)+$(shell git describe --always --dirty 2>/dev/null || echo unknown)
helm3     := $(CURDIR)/bin/tools/helm3
helm4     := $(CURDIR)/bin/tools/helm4
older     := $(CURDIR)/bin/tools/helm3-older
kube      := $(addprefix $(CURDIR)/bin/tools/,etcd kube-apiserver kube-controller-manager kube-scheduler kwok)
lint      := $(CURDIR)/bin/tools/golangci-lint
kube135   := $(addprefix $(CURDIR)/bin/tools/1.35/,kube-apiserver kube-controller-manager kube-scheduler)
kyverno   := $(CURDIR)/bin/tools/kubectl-kyverno
helmfile  := $(CURDIR)/bin/tools/helmfile
vale      := $(CURDIR)/bin/tools/vale
actions   := $(CURDIR)/bin/tools/actionlint
modules   := $(shell find . -name go.mod -not -path '*/node_modules/*' -exec dirname {} \;)
scripts   := .ci/run plugin.complete $(wildcard internal/plugin/*.sh examples/*/*.sh)
compared  := $(CURDIR)/bin/tools
with_helm := SPACES_IDENTITY_HELM3=$(helm3) SPACES_IDENTITY_HELM4=$(helm4)

commit    := $(shell git rev-parse HEAD 2>/dev/null)$(shell test -z "$$(git status --porcelain 2>/dev/null)" || echo -dirty)

build_flags := -trimpath -buildvcs=false -ldflags '-s -w -X spaces-identity.dev/internal/cli.Version=$(version) -X spaces-identity.dev/internal/cli.Commit=$(commit)'

# Additional flags for go test, such as TESTFLAGS=-race.
TESTFLAGS ?=

# With SPACES_IDENTITY_CI, a skipped test is a failure unless internal/test/ran/skips.txt
# lists it, and a missing program is one too.
go_test := $(if $(SPACES_IDENTITY_CI),go run ./internal/test/ran,go test) -timeout 60m -skip '^TestShared'
optional := $(if $(SPACES_IDENTITY_CI),false,true)

# Without this, each program that is built with the race detector sleeps a second at its end.
export GORACE ?= atexit_sleep_ms=0

.PHONY: help
help: ## show this
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: build
build: ## build bin/spaces-identity, and the program for its live commands
	@CGO_ENABLED=0 go build $(build_flags) -o bin/ ./cmd/spaces-identity ./cmd/spaces-identity-live

# The demo needs the small program alone. If both exist, it builds both, because they must
# have the same version.
.PHONY: program
program:
	@CGO_ENABLED=0 go build $(build_flags) -o bin/ ./cmd/spaces-identity $(if $(wildcard bin/spaces-identity-live),./cmd/spaces-identity-live)

.PHONY: helm
helm: $(helm3) $(helm4) ## build the pinned Helm 3 and Helm 4 into bin/tools

# With $(MAKE) in its recipe, make -n would run the demo.
make := $(MAKE)

.PHONY: demo
demo: ## render a Spaces-like chart with the Helm on PATH, or with one that it builds, and show what changes
	@MAKE='$(make)' examples/demo/run.sh

.PHONY: test
test: build helm simulator $(compared)/kustomize ## run all tests, including those with real Helms
	@$(with_helm) $(go_test) $(TESTFLAGS) $$(go list ./... | grep -vE '/internal/test/(e2e|judges(/.*)?)$$')

# The simulator evaluates trust policies independently of this project. It needs Node.js.
.PHONY: simulator
simulator: $(if $(shell command -v npm),testdata/simulator/node_modules)
	@$(if $(shell command -v npm),,echo 'npm is not installed: tests that compare with another policy simulator are skipped'; $(optional))

# The data is beside the repository: renders of public charts, the public YAML test suite,
# and the vendors' CRDs.
SHARED ?= $(abspath ../shared)

.PHONY: test-shared
test-shared: build ## run the tests that need data from beside the repository: SHARED=directory
	@SPACES_IDENTITY_SHARED=$(SHARED) $(if $(wildcard bin/tools/kube-apiserver),SPACES_IDENTITY_KUBE=$(CURDIR)/bin/tools) go test $(TESTFLAGS) -run '^TestShared' ./...

testdata/simulator/node_modules: testdata/simulator/package-lock.json
	@cd testdata/simulator && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch node_modules

.PHONY: kube
kube: $(kube) bin/tools/kwok-stages.yaml ## build the pinned etcd, API server and controllers into bin/tools

.PHONY: e2e
e2e: build helm kube ## run the tests that need a Kubernetes API server, on loopback
	@$(with_helm) SPACES_IDENTITY_KUBE=$(CURDIR)/bin/tools $(go_test) $(TESTFLAGS) -count=1 ./internal/test/e2e

# Tests that CI leaves out, because they take long to build. A target judge-… is one of them.
# The results of all are shown, and then judges fails if one of them has failed.
judges := judge-kyverno judge-cfn-lint judge-sarif judge-kube135 judge-release judge-terraform judge-kpt \
	judge-helmfile judge-schemas judge-argocd

.PHONY: judges $(judges)
judges: ## run the slow tests: Kyverno, cfn-lint, SARIF, Kubernetes 1.35, OpenTofu, kpt, helmfile, Argo CD, schemas of CI files, a release built twice (an hour to build)
	@$(MAKE) --no-print-directory --keep-going $(judges)

judge-kyverno: $(kyverno)
	@SPACES_IDENTITY_KYVERNO=$(kyverno) $(go_test) $(TESTFLAGS) -count=1 -skip CloudFormation ./internal/test/judges

# The linter of CloudFormation templates that AWS maintains. It needs python3 with venv.
cfn_lint := $(CURDIR)/bin/tools/cfn-lint

judge-cfn-lint:
	@test -x $(cfn_lint)/bin/cfn-lint || { python3 -m venv $(cfn_lint) && $(cfn_lint)/bin/pip install -q 'cfn-lint==1.58.0'; } || { rm -rf $(cfn_lint); exit 1; }
	@SPACES_IDENTITY_CFN_LINT=$(cfn_lint)/bin/cfn-lint $(go_test) $(TESTFLAGS) -count=1 -run CloudFormation ./internal/test/judges

# The validator needs Node.js.
judge-sarif: testdata/sarif/node_modules
	@SPACES_IDENTITY_SARIF=$(CURDIR)/testdata/sarif/node_modules/.bin/sarif-multitool $(go_test) $(TESTFLAGS) -count=1 ./internal/test/judges/sarif

testdata/sarif/node_modules: testdata/sarif/package-lock.json
	@cd testdata/sarif && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && chmod +x node_modules/@microsoft/*/Sarif.Multitool* && touch node_modules

# etcd and kwok are those of make kube.
judge-kube135: build helm kube $(kube135)
	@for f in etcd kwok kwok-stages.yaml; do ln -sf ../$$f bin/tools/1.35/$$f; done
	@$(with_helm) SPACES_IDENTITY_KUBE=$(CURDIR)/bin/tools/1.35 $(go_test) $(TESTFLAGS) -count=1 ./internal/test/e2e

# Builds a release twice, each time with an empty cache, and compares the files.
judge-release:
	@cd internal/release && SPACES_IDENTITY_REPRODUCE=1 go test -timeout 30m -count=1 -run '^TestTwoBuildsAreEqual$$' .

judge-terraform: build kube $(compared)/tofu $(compared)/terraform-provider-helm
	@SPACES_IDENTITY_KUBE=$(CURDIR)/bin/tools SPACES_IDENTITY_TOFU=$(compared)/tofu SPACES_IDENTITY_HELM_PROVIDER=$(compared)/terraform-provider-helm \
		$(go_test) $(TESTFLAGS) -count=1 ./internal/test/judges/terraform

judge-kpt: build $(compared)/kpt-fn
	@SPACES_IDENTITY_KPT_FN=$(compared)/kpt-fn $(go_test) $(TESTFLAGS) -count=1 ./internal/test/judges/kpt

judge-helmfile: build helm kube $(helmfile)
	@$(with_helm) SPACES_IDENTITY_KUBE=$(CURDIR)/bin/tools SPACES_IDENTITY_HELMFILE=$(helmfile) $(go_test) $(TESTFLAGS) -count=1 ./internal/test/judges/helmfile

# The schemas of CI systems, in a validator. It needs python3 with venv.
schemas := $(CURDIR)/bin/tools/check-jsonschema

judge-schemas:
	@test -x $(schemas)/bin/check-jsonschema || { python3 -m venv $(schemas) && $(schemas)/bin/pip install -q 'check-jsonschema==0.39.0'; } || { rm -rf $(schemas); exit 1; }
	@SPACES_IDENTITY_CHECK_JSONSCHEMA=$(schemas)/bin/check-jsonschema $(go_test) $(TESTFLAGS) -count=1 ./internal/test/judges/schemas

# The schema of Argo CD's Applications is in its module. Nothing of the module is built.
argocd := github.com/argoproj/argo-cd/v3@v3.4.0

judge-argocd: kube
	@dir=$$(cd /tmp && go mod download -json $(argocd) | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$$/\1/p') && \
	SPACES_IDENTITY_KUBE=$(CURDIR)/bin/tools SPACES_IDENTITY_ARGOCD_CRD=$$dir/manifests/crds/application-crd.yaml \
		$(go_test) $(TESTFLAGS) -count=1 ./internal/test/judges/argocd

# The page of verify, in a browser that shows nothing. It needs Chromium, Node.js and pdftotext.
browser := internal/test/browser

.PHONY: test-browser
test-browser: $(if $(shell command -v npm),$(browser)/node_modules) ## test the page of verify -o html in a browser
	@go build -o bin/ran ./internal/test/ran
	@$(if $(shell command -v npm),,echo 'test-browser: skipped, npm is not installed'; exec $(optional);) \
	cd $(browser) && $(if $(SPACES_IDENTITY_CI),$(CURDIR)/bin/ran,go test) -timeout 30m -count=1 ./...

.PHONY: picture
picture: ## make the picture of the page in docs again
	@cd $(browser) && go test -count=1 -run '^TestPictureOfThePage$$' . -update

$(browser)/node_modules: $(browser)/package-lock.json
	@cd $(browser) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch node_modules

moto := $(CURDIR)/bin/tools/moto

.PHONY: e2e-aws
e2e-aws: ## run the AWS suite against moto, an emulator that others maintain (needs python3)
	@if ! command -v python3 >/dev/null; then echo 'e2e-aws: skipped, there is no python3 to run the emulator'; exec $(optional); fi; \
	if ! test -x $(moto)/bin/moto_server; then python3 -m venv $(moto) && $(moto)/bin/pip install -q 'moto[server]==5.2.5' || \
		{ rm -rf $(moto); echo 'e2e-aws: skipped, the emulator could not be installed (python3-venv, pip)'; exec $(optional); }; fi; \
	SPACES_IDENTITY_MOTO=$(moto)/bin/moto_server $(go_test) -count=1 -v -run '^TestOn(OwnServer|Emulator)$$' ./internal/reconcile

.PHONY: aws-shapes
aws-shapes: ## write the API models of the AWS test server again, from botocore (needs python3)
	@venv=$$(mktemp -d); trap 'rm -rf "$$venv"' EXIT; \
	python3 -m venv "$$venv"; "$$venv"/bin/pip install -q 'botocore==1.44.5'; "$$venv"/bin/python internal/test/awstest/testdata/shapes.py

.PHONY: check-chart
check-chart: build helm ## run the stand-in chart's checks on a chart: CHART=… [VALUES=file]
	@test -n '$(CHART)' || { echo 'name a chart: make check-chart CHART=oci://host/repository/spaces VALUES=values.yaml' >&2; exit 2; }
	@$(with_helm) SPACES_IDENTITY_CHART='$(or $(abspath $(wildcard $(CHART))),$(CHART))' SPACES_IDENTITY_VALUES='$(abspath $(VALUES))' \
		go test -count=1 -v -run '^TestGivenChart$$' ./internal/plugin

.PHONY: lint
lint: $(lint) $(actions) prose ## gofmt, go vet, golangci-lint, go mod tidy, shellcheck, actionlint, prose
	@test -z "$$(gofmt -l .)" || { echo 'run gofmt -w on:'; gofmt -l .; exit 1; }
	@go vet ./...
	@$(lint) run ./...
	@for module in internal/release internal/test/browser; do (cd $$module && $(lint) run --config $(CURDIR)/.golangci.yaml ./...); done
	@for module in $(modules); do go -C $$module mod tidy -diff || { echo "run go mod tidy in $$module"; exit 1; }; done
	@command -v shellcheck >/dev/null || { echo 'install shellcheck (apt-get install shellcheck, brew install shellcheck)'; exit 1; }
	@shellcheck $(scripts)
	@$(actions) examples/github-actions/*.yaml .github/workflows/*.yml
	@echo 'lint: nothing found'

# Vale parses code with a C library, so it takes a C compiler to build it.
.PHONY: prose
prose: build ## check the words of pages, Go comments and help texts with Vale
	@if ! test -x $(vale) && ! command -v "$$(go env CC)" >/dev/null; then \
		echo "prose: skipped, Vale needs a C compiler ($$(go env CC)) to be built; CI runs it"; \
		exec $(optional); \
	fi; \
	$(MAKE) --no-print-directory $(vale); \
	SPACES_IDENTITY_VALE=$(vale) go test -count=1 ./internal/test/prose; \
	go run ./internal/test/prose $(vale) bin/spaces-identity

# The time that make fuzz spends on each target, and the directories of the targets.
FUZZTIME ?= 30m
FUZZ ?= internal

.PHONY: fuzz
fuzz: ## fuzz each target in turn: FUZZTIME=30m, FUZZ=internal/manifest
	@go run ./internal/test/fuzz -time $(FUZZTIME) $(FUZZ)

# The number of mutants in each package, and the packages. 0 tries all mutants.
SAMPLE ?= 60
MUTATE ?=

.PHONY: mutate
mutate: build ## change the code one line at a time, and show the changes that no test notices: SAMPLE=60 MUTATE="internal/iam internal/verify"
	@go -C testdata/mutate build -o $(compared)/mutate .
	@$(with_helm) $(compared)/mutate -sample $(SAMPLE) $(MUTATE)

# How often each program runs on each stream. Tables that are kept need the default.
RUNS ?= 7

.PHONY: bench
bench: build $(compared)/yq $(compared)/kustomize $(compared)/kio ## compare with cat, yq, kustomize and kyaml, and measure plan and verify; WRITE=1 writes the tables to docs/benchmarks.md
	@go -C testdata/bench build -o $(compared) ./copier ./timed
	@go -C testdata/bench build -o $(compared)/bench .
	@$(compared)/bench -bin bin -tools $(compared) -runs $(RUNS) -live $(if $(WRITE),-write docs/benchmarks.md)

release := $(CURDIR)/bin/release

# The file with the OpenPGP secret key that signs a release, and the platforms to build.
KEY ?=
PLATFORMS ?= linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64
REGISTRY ?=

.PHONY: dist
dist: $(release) ## build the archives and Helm plugins of a release in dist: KEY=file signs them, PLATFORMS=linux/amd64
	@$(release) dist -root . -commit '$(commit)' -key '$(KEY)' -platforms '$(PLATFORMS)'

.PHONY: image
image: $(release) ## build the image for amd64 and arm64 in dist/image, without a daemon
	@$(release) image -root . -commit '$(commit)'

.PHONY: push
push: $(release) ## push the image and the Helm plugins of dist: REGISTRY=host/path
	@$(release) push -root . -registry '$(REGISTRY)'

.PHONY: release-files
release-files: $(release) ## write the files again that name the address of releases
	@$(release) generate -root .

.PHONY: test-release
test-release: helm $(older) ## build releases and install them in both Helms without Go
	@go build -o bin/ran ./internal/test/ran
	@cd internal/release && $(with_helm) SPACES_IDENTITY_HELM3_OLDER=$(older) \
		$(if $(SPACES_IDENTITY_CI),$(CURDIR)/bin/ran,go test) -timeout 30m -count=1 ./...

.PHONY: $(release)
$(release):
	@go -C internal/release build -o $@ .

.PHONY: docs
docs: ## write the reference pages and the JSON Schema again, from the commands and the settings
	@go test ./internal/config ./internal/cli -count=1 -run 'Documentation|SchemaFile' -update >/dev/null

.PHONY: clean
clean: ## remove everything that make built
	@rm -rf bin dist identity-artifacts

# The tools are built once. Each has its own module, so that users of the project do
# not download them.
tools := testdata/tools

# As Helm's own releases, these contain no C. With the flags of make build, they share the
# compiled standard library with it.
build_helm = CGO_ENABLED=0 go -C $(<D) build -trimpath

$(helm3): $(tools)/helm3/go.mod
	@echo 'building Helm 3 from the module proxy (once, about two minutes)'
	@v=$$(go -C $(tools)/helm3 list -m -f '{{.Version}}' helm.sh/helm/v3) && \
	$(build_helm) -ldflags "-s -w -X helm.sh/helm/v3/internal/version.version=$$v" -o $@ helm.sh/helm/v3/cmd/helm

$(older): $(tools)/helm3-older/go.mod
	@echo 'building an older Helm 3 from the module proxy (once, about two minutes)'
	@v=$$(go -C $(tools)/helm3-older list -m -f '{{.Version}}' helm.sh/helm/v3) && \
	$(build_helm) -ldflags "-s -w -X helm.sh/helm/v3/internal/version.version=$$v" -o $@ helm.sh/helm/v3/cmd/helm

$(helm4): $(tools)/helm4/go.mod
	@echo 'building Helm 4 from the module proxy (once, about two minutes)'
	@v=$$(go -C $(tools)/helm4 list -m -f '{{.Version}}' helm.sh/helm/v4) && \
	$(build_helm) -ldflags "-s -w -X helm.sh/helm/v4/internal/version.version=$$v" -o $@ helm.sh/helm/v4/cmd/helm

# Helm reads the version of the server. The linker flags set it.
kube_version = $$(go -C $(<D) list -m -f '{{.Version}}' k8s.io/kubernetes)
kube_package = $(or $(kube_package_$(@F)),k8s.io/kubernetes/cmd/$(@F))
kube_package_etcd := go.etcd.io/etcd/server/v3
kube_package_kwok := sigs.k8s.io/kwok/cmd/kwok

$(kube): $(tools)/kube/go.mod
$(kube135): $(tools)/kube135/go.mod
$(kube) $(kube135):
	@echo 'building $(@F) from the module proxy (once; all of them about ten minutes)'
	@v=$(kube_version) && minor=$${v#v1.} && \
	CGO_ENABLED=0 go -C $(<D) build -o $@ -ldflags "-X k8s.io/component-base/version.gitVersion=$$v \
		-X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=$${minor%%.*}" $(kube_package)

# The stages say how kwok simulates pods and nodes. They are in its module.
bin/tools/kwok-stages.yaml: $(tools)/kube/go.mod
	@mkdir -p bin/tools
	@stages=$$(go -C $(tools)/kube list -m -f '{{.Dir}}' sigs.k8s.io/kwok)/kustomize/stage && \
	for f in $$stages/pod/fast/pod-*.yaml $$stages/node/fast/node-*.yaml $$stages/node/heartbeat-with-lease/node-*.yaml; do \
		echo ---; cat $$f; done > $@

$(kyverno): $(tools)/kyverno/go.mod
	@echo "building Kyverno's CLI from the module proxy (once, about 15 minutes)"
	@CGO_ENABLED=0 go -C $(<D) build -o $@ -ldflags '-s -w' github.com/kyverno/kyverno/cmd/cli/kubectl-kyverno

$(helmfile): $(tools)/helmfile/go.mod
	@echo 'building helmfile from the module proxy (once, about five minutes)'
	@CGO_ENABLED=0 go -C $(<D) build -trimpath -o $@ -ldflags '-s -w' github.com/helmfile/helmfile

$(lint): $(tools)/lint/go.mod
	@echo 'building golangci-lint from the module proxy (once, about two minutes)'
	@go -C $(tools)/lint build -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(actions): $(tools)/actionlint/go.mod
	@go -C $(tools)/actionlint build -o $@ github.com/rhysd/actionlint/cmd/actionlint

$(vale): $(tools)/vale/go.mod
	@echo 'building Vale from the module proxy (once, about two minutes)'
	@CGO_ENABLED=1 go -C $(tools)/vale build -o $@ github.com/errata-ai/vale/v3/cmd/vale

$(compared)/tofu: $(tools)/tofu/go.mod
	@echo 'building OpenTofu from the module proxy (once, about five minutes)'
	@CGO_ENABLED=0 go -C $(<D) build -o $@ -ldflags '-s -w' github.com/opentofu/opentofu/cmd/tofu

# Versions 2 and 3 of the provider are not on the module proxy.
$(compared)/terraform-provider-helm: $(tools)/helm-provider/go.mod
	@echo "building Terraform's Helm provider from the module proxy (once, about two minutes)"
	@CGO_ENABLED=0 go -C $(<D) build -o $@ github.com/hashicorp/terraform-provider-helm

# kpt itself needs a module that is not on the proxy. This is its command fn.
$(compared)/kpt-fn: $(tools)/kpt/go.mod $(tools)/kpt/main.go
	@echo 'building kpt fn from the module proxy (once, about two minutes)'
	@CGO_ENABLED=0 go -C $(<D) build -o $@ .

$(compared)/yq: testdata/bench/yq/go.mod
	@go -C testdata/bench/yq build -o $@ github.com/mikefarah/yq/v4

$(compared)/kustomize: testdata/bench/kustomize/go.mod
	@go -C testdata/bench/kustomize build -o $@ sigs.k8s.io/kustomize/kustomize/v5

$(compared)/kio: testdata/bench/kio/go.mod testdata/bench/kio/main.go
	@go -C testdata/bench/kio build -o $@ .
