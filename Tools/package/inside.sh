#!/bin/sh
# In a fresh Debian 12, with the packages in /packages: install, use, upgrade, remove.
set -eu
export DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8
cd /packages

say() { echo "   $*"; }
fail() { echo "test-package: $*" >&2; exit 1; }
# Every file but those of apt and dpkg themselves, and of the kernel.
files() {
    find / -xdev \( -path /proc -o -path /packages -o -path /tmp -o -path /var/cache -o -path /var/log \
        -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path /root \) -prune -o -print | sort
}
install() { apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 || fail "cannot install $*"; }

apt-get update -qq >/dev/null 2>&1
# What they need is there before, so that what they leave can be told from what those leave.
install python3.11 python3.11-venv libpython3.11-dev libexpat1-dev zlib1g-dev gcc pkg-config sphinx-common \
    libjs-sphinxdoc libjs-jquery libjs-underscore
files > before

say "install"
install ./python3.11-async_*.deb ./libpython3.11-async-dev_*.deb ./python3.11-async-doc_*.deb
files > installed
dpkg -V python3.11-async libpython3.11-async-dev python3.11-async-doc

say "await, as program and at the prompt"
test "$(python-async -X autoawait -c 'import asyncio; print(await asyncio.sleep(0, 42))')" = 42
test "$(printf 'import asyncio\nawait asyncio.sleep(0, 43)\n' | python3.11-async -qi 2>/dev/null)" = 43
test -z "$(python3.11-async -v -c 'import autoawait' 2>&1 | grep 'wrote .*python3.11-async')" || fail "modules are not compiled"
python3.11 -c 'import sys; assert not hasattr(sys, "awaithook")'
grep -q '"/usr/bin/python3.11-async"' /usr/share/jupyter/kernels/python-async/kernel.json

say "embed, by python-async-config and by pkg-config"
# shellcheck disable=SC2046  # one word an option
gcc embed.c $(python-async-config --embed --cflags --ldflags) -o embed
test "$(./embed)" = 42
# shellcheck disable=SC2046
gcc embed.c $(pkg-config --cflags --libs python-3.11-async-embed) -o embed
test "$(./embed)" = 42

say "a virtual environment with pip"
python-async -m venv /tmp/environment
for script in /tmp/environment/bin/pip*; do
    test "$(head -1 "$script")" = '#!/tmp/environment/bin/python3.11-async' \
        || test "$(head -1 "$script")" = '#!/tmp/environment/bin/python' \
        || test "$(head -1 "$script")" = '#!/tmp/environment/bin/python-async' \
        || fail "first line of $script: $(head -1 "$script")"
done
/tmp/environment/bin/pip --version >/dev/null
/tmp/environment/bin/python -c 'import sys; sys.awaithook; assert sys.prefix == "/tmp/environment"'
# As Debian's own python3.11, which refuses to install into what apt manages.
python-async -m pip install x 2>&1 | grep -q externally-managed || python-async -m pip 2>&1 | grep -q 'No module named pip'

say "upgrade over itself, to the same and to the next version"
apt-get install -y -qq --reinstall ./python3.11-async_*.deb >/dev/null 2>&1
files | cmp - installed
dpkg -i next-*.deb >/dev/null 2>&1 || fail "cannot upgrade"
dpkg -l python3.11-async | grep -q '^ii .*+next' || fail "not upgraded"
files | cmp - installed
test "$(python-async -X autoawait -c 'import asyncio; print(await asyncio.sleep(0, 44))')" = 44

say "remove"
apt-get purge -y -qq python3.11-async libpython3.11-async-dev python3.11-async-doc >/dev/null 2>&1
files > after
diff before after || fail "left behind"
python3.11 -c 'import asyncio; asyncio.run(asyncio.sleep(0))'
