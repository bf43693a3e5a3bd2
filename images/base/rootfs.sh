#!/bin/sh
# Makes a root file system that behaves like python:3.13-slim from the distribution's packages:
#   rootfs.sh OUTPUT.tar
# For machines that reach Debian's packages but no image registry. Needs mmdebstrap and root.
set -eu
output=$1
here=$(dirname "$(readlink -f "$0")")
# The mirror is mmdebstrap's default, with security updates. /dev comes from the container runtime.
exec mmdebstrap --quiet --variant=minbase \
  --include=python3,python3-venv,ca-certificates,netbase,tzdata \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/info/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --customize-hook="$here/customize.sh" \
  --skip=output/dev \
  trixie "$output"
