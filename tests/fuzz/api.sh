#!/usr/bin/env bash
# Tries a running daemon with what its own description of the API allows, and with what it does not: `tests/fuzz/api.sh SLUICE [EXAMPLES]`.
# Whatever is answered must be in the description; nothing may be a 5xx, and nothing may hang. Needs schemathesis (`SCHEMATHESIS`, or in the PATH); `SEED` makes it try the same again.
set -euo pipefail

sluice=$(realpath "${1:?the path of the program}")
examples=${2:-20}
here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
schemathesis=${SCHEMATHESIS:-schemathesis}

project=$(mktemp -d)
daemon=""
finish() {
    if [ -n "$daemon" ]; then
        kill "$daemon" 2>/dev/null || true
        wait "$daemon" 2>/dev/null || true
    fi
    (cd "$project" && "$sluice" deployments stop breast-cancer >/dev/null 2>&1) || true
    rm -rf "$project"
}
trap finish EXIT

# A project with everything that the API tells of: models, deployments, tables, a gate, schedules, triggers, and a file that is broken.
touch "$project/sluice.toml"
mkdir "$project/workflows"
cp -r "$repository/workflows/data" "$repository/workflows/breast-cancer.toml" "$project/workflows/"
cp "$here"/workflows/*.toml "$project/workflows/"
cd "$project"
export SLUICE_HOME="$project/.sluice" SLUICE_FUZZ_HOOK=secret
"$sluice" run workflows/breast-cancer.toml >/dev/null
"$sluice" run workflows/quick.toml >/dev/null
token=$("$sluice" tokens add fuzz --role admin 2>/dev/null)

"$sluice" serve --bind 127.0.0.1:0 --address-file address >log 2>&1 &
daemon=$!
for _ in $(seq 200); do
    [ -e address ] && break
    sleep 0.05
done
url="http://$(cat address)"
# A run and its artifacts by their real names: what is made up is only ever not found.
run=$("$sluice" runs list --workflow breast-cancer --format json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["id"])')
hash=$(find .sluice/artifacts -type f -size -64k | sort | head -n 1 | sed 's,.*/\(..\)/\([0-9a-f]*\)$,\1\2,')
sed -e "s/RUN/$run/" -e "s/HASH/$hash/" "$here/known.toml" >known.toml
cp "$here/schemathesis.toml" schemathesis.toml

try() {
    "$schemathesis" --config-file "$1" run "$url/api/openapi.json" --header "Authorization: Bearer $token" \
        --request-timeout 10 --max-examples "$examples" --continue-on-failure --no-color ${SEED:+--seed "$SEED"} "${@:2}"
}
try known.toml --phases coverage,fuzzing
try schemathesis.toml
grep -q panicked log && { echo "error: a request panicked:" >&2; cat log >&2; exit 1; }
python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=5)' "$url/health"
