#!/bin/sh
# Makes the one file f2b is: dist/f2b, or dist/f2b-ARCH for an architecture that is not this machine's.
#   ./build.sh [--arch x64|arm64] [--out DIR] [--quiet] [--setup]
#   ./build.sh --release [--arch x64|arm64 ..] [--out DIR] [--quiet]
# --setup only installs what package-lock.json names (also what test/run.sh calls first).
# --release makes archives and packages for both architectures in dist/release; see share/packages/release.sh.
# Needs npm and any Node >= 18; everything else comes from package-lock.json. `strip` is used where it exists.
# The same inputs give the same bytes, wherever and whenever it is run.
set -eu
LC_ALL=C
export LC_ALL
unset NODE_OPTIONS NODE_PATH CDPATH # a V8 flag from outside would end up in the code cache
cd "$(dirname "$0")"

if [ "${1:-}" = --release ]; then
  shift
  exec sh share/packages/release.sh "$@"
fi

case $(uname -s)-$(uname -m) in
  Linux-x86_64) host=x64 ;;
  Linux-aarch64) host=arm64 ;;
  *) echo "build.sh: cannot build on $(uname -sm): x86-64 and arm64 Linux only" >&2; exit 1 ;;
esac
arch=$host out=dist quiet= setup=

fail() { echo "build.sh: $*" >&2; exit 1; }
say() { [ -n "$quiet" ] || echo "$*"; }
usage() { echo "usage: ./build.sh [--arch x64|arm64] [--out DIR] [--quiet] [--setup]" >&2; exit 2; }

while [ $# -gt 0 ]; do
  case $1 in
    --arch) [ $# -gt 1 ] || usage; arch=$2; shift ;;
    --out) [ $# -gt 1 ] || usage; out=$2; shift ;;
    --quiet) quiet=yes ;;
    --setup) setup=yes ;;
    *) usage ;;
  esac
  shift
done
case $arch in x64 | arm64) ;; *) fail "cannot build for \"$arch\": write x64 or arm64" ;; esac
case $out in -*) out=./$out ;; esac

# One build at a time in a folder: a second one waits, and then finds its work done.
exclusively() {
  mkdir -p "$(dirname "$1")"
  if command -v flock >/dev/null 2>&1; then exec 9>"$1"; flock 9; fi
}

# --- 1. node_modules, as package-lock.json has it -----------------------------------------------------------
installed() {
  [ -x "node_modules/node-linux-$host/bin/node" ] || return 1
  cmp -s package-lock.json node_modules/.f2b-lock || [ node_modules/.package-lock.json -nt package-lock.json ]
}
if ! installed; then
  command -v npm >/dev/null 2>&1 || fail "cannot find npm: install Node.js 18 or newer with npm"
  exclusively "${TMPDIR:-/tmp}/f2b-setup-$(id -u)/lock"
  if ! installed; then
    say "installing the packages of package-lock.json"
    npm ci --include=dev --include=optional --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null >/dev/null ||
      fail "npm ci failed"
    cp package-lock.json node_modules/.f2b-lock
  fi
  exec 9>&-
fi
node=$PWD/node_modules/node-linux-$host/bin/node
"$node" --version >/dev/null || fail "the pinned Node does not run here: it needs glibc 2.28 and libstdc++"
[ -z "$setup" ] || exit 0

# --- 2. nothing to do when nothing changed ---------------------------------------------------------------------
if [ "$arch" = "$host" ]; then name=f2b; else name=f2b-$arch; fi
mkdir -p "$out"
exclusively "$out/.lock"
strip=
if [ "$arch" = "$host" ]; then tools='strip eu-strip'
elif [ "$arch" = arm64 ]; then tools='aarch64-linux-gnu-strip eu-strip'
else tools='x86_64-linux-gnu-strip eu-strip'
fi
for tool in $tools; do
  if command -v "$tool" >/dev/null 2>&1; then strip=$tool; break; fi
done

inputs() {
  echo "$arch $strip ${F2B_COMMIT:-}"
  for path in build.sh package.json package-lock.json src filter.d jail.d action.d share/*.*; do
    [ ! -e "$path" ] || find "$path" -type f ! -name '.*' -print0
  done | sort -z | xargs -0 sha256sum
}
stamp=$(inputs | sha256sum | cut -d' ' -f1)
if [ -x "$out/$name" ] && [ "$(cat "$out/.$name.stamp" 2>/dev/null)" = "$stamp $(wc -c <"$out/$name")" ]; then
  say "$out/$name is up to date"
  exit 0
fi

# --- 3. one script ---------------------------------------------------------------------------------------------
# First the source file that is made: the WebAssembly of the finder, from its AssemblyScript.
"$node" src/filter/fast/wasm/compile.js || fail "cannot compile src/filter/fast/wasm/scan.ts"
rm -rf "$out"/.build-*
work=$(mktemp -d "$out/.build-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
version=$("$node" -p 'require("./package.json").version')
say "building f2b $version for $arch"
# Names, spaces and comments would stay in memory; docs/decisions.md says how a trace is read all the same.
# ASCII only: with one other character V8 keeps two bytes for each.
"node_modules/@esbuild/linux-$host/bin/esbuild" src/main.ts --bundle --platform=node --format=cjs --target=node24 \
  --preserve-symlinks --minify-syntax --minify-identifiers --minify-whitespace --line-limit=160 --charset=ascii \
  --legal-comments=inline --inject:src/base/monotonic.ts --log-level=warning \
 "--define:F2B_VERSION=\"$version\"" "--define:F2B_COMMIT=\"${F2B_COMMIT:-}\"" '--define:import.meta.dirname=""' "--outfile=$work/f2b.js"
"$node" --input-type=module -e '
  import { writeFileSync } from "node:fs";
  import { embeddedFiles } from "./src/base/embedded.ts";
  writeFileSync(process.argv[1], JSON.stringify(Object.fromEntries(embeddedFiles())));
' "$work/defaults.json"

# --- 4. the runtime, without its debugging symbols: before injecting, afterwards it would break the file -------------
# npm installs only what fits this machine, so the other runtime is fetched, and checked as npm would.
fetch() {
  pin=$("$node" -p 'const p = require("./package-lock.json").packages["node_modules/" + process.argv[1]];
    p.version + " " + p.integrity' "$1")
  file=node_modules/.cache/f2b/$1-${pin%% *}.tgz
  mkdir -p node_modules/.cache/f2b
  if [ ! -f "$file" ]; then
    say "fetching $1@${pin%% *}"
    npm pack "$1@${pin%% *}" --pack-destination node_modules/.cache/f2b --loglevel=error </dev/null >/dev/null ||
      fail "cannot fetch $1@${pin%% *}"
  fi
  "$node" -e 'const [file, wanted] = process.argv.slice(1);
    const hash = require("crypto").createHash("sha512").update(require("fs").readFileSync(file)).digest("base64");
    process.exit(`sha512-${hash}` === wanted ? 0 : 1)' "$file" "${pin#* }" ||
    { rm -f "$file"; fail "$1@${pin%% *} is not the file that package-lock.json names"; }
  tar -xzf "$file" -C "$work" package/bin/node
}
if [ "$arch" = "$host" ]; then
  from=$node
else
  fetch "node-linux-$arch"
  from=$work/package/bin/node
fi
if [ -n "$strip" ] && "$strip" -o "$work/$name" "$from" 2>"$work/strip.log"; then :; else
  say "no tool to strip the debugging symbols (${strip:-binutils or elfutils has one}): the file is about 20 MB larger"
  cp "$from" "$work/$name"
fi
chmod 755 "$work/$name"

# --- 5. the script into the runtime ----------------------------------------------------------------------------
# Code cache: the script starts compiled; it only suits the architecture it was made on.
# execArgvExtension none: a stray NODE_OPTIONS must not reach a root daemon. --inspect-port: nor may a signal open a debugging
# port; that address is nobody's (RFC 5737), and --disable-sigusr1 would block the signal that has f2b open its log anew.
# --openssl-config: a file that OPENSSL_CONF names may name a library to load. One small young generation and one helper thread keep the idle daemon small.
if [ "$arch" = "$host" ]; then cache=true; else cache=false; fi
cat >"$work/sea.json" <<JSON
{
  "main": "f2b.js",
  "output": "f2b.blob",
  "disableExperimentalSEAWarning": true,
  "useSnapshot": false,
  "useCodeCache": $cache,
  "execArgv": ["--max-semi-space-size=1", "--v8-pool-size=1", "--inspect-port=192.0.2.1:9229", "--openssl-config=/dev/null"],
  "execArgvExtension": "none",
  "assets": { "defaults": "defaults.json" }
}
JSON
# Relative paths and a fixed seed: both end up in the blob.
(cd "$work" && "$node" --random-seed=1 --experimental-sea-config sea.json >sea.log 2>&1) ||
  { cat "$work/sea.log" >&2; fail "node cannot prepare the script"; }
"$node" node_modules/postject/dist/cli.js "$work/$name" NODE_SEA_BLOB "$work/f2b.blob" \
  --sentinel-fuse NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2 >"$work/postject.log" 2>&1 ||
  { cat "$work/postject.log" >&2; fail "postject cannot put the script into the runtime"; }

# --- 6. does it run? ------------------------------------------------------------------------------------------
if [ "$arch" = "$host" ]; then
  # A word on stderr is a fault too: Node warns there when it has to throw the code cache away.
  said=$(env -i "$work/$name" version </dev/null 2>"$work/run.log") && [ ! -s "$work/run.log" ] ||
    { cat "$work/run.log" >&2; fail "the new file does not run as it should"; }
else
  said="not run: this machine is $host"
fi
# postject wrote it in one go: such a file lies in the page cache in pieces of 2 MB, which the kernel maps as a whole, so that a
# process looks 20 MB larger in memory until the cache lets go of them.
cat "$work/$name" >"$work/copy"
chmod 755 "$work/copy"
mv -f "$work/copy" "$out/$name"
size=$(wc -c <"$out/$name")
echo "$stamp $size" >"$out/.$name.stamp"
say "$out/$name: $((size / 1000000)).$((size / 100000 % 10)) MB, $said"
