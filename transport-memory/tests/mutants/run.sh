#!/usr/bin/env bash
# Reports after how many events each mutant is noticed, without and with the check of the
# invariants after every input. Run it in the root of a clean checkout; it restores the files.
set -euo pipefail
for patch in transport-memory/tests/mutants/*.patch; do
    git apply "$patch"
    trap 'git apply -R "$patch"' EXIT
    for option in "" --check-invariants; do
        found=$(cargo run -q -p multifeed-memory --example first_failure -- $option 2>/dev/null)
        printf '%-28s %-20s %s\n' "$(basename "$patch" .patch)" "${option:-laws only}" "$found"
    done
    git apply -R "$patch"
    trap - EXIT
done
