"""How an IDX file (the format of MNIST) is read: plain or gzipped, and never trusted."""

import gzip
import hashlib
import math
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from functional_nn.training.endings import BadInput

# Third byte of the magic number; the values are big-endian.
DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP_MAGIC = b"\x1f\x8b"
CHUNK = 1 << 20


def read_idx(path: Path, *, rank: int, sha256: str | None = None) -> np.ndarray:
    """Read one IDX file of so many dimensions, or raise BadInput with a sentence that names the file and the fault.

    Where sha256 is given, the decompressed bytes must have it.
    """
    try:
        with _open(path) as stream:
            header = _read_header(stream, path, rank)
            dtype, shape = _meaning(header)
            content = _read_values(stream, path, dtype, shape)
            _require_addressable(path, dtype, shape)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadInput(f"{path} is damaged: its gzip stream does not decompress ({error})") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from error
    if sha256 is not None:
        _require_digest(path, header, content, sha256)
    return np.frombuffer(content, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def holds(path: Path, *, rank: int, sha256: str) -> bool:
    """Whether this is a whole IDX file of these bytes."""
    try:
        read_idx(path, rank=rank, sha256=sha256)
    except BadInput:
        return False
    return True


def _require_digest(path: Path, header: bytes, content: bytes, expected: str) -> None:
    digest = hashlib.sha256(header)
    digest.update(content)
    if digest.hexdigest() != expected:
        raise BadInput(
            f"{path} is not the file that was published: the SHA-256 of its decompressed bytes is "
            f"{digest.hexdigest()[:16]}..., not {expected[:16]}...; remove it and use --download"
        )


def _open(path: Path) -> BinaryIO:
    with path.open("rb") as stream:
        gzipped = stream.read(2) == GZIP_MAGIC
    if path.suffix == ".gz" and not gzipped:
        raise BadInput(f"{path} is named .gz but is not a gzip file")
    return cast(BinaryIO, gzip.open(path, "rb")) if gzipped else path.open("rb")


def _read_header(stream: BinaryIO, path: Path, rank: int) -> bytes:
    magic = stream.read(4)
    if len(magic) < 4:
        raise BadInput(f"{path} is truncated: {len(magic)} bytes are no IDX header")
    if magic[:2] != b"\0\0" or magic[2] not in DTYPES or magic[3] != rank:
        wanted = f"0x0000TT{rank:02x} with TT one of {', '.join(f'{code:02x}' for code in DTYPES)}"
        raise BadInput(f"{path} has the wrong magic number 0x{magic.hex()}; an IDX file of this kind has {wanted}")
    sizes = stream.read(4 * rank)
    if len(sizes) < 4 * rank:
        raise BadInput(f"{path} is truncated: its header ends after {4 + len(sizes)} of {4 + 4 * rank} bytes")
    return magic + sizes


def _meaning(header: bytes) -> tuple[np.dtype, tuple[int, ...]]:
    shape = tuple(int.from_bytes(header[i : i + 4], "big") for i in range(4, len(header), 4))
    return np.dtype(DTYPES[header[2]]), shape


def _require_addressable(path: Path, dtype: np.dtype, shape: tuple[int, ...]) -> None:
    """NumPy counts in signed 64 bits, and counts the other dimensions even where one of them is 0."""
    if math.prod(size or 1 for size in shape) * dtype.itemsize >= 2**63:
        raise BadInput(f"{path} is damaged: no array is as large as its header says, {' x '.join(map(str, shape))}")


def _read_values(stream: BinaryIO, path: Path, dtype: np.dtype, shape: tuple[int, ...]) -> bytes:
    """Read in chunks, so that a header which promises exabytes costs no memory; one byte too many is noticed."""
    promised = math.prod(shape) * dtype.itemsize
    chunks: list[bytes] = []
    size = 0
    while size <= promised and (chunk := stream.read(min(CHUNK, promised + 1 - size))):
        chunks.append(chunk)
        size += len(chunk)
    if size != promised:
        fault = "truncated" if size < promised else "longer than its header says"
        got = str(size) if size < promised else "more"
        sizes = " x ".join(map(str, shape))
        raise BadInput(f"{path} is {fault}: {sizes} values are {promised} bytes, and {got} follow the header")
    return b"".join(chunks)
