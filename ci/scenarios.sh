#!/usr/bin/env bash
# What a review of scenarios needs, step by step; action.yml and docs/ci.md use it.
#
#   scenarios.sh validate   every problem of every file
#   scenarios.sh diff       what the change means: annotations, diff.md and diff.json
#   scenarios.sh simulate   runs files on the built-in simulator
#   scenarios.sh comment    writes diff.md into the one comment of a pull request
#
# Everything comes from the environment, nothing is put into a command's text:
#
#   TOOL       the wsrun binary
#   FILES      scenario files or directories, one a line
#   AGAINST    the revision to hold them against; empty: the first parent of a merge
#              commit (which is what a pull request is checked out as), else BASE
#   BASE       the commit that a change is based on
#   FAIL_ON    classes that fail, with commas
#   VARIABLES  NAME=value lines: what scenarios may read as ${NAME}
#   OUT        a directory for what is written
#   SUMMARY    a file that takes Markdown: the job's summary
#
# A scenario of somebody else's branch is run here, so wsrun gets an environment of its
# own: no secret of the job is in it, whatever its name, and no command may be run.
set -euo pipefail

: "${TOOL:=wsrun}" "${OUT:=.}" "${SUMMARY:=/dev/null}"
mkdir -p "$OUT"

# lines VALUE: its lines that are not empty, into the array LINES.
lines() {
  LINES=()
  local line
  while IFS= read -r line || [ -n "$line" ]; do
    line="${line%$'\r'}"
    if [ -n "${line//[[:space:]]/}" ]; then LINES+=("$line"); fi
  done <<<"$1"
}

# allow: the variables that were given may be read whatever their names: --env NAME for each,
# into the array ALLOW.
allow() {
  ALLOW=()
  local line
  lines "${VARIABLES:-}"
  for line in ${LINES[@]+"${LINES[@]}"}; do ALLOW+=(--env "${line%%=*}"); done
}

# print FILE...: text that the pull request chose, into the log. GitHub takes commands from
# any line that a step prints, so it is told to read none until the word that is drawn here.
print() {
  local word=""
  if [ "${GITHUB_ACTIONS:-}" = true ]; then
    word="$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
    printf '::stop-commands::%s\n' "$word"
  fi
  cat -- "$@"
  if [ -n "$word" ]; then printf '\n::%s::\n' "$word"; fi
}

# clean COMMAND...: runs it without the job's environment.
clean() {
  local keep=(PATH="$PATH" HOME="${HOME:-/nonexistent}" TMPDIR="${TMPDIR:-/tmp}" NO_COLOR=1)
  local line
  lines "${VARIABLES:-}"
  for line in ${LINES[@]+"${LINES[@]}"}; do
    if ! [[ "$line" =~ ^[A-Za-z_][A-Za-z0-9_]*= ]]; then
      echo "VARIABLES: write NAME=value, one a line, not: $line" >&2
      return 2
    fi
  done
  env -i "${keep[@]}" ${LINES[@]+"${LINES[@]}"} "$@"
}

# code FILE: as a block of code that its text cannot end.
code() { sed 's/^/    /' "$1"; }

files() {
  lines "${FILES:?name the scenario files}"
  if [ ${#LINES[@]} -eq 0 ]; then
    echo "FILES names no file" >&2
    exit 2
  fi
  NAMED=("${LINES[@]}")
  allow
  # A link leads wherever its author likes, and problems quote the line that they are in.
  local name link
  for name in "${NAMED[@]}"; do
    case "$name" in -*) name="./$name" ;; esac
    link="$(find -P "$name" -type l -print 2>/dev/null | head -n 1)" || true
    if [ -n "$link" ]; then
      printf '%s is a link: scenarios in a review are plain files\n' "$link" >"$OUT/problems.txt"
      print "$OUT/problems.txt"
      exit 3
    fi
  done
}

validate() {
  files
  local status=0
  clean "$TOOL" validate ${ALLOW[@]+"${ALLOW[@]}"} -- "${NAMED[@]}" >"$OUT/validate.txt" 2>"$OUT/problems.txt" || status=$?
  print "$OUT/validate.txt" "$OUT/problems.txt"
  if [ "$status" -ne 0 ]; then
    { printf '### Scenarios are not valid\n\n'; code "$OUT/problems.txt"; printf '\n'; } >>"$SUMMARY"
  fi
  return "$status"
}

# merged: a merge commit is checked out that GitHub made, not one of the branch itself.
merged() {
  local head
  head="$(git rev-parse HEAD)" && [ "${GITHUB_SHA:-$head}" = "$head" ] && git rev-parse --quiet --verify 'HEAD^2' >/dev/null
}

against() {
  if [ -n "${AGAINST:-}" ]; then
    printf '%s' "$AGAINST"
  elif merged; then
    printf 'HEAD^1'
  else
    printf '%s' "${BASE:?there is nothing to hold the scenarios against: set AGAINST}"
  fi
}

diff_scenarios() {
  files
  local rev status=0
  rev="$(against)"
  local call=(diff --against "$rev" ${ALLOW[@]+"${ALLOW[@]}"})
  # Its annotations are commands that it has made safe; what it says of problems is text.
  clean "$TOOL" "${call[@]}" --format github -- "${NAMED[@]}" 2>"$OUT/problems.txt" || status=$?
  if [ -s "$OUT/problems.txt" ]; then print "$OUT/problems.txt"; fi
  case "$status" in
  0) ;;
  3) printf '### Scenarios are not valid\n\nThe log of the job names every problem.\n' >"$OUT/diff.md"; return 3 ;;
  *) printf '### The difference could not be worked out\n\nThe log of the job says why.\n' >"$OUT/diff.md"; return "$status" ;;
  esac
  clean "$TOOL" "${call[@]}" --format markdown -- "${NAMED[@]}" >"$OUT/diff.md"
  clean "$TOOL" "${call[@]}" --format json -- "${NAMED[@]}" >"$OUT/diff.json"
  { cat "$OUT/diff.md"; printf '\n'; } >>"$SUMMARY"
  if [ -n "${FAIL_ON:-}" ]; then
    clean "$TOOL" "${call[@]}" --fail-on "$FAIL_ON" -- "${NAMED[@]}" >"$OUT/diff.txt" 2>&1 || status=$?
    print "$OUT/diff.txt"
  fi
  return "$status"
}

# simulate runs each file on its own. One that reaches out in any way (an endpoint,
# telemetry, a reset call, a variable) has its target replaced by the simulator.
simulate() {
  files
  local file worst=0
  for file in "${NAMED[@]}"; do
    local status=0 target=()
    clean "$TOOL" diff ${ALLOW[@]+"${ALLOW[@]}"} --fail-on reach -- /dev/null "$file" >/dev/null 2>&1 || target=(--target simulator)
    clean timeout "${LIMIT:-600}" "$TOOL" run ${target[@]+"${target[@]}"} ${ALLOW[@]+"${ALLOW[@]}"} --output-dir "$OUT/results" -- "$file" >"$OUT/table.txt" 2>"$OUT/run.txt" || status=$?
    print "$OUT/run.txt" "$OUT/table.txt"
    { printf '### On the simulator: exit code %d\n\n' "$status"; code "$OUT/table.txt"; printf '\n'; } >>"$SUMMARY"
    if [ "$worst" -eq 0 ]; then worst="$status"; fi
  done
  return "$worst"
}

MARKER='<!-- wsrun diff: one comment, kept up to date -->'

# comment needs GH_TOKEN, REPOSITORY (owner/name) and NUMBER. It changes its own comment
# only, which a bot wrote or the token's user (the job's own token cannot ask who that is),
# and writes a first one only when there is something to say. Without the right to write (a
# pull request from a fork) it says so and does not fail.
comment() {
  local body="$OUT/comment.md" id me
  { printf '%s\n' "$MARKER"; cat "$OUT/diff.md"; } >"$body"
  case "${NUMBER:-}" in
  '' | *[!0-9]*) echo "NUMBER is no number of a pull request" >&2; return 2 ;;
  esac
  me="$(gh api user --jq .login 2>/dev/null)" || me=""
  if ! id="$(MARKER="$MARKER" ME="$me" gh api --paginate "repos/${REPOSITORY:?}/issues/$NUMBER/comments" \
    --jq '.[] | select((.user.type == "Bot" or .user.login == env.ME) and (.body | startswith(env.MARKER))) | .id')"; then
    echo "::notice::comments cannot be read with this token; the job's summary has the difference"
    return 0
  fi
  id="${id%%$'\n'*}"
  if [ -z "$id" ] && grep -q '^### no change' "$body"; then
    return 0
  fi
  local call=(--method POST "repos/$REPOSITORY/issues/$NUMBER/comments")
  if [ -n "$id" ]; then call=(--method PATCH "repos/$REPOSITORY/issues/comments/$id"); fi
  if ! gh api "${call[@]}" --field "body=@$body" --silent; then
    echo "::notice::no comment was written: the token may not (a pull request from a fork); the job's summary has the difference"
  fi
}

case "${1:-}" in
validate) validate ;;
diff) diff_scenarios ;;
simulate) simulate ;;
comment) comment ;;
*) echo "usage: scenarios.sh validate | diff | simulate | comment" >&2; exit 2 ;;
esac
