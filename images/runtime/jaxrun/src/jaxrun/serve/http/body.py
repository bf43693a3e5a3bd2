"""A request's body: read within its limit, decompressed within the same."""

import asyncio
import sys
import zlib

from jaxrun.serve.errors import InvalidInput, ServeError
from jaxrun.serve.http.exchange import Exchange
from jaxrun.serve.http.limits import BODY_SECONDS, DISCARDED_BYTES

_WINDOW_BITS = {b"gzip": 16 + zlib.MAX_WBITS, b"deflate": zlib.MAX_WBITS}


class BodyTooLargeError(ServeError):
    """More than the model's largest request can have."""

    status = 413


class BodyTooSlowError(ServeError):
    """The client stopped sending."""

    status = 408


async def read_body(exchange: Exchange, limit_bytes: int) -> bytes:
    """All of it, decompressed.

    Raises InvalidInput, BodyTooLargeError, BodyTooSlowError, ClientGoneError.
    """
    length = exchange.headers.get(b"content-length")
    if length is not None and len(length) < 20 and int(length) > limit_bytes:
        await _discard(exchange)
        raise _too_large(int(length), limit_bytes)
    part, more = await _part(exchange)
    if more:
        parts, total = [part], len(part)
        while more:
            part, more = await _part(exchange)
            total += len(part)
            if total > limit_bytes:
                await _discard(exchange, more)
                raise _too_large(total, limit_bytes)
            parts.append(part)
        part = b"".join(parts)
    encoding = exchange.headers.get(b"content-encoding")
    return part if encoding is None else _decompressed(part, encoding.lower(), limit_bytes)


async def _part(exchange: Exchange) -> tuple[bytes, bool]:
    try:
        if sys.version_info >= (3, 11):
            # wait_for makes a task of its own, which costs as much as all else here.
            async with asyncio.timeout(BODY_SECONDS):
                return await exchange.part()
        return await asyncio.wait_for(exchange.part(), BODY_SECONDS)
    except asyncio.TimeoutError:
        raise BodyTooSlowError(f"no more of the body has come for {BODY_SECONDS:g} s") from None


async def _discard(exchange: Exchange, more: bool = True) -> None:
    """So that a client which sends all before it reads comes to read the refusal."""
    total = 0
    while more and total < DISCARDED_BYTES:
        part, more = await _part(exchange)
        total += len(part)


def _too_large(size: int, limit_bytes: int) -> BodyTooLargeError:
    return BodyTooLargeError(
        f"the body has {size} bytes or more; the largest request of this model needs less than "
        f"{limit_bytes}"
    )


def _decompressed(body: bytes, encoding: bytes, limit_bytes: int) -> bytes:
    if encoding == b"identity":
        return body
    bits = _WINDOW_BITS.get(encoding)
    if bits is None:
        shown = encoding.decode("latin-1")
        raise InvalidInput(f"Content-Encoding is {shown!r:.40}, not gzip, deflate or identity")
    stream = zlib.decompressobj(bits)
    try:
        plain = stream.decompress(body, limit_bytes + 1)
    except zlib.error as error:
        raise InvalidInput(f"the body is not what Content-Encoding says: {error}") from None
    if len(plain) > limit_bytes:
        raise _too_large(len(plain), limit_bytes)
    if not stream.eof:
        raise InvalidInput("the body is not what Content-Encoding says: it ends early")
    return plain
