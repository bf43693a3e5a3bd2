"""How pip in a build reaches what this machine's pip reaches: index, proxy, certificates.

The settings go into a directory that is mounted while the build runs: nothing of them, not even
an empty file, is left in the image. (A build argument or variable would stay in its history.)
"""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

MOUNTED_AT = "/etc/xdg"
"""pip reads pip/pip.conf below it. It exists, empty, in the base image."""

_CARRIED = (
    "index-url",
    "extra-index-url",
    "find-links",
    "trusted-host",
    "proxy",
    "retries",
    "timeout",
)
_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
_SYSTEM_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
_LINE = re.compile(r"^([^.]*)\.([^=]+)=(.*)$")


def write(directory: Path) -> None:
    """Fills `directory`, which is to be mounted at MOUNTED_AT."""
    settings = host_settings()
    lines = ["[global]", "disable-pip-version-check = true"]
    # A directory of this machine is not there in the build.
    lines += [
        f"{key} = {value}"
        for key, value in settings.items()
        if key in _CARRIED and not (key == "find-links" and value.startswith("/"))
    ]
    bundle = _certificates(settings, os.environ)
    if bundle is not None:
        shutil.copyfile(bundle, directory / "ca.crt")
        lines.append(f"cert = {MOUNTED_AT}/ca.crt")
    if "client-cert" in settings:
        shutil.copyfile(settings["client-cert"], directory / "client.pem")
        lines.append(f"client-cert = {MOUNTED_AT}/client.pem")
    config = directory / "pip" / "pip.conf"
    config.parent.mkdir()
    config.write_text("\n".join(lines) + "\n")


def host_settings() -> dict[str, str]:
    """pip's options on this machine, from its files and environment: the latter win."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True
    )
    return parsed(done.stdout)


def parsed(listing: str) -> dict[str, str]:
    """From the output of `pip config list`, whose lines read `section.option='value'`."""
    ranks: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in listing.splitlines():
        match = _LINE.match(line)
        if match and match.group(1) in ranks:
            value = str(ast.literal_eval(match.group(3)))
            # Several values are separated by line ends in files, by spaces in variables.
            ranks[match.group(1)][match.group(2)] = " ".join(value.split())
    merged: dict[str, str] = {}
    for rank in ranks.values():
        merged |= rank
    if "default-timeout" in merged:
        merged.setdefault("timeout", merged["default-timeout"])
    return merged


def _certificates(settings: Mapping[str, str], environment: Mapping[str, str]) -> Path | None:
    candidates = [
        settings.get("cert", ""),
        *(environment.get(variable, "") for variable in _CERTIFICATES),
        _SYSTEM_BUNDLE,
    ]
    return next((Path(path) for path in candidates if path and Path(path).is_file()), None)
