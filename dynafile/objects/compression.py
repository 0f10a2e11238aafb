"""Compression of long values, with zstd (RFC 8878)."""

from __future__ import annotations

from typing import Final

from dynafile.errors import CorruptObject

__all__ = ["MIN_BYTES", "compress", "decompress"]

MIN_BYTES: Final = 4096
"""What is shorter is stored as it is: it would save less than it costs."""

_WORTH: Final = 0.9


def compress(data: bytes) -> bytes | None:
    """Return data compressed; None if it is short, or would not be much shorter."""
    if len(data) < MIN_BYTES:
        return None
    import zstandard  # takes a millisecond to import, and most values are short

    packed: bytes = zstandard.ZstdCompressor(level=3).compress(data)
    return packed if len(packed) < _WORTH * len(data) else None


def decompress(data: bytes, limit: int) -> bytes:
    """Return what ``compress`` was given; raises CorruptObject, also for over ``limit`` bytes."""
    import zstandard

    try:
        size = zstandard.frame_content_size(data)
        if not 0 <= size <= limit:
            raise CorruptObject(
                f"it says that it has {size} bytes decompressed; the limit is {limit}"
            )
        with zstandard.ZstdDecompressor().stream_reader(data) as reader:
            # Read as it comes: a length that lies takes no memory.
            whole: bytes = b"".join(iter(lambda: reader.read(1 << 20), b""))
    except zstandard.ZstdError as error:
        raise CorruptObject(f"it does not decompress: {error}") from None
    if len(whole) != size:
        raise CorruptObject(f"it has {len(whole)} bytes decompressed, and says {size}")
    return whole
