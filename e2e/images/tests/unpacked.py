"""An image's archive as a root file system in which its programs run, without any engine."""

import json
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_IN_THE_IMAGE = """
set -eu
root=$1; shift
mount -t proc proc "$root/proc"
touch "$root/dev/null" "$root/dev/urandom"
mount --bind /dev/null "$root/dev/null"
mount --bind /dev/urandom "$root/dev/urandom"
exec chroot --userspec="$USER_OF_IMAGE" "$root" env -i "$@"
"""
_WHITEOUT = ".wh."


@dataclass(frozen=True)
class Unpacked:
    root: Path
    user: str
    environment: tuple[str, ...]
    entrypoint: tuple[str, ...]
    default_command: tuple[str, ...]
    references: tuple[str, ...]
    directory: str

    def run(self, *command: str, timeout_seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """As the image's user, in namespaces that take every process and mount with them."""
        inside = ["sh", "-c", 'cd "$0" && exec "$@"', self.directory, *command]
        return subprocess.run(
            [
                *("unshare", "--mount", "--pid", "--fork", "--kill-child"),
                *("sh", "-c", _IN_THE_IMAGE, "sh", str(self.root), *self.environment, *inside),
            ],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "USER_OF_IMAGE": self.user},
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
        )

    def output(self, *command: str) -> str:
        done = self.run(*command)
        assert done.returncode == 0, f"{command}: exit code {done.returncode}\n{done.stderr}"
        return done.stdout


def unpack(archive: Path, root: Path) -> Unpacked:
    with tarfile.open(archive) as tar:
        (manifest,) = json.loads(_read(tar, "manifest.json"))
        for layer in manifest["Layers"]:
            member = tar.extractfile(layer)
            assert member is not None
            with tarfile.open(fileobj=member) as files:
                _apply(files, root)
        config = json.loads(_read(tar, manifest["Config"]))["config"]
    return Unpacked(
        root=root,
        user=config["User"],
        environment=tuple(config["Env"]),
        entrypoint=tuple(config.get("Entrypoint") or ()),
        default_command=tuple(config.get("Cmd") or ()),
        references=tuple(manifest["RepoTags"]),
        directory=config.get("WorkingDir") or "/",
    )


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    member = tar.extractfile(name)
    assert member is not None, f"no {name} in the archive"
    return member.read()


def _apply(layer: tarfile.TarFile, root: Path) -> None:
    for member in layer:
        path = PurePosixPath(member.name)
        if path.name.startswith(_WHITEOUT):
            _remove(root / path.parent / path.name.removeprefix(_WHITEOUT))
        else:
            layer.extract(member, root, numeric_owner=True)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
