"""The part of FlatBuffers that Arrow's metadata needs: tables, vectors, strings and structs, read and written.

A table begins with the distance back to its vtable, which has the size of both and then, for each field, its place within the table, 0 when it is
absent. Strings, vectors and tables inside a table are distances forward. All numbers are little-endian.
"""

from __future__ import annotations

import struct
from typing import Any, Callable, Iterator, Optional

from .layout import ArrowError


class Reader:
    """A table in a buffer."""

    def __init__(self, data: "memoryview | bytes", at: int) -> None:
        self.data, self.at = data, at
        self._vtable = at - _number(data, "<i", at)
        self._size = _number(data, "<H", self._vtable)

    @classmethod
    def root(cls, data: "memoryview | bytes") -> "Reader":
        return cls(data, _number(data, "<I", 0))

    def _place(self, field: int) -> Optional[int]:
        slot = 4 + 2 * field
        place = _number(self.data, "<H", self._vtable + slot) if slot < self._size else 0
        return self.at + place if place else None

    def number(self, field: int, form: str, default: Any = 0) -> Any:
        place = self._place(field)
        return default if place is None else _number(self.data, form, place)

    def table(self, field: int) -> "Optional[Reader]":
        place = self._place(field)
        return None if place is None else Reader(self.data, place + _number(self.data, "<I", place))

    def text(self, field: int) -> str:
        start, length = self._vector(field)
        return bytes(self.data[start : start + length]).decode("utf-8")

    def tables(self, field: int) -> "Iterator[Reader]":
        start, length = self._vector(field)
        for place in range(start, start + 4 * length, 4):
            yield Reader(self.data, place + _number(self.data, "<I", place))

    def structs(self, field: int, form: str) -> "list[tuple[Any, ...]]":
        start, length = self._vector(field)
        size = struct.calcsize(form)
        if start + size * length > len(self.data):
            raise ArrowError("its metadata is cut off")
        return [struct.unpack_from(form, self.data, start + size * at) for at in range(length)]

    def _vector(self, field: int) -> "tuple[int, int]":
        place = self._place(field)
        if place is None:
            return 0, 0
        start = place + _number(self.data, "<I", place)
        length = _number(self.data, "<I", start)
        if start + 4 + length > len(self.data):  # an item has a byte at least
            raise ArrowError("its metadata is cut off")
        return start + 4, length


def _number(data: "memoryview | bytes", form: str, at: int) -> Any:
    if at < 0:
        raise ArrowError("its metadata points outside of itself")
    try:
        return struct.unpack_from(form, data, at)[0]
    except struct.error:
        raise ArrowError("its metadata is cut off") from None


class Child:
    """Something that a table or vector points to: it is written behind."""

    def __init__(self, write: "Callable[[Builder], int]") -> None:
        self.write = write


class Builder:
    """Writes from front to back: first what points, then what is pointed to."""

    def __init__(self) -> None:
        self.data = bytearray()

    @classmethod
    def finish(cls, root: Child) -> bytes:
        builder = cls()
        builder.data += b"\0\0\0\0"
        struct.pack_into("<I", builder.data, 0, root.write(builder))
        builder.align(8)
        return bytes(builder.data)

    def align(self, size: int, ahead: int = 0) -> None:
        """Pads so that what comes `ahead` bytes later is aligned."""
        self.data += b"\0" * (-(len(self.data) + ahead) % size)

    def patch(self, place: int, child: Child) -> None:
        at = child.write(self)
        struct.pack_into("<I", self.data, place, at - place)


def table(fields: "dict[int, tuple[str, Any] | Child]") -> Child:
    """A table: by field number, a format with its number, or a child."""

    def write(builder: Builder) -> int:
        forms = {at: ("<I", 0) if isinstance(one, Child) else one for at, one in fields.items()}
        # The largest first, so that each is aligned without gaps behind the 4 bytes that lead to the vtable.
        places, size = {}, 4
        for at in sorted(forms, key=lambda at: -struct.calcsize(forms[at][0])):
            width = struct.calcsize(forms[at][0])
            size += -size % width
            places[at], size = size, size + width
        n_slots = max(fields, default=-1) + 1
        slots = [places.get(at, 0) for at in range(n_slots)]
        vtable = struct.pack(f"<HH{n_slots}H", 4 + 2 * n_slots, size, *slots)
        builder.align(8, ahead=len(vtable))
        builder.data += vtable
        start = len(builder.data)
        builder.data += struct.pack("<i", len(vtable)) + b"\0" * (size - 4)
        for at, (form, value) in forms.items():
            struct.pack_into(form, builder.data, start + places[at], value)
        for at, one in fields.items():
            if isinstance(one, Child):
                builder.patch(start + places[at], one)
        return start

    return Child(write)


def text(value: str) -> Child:
    def write(builder: Builder) -> int:
        builder.align(4)
        start = len(builder.data)
        data = value.encode("utf-8")
        builder.data += struct.pack("<I", len(data)) + data + b"\0"
        return start

    return Child(write)


def tables(children: "list[Child]") -> Child:
    def write(builder: Builder) -> int:
        builder.align(4)
        start = len(builder.data)
        builder.data += struct.pack("<I", len(children)) + b"\0" * (4 * len(children))
        for at, child in enumerate(children):
            builder.patch(start + 4 + 4 * at, child)
        return start

    return Child(write)


def structs(form: str, rows: "list[tuple[Any, ...]]") -> Child:
    """A vector of structs, whose numbers have up to 8 bytes."""

    def write(builder: Builder) -> int:
        builder.align(8, ahead=4)
        start = len(builder.data)
        builder.data += struct.pack("<I", len(rows))
        for row in rows:
            builder.data += struct.pack(form, *row)
        return start

    return Child(write)
