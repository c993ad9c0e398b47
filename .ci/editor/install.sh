#!/usr/bin/env bash
# Installs the YAML language server that editors use, and prints its path. Needs npm.
set -euo pipefail
dir=${WSRUN_EDITOR_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/wsrun-editor}
version=1.25.0
server=$dir/$version/node_modules/.bin/yaml-language-server
if [ ! -x "$server" ]; then
  mkdir -p "$dir/$version"
  npm install --prefix "$dir/$version" --no-save --no-audit --no-fund --silent "yaml-language-server@$version" >&2
fi
echo "$server"
