"""Is this file a whole entry of JAX's compilation cache?

JAX stores a compilation time and a serialised executable as one zlib stream, or as one frame of
zstd where it has that. A zlib stream is decompressed to its checksum. A zstd frame has none, and
Python < 3.14 no decompressor: its blocks are walked to the end of the file (RFC 8878, 3.1.1), which
finds what is cut off and what is something else. Flipped bits the hash in an entry's name finds.
"""

import zlib
from typing import Protocol

from jaxrun.cache.files import Tick, no_tick
from jaxrun.cache.layout import MOST_ENTRY_BYTES

_CHUNK_BYTES = 64 << 10
_OUTPUT_BYTES = 1 << 20
_TIME_BYTES = 4
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZSTD_BLOCK_BYTES = 128 << 10
_RAW, _RLE, _RESERVED = 0, 1, 3


class Readable(Protocol):
    """A binary file from its beginning."""

    def read(self, size: int, /) -> bytes: ...


def fault_of(
    file: Readable, most_bytes: int = MOST_ENTRY_BYTES, tick: Tick = no_tick
) -> str | None:
    """What is wrong with it, or None; neither it nor its content may be above `most_bytes`."""
    head = file.read(4)
    if not head:
        return "is empty"
    if head == _ZSTD_MAGIC:
        return _zstd_fault(file, most_bytes, tick)
    if head[0] & 0x0F == 8 and len(head) >= 2 and int.from_bytes(head[:2], "big") % 31 == 0:
        return _zlib_fault(head, file, most_bytes, tick)
    return "is neither zlib nor zstd"


def _zlib_fault(head: bytes, file: Readable, most_bytes: int, tick: Tick) -> str | None:
    stream, read, content = zlib.decompressobj(), len(head), 0
    chunk = head
    while chunk:
        while True:
            tick()
            try:
                output = stream.decompress(chunk, _OUTPUT_BYTES)
            except zlib.error:
                return "is damaged"
            content += len(output)
            if content > most_bytes:
                return f"decompresses to more than {most_bytes} bytes"
            chunk = stream.unconsumed_tail
            if stream.eof or (not chunk and len(output) < _OUTPUT_BYTES):
                break
        if stream.eof:
            if stream.unused_data or file.read(1):
                return "goes on after its end"
            return None if content > _TIME_BYTES else "has no executable"
        chunk = file.read(_CHUNK_BYTES)
        read += len(chunk)
        if read > most_bytes:
            return f"is larger than {most_bytes} bytes"
    return "is cut off"


def _zstd_fault(file: Readable, most_bytes: int, tick: Tick) -> str | None:
    try:
        return _walk(_Exactly(file, most_bytes, tick), most_bytes)
    except EOFError:
        return "is cut off"
    except OverflowError:
        return f"is larger than {most_bytes} bytes"


class _Exactly:
    """Reads as much as was asked for."""

    def __init__(self, file: Readable, most_bytes: int, tick: Tick) -> None:
        self._file, self._left, self._tick = file, most_bytes, tick

    def take(self, count: int) -> bytes:
        self._tick()
        self._left -= count
        if self._left < 0:
            raise OverflowError
        parts = []
        while count > 0:
            part = self._file.read(count)
            if not part:
                raise EOFError
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "little")

    def at_end(self) -> bool:
        return not self._file.read(1)


def _walk(file: _Exactly, most_bytes: int) -> str | None:
    descriptor = file.number(1)
    size_flag, single_segment = descriptor >> 6, bool(descriptor & 0x20)
    reserved, checksum, dictionary_flag = descriptor & 0x08, descriptor & 0x04, descriptor & 0x03
    if reserved or dictionary_flag:
        return "is damaged"
    if not single_segment:
        file.take(1)
    size_bytes = (1 if single_segment else 0, 2, 4, 8)[size_flag]
    declared = file.number(size_bytes) + (256 if size_flag == 1 else 0) if size_bytes else None
    if declared is not None and declared > most_bytes:
        return f"decompresses to more than {most_bytes} bytes"
    most, least, last = 0, 0, False
    while not last:
        header = file.number(3)
        last, kind, size = bool(header & 1), header >> 1 & 3, header >> 3
        if kind == _RESERVED or size > _ZSTD_BLOCK_BYTES:
            return "is damaged"
        file.take(1 if kind == _RLE else size)
        most += size if kind in (_RAW, _RLE) else _ZSTD_BLOCK_BYTES
        least += size if kind in (_RAW, _RLE) else 0
        if least > most_bytes:
            return f"decompresses to more than {most_bytes} bytes"
    if checksum:
        file.take(4)
    if not file.at_end():
        return "goes on after its end"
    if declared is not None and not least <= declared <= most:
        return "is damaged"
    return (
        None
        if most > _TIME_BYTES and declared not in range(_TIME_BYTES + 1)
        else ("has no executable")
    )
