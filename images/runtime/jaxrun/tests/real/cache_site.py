"""A volume, its keeper, and pods that run real JAX on it, all in one directory."""

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from jaxrun.cache.checked import Checked
from jaxrun.cache.keeper.passes import Keeper
from jaxrun.cache.layout import blobs_of, entries_of, offer_name, offers_name
from jaxrun.cache.local import Linked, link
from jaxrun.cache.offer import Offers
from jaxrun.cache.settings import CacheSettings

DIGEST = "0123456789abcdef"
MOST_ENTRY_BYTES = 1 << 20
_PROGRAM = Path(__file__).parent / "cache_program.py"


@dataclass(frozen=True)
class Ran:
    """What the program said."""

    requests: int
    hits: int


class CacheSite:
    """JAX's key has the path of its cache in it, so all pods of a site have the same one."""

    def __init__(self, root: Path) -> None:
        self.volume = root / "volume"
        self.local = root / "local"
        self.policy = root / "policy.json"
        self.monotonic = 0.0
        self.published = self.volume / "published"
        self.staging = self.volume / "staging"

    def clean(self) -> None:
        """An empty volume, and a pod that has just started."""
        self.checked = _a_reader()
        for path in (self.volume, self.local):
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir(parents=True, exist_ok=True)
        self.policy.write_text(
            json.dumps({"version": 1, "maxBytes": None, "unusedSeconds": 86400, "inUse": [DIGEST]})
        )
        self.keeper = self.a_keeper()
        self.keeper.one_pass()

    def a_keeper(self) -> Keeper:
        return Keeper(
            self.volume,
            self.policy,
            monotonic=lambda: self.monotonic,
            most_entry_bytes=MOST_ENTRY_BYTES,
        )

    def passes(self, count: int = 1, keeper: Keeper | None = None) -> None:
        """One each minute."""
        for _ in range(count):
            (keeper or self.keeper).one_pass()
            self.monotonic += 60

    def settings(self) -> CacheSettings:
        return CacheSettings(DIGEST, self.published, self.staging, self.local, "pod-0")

    def link(self) -> Linked:
        return asyncio.run(link(self.settings(), 120, self.checked))

    def offer_all(self) -> Offers:
        """What the pod's launcher does at the program's end."""
        offers = Offers(self.settings())
        asyncio.run(offers.offer_new(finished=True))
        return offers

    def run(self) -> Ran:
        """The program, which must end well whatever its cache is like."""
        done = subprocess.run(
            [sys.executable, str(_PROGRAM)],
            env={
                "PATH": os.environ["PATH"],
                "JAX_PLATFORMS": "cpu",
                "JAX_COMPILATION_CACHE_DIR": str(self.local),
                "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
                "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
            },
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        assert said["answer"] == 64.0
        return Ran(said["requests"], said["hits"])

    def fresh_pod(self) -> None:
        """The next pod begins with an empty directory, and has read nothing yet."""
        self.checked = _a_reader()
        shutil.rmtree(self.local)
        self.local.mkdir()

    def blob(self, content: bytes) -> Path:
        return blobs_of(self.published, DIGEST) / hashlib.sha256(content).hexdigest()

    def manifest(self, name: str) -> Path:
        return entries_of(self.published, DIGEST) / name

    def offer_path(
        self, name: str, content: bytes, digest: str = DIGEST, host: str = "bad"
    ) -> Path:
        """Where a pod offers this; the directory is there, the file is not."""
        directory = self.staging / offers_name(digest, host)
        directory.mkdir(exist_ok=True)
        directory.chmod(0o777)
        return directory / offer_name(name, hashlib.sha256(content).hexdigest())


def _a_reader() -> Checked:
    """One that remembers also what has just been written."""
    return Checked(clock=lambda: time.time() + 3600)
