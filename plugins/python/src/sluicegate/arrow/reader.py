"""Reads Arrow IPC files."""

from __future__ import annotations

import struct
import sys
from array import array
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

from .flat import Reader
from .layout import (
    CONTINUATION, HEADER_RECORD_BATCH, MAGIC, TYPE_BOOL, TYPE_FLOAT, TYPE_INT, TYPE_LARGE_UTF8, TYPE_NAMES, TYPE_NULL,
    TYPE_UTF8, ArrowError, UnsupportedType,
)

_INTEGERS = {(8, True): "b", (16, True): "h", (32, True): "i", (64, True): "q", (8, False): "B", (16, False): "H", (32, False): "I", (64, False): "Q"}
_FLOATS = {1: "f", 2: "d"}


@dataclass(frozen=True)
class _Field:
    name: str
    type: str
    """As columns are typed between tasks; another Arrow type by its name."""
    code: str
    """How values lie in a buffer: a code of `array`, `utf8`, `large_utf8`, `bool`, `null`; empty for what is not read here."""


def read_fields(path: Path) -> "list[tuple[str, str]]":
    """The names and types of the columns."""
    with _damage_told():
        return [(field.name, field.type) for field in _Source(path).fields]


def read_file(path: Path) -> "tuple[dict[str, list[Any]], dict[str, str]]":
    """Columns by name, with `None` for missing values, and their types."""
    with _damage_told():
        return _read(_Source(path))


@contextmanager
def _damage_told() -> "Iterator[None]":
    try:
        yield
    except ArrowError:
        raise
    except (struct.error, ValueError, IndexError, OverflowError) as error:
        raise ArrowError(f"it is damaged: {error}") from error


def _read(source: "_Source") -> "tuple[dict[str, list[Any]], dict[str, str]]":
    for field in source.fields:
        if not field.code:
            raise UnsupportedType(f"column `{field.name}` has the type {field.type}, which needs pyarrow")
    if source.has_dictionaries:
        raise UnsupportedType("it has columns with a dictionary, which need pyarrow")
    columns: dict[str, list[Any]] = {field.name: [] for field in source.fields}
    for batch in source.batches():
        for field, values in batch:
            columns[field.name] += values
    return columns, {field.name: field.type for field in source.fields}


class _Source:
    def __init__(self, path: Path) -> None:
        data = memoryview(Path(path).read_bytes())
        if len(data) < 18 or data[:6] != MAGIC or data[-6:] != MAGIC:
            raise ArrowError("it is not an Arrow IPC file")
        (length,) = struct.unpack_from("<i", data, len(data) - 10)
        if not 0 < length <= len(data) - 18:
            raise ArrowError("its footer is damaged")
        self.data = data
        footer = Reader.root(data[len(data) - 10 - length : len(data) - 10])
        schema = footer.table(1)
        if schema is None:
            raise ArrowError("it has no schema")
        if schema.number(0, "<h"):
            raise UnsupportedType("it is big-endian, which needs pyarrow")
        self.fields = [_field(one) for one in schema.tables(1)]
        self.has_dictionaries = bool(footer.structs(2, "<qi4xq"))
        self._blocks = footer.structs(3, "<qi4xq")

    def batches(self) -> "Iterator[list[tuple[_Field, list[Any]]]]":
        for offset, n_metadata, n_body in self._blocks:
            body_at = offset + n_metadata
            if offset < 0 or body_at + n_body > len(self.data):
                raise ArrowError("it is cut off")
            prefix = 8 if struct.unpack_from("<I", self.data, offset)[0] == CONTINUATION else 4
            message = Reader.root(self.data[offset + prefix : body_at])
            batch = message.table(2)
            if message.number(1, "<B") != HEADER_RECORD_BATCH or batch is None:
                raise ArrowError("a record batch is damaged")
            if batch.table(3) is not None:
                raise UnsupportedType("its record batches are compressed, which needs pyarrow")
            yield self._columns(batch, self.data[body_at : body_at + n_body])

    def _columns(self, batch: Reader, body: memoryview) -> "list[tuple[_Field, list[Any]]]":
        nodes = iter(batch.structs(1, "<qq"))
        places = iter(batch.structs(2, "<qq"))

        def take() -> memoryview:
            offset, length = next(places)
            if offset < 0 or length < 0 or offset + length > len(body):
                raise ArrowError("a buffer lies outside of its batch")
            return body[offset : offset + length]

        found = []
        try:
            for field in self.fields:
                n_rows, n_missing = next(nodes)
                found.append((field, _column(field, n_rows, n_missing, take)))
        except StopIteration:
            raise ArrowError("a record batch has too few buffers") from None
        return found


def _field(one: Reader) -> _Field:
    name, kind, detail = one.text(0), one.number(2, "<B"), one.table(3)
    if one.table(4) is not None:
        return _Field(name, "Dictionary", "")
    if kind == TYPE_INT and detail is not None:
        return _Field(name, "integer", _INTEGERS.get((detail.number(0, "<i"), bool(detail.number(1, "<B"))), ""))
    if kind == TYPE_FLOAT and detail is not None:
        return _Field(name, "number", _FLOATS.get(detail.number(0, "<h"), ""))
    if kind in (TYPE_UTF8, TYPE_LARGE_UTF8):
        return _Field(name, "text", "utf8" if kind == TYPE_UTF8 else "large_utf8")
    if kind == TYPE_BOOL:
        return _Field(name, "boolean", "bool")
    if kind == TYPE_NULL:
        return _Field(name, "number", "null")
    return _Field(name, TYPE_NAMES.get(kind, f"type {kind}"), "")


def _column(field: _Field, n_rows: int, n_missing: int, take: Any) -> "list[Any]":
    if field.code == "null":
        return [None] * n_rows
    validity = take()
    if field.code == "bool":
        values: list[Any] = _bits(take(), n_rows)
    elif field.code in ("utf8", "large_utf8"):
        values = _texts(take(), take(), n_rows, "i" if field.code == "utf8" else "q")
    else:
        values = _numbers(take(), n_rows, field.code).tolist()
    if n_missing and len(validity):
        values = [value if there else None for value, there in zip(values, _bits(validity, n_rows))]
    return values


def _numbers(buffer: memoryview, n: int, code: str) -> "array[Any]":
    values = array(code)
    size = values.itemsize * n
    if len(buffer) < size:
        raise ArrowError("a buffer is too short")
    values.frombytes(buffer[:size])
    if sys.byteorder == "big":
        values.byteswap()
    return values


def _bits(buffer: memoryview, n: int) -> "list[bool]":
    if len(buffer) * 8 < n:
        raise ArrowError("a buffer is too short")
    found: list[bool] = []
    for byte in buffer[: (n + 7) // 8]:
        found += _BYTES[byte]
    return found[:n]


_BYTES = [[bool(byte >> bit & 1) for bit in range(8)] for byte in range(256)]


def _texts(offsets: memoryview, data: memoryview, n: int, code: str) -> "list[str]":
    if n == 0:
        return []  # an empty column may have no offsets at all
    places = _numbers(offsets, n + 1, code).tolist()
    if places[0] < 0 or places[-1] > len(data):
        raise ArrowError("a text lies outside of its buffer")
    raw = bytes(data)
    if raw.isascii():
        whole = raw.decode("ascii")
        return [whole[start:end] for start, end in zip(places, places[1:])]
    return [raw[start:end].decode("utf-8") for start, end in zip(places, places[1:])]
