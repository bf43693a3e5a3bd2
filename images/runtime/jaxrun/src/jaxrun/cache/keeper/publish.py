"""One offer: checked, and published by rename.

The offerer may still write to its file, so it is copied first, and only the copy is judged. The
blob is in place before the manifest that names it; whoever dies in between leaves a blob that
nobody looks for, and the offer, which is taken up again.
"""

import os
from contextlib import suppress
from enum import Enum
from pathlib import Path

from jaxrun.cache.entry import fault_of
from jaxrun.cache.files import (
    Tick,
    copy_hashed,
    create,
    hash_of,
    make_directory,
    open_regular,
    sync_directory,
    write_whole,
)
from jaxrun.cache.layout import blobs_of, entries_of, offer_of, temporary_name
from jaxrun.cache.manifest import Manifest, read_manifest


class RefusedError(Exception):
    """Why an offer will never be published, as the end of a sentence about it."""


class NotYetError(Exception):
    """The offer stays, and is taken up again."""


class Outcome(Enum):
    """What became of an offer."""

    PUBLISHED = "published"
    KNOWN = "known"
    REPAIRED = "repaired"


def publish(
    published: Path, digest: str, name: str, directory: int, most_bytes: int, tick: Tick
) -> Outcome:
    """Publish `name` from `directory`, a descriptor. The offer itself stays where it is.

    KNOWN: an entry of this name is there and whole, with this content or another.

    Raises:
        RefusedError: the offer is no good.
        NotYetError: it, or the namespace, went away meanwhile.
        OSError: the volume cannot be read or written.
    """
    found = offer_of(name)
    if found is None:
        raise RefusedError("is not named <entry>@<sha256>")
    entry, sha256 = found
    try:
        source = open_regular(name, directory)
    except FileNotFoundError:
        raise NotYetError from None
    except ValueError as error:
        raise RefusedError(str(error)) from None
    except PermissionError:
        raise RefusedError("cannot be read by the keeper") from None
    try:
        status = os.fstat(source)
        if status.st_nlink > 1:
            raise RefusedError("has a hard link elsewhere")
        if status.st_size > most_bytes:
            raise RefusedError(f"is larger than {most_bytes} bytes")
        for path in (
            published / digest,
            blobs_of(published, digest),
            entries_of(published, digest),
        ):
            make_directory(path)
        return _publish(published, digest, entry, sha256, source, most_bytes, tick)
    except FileNotFoundError:
        raise NotYetError from None
    finally:
        os.close(source)


def _publish(
    published: Path,
    digest: str,
    entry: str,
    sha256: str,
    source: int,
    most_bytes: int,
    tick: Tick,
) -> Outcome:
    blobs, entries = blobs_of(published, digest), entries_of(published, digest)
    manifest = read_manifest(entries / entry)
    if manifest is not None:
        there = hash_of(blobs / manifest.sha256, manifest.size_bytes, tick)
        if there == manifest.sha256:
            return Outcome.KNOWN
    damaged = os.path.lexists(entries / entry)
    size_bytes = _copy(source, blobs, sha256, most_bytes, tick)
    tick()
    write_whole(entries / entry, Manifest(sha256, size_bytes).encoded())
    # Another keeper may have removed the blob as one without an entry before there was one.
    if not (blobs / sha256).exists():
        raise NotYetError
    return Outcome.REPAIRED if damaged else Outcome.PUBLISHED


def _copy(source: int, blobs: Path, sha256: str, most_bytes: int, tick: Tick) -> int:
    temporary = blobs / temporary_name()
    try:
        target = create(temporary)
        try:
            try:
                found, size_bytes = copy_hashed(source, target, most_bytes, tick)
            except ValueError as error:
                raise RefusedError(str(error)) from None
            if found != sha256:
                raise RefusedError("is not what the SHA-256 in its name says")
            os.fsync(target)
        finally:
            os.close(target)
        with temporary.open("rb") as file:
            fault = fault_of(file, most_bytes, tick)
        if fault is not None:
            raise RefusedError(fault)
        temporary.replace(blobs / sha256)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_directory(blobs)
    return size_bytes
