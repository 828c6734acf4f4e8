#!/bin/sh
# Runs what can be run where there is no SDK and no network: tests, digests, benchmarks.
#   ./run.sh [tests] [digests] [bench]    all three without arguments
# Results go to $OUT (./out without it). SCALE is that of the benchmarks (quick), ENGINES and PEERS theirs.
set -u
here=$(cd "$(dirname "$0")" && pwd)
out=${OUT:-$here/out}
mkdir -p "$out"

# The machine may have no ICU; no number is written or read by a culture here.
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
unset DOTNET_ROOT

app=$here/app
failed=0
say() { printf '\n== %s\n' "$*"; }

run_tests() {
  say "tests"
  echo "not run, for they need the SDK, a browser or DuckDB: command line, packages, repository, run folder, scripting, scripts, theory commands, theory document"
  : >"$out/tests.txt"
  for list in randomness kernels priors engines statistics "results and plans" benchmarks; do
    "$app/Collapse.Tests" --filter-test-list "$list" >"$out/tests.part" 2>&1 || failed=1
    cat "$out/tests.part" >>"$out/tests.txt"
    grep -E '^skipped: ' "$out/tests.part"
    printf '%s: %s\n' "$list" "$(tail -n 1 "$out/tests.part")"
  done
  rm -f "$out/tests.part"
}

# One digest a job on every engine, or the bundle fails.
run_digests() {
  say "digests"
  "$app/Collapse.Cli" devices
  : >"$out/digests.txt"
  engines=$(echo "${ENGINES:-cpu,cuda,opencl}" | tr , ' ')
  for engine in $engines; do
    if ! "$app/Collapse.Cli" run --engine "$engine" --prior uniform:2 --samples 1 --generations 1 >/dev/null 2>"$out/error.txt"; then
      printf '%s absent: %s\n' "$engine" "$(head -n 1 "$out/error.txt")" | tee -a "$out/digests.txt"
      engines=$(echo "$engines" | tr ' ' '\n' | grep -vx "$engine" | tr '\n' ' ')
    fi
  done
  while IFS='|' read -r name arguments; do
    expected=
    for engine in $engines; do
      # shellcheck disable=SC2086
      if ! json=$("$app/Collapse.Cli" run --engine "$engine" --json $arguments 2>"$out/error.txt"); then
        printf '%s %s FAILED: %s\n' "$name" "$engine" "$(head -n 1 "$out/error.txt")" | tee -a "$out/digests.txt"
        failed=1
        continue
      fi
      digest=$(printf '%s' "$json" | sed -n 's/.*"digest" *: *"\([0-9a-f]*\)".*/\1/p')
      seconds=$(printf '%s' "$json" | sed -n 's/.*"seconds" *: *\([0-9.eE+-]*\).*/\1/p')
      verdict=
      [ -n "$digest" ] || verdict=' NO DIGEST'
      [ -z "$expected" ] || [ "$digest" = "$expected" ] || verdict=' DIFFERS'
      [ -z "$verdict" ] || failed=1
      expected=${expected:-$digest}
      printf '%s %s %s %s s%s\n' "$name" "$engine" "$digest" "$seconds" "$verdict" | tee -a "$out/digests.txt"
    done
  done <<'JOBS'
fully-synthetic|--prior zipf:1000:1.0 --contexts 2000 --samples 1000 --generations 100
until-collapse|--prior power:600:52:0.1 --contexts 10000 --samples 50 --until-collapse
large-vocabulary|--prior zipf:200000:1.0 --contexts 20000 --samples 100 --generations 20
partially-synthetic|--prior zipf:1000:1.0 --scenario partially-synthetic --real 1000 --contexts 500 --samples 1000 --generations 50
recent-models|--prior zipf:1000:1.0 --scenario recent-models --window 7 --contexts 500 --samples 700 --generations 50
random-models|--prior zipf:1000:1.0 --scenario random-models --contexts 50 --samples 1000 --generations 100
large-sets|--prior zipf:3000:1.0 --contexts 8 --samples 70000 --generations 30
JOBS
  rm -f "$out/error.txt"
}

run_bench() {
  say "benchmarks"
  "$app/Collapse.Benchmarks" --scale "${SCALE:-quick}" --engines "${ENGINES:-cpu,cuda}" --peers "${PEERS:-numpy,cupy,torch}" \
    --json "$out/bench.json" >"$out/bench.txt" 2>"$out/bench.log" || failed=1
  cat "$out/bench.txt"
}

[ $# -gt 0 ] || set -- tests digests bench
for part; do
  case $part in
  tests) run_tests ;;
  digests) run_digests ;;
  bench) run_bench ;;
  *)
    echo "run.sh takes tests, digests and bench" >&2
    exit 2
    ;;
  esac
done

[ "$failed" = 0 ] && say "all passed" || say "SOMETHING FAILED"
exit "$failed"
