.PHONY: help test bench truth engines browser editor generate build
# The race detector needs a C compiler: on wherever there is one.
RACE := $(shell [ "$$(go env CGO_ENABLED)" = 1 ] && command -v "$$(go env CC)" >/dev/null 2>&1 && echo -race)

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' Makefile

test: ## all tests; with the race detector where there is a C compiler
	go test $(RACE) ./...

bench: ## speed and memory: CPU per event against a plain reader, allocations, record, stack
	go test -run '^$$' -bench . -benchmem ./...

truth: ## real sockets: what wsrun measures against what the simulator logged
	WSRUN_TRUTH=1 go test -count=1 -timeout 10m -run Truth -v ./cmd/wsrun/

engines: ## a real llama-server with three cache sizes (needs python3, installs it in a cache folder)
	WSRUN_ENGINES="$$(.ci/engines/install.sh | tr '\n' ':')" go test -count=1 -timeout 15m -run Engines -v ./cmd/wsrun/

browser: ## the pages in a headless Chromium without a network; WSRUN_CHROMIUM says where it is, WSRUN_SCREENSHOTS keeps pictures
	go test -count=1 -p 1 -timeout 15m -tags browser -run TestBrowser -v ./internal/report/html/ ./cmd/wsrun/

editor: ## the schema in yaml-language-server: what is underlined, completed, explained (needs npm)
	WSRUN_YAML_LSP="$$(.ci/editor/install.sh)" go test -count=1 -timeout 5m -run TestEditor -v ./schema/

generate: ## schema and generated docs again
	go generate ./...

build: ## the binary, ./wsrun
	go build -trimpath -o wsrun ./cmd/wsrun
