"""`python -m jaxrun inspect`: which JAX this image has, and what that finds on this host.

Writes the contract's `inspection` to the termination log, and exits 0; with 1 where JAX cannot be
imported or has no backend, and then `error` says why. JAX gets a process of its own, as it may hang
or abort, and what it said before counts.
"""

import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from jaxrun import contract
from jaxrun.inspection_program import MARK, PROGRAM
from jaxrun.log import say

JAX_SECONDS: Final = 120.0
_LOOK_SECONDS: Final = 20.0
_TEXT_LIMIT: Final = 1000

_HAS_JAX: Final = "import importlib.util as u, sys; sys.exit(u.find_spec('jax') is None)"
_PLACES: Final = (
    *("python3", "python", "/opt/venv/bin/python3", "/opt/conda/bin/python3"),
    *("/usr/local/bin/python3", "/usr/bin/python3"),
)
_CUDA: Final = re.compile(r"\bcuda (\d+)")
_FATAL: Final = re.compile(r"^F\d{4} \S+ +\d+ \S+\] (.*)")

Inspection = dict[str, Any]


def main() -> int:
    """For the command line; returns the exit code."""
    found = inspect(os.environ)
    data = inspection_bytes(found)
    sys.stdout.write(data.decode() + "\n")
    path = os.environ.get("JAXRUN_TERMINATION_LOG", contract.TERMINATION_LOG)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            os.write(handle, data)
        finally:
            os.close(handle)
    except OSError as error:
        say(f"cannot write what was found to {path}: {error.strerror}")
        return 1
    return 0 if found["error"] is None else 1


def inspect(environ: Mapping[str, str], seconds: float = JAX_SECONDS) -> Inspection:
    """The contract's `inspection` object; JAX has that many seconds to initialise its backend."""
    pythons = _pythons(environ)
    with_jax = (p for p in pythons if _run([p, "-c", _HAS_JAX], environ, _LOOK_SECONDS)[0] == 0)
    python = next(with_jax, None)
    if python is None:
        looked = ", ".join(pythons) or "nothing that is called python"
        error = f"no Python of this image has jax: looked at {looked}"
        return inspection_of({"error": f"{error}; put the one that has it on the image's PATH"})
    env = {**environ, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    code, out, err = _run([python, "-c", PROGRAM], env, seconds)
    told = _told(out)
    if code is None:
        what = (
            "JAX has not initialised its backend" if "jax" in told else "import jax has not ended"
        )
        told["error"] = f"{what} after {seconds:g} s"
    elif code != 0 and "error" not in told:
        how = f"was killed by signal {-code}" if code < 0 else f"exited with code {code}"
        said = _last_words(err)
        told["error"] = f"Python with JAX {how}" + (f": {said}" if said else "")
    return inspection_of(told)


def inspection_of(told: Mapping[str, Any]) -> Inspection:
    """The contract's object from what the program said, which may be anything."""
    packages = told.get("packages")
    packages = packages if isinstance(packages, dict) else {}
    devices = told.get("devices")
    name = _platform(told)
    return {
        "version": contract.VERSION,
        "python": _text(told.get("python")) or platform.python_version(),
        "jax": _text(told.get("jax")),
        "jaxlib": _text(told.get("jaxlib")),
        "compression": _text(told.get("compression")),
        "platform": name,
        "platformVersion": _platform_version(name, told, packages),
        "device": _text(told.get("device")),
        "devices": devices if type(devices) is int and devices >= 0 else None,
        "packages": {str(k): str(v) for k, v in sorted(packages.items())[:16]},
        "error": _text(told.get("error")),
    }


def inspection_bytes(found: Inspection) -> bytes:
    """At most 4096 bytes of JSON; the packages go first, then the end of the error."""
    record = dict(found)
    while len(data := json.dumps(record).encode()) > contract.TERMINATION_LIMIT_BYTES:
        if record["packages"]:
            record["packages"] = {}
        else:
            for name, value in record.items():
                if isinstance(value, str):
                    record[name] = value[: len(value) // 2]
    return data


def _platform(told: Mapping[str, Any]) -> str | None:
    """As the contract names it; JAX calls two of them gpu."""
    name, version = _text(told.get("platform")), _text(told.get("platformVersion")) or ""
    if name == "gpu":
        return "rocm" if "rocm" in version.lower() else "cuda"
    return name


def _platform_version(
    name: str | None, told: Mapping[str, Any], packages: Mapping[str, Any]
) -> str | None:
    """Of libtpu by its package, of CUDA as jaxlib was built for it, such as 12.8; XLA has that as
    `cuda 12080`. Else the backend's own words; the CPU's tell nothing."""
    said = _text(told.get("platformVersion"))
    if name == "cuda" and said and (match := _CUDA.search(said)):
        number = int(match[1])
        return f"{number // 1000}.{number % 1000 // 10}"
    if name == "tpu":
        return _text(packages.get("libtpu")) or _text(packages.get("libtpu-nightly")) or said
    return None if name == "cpu" else said


def _pythons(environ: Mapping[str, str]) -> list[str]:
    places = [*environ.get("JAXRUN_PYTHON", "").split(), *_PLACES, sys.executable]
    found = (shutil.which(place, path=environ.get("PATH")) for place in places)
    return list(dict.fromkeys(path for path in found if path))


def _run(
    command: Sequence[str], environ: Mapping[str, str], seconds: float
) -> tuple[int | None, str, str]:
    """Exit code, None where it was late and has been killed; standard output and error."""
    try:
        process = subprocess.Popen(
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        return 127, "", str(error)
    late = False
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        late = True
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
    code = None if late else process.returncode
    return code, out.decode(errors="replace"), err.decode(errors="replace")


def _told(out: str) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for line in out.splitlines():
        if line.startswith(MARK):
            with suppress(ValueError):
                told.update(json.loads(line[len(MARK) :]))
    return told


def _last_words(err: str) -> str:
    """A fatal line of XLA's log, else the last one."""
    lines = [line.strip() for line in err.splitlines() if line.strip()]
    fatal = next((match[1] for line in lines if (match := _FATAL.match(line))), None)
    return (fatal or (lines[-1] if lines else ""))[:_TEXT_LIMIT]


def _text(value: object) -> str | None:
    return " ".join(value.split())[:_TEXT_LIMIT] or None if isinstance(value, str) else None
