"""The volume of a CompileCache in a directory, with a keeper that believes everything."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

DIGEST = "0123456789abcdef"


@dataclass(frozen=True)
class CacheVolume:
    """`local` is the same path for all pods of a test, as it is in reality."""

    root: Path

    @property
    def published(self) -> Path:
        return self.root / "published"

    @property
    def staging(self) -> Path:
        return self.root / "staging"

    @property
    def local(self) -> Path:
        return self.root / "local"

    @property
    def entries(self) -> Path:
        return self.published / DIGEST / "entries"

    @property
    def blobs(self) -> Path:
        return self.published / DIGEST / "blobs"

    def made(self) -> "CacheVolume":
        for directory in (self.entries, self.blobs, self.staging, self.local):
            directory.mkdir(parents=True)
        return self

    def environment(self, **more: str) -> dict[str, str]:
        """Of a pod that reads, and with JAXRUN_CACHE_OFFERS also offers."""
        return {
            "JAXRUN_CACHE_NAMESPACE": DIGEST,
            "JAXRUN_CACHE_PUBLISHED": str(self.published),
            "JAXRUN_CACHE_STAGING": str(self.staging),
            "JAXRUN_CACHE_LOCAL": str(self.local),
            **more,
        }

    def offered(self) -> list[str]:
        """Names of entries, without their hashes."""
        return sorted(path.name.partition("@")[0] for path in self.staging.glob(f"{DIGEST}.*/*@*"))

    def publish(self) -> int:
        """All offers, in the keeper's layout; returns how many entries there are."""
        for path in self.staging.glob(f"{DIGEST}.*/*@*"):
            content = path.read_bytes()
            name, _, sha256 = path.name.partition("@")
            assert hashlib.sha256(content).hexdigest() == sha256
            (self.blobs / sha256).write_bytes(content)
            manifest = {"sha256": sha256, "bytes": len(content)}
            (self.entries / name).write_text(json.dumps(manifest))
        return len(list(self.entries.iterdir()))

    def forget_local(self) -> None:
        """As for a new pod."""
        for path in self.local.iterdir():
            if path.is_symlink() or path.is_file():
                path.unlink()


def hits(out: str, process: int = 0, epoch: int = 1) -> tuple[int, int]:
    """(hits, requests) that a program has counted by itself."""
    found = re.search(rf"process {process}, epoch {epoch}: (\d+) hits of (\d+)", out)
    assert found, out
    return int(found[1]), int(found[2])
