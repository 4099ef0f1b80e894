#!/bin/sh
# Runs the checks and the tests; sets up what they need first. Needs npm and any Node >= 18.
#   test/run.sh [--check-only | --watch] [--long] [TEST FILE ..]
#   test/run.sh --hosts
# --check-only  types, lint and format, no tests
# --watch       tests only, again on every change
# --long        also the tests that take minutes (F2B_LONG=1)
# --hosts       only the tests on whole Debian hosts, which they make in a temporary folder; takes many minutes
# F2B_FAIL2BAN_SOURCE=DIR  with --long: a source tree of fail2ban whose samples are replayed as well (Debian 13: apt-get source)
# With F2B_CI=1 a skipped test is a failure, unless it is one of the long ones.
set -eu
cd "$(dirname "$0")/.."
unset NODE_OPTIONS NODE_PATH NODE_TEST_CONTEXT F2B_CONFIG # they would reach the programs under test

checks=yes tests=yes watch= hosts=
while [ $# -gt 0 ]; do
  case $1 in
    --check-only) tests= ;;
    --watch) checks= watch=--watch ;;
    --long) F2B_LONG=1; export F2B_LONG ;;
    --hosts) hosts=yes checks= ;;
    -*) echo "usage: test/run.sh [--check-only | --watch | --hosts] [--long] [TEST FILE ..]" >&2; exit 2 ;;
    *) break ;;
  esac
  shift
done

sh ./build.sh --setup
case $(uname -m) in aarch64) arch=arm64 ;; *) arch=x64 ;; esac
node=$PWD/node_modules/node-linux-$arch/bin/node

if [ -t 1 ]; then colours=; else colours=--colors=off; fi
if [ -n "$checks" ]; then
  echo "types"
  "$node" node_modules/typescript/bin/tsc --noEmit -p .
  echo "lint and format"
  "$node" node_modules/@biomejs/biome/bin/biome ci --error-on-warnings $colours .
fi
[ -n "$tests" ] || exit 0

sh ./build.sh
F2B_BINARY=$PWD/dist/f2b
export F2B_BINARY

notes=$(mktemp -d)
trap 'rm -rf "$notes"' EXIT
trap 'exit 1' HUP INT TERM
if [ -n "$hosts" ]; then
  F2B_LONG=1 F2B_HOSTS=$notes
  export F2B_LONG F2B_HOSTS
  [ $# -gt 0 ] || set -- 'test/hosts/*.test.ts'
fi
[ $# -gt 0 ] || set -- 'test/**/*.test.ts'
# A test that hangs is ended, and a file as a whole too. Most of the waiting is for kernels and clocks, so
# one file more than there are processors.
if [ -n "${F2B_LONG:-}" ]; then limit=1800000; else limit=300000; fi
code=0
"$node" --test $watch --test-timeout=$limit --test-concurrency=$(($(nproc) + 1)) \
  --test-reporter=spec --test-reporter-destination=stdout \
  --test-reporter=./test/skipped.ts --test-reporter-destination="$notes/skipped" \
  "$@" </dev/null || code=$?

if [ -s "$notes/skipped" ]; then
  echo
  echo "skipped:"
  cat "$notes/skipped"
  if [ -n "${F2B_CI:-}" ] && grep -qv ': long: ' "$notes/skipped"; then
    echo "F2B_CI is set: a skipped test is a failure" >&2
    [ "$code" -ne 0 ] || code=1
  fi
fi
exit "$code"
