"""Bodies that come compressed, taken apart in pieces of bounded size."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

import httpx2

_LARGEST: Final = 1024 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS


def decompressed(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Yields the body that ``Content-Encoding`` says was compressed, at most 1 MB at once.

    Raises httpx2.DecodingError, once it is read, for data that are no gzip, are cut or go on after their end, and for
    an encoding that was not asked for: of a refusal the status counts, whatever its body is.
    """
    encoding = encoding.strip().lower()
    if encoding in {"", "identity"}:
        yield from chunks
    elif encoding in {"gzip", "x-gzip"}:
        yield from _inflated(chunks)
    else:
        raise httpx2.DecodingError("an encoding that was not asked for")


def _inflated(chunks: Iterator[bytes]) -> Iterator[bytes]:
    inflate = zlib.decompressobj(_GZIP)
    began = False
    try:
        for chunk in chunks:
            began, rest = True, chunk
            while piece := inflate.decompress(rest, _LARGEST):
                yield piece
                rest = inflate.unconsumed_tail
            if inflate.unused_data:
                raise httpx2.DecodingError("data after the end of the compressed ones")
    except zlib.error as error:
        raise httpx2.DecodingError("no gzip") from error
    # Without any data at all it is an empty body, however it is labelled.
    if began and not inflate.eof:
        raise httpx2.DecodingError("the compressed data are cut")
