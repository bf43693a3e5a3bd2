"""What counts as a whole entry of JAX's cache."""

import io
import os
import zlib

import pytest

from jaxrun.cache.entry import fault_of

EXECUTABLE = b"\0\0\0\7" + b"an executable, " * 10
RANDOM = b"\0\0\0\7" + os.urandom(300_000)
# Made of EXECUTABLE by the zstd library.
ZSTD = bytes.fromhex("28b52ffd209ad500009800000007616e2065786563757461626c652c2001000942cd30")


def raw_zstd(content: bytes, checksum: bool = False, window: bool = False) -> bytes:
    """A frame of raw blocks, as zstd writes what cannot be compressed."""
    descriptor = (2 << 6) | (0 if window else 0x20) | (4 if checksum else 0)
    frame = b"\x28\xb5\x2f\xfd" + bytes([descriptor]) + (b"\x58" if window else b"")
    frame += len(content).to_bytes(4, "little")
    blocks = [content[at : at + (128 << 10)] for at in range(0, len(content), 128 << 10)]
    for number, block in enumerate(blocks):
        last = number == len(blocks) - 1
        frame += (len(block) << 3 | last).to_bytes(3, "little") + block
    return frame + (b"\0\0\0\0" if checksum else b"")


WHOLE = {
    "zlib": zlib.compress(EXECUTABLE),
    "zlib of what cannot be compressed": zlib.compress(RANDOM),
    "zlib of much in little": zlib.compress(bytes(5 << 20)),
    "zstd": ZSTD,
    "zstd of what cannot be compressed": raw_zstd(RANDOM),
    "zstd with a checksum and a window": raw_zstd(RANDOM, checksum=True, window=True),
}


def fault(content: bytes, most_bytes: int = 64 << 20) -> str | None:
    return fault_of(io.BytesIO(content), most_bytes)


@pytest.mark.parametrize("name", WHOLE)
def test_whole(name: str) -> None:
    assert fault(WHOLE[name]) is None


@pytest.mark.parametrize("name", WHOLE)
def test_cut_off_anywhere(name: str) -> None:
    whole = WHOLE[name]
    for size in {*range(min(len(whole), 300)), len(whole) - 1, len(whole) // 2}:
        assert fault(whole[:size]) is not None, size


@pytest.mark.parametrize("name", WHOLE)
def test_goes_on_after_its_end(name: str) -> None:
    assert fault(WHOLE[name] + b"\0") == "goes on after its end"


@pytest.mark.parametrize("content", [b"", b"{}", os.urandom(100), bytes(100), b"\x28\xb5\x2f\xfd"])
def test_something_else(content: bytes) -> None:
    assert fault(content) is not None


@pytest.mark.parametrize("content", [b"", b"\0\0\0\1"])
def test_without_an_executable(content: bytes) -> None:
    assert fault(zlib.compress(content)) == "has no executable"
    assert fault(raw_zstd(content) if content else raw_zstd(b"x")) == "has no executable"


def test_a_flipped_bit_in_zlib() -> None:
    whole = bytearray(WHOLE["zlib of what cannot be compressed"])
    whole[len(whole) // 2] ^= 1
    assert fault(bytes(whole)) == "is damaged"


@pytest.mark.parametrize("name", ["zlib of much in little", "zstd of what cannot be compressed"])
def test_more_than_there_may_be_inside(name: str) -> None:
    assert fault(WHOLE[name], 100_000) == "decompresses to more than 100000 bytes"


def test_more_than_there_may_be() -> None:
    assert fault(WHOLE["zlib of what cannot be compressed"], 100_000) is not None
    unsized = bytearray(WHOLE["zstd with a checksum and a window"])
    unsized[6:10] = (90_000).to_bytes(4, "little")
    assert fault(bytes(unsized), 100_000) == "is larger than 100000 bytes"


@pytest.mark.parametrize(
    ("at", "value"),
    [(4, 0x28), (4, 0x21), (6, 0xD6 | 6)],
    ids=["a reserved bit", "a dictionary", "a reserved block"],
)
def test_zstd_that_jax_does_not_write(at: int, value: int) -> None:
    frame = bytearray(ZSTD)
    frame[at] = value
    assert fault(bytes(frame)) is not None
