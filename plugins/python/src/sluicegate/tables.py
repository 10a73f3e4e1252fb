"""Tables in and out: with pyarrow and pandas where they are installed, and plain columns without either."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterable, Mapping, Optional, Sequence

from .arrow import ArrowError, UnsupportedType, read_file, read_fields, write_file
from .columns import Column, PortColumns
from .errors import TaskError

if TYPE_CHECKING:
    import pandas
    import pyarrow

TYPES = ("number", "integer", "text", "boolean")


class Columns(dict[str, "list[Any]"]):
    """A table as a dictionary from names to lists of values. `types` remembers the columns' types, also where no value tells."""

    def __init__(self, columns: "Any" = (), types: "Optional[Mapping[str, str]]" = None) -> None:
        super().__init__(columns)
        self.types: dict[str, str] = dict(types or {})

    @property
    def n_rows(self) -> int:
        return len(next(iter(self.values()), []))


def has(module: str) -> bool:
    """Whether a library is installed; does not import it."""
    return importlib.util.find_spec(module) is not None


def read_pyarrow(path: Path, port: str) -> "pyarrow.Table":
    if not has("pyarrow"):
        raise TaskError("missing_library", f"reading input `{port}` as a pyarrow table needs pyarrow", hints=[
            "`pip install pyarrow`, or use `ctx.columns` or `ctx.rows`, which need nothing"
        ])
    import pyarrow

    try:
        with pyarrow.memory_map(str(path)) as source:
            return pyarrow.ipc.open_file(source).read_all()
    except pyarrow.ArrowInvalid as error:
        raise TaskError("bad_table", f"input `{port}` is not a table: {error}") from error


def read_pandas(path: Path, port: str) -> "pandas.DataFrame":
    if not has("pandas"):
        raise TaskError("missing_library", f"reading input `{port}` as a data frame needs pandas", hints=[
            "`pip install pandas`, or use `ctx.columns` or `ctx.rows`, which need nothing"
        ])
    if has("pyarrow"):
        return read_pyarrow(path, port).to_pandas()
    import pandas

    return pandas.DataFrame(read_columns(path, port))


def read_columns(path: Path, port: str) -> Columns:
    try:
        columns, types = read_file(path)
    except UnsupportedType as error:
        # Dates, lists and the like: pyarrow knows them all.
        if not has("pyarrow"):
            raise TaskError("bad_table", f"input `{port}`: {error}", hints=["`pip install pyarrow`"]) from error
        table = read_pyarrow(path, port)
        return Columns({name: table.column(name).to_pylist() for name in table.column_names})
    except ArrowError as error:
        raise TaskError("bad_table", f"input `{port}` is not a table: {error}") from error
    return Columns(columns, types)


def read_schema(path: Path, port: str) -> PortColumns:
    """The names and types of a table's columns, without its rows."""
    try:
        return PortColumns([Column(name, type) for name, type in read_fields(path)])
    except ArrowError as error:
        raise TaskError("bad_table", f"input `{port}` is not a table: {error}") from error


def write(path: Path, table: Any, port: str, types: "Optional[Mapping[str, str]]") -> None:
    module = type(table).__module__.split(".")[0]
    try:
        if isinstance(table, Mapping):
            _write_columns(path, table, {**getattr(table, "types", {}), **(types or {})})
        elif isinstance(table, (list, tuple)) and all(isinstance(row, Mapping) for row in table):
            _write_columns(path, _columns_of(table), dict(types or {}))
        elif module == "pandas" and not has("pyarrow"):
            _write_columns(path, _columns_of_pandas(table), dict(types or {}))
        elif has("pyarrow"):
            _write_pyarrow(path, table)
        else:
            raise TypeError(f"expected a dictionary of columns or a list of rows, not a {type(table).__name__}")
    except (TypeError, ValueError) as error:
        raise TaskError("bad_output", f"output `{port}` cannot be written as a table: {error}") from error


def _write_columns(path: Path, table: "Mapping[Any, Any]", types: "Mapping[str, str]") -> None:
    for name, type in types.items():
        if type not in TYPES:
            raise ValueError(f"column `{name}`: the type `{type}` is none of {', '.join(TYPES)}")
    write_file(path, {str(name): _values(values) for name, values in table.items()}, types)


def _values(values: Any) -> "Sequence[Any]":
    """A column as a list of Python's own values; numpy's and others' come through their `tolist`."""
    if hasattr(values, "to_pylist"):
        return values.to_pylist()
    if hasattr(values, "tolist"):
        return values.tolist()
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise TypeError(f"a column is a list of values, not {values!r:.80}")
    return [value.tolist() if hasattr(value, "tolist") else value for value in values]


def _columns_of(rows: "Iterable[Mapping[str, Any]]") -> "dict[str, list[Any]]":
    rows = list(rows)
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _columns_of_pandas(frame: "pandas.DataFrame") -> "dict[str, list[Any]]":
    missing = frame.isna()
    return {
        str(name): [None if gone else value for value, gone in zip(_values(frame[name]), missing[name].tolist())]
        for name in frame.columns
    }


def _write_pyarrow(path: Path, table: Any) -> None:
    import pyarrow

    if type(table).__module__.split(".")[0] == "pandas":
        table = pyarrow.Table.from_pandas(table, preserve_index=False)
    elif not isinstance(table, pyarrow.Table):
        table = pyarrow.table(table)  # record batches, and whatever has the Arrow C stream interface
    table = _plain(table, pyarrow)
    with pyarrow.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)


def _plain(table: "pyarrow.Table", pyarrow: Any) -> "pyarrow.Table":
    """Widens to the types that every kind reads: 64-bit numbers and `string`. Metadata of libraries goes, so that equal tables are equal files."""
    types = pyarrow.types

    def plain(type: Any) -> Any:
        if types.is_dictionary(type):
            return plain(type.value_type)
        if types.is_floating(type) or types.is_decimal(type) or types.is_null(type):
            return pyarrow.float64()
        if types.is_integer(type):
            return pyarrow.int64()
        if types.is_large_string(type) or (hasattr(types, "is_string_view") and types.is_string_view(type)):
            return pyarrow.string()
        return type

    wanted = pyarrow.schema([pyarrow.field(field.name, plain(field.type)) for field in table.schema])
    return table.replace_schema_metadata(None) if table.schema.equals(wanted, check_metadata=True) else table.cast(wanted)
