#!/bin/sh
# Tries the source archive and the Debian packages: see README.md.
#
#   try.sh SOURCE BUILD VERSION     from make test-package, in BUILD
set -eu
here=$(cd "$(dirname "$0")" && pwd)
source=$1
build=$2
name=python-async-$3
work=$build/build/package
base=$work/base
root=$work/root
# From where this machine has its packages, unless it is said.
# shellcheck disable=SC2016  # the format is apt's
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(SITE)' | grep -v security | head -n 1)}

say() { echo "== $*"; }
fail() { echo "test-package: $*" >&2; exit 1; }

for program in git dpkg-buildpackage dh lintian debootstrap; do
    command -v $program >/dev/null || fail "no $program; run: apt-get install git debhelper lintian debootstrap"
done
test "$(id -u)" = 0 || fail "a chroot is for root"
mkdir -p "$work"

say "archive: two of one commit"
make -s -C "$build" dist
cp "$build/build/$name.tar.gz" "$work/first.tar.gz"
(cd "$work" && rm -rf clone && git clone -q "$source" clone && cd clone && autoconf && ./configure -q && make -s dist)
cmp "$work/first.tar.gz" "$work/clone/build/$name.tar.gz"

say "archive: builds without git and autoconf"
rm -rf "${work:?}/clone" "${work:?}/$name" "${work:?}/bin"
tar -xf "$work/first.tar.gz" -C "$work"
mkdir "$work/bin"
for program in git autoconf; do
    printf '#!/bin/sh\necho "%s was called" >&2\nexit 1\n' $program > "$work/bin/$program"
    chmod +x "$work/bin/$program"
done
(cd "$work/$name" && PATH=$work/bin:$PATH && ./configure -q && make -s -j2 all)
test "$("$work/$name/python" -X autoawait -c 'import asyncio; print(await asyncio.sleep(0, "awaited"))')" = awaited
rm -rf "${work:?}/$name" "${work:?}/bin"

say "packages, and lintian"
make -s -C "$build" deb > "$work/deb.log" 2>&1 || { tail -20 "$work/deb.log"; exit 1; }
lintian --allow-root --pedantic --display-info --fail-on error,warning,info,pedantic "$build"/build/deb/*.changes

say "chroot"
if test ! -e "$base/etc/debian_version"; then
    debootstrap --variant=minbase bookworm "$base" "$mirror" > "$work/debootstrap.log"
fi
end() {
    umount "$root/proc" 2>/dev/null || true
    rm -rf "$root"
}
trap end EXIT
rm -rf "$root"
cp -a "$base" "$root"
# The same sources as here, security updates among them: the packages need what they were built with.
rm -f "$root/etc/apt/sources.list"
cp -a /etc/apt/sources.list* /etc/apt/apt.conf.d "$root/etc/apt/" 2>/dev/null || true
mkdir -p "$root/packages"
cp "$build"/build/deb/*.deb "$here/inside.sh" "$here/embed.c" "$root/packages/"
# The same packages with a higher version, to upgrade to.
for package in "$build"/build/deb/*async_*.deb "$build"/build/deb/*-dev_*.deb "$build"/build/deb/*-doc_*.deb; do
    dpkg-deb -R "$package" "$work/next"
    sed -i -e 's/^Version: .*/&+next/' -e 's/\(python3.11-async (= [^)]*\))/\1+next)/' "$work/next/DEBIAN/control"
    dpkg-deb -b "$work/next" "$root/packages/next-$(basename "$package")" >/dev/null
    rm -rf "$work/next"
done
mount -t proc proc "$root/proc"
chroot "$root" sh /packages/inside.sh
echo "The packages are fine."
