"""`python -m jaxrun install DIRECTORY`: puts the runtime where programs of other images find it.

    DIRECTORY/jaxrun   the launcher: a shell script that finds a Python
    DIRECTORY/lib      the launcher's own modules, never on the program's path
    DIRECTORY/site     sitecustomize and what `import jaxrun` needs, standard library only; and the
                       model server, which is imported only if asked for
    DIRECTORY/serve-lib   what the server needs beside the user's JAX; only on a server's path, and
                       behind what the user's image has

The last three are links into a tree named by the digest of its contents, and everything appears by
rename: a launcher that starts meanwhile, or again after an interrupted install, finds one whole
version. Works as any user, on a read-only root file system, with nothing writable but DIRECTORY.
"""

import compileall
import hashlib
import importlib.util
import os
import py_compile
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_TREES = ".trees"
_LINKED = ("lib", "site", "serve-lib")
_OF_THE_LAUNCHER = ("prometheus_client",)
_OF_THE_SERVER = ("uvicorn", "h11", "click", "typing_extensions", "prometheus_client")
_SKIPPED = ("__pycache__", "*.pyc")
_LAUNCHER_MAIN = "from jaxrun.__main__ import main\n\nmain()\n"

_SCRIPT = """#!/bin/sh
# Runs jaxrun's launcher with whatever Python >= 3.10 this image has.
root=$(dirname "$(readlink -f "$0" 2>/dev/null || echo "$0")")
ok='import sys; sys.exit(sys.version_info < (3, 10))'
# A server is the user's program: its Python has the user's packages, and finds jaxrun among them.
serve=false
if [ "$1" = serve ]; then
  serve=true
  shift
fi
for python in ${JAXRUN_PYTHON:-python3 python python3.14 python3.13 python3.12 python3.11 \\
  python3.10 /usr/local/bin/python3 /usr/bin/python3 /opt/venv/bin/python3 /opt/conda/bin/python3}
do
  if "$python" -I -S -c "$ok" >/dev/null 2>&1; then
    if $serve; then
      PYTHONPATH="$root/site${PYTHONPATH:+:$PYTHONPATH}" exec "$python" -m jaxrun.serve "$@"
    fi
    exec "$python" -I -S "$root/lib" "$@"
  fi
done
message="no Python >= 3.10 in this image: looked for ${JAXRUN_PYTHON:-python3, python and \\
python3.10 to 3.14 on PATH, in /usr, /usr/local, /opt/venv and /opt/conda}. \\
JAX needs one; if it is elsewhere, set JAXRUN_PYTHON to its path"
echo "jaxrun: $message" >&2
record='{"version": 1, "cause": "ProgramError", "process": null, "host": null, "exitCode": 127'
record="$record"', "signal": null, "exception": null, "message": "%s", "epoch": 0'
record="$record"', "step": null, "time": %s}'
printf "$record" "$message" "$(date +%s 2>/dev/null || echo 0)" \\
  2>/dev/null >"${JAXRUN_TERMINATION_LOG:-/dev/termination-log}"
exit 127
"""


def install(target: Path) -> Path:
    """Install into `target`, which is made if need be; returns the tree that is now used.

    Raises:
        OSError: `target` cannot be written.
    """
    target.mkdir(parents=True, exist_ok=True)
    trees = target / _TREES
    trees.mkdir(exist_ok=True)
    trees.chmod(0o755)
    building = Path(tempfile.mkdtemp(prefix="building-", dir=trees))
    try:
        _build(building)
        tree = trees / _digest(building)
        if not tree.exists():
            _compile(building, tree)
            building.rename(tree)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    for name in _LINKED:
        _replace_link(target / name, Path(_TREES) / tree.name / name)
    _replace_link(target / "jaxrun", Path(_TREES) / tree.name / "jaxrun")
    for old in trees.iterdir():
        if old != tree:
            shutil.rmtree(old, ignore_errors=True)
    return tree


def main(directory: str) -> int:
    """For the command line; returns the exit code."""
    try:
        tree = install(Path(directory))
    except OSError as error:
        sys.stderr.write(
            f"jaxrun: cannot install into {directory}: {error.strerror or error}; "
            "it must be a directory that this user can write\n"
        )
        return 1
    sys.stdout.write(f"jaxrun: installed in {directory} ({tree.name})\n")
    return 0


def _build(tree: Path) -> None:
    skip = shutil.ignore_patterns(*_SKIPPED)
    lib, site = tree / "lib", tree / "site"
    shutil.copytree(
        _PACKAGE, lib / "jaxrun", ignore=shutil.ignore_patterns(*_SKIPPED, "site", "serve")
    )
    _vendor(_OF_THE_LAUNCHER, lib)
    _vendor(_OF_THE_SERVER, tree / "serve-lib")
    (lib / "__main__.py").write_text(_LAUNCHER_MAIN)
    (site / "jaxrun").mkdir(parents=True)
    shutil.copy(_PACKAGE / "site" / "sitecustomize.py", site)
    shutil.copy(_PACKAGE / "__init__.py", site / "jaxrun")
    shutil.copytree(_PACKAGE / "program", site / "jaxrun" / "program", ignore=skip)
    shutil.copytree(_PACKAGE / "serve", site / "jaxrun" / "serve", ignore=skip)
    shutil.copy(_PACKAGE / "contract.py", site / "jaxrun")
    (tree / "jaxrun").write_text(_SCRIPT)
    for path in [tree, *tree.rglob("*")]:
        path.chmod(0o755 if path.is_dir() or path.name == "jaxrun" else 0o644)


def _vendor(names: Sequence[str], target: Path) -> None:
    """Copies of pure-Python packages and modules of this environment."""
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise FileNotFoundError(f"package {name} is missing where jaxrun is installed")
        origin = Path(spec.origin)
        if origin.name == "__init__.py":
            ignore = shutil.ignore_patterns(*_SKIPPED)
            shutil.copytree(origin.parent, target / name, ignore=ignore)
        else:
            shutil.copy(origin, target)


def _digest(tree: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in tree.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(tree)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _compile(building: Path, tree: Path) -> None:
    # Of use to Pythons of the same version; the others cannot write their own on a read-only mount.
    # Not checked against times, which a volume may change.
    compileall.compile_dir(
        str(building),
        quiet=2,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        stripdir=str(building),
        prependdir=str(tree),
    )
    for cache in building.rglob("__pycache__"):
        cache.chmod(0o755)
        for path in cache.iterdir():
            path.chmod(0o644)


def _replace_link(link: Path, to: Path) -> None:
    """Atomic, also over what is there."""
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)
    fresh = link.with_name(f".{link.name}-{os.getpid()}")
    with suppress(FileNotFoundError):
        fresh.unlink()
    fresh.symlink_to(to)
    fresh.replace(link)
