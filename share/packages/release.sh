#!/bin/sh
# Makes what is published of a version: ./build.sh --release calls it.
#   share/packages/release.sh [--arch x64|arm64 ..] [--out DIR] [--quiet]
# For each architecture a tar.xz, a DEB and an RPM, with the SBOM and the licences of everything inside; SHA256SUMS of all.
# Needs xz and dpkg-deb; without rpmbuild the RPM is left out, and that is said. The same commit gives the same bytes.
# F2B_XZ=1 compresses quickly and less: for tests.
set -eu
LC_ALL=C TZ=UTC
export LC_ALL TZ
umask 022
cd "$(dirname "$0")/../.."

out=dist/release quiet= arches=
while [ $# -gt 0 ]; do
  case $1 in
    --arch) [ $# -gt 1 ] || exit 2; arches="$arches $2"; shift ;;
    --out) [ $# -gt 1 ] || exit 2; out=$2; shift ;;
    --quiet) quiet=--quiet ;;
    *) echo "usage: ./build.sh --release [--arch x64|arm64 ..] [--out DIR] [--quiet]" >&2; exit 2 ;;
  esac
  shift
done
fail() { echo "release.sh: $*" >&2; exit 1; }
say() { [ -n "$quiet" ] || echo "$*"; }
for tool in xz tar gzip dpkg-deb sha256sum; do
  command -v "$tool" >/dev/null 2>&1 || fail "needs $tool"
done

case $(uname -m) in aarch64) host=arm64 ;; *) host=x64 ;; esac
sh ./build.sh --setup
node=$PWD/node_modules/node-linux-$host/bin/node
version=$("$node" -p 'require("./package.json").version')
# The commit and its time: without git, what the environment says.
F2B_COMMIT=${F2B_COMMIT:-$(git rev-parse HEAD 2>/dev/null || echo unknown)}
[ -z "$(git status --porcelain 2>/dev/null)" ] || F2B_COMMIT=$F2B_COMMIT-changed
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export F2B_COMMIT SOURCE_DATE_EPOCH
level=${F2B_XZ:-9}

mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d "$out/.release-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# What runs here makes manual pages and completions for every architecture.
sh ./build.sh $quiet
own=dist/f2b
made=$work/made
mkdir -p "$made"
for page in f2b.1 f2b-regex.1 f2b-jail.conf.5; do "$own" help --man "$page" | gzip -9n >"$made/$page.gz"; done
for shell in bash zsh fish; do "$own" help --completion "$shell" >"$made/completion.$shell"; done
"$node" share/packages/inside.ts sbom >"$made/sbom.cdx.json"
"$node" share/packages/inside.ts licences >"$made/LICENSES.txt"

put() { install -D -m "$1" "$2" "$3"; }

# The files of a package below $1, of the binary $2. $3 is deb or rpm.
stage() {
  put 755 "$2" "$1/usr/sbin/f2b"
  for unit in f2b.service f2b-once.service f2b-restore.service f2b.timer; do
    mkdir -p "$1/usr/lib/systemd/system"
    sed '/^#.*[Cc]opy this/,/^#   systemctl/d; s|/usr/local/sbin/f2b|/usr/sbin/f2b|g' "share/$unit" >"$1/usr/lib/systemd/system/$unit"
  done
  mkdir -p "$1/etc/logrotate.d"
  sed '/^# Copy this/s|.*|# For /var/log/f2b.log, where f2b logs there. f2b opens the new file by itself before it writes its|' \
    share/f2b.logrotate >"$1/etc/logrotate.d/f2b"
  put 644 "$made/f2b.1.gz" "$1/usr/share/man/man1/f2b.1.gz"
  put 644 "$made/f2b-regex.1.gz" "$1/usr/share/man/man1/f2b-regex.1.gz"
  put 644 "$made/f2b-jail.conf.5.gz" "$1/usr/share/man/man5/f2b-jail.conf.5.gz"
  case $3 in deb) zsh=vendor-completions ;; rpm) zsh=site-functions ;; esac
  put 644 "$made/completion.bash" "$1/usr/share/bash-completion/completions/f2b"
  put 644 "$made/completion.zsh" "$1/usr/share/zsh/$zsh/_f2b"
  put 644 "$made/completion.fish" "$1/usr/share/fish/vendor_completions.d/f2b.fish"
  documents "$1/usr/share/doc/f2b"
  find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
}

documents() {
  for file in README.md CHANGELOG.md LICENSE; do put 644 "$file" "$1/$file"; done
  for file in docs/*.md; do put 644 "$file" "$1/$file"; done
  put 644 share/f2b-exim.conf "$1/examples/f2b-exim.conf"
  put 644 "$made/LICENSES.txt" "$1/LICENSES.txt"
  put 644 "$made/sbom.cdx.json" "$1/sbom.cdx.json"
}

# tar.xz: the binary, units and documents in one folder, for hosts without a package manager.
archive() {
  name=f2b-$version-linux-$1
  root=$work/$name
  documents "$root"
  put 755 "$2" "$root/f2b"
  for file in share/*.service share/*.timer share/f2b.logrotate; do put 644 "$file" "$root/share/${file##*/}"; done
  for file in "$made"/*.gz; do put 644 "$file" "$root/man/${file##*/}"; done
  for shell in bash zsh fish; do put 644 "$made/completion.$shell" "$root/completions/f2b.$shell"; done
  tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -C "$work" -cf - "$name" |
    xz "-$level" >"$out/$name.tar.xz"
  rm -rf "$root"
}

deb() {
  case $1 in x64) deb=amd64 ;; arm64) deb=arm64 ;; esac
  root=$work/deb
  stage "$root" "$2" deb
  # Debian's names for the licence and for the changelog, which its policy wants packed.
  mv "$root/usr/share/doc/f2b/LICENSE" "$root/usr/share/doc/f2b/copyright"
  gzip -9n <CHANGELOG.md >"$root/usr/share/doc/f2b/changelog.gz"
  rm "$root/usr/share/doc/f2b/CHANGELOG.md"
  put 644 share/packages/deb/lintian "$root/usr/share/lintian/overrides/f2b"
  mkdir -p "$root/DEBIAN"
  size=$(du -sk --apparent-size "$root" | cut -f1)
  sed "s/@VERSION@/$version/; s/@ARCH@/$deb/; s/@SIZE@/$size/" share/packages/deb/control >"$root/DEBIAN/control"
  echo /etc/logrotate.d/f2b >"$root/DEBIAN/conffiles"
  for script in postinst prerm postrm; do put 755 "share/packages/deb/$script" "$root/DEBIAN/$script"; done
  (cd "$root" && find usr etc -type f -exec md5sum {} + | sort -k 2) >"$root/DEBIAN/md5sums"
  find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
  dpkg-deb --root-owner-group -Zxz "-z$level" --build "$root" "$out/f2b_${version}_$deb.deb" >/dev/null
  rm -rf "$root"
}

rpm() {
  case $1 in x64) rpm=x86_64 ;; arm64) rpm=aarch64 ;; esac
  if ! command -v rpmbuild >/dev/null 2>&1; then
    echo "release.sh: no rpmbuild: the RPM for $rpm is left out" >&2
    return 0
  fi
  root=$work/rpm
  stage "$root/files" "$2" rpm
  mkdir -p "$root/build"
  rpmbuild --quiet -bb --target "$rpm-linux" \
    --define "_topdir $root/top" --define "_builddir $root/build" --define "_rpmdir $root/rpms" \
    --define "staged $root/files" --define "version_of_f2b $version" \
    --define "_buildhost localhost" --define "use_source_date_epoch_as_buildtime 1" \
    --define "clamp_mtime_to_source_date_epoch 1" --define "_binary_payload w$level.xzdio" \
    share/packages/f2b.spec >"$work/rpm.log" 2>&1 || { cat "$work/rpm.log" >&2; fail "rpmbuild failed"; }
  cp "$root/rpms/$rpm/"*.rpm "$out/"
  rm -rf "$root"
}

for arch in ${arches:-x64 arm64}; do
  case $arch in x64 | arm64) ;; *) fail "cannot build for \"$arch\": write x64 or arm64" ;; esac
  sh ./build.sh --arch "$arch" --out "$work/bin" $quiet
  binary=$work/bin/f2b
  [ "$arch" = "$host" ] || binary=$work/bin/f2b-$arch
  archive "$arch" "$binary"
  deb "$arch" "$binary"
  rpm "$arch" "$binary"
done
cp "$made/sbom.cdx.json" "$out/f2b-$version.cdx.json"
(cd "$out" && find . -maxdepth 1 -type f \( -name 'f2b*' \) -printf '%f\n' | sort | xargs sha256sum >SHA256SUMS)
[ -n "$quiet" ] || (cd "$out" && find . -maxdepth 1 -type f -printf '%f %s\n' | sort |
  awk '{printf "%-40s %6.1f MB\n", $1, $2 / 1e6}')
