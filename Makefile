# make help lists the targets. Everything that is built stands in bin/ and
# .build/; nothing but Go is needed, and gcc for the race detector.

# What the history and --version say of this program.
RELEASE ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)

# Lambda's processor; the local targets build for this machine.
GOARCH ?= arm64

# lambda.norpc leaves out the runtime that Lambda no longer has.
LDFLAGS  = -s -w -X main.release=$(RELEASE)
FUNCTION = go build -tags lambda.norpc -trimpath -ldflags "$(LDFLAGS)"

# The release comes from git describe; Go's own stamp would fail the build of
# a checkout that belongs to another user.
export GOFLAGS := -buildvcs=false $(GOFLAGS)

# The race detector needs a C compiler.
RACE = $(shell command -v $$(go env CC) >/dev/null 2>&1 && echo -race)

ECHO = ./function/amazon/lambdatest/testdata/echo

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[A-Za-z-]+:.*## / { printf "  make %-22s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: build
build: ## bin/aurora-migrate, the command line
	CGO_ENABLED=0 go build -trimpath -ldflags "$(LDFLAGS)" -o bin/aurora-migrate ./function/cmd/aurora-migrate

.PHONY: build-RunnerFunction build-PlannerFunction
build-RunnerFunction: ## ARTIFACTS_DIR/bootstrap for Lambda (sam build calls it); GOARCH=arm64 or amd64
	@test -n "$(ARTIFACTS_DIR)" || { echo "say where to: make $@ ARTIFACTS_DIR=directory" >&2; exit 2; }
	@mkdir -p "$(ARTIFACTS_DIR)"
	CGO_ENABLED=0 GOOS=linux GOARCH=$(GOARCH) $(FUNCTION) -o "$(ARTIFACTS_DIR)/bootstrap" ./function

build-PlannerFunction: build-RunnerFunction ## the same: one binary, two functions

.PHONY: local
local:
	@CGO_ENABLED=0 GOARCH= $(FUNCTION) -o .build/local/bootstrap ./function
	@GOARCH= go build -o .build/local/local ./function/cmd/local

.PHONY: run
run: local ## plan, apply and status on a new database, on this machine; MAJOR=15 to 18, MIGRATE_DEV_URL for a server of yours
	@.build/local/local $(if $(MAJOR),-major $(MAJOR)) run

PORT ?= 9001
.PHONY: up
up: local ## the same left running, for aws, sam and psql; PORT=9001, MAJOR=15 to 18
	@.build/local/local $(if $(MAJOR),-major $(MAJOR)) -port $(PORT) up

.PHONY: test
test: ## all tests, each database test against a real server
	@test -n "$(RACE)" || echo "There is no C compiler here, so without the race detector, which needs one: install gcc." >&2
	go test $(RACE) -shuffle=on -parallel 6 ./...

.PHONY: test-all-majors
test-all-majors: ## the database tests on PostgreSQL 15, 16, 17 and 18
	@packages=$$(go list -f '{{.ImportPath}} {{.Imports}} {{.TestImports}} {{.XTestImports}}' ./... | grep -E '/postgres/(pgtest|devdb)' | cut -d ' ' -f 1) || exit 1; \
	for major in 15 16 17 18; do \
		echo "PostgreSQL $$major"; \
		MIGRATE_TEST_MAJOR=$$major go test -shuffle=on $$packages || exit 1; \
	done

.PHONY: chaos
chaos: ## of what make test tries a part, all: an apply that dies at every message, each kind of change
	MIGRATE_TEST_CHAOS=1 go test $(RACE) -timeout 3h -run 'Dying|reachesTheDesired|seesEachKindOfChange|WritesTheSameFile' ./function/pipeline ./function/authoring ./function/cmd/aurora-migrate

.PHONY: lint
lint: ## gofmt, go vet, staticcheck, go mod tidy, govulncheck
	@unformatted=$$(gofmt -l function migrations tools) || exit 1; \
	test -z "$$unformatted" || { echo "gofmt -w these:"; echo "$$unformatted"; exit 1; } >&2
	go vet ./... $(ECHO)
	go -C tools build -o ../.build/tools/ tool
	.build/tools/staticcheck ./... $(ECHO)
	@for module in . tools $(patsubst %/go.mod,%,$(wildcard tools/*/go.mod)); do \
		echo "go -C $$module mod tidy -diff"; \
		go -C $$module mod tidy -diff || exit 1; \
	done
	@mkdir -p .build; .build/tools/govulncheck ./... >.build/govulncheck.txt 2>&1 && cat .build/govulncheck.txt || { \
		if grep -q 'vuln\.go\.dev' .build/govulncheck.txt; then echo "govulncheck: its data (https://vuln.go.dev) is out of reach from here, so nothing was checked"; \
		else cat .build/govulncheck.txt; exit 1; fi; }

.PHONY: check
check: build ## whether migrations/, replay.json in it and schema/ fit one another
	bin/aurora-migrate check

.PHONY: bench
bench: ## the numbers: sizes, times, round trips, against psql in the same run
	go test -run '^$$' -bench . -benchmem ./...

FUZZTIME ?= 10s
.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME=10s
	@grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' function | sed 's/^\(.*\)\/[^/]*:func /\1 /' | while read -r dir name; do \
		echo "$$name in $$dir"; \
		go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "./$$dir" || exit 1; \
	done

.PHONY: clean
clean: ## remove what was built
	rm -rf bin .build .aws-sam

# ---- AWS, without an account: tools/cloud ----

PYTHON     ?= python3
CLOUD       = .build/python/cloud
CHECKOV     = .build/python/checkov
ACTIONLINT  = github.com/rhysd/actionlint/cmd/actionlint@v1.7.7

# Python packages in a place of their own; the list is whole, each pinned by hash.
$(CLOUD)/ready: tools/cloud/requirements.txt
	@echo "Fetching the SAM CLI and moto (once)"
	@rm -rf $(CLOUD)
	@$(PYTHON) -m venv $(CLOUD) || { echo "Python 3.11 or newer with venv is needed (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	@$(CLOUD)/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

$(CHECKOV)/ready: tools/cloud/requirements-checkov.txt
	@echo "Fetching checkov (once)"
	@rm -rf $(CHECKOV)
	@$(PYTHON) -m venv $(CHECKOV)
	@$(CHECKOV)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.PHONY: cloud
cloud: $(CLOUD)/ready ## the real SAM CLI builds, deploys, plans and applies, against a stand-in for AWS
	@GOARCH= $(CLOUD)/bin/python -B tools/cloud/walk.py

.PHONY: cloud-retries
cloud-retries: $(CLOUD)/ready ## two minutes of the SAM CLI's silent retries of one apply: one run, five equal answers
	@GOARCH= $(CLOUD)/bin/python -B tools/cloud/retries.py

.PHONY: test-cloud
test-cloud: $(CLOUD)/ready ## what template.yaml grants and opens, and the workflow, executed
	@$(CLOUD)/bin/cfn-lint --regions us-east-1 --template template.yaml
	@$(CLOUD)/bin/python -B -m pytest --quiet -p no:cacheprovider tools/cloud

.PHONY: checkov
checkov: $(CHECKOV)/ready ## a second opinion on template.yaml; each exception has its reason there
	@$(CHECKOV)/bin/checkov --file template.yaml --framework cloudformation --compact --quiet --skip-download

.PHONY: lint-workflows
lint-workflows: ## actionlint
	go run $(ACTIONLINT) .github/workflows/*.yaml
