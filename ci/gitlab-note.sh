#!/usr/bin/env bash
# Writes OUT/diff.md into the one note of a GitLab merge request. It changes its own note
# only, and writes a first one only when there is something to say. It needs NOTE_TOKEN;
# without one, as in the pipeline of a fork, it says so and does not fail.
set -euo pipefail

MARKER='<!-- wsrun diff: one note, kept up to date -->'
body="${OUT:=.}/note.md"
{ printf '%s\n' "$MARKER"; cat "$OUT/diff.md"; } >"$body"

if [ -z "${NOTE_TOKEN:-}" ]; then
  echo "no note is written: NOTE_TOKEN is not set; the difference is in $OUT/diff.md"
  exit 0
fi
case "${CI_MERGE_REQUEST_IID:-}" in
'' | *[!0-9]*) echo "CI_MERGE_REQUEST_IID is no number of a merge request" >&2; exit 2 ;;
esac
notes="${CI_API_V4_URL:?}/projects/${CI_PROJECT_ID:?}/merge_requests/$CI_MERGE_REQUEST_IID/notes"

# The token goes through a file that curl reads, not through the list of processes.
call() { curl --silent --show-error --fail --config <(printf 'header = "PRIVATE-TOKEN: %s"\n' "$NOTE_TOKEN") "$@"; }

me="$(call "$CI_API_V4_URL/user" | jq -r .id)"
id="$(call "$notes?per_page=100&sort=asc" | jq -r --arg marker "$MARKER" --argjson me "$me" \
  'map(select(.author.id == $me and (.body | startswith($marker))))[0].id // empty')"
if [ -z "$id" ] && grep -q '^### no change' "$body"; then
  exit 0
fi
if [ -n "$id" ]; then
  call --request PUT --data-urlencode "body@$body" "$notes/$id" >/dev/null
else
  call --request POST --data-urlencode "body@$body" "$notes" >/dev/null
fi
