#!/bin/sh
# Run by mmdebstrap with the new root directory: what python:3.13-slim has and Debian has not.
set -eu
root=$1
# pip as upstream ships it, for the whole system: this Python belongs to the image's owner.
rm -f "$root"/usr/lib/python3*/EXTERNALLY-MANAGED
wheel=$(basename "$root"/usr/share/python-wheels/pip-*.whl)
chroot "$root" python3 "/usr/share/python-wheels/$wheel/pip" install \
  --quiet --no-index --no-deps --no-cache-dir --root-user-action=ignore \
  "/usr/share/python-wheels/$wheel"
ln -s /usr/bin/python3 "$root/usr/local/bin/python3"
ln -s python3 "$root/usr/local/bin/python"
mkdir -p "$root/etc/xdg" # here a build finds the pip configuration of the machine, mounted
# Of the machine that this runs on; container runtimes mount their own over them.
: > "$root/etc/resolv.conf"
: > "$root/etc/hostname"
rm -rf "$root"/root/.cache
rm -rf "$root"/var/log/* "$root"/var/cache/debconf/*-old
