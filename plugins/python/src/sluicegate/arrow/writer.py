"""Writes Arrow IPC files."""

from __future__ import annotations

import struct
import sys
from array import array
from pathlib import Path
from typing import Any, Mapping, Sequence

from .flat import Builder, Child, structs, table, tables, text
from .layout import (
    CONTINUATION, HEADER_RECORD_BATCH, HEADER_SCHEMA, MAGIC, TYPE_BOOL, TYPE_FLOAT, TYPE_INT, TYPE_UTF8, VERSION_V5,
)

_ALIGNMENT = 64


def write_file(path: Path, columns: "Mapping[str, Sequence[Any]]", types: "Mapping[str, str]") -> None:
    """Writes columns of equal length. The type of a column is told by its values; `types` decides where they leave it open."""
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"`{name}` has {length}" for name, length in lengths.items())
        raise ValueError(f"its columns have different lengths: {shown}")
    n_rows = next(iter(lengths.values()), 0)
    typed = {name: type_of(name, values, types.get(name)) for name, values in columns.items()}
    schema = _schema(typed)
    out = bytearray(MAGIC + b"\0\0")
    out += _message(HEADER_SCHEMA, schema, 0)
    batch, body = _batch(columns, typed, n_rows)
    metadata = _message(HEADER_RECORD_BATCH, batch, len(body))
    block = (len(out), len(metadata), len(body))
    out += metadata
    with open(path, "wb") as file:
        file.write(out)
        file.write(body)
        file.write(struct.pack("<II", CONTINUATION, 0))
        footer = Builder.finish(table({
            0: ("<h", VERSION_V5),
            1: schema,
            2: structs("<qi4xq", []),
            3: structs("<qi4xq", [block]),
        }))
        file.write(footer + struct.pack("<i", len(footer)) + MAGIC)


def type_of(name: str, values: "Sequence[Any]", wanted: "str | None") -> str:
    """The type that holds all values: `number`, `integer`, `text` or `boolean`."""
    found = {type(value) for value in values}
    found.discard(type(None))
    if not found:
        return wanted or "text"
    if found == {bool}:
        return "boolean"
    if found == {int}:
        return "number" if wanted == "number" else "integer"
    if found <= {int, float}:
        return "number"
    if all(issubclass(one, str) for one in found):
        return "text"
    shown = ", ".join(sorted(one.__name__ for one in found))
    raise TypeError(f"column `{name}` holds {shown}; a column holds numbers, texts or truths of one type")


def _schema(typed: "Mapping[str, str]") -> Child:
    return table({1: tables([_field(name, type) for name, type in typed.items()])})


def _field(name: str, type: str) -> Child:
    code, detail = {
        "number": (TYPE_FLOAT, table({0: ("<h", 2)})),
        "integer": (TYPE_INT, table({0: ("<i", 64), 1: ("<B", 1)})),
        "text": (TYPE_UTF8, table({})),
        "boolean": (TYPE_BOOL, table({})),
    }[type]
    return table({0: text(name), 1: ("<B", 1), 2: ("<B", code), 3: detail, 5: tables([])})


def _message(kind: int, header: Child, n_body: int) -> bytes:
    metadata = Builder.finish(table({0: ("<h", VERSION_V5), 1: ("<B", kind), 2: header, 3: ("<q", n_body)}))
    metadata += b"\0" * (-(len(metadata) + 8) % _ALIGNMENT)
    return struct.pack("<Ii", CONTINUATION, len(metadata)) + metadata


def _batch(columns: "Mapping[str, Sequence[Any]]", typed: "Mapping[str, str]", n_rows: int) -> "tuple[Child, bytes]":
    nodes, buffers, body = [], [], bytearray()

    def put(data: bytes) -> None:
        buffers.append((len(body), len(data)))
        body.extend(data)
        body.extend(b"\0" * (-len(body) % _ALIGNMENT))

    for name, values in columns.items():
        n_missing = sum(value is None for value in values)
        nodes.append((n_rows, n_missing))
        put(_bits([value is not None for value in values]) if n_missing else b"")
        type = typed[name]
        if type == "boolean":
            put(_bits([bool(value) for value in values]))
        elif type == "text":
            _put_texts(values, name, put)
        else:
            put(_numbers("d" if type == "number" else "q", values, name))
    batch = table({0: ("<q", n_rows), 1: structs("<qq", nodes), 2: structs("<qq", buffers)})
    return batch, bytes(body)


def _put_texts(values: "Sequence[Any]", name: str, put: Any) -> None:
    offsets, parts, end = array("i", [0]), [], 0
    for value in values:
        if value is not None:
            part = value.encode("utf-8")
            parts.append(part)
            end += len(part)
        if end > 2**31 - 1:
            raise ValueError(f"column `{name}` has more than 2 GiB of text")
        offsets.append(end)
    put(_bytes(offsets))
    put(b"".join(parts))


def _numbers(code: str, values: "Sequence[Any]", name: str) -> bytes:
    try:
        return _bytes(array(code, [0 if value is None else value for value in values]))
    except OverflowError:
        raise ValueError(f"column `{name}` has a whole number that does not fit into 64 bits") from None


def _bytes(values: "array[Any]") -> bytes:
    if sys.byteorder == "big":
        values.byteswap()
    return values.tobytes()


def _bits(values: "Sequence[bool]") -> bytes:
    packed = bytearray((len(values) + 7) // 8)
    for at, value in enumerate(values):
        if value:
            packed[at >> 3] |= 1 << (at & 7)
    return bytes(packed)
