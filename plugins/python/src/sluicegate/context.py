"""What a running kind can ask for and say."""

from __future__ import annotations

import json
import math
import os
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Mapping, Optional

from . import tables
from .channel import TooLong
from .errors import Cancelled, TaskError, nearest_hint
from .ports import Ports

if TYPE_CHECKING:
    import pandas
    import pyarrow

_MAX_TEXT = 100_000


@dataclass(frozen=True)
class Run:
    """Which attempt this is, of which task, in which run. `attempt_id` is an id that no other attempt has."""

    run_id: str = ""
    workflow: str = ""
    task: str = ""
    attempt: int = 1
    attempt_id: str = ""

    @classmethod
    def of(cls, message: "Mapping[str, Any]") -> "Run":
        return cls(**{name: message[name] for name in cls.__dataclass_fields__ if name in message})


@dataclass(frozen=True)
class Input:
    """What is connected to an input port: its type, the BLAKE3 of its content, its file, and its value for a value port."""

    type: str
    path: Path
    hash: str
    value: Any = None


class Context:
    """What a running kind can ask for and say. Safe to use from several threads."""

    def __init__(self, message: "Mapping[str, Any]", ports: Ports, send: "Callable[[dict[str, Any]], None]") -> None:
        self._id, self._send, self._ports = message["id"], send, ports
        self._cancel = threading.Event()
        self._outputs: dict[str, str] = {}
        self._staging = Path(message["outputs"])
        self.run = Run.of(message.get("run") or {})
        """Which attempt this is."""
        self.base_dir = Path(message.get("base_dir") or ".")
        """The workflow's folder: relative paths in parameters start here."""
        self.env: dict[str, str] = dict(message.get("env") or {})
        """Environment variables for programs that the kind starts."""
        self._secrets: dict[str, str] = dict(message.get("secrets") or {})
        self.inputs: dict[str, Input] = {
            name: Input(one.get("type", ""), Path(one["path"]), one.get("hash", ""), one.get("value"))
            for name, one in (message.get("inputs") or {}).items()
        }
        """Connected inputs, by port."""

    # -- reading

    def input(self, port: str) -> Input:
        """A connected input; one that is not connected is an error."""
        found = self.inputs.get(port)
        if found is None:
            known = [*self._ports.inputs]
            raise TaskError("missing_input", f"input `{port}` is not connected", hints=[
                "connect it in the task's `inputs`" if port in known else nearest_hint(port, known, "the kind has the inputs")
            ])
        return found

    def table(self, port: str) -> "pyarrow.Table":
        """A table input as a `pyarrow.Table`. Without pyarrow use `columns` or `rows`."""
        return tables.read_pyarrow(self.input(port).path, port)

    def dataframe(self, port: str) -> "pandas.DataFrame":
        """A table input as a `pandas.DataFrame`."""
        return tables.read_pandas(self.input(port).path, port)

    def columns(self, port: str) -> "tables.Columns":
        """A table input as a dictionary from names to lists of values, `None` where one is missing. Needs no library."""
        return tables.read_columns(self.input(port).path, port)

    def rows(self, port: str) -> "list[dict[str, Any]]":
        """A table input as a list of dictionaries, one a row. Needs no library."""
        columns = self.columns(port)
        return [dict(zip(columns, row)) for row in zip(*columns.values())]

    def value(self, port: str) -> Any:
        """The value of a value input, or the content of a report or verdict."""
        found = self.input(port)
        if found.type == "value" and found.value is not None:
            return found.value
        try:
            return json.loads(found.path.read_bytes())
        except ValueError as error:
            raise TaskError("bad_input", f"input `{port}` is not JSON: {error}") from error

    def path(self, port: str) -> Path:
        """The file of an input; read only."""
        return self.input(port).path

    def resolve(self, path: "str | os.PathLike[str]") -> Path:
        """A path from a parameter, from the workflow's folder on."""
        return self.base_dir / path

    def secret(self, name: str) -> str:
        """A secret that the task was given; one that it was not given is an error."""
        if name not in self._secrets:
            raise TaskError("missing_secret", f"the task has no secret `{name}`", hints=[f'add `secrets = ["{name}"]` to the task'])
        return self._secrets[name]

    # -- saying

    def info(self, message: str) -> None:
        """Writes a line to the attempt's log."""
        self._log("info", message)

    def warn(self, message: str) -> None:
        """Writes a line that a person should look at."""
        self._log("warn", message)

    def error(self, message: str) -> None:
        """Writes a line about what went wrong. It does not fail the attempt: raise `sg.TaskError` for that."""
        self._log("error", message)

    def _log(self, level: str, message: str) -> None:
        self._say({"t": "log", "level": level, "message": _short(message)})

    def metric(self, name: str, value: float) -> None:
        """Records a metric; the last value of a name stands. Values that are not finite are logged and left out."""
        value = float(value)
        if math.isfinite(value):
            self._say({"t": "metric", "name": str(name), "value": value})
        else:
            self.warn(f"metric `{name}` is {value} and is not recorded")

    def progress(self, fraction: Optional[float], note: str = "") -> None:
        """Says how far the kind is: from 0 to 1, or `None` when unknown."""
        known = fraction is not None and math.isfinite(float(fraction))
        shown = min(1.0, max(0.0, float(fraction))) if known and fraction is not None else None
        self._say({"t": "progress", "fraction": shown, "note": _short(note)})

    def summary(self, text: str) -> None:
        """Sets the one line that is shown behind the task."""
        self._say({"t": "summary", "text": _short(text)})

    def verdict(self, decision: str, requirements: "Optional[list[dict[str, Any]]]" = None) -> "dict[str, Any]":
        """Says what a gate decided: `pass`, `reject` or `insufficient`. Gives the verdict as a verdict port holds it."""
        if decision not in ("pass", "reject", "insufficient"):
            raise TaskError("bad_output", f"a verdict is `pass`, `reject` or `insufficient`, not `{decision}`")
        verdict = {"decision": decision, "requirements": requirements or []}
        self._say({"t": "verdict", "verdict": verdict})
        return verdict

    # -- stopping

    @property
    def cancelled(self) -> bool:
        """Whether the kind should stop."""
        return self._cancel.is_set()

    def check_cancelled(self) -> None:
        """Ends the attempt when the kind should stop; call it in long loops."""
        if self.cancelled:
            raise Cancelled()

    def cancel(self) -> None:
        """Asks the kind to stop."""
        self._cancel.set()

    # -- writing

    def output_path(self, port: str) -> Path:
        """Where to write an output's file. The port counts as written when the kind ends well."""
        type = self._type_of(port)
        self._staging.mkdir(parents=True, exist_ok=True)
        self._outputs[port] = type
        return self._staging / port

    def write_table(self, port: str, table: Any, types: "Optional[Mapping[str, str]]" = None) -> None:
        """Writes a table output: a pyarrow table, a pandas (or other) data frame, a dictionary of columns or a list of dictionaries.

        `types` gives columns without any value a type: `number`, `integer`, `text` or `boolean`.
        """
        self._expect(port, "table")
        tables.write(self.output_path(port), table, port, types)

    def write_json(self, port: str, value: Any) -> None:
        """Writes a report, verdict or value."""
        self._expect(port, "report", "verdict", "value")
        try:
            text = json.dumps(plain_json(value), ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise TaskError("bad_output", f"output `{port}` cannot be written as JSON: {error}") from error
        if self._type_of(port) == "value":
            self._outputs.pop(port, None)
            try:
                self._say({"t": "output", "port": port, "type": "value", "value": json.loads(text)})
            except TooLong as error:
                raise TaskError("too_large", f"output `{port}` is too large for a value: {error}", hints=[
                    "make the port a report or a file"
                ]) from error
            self._outputs[port] = ""
            return
        self.output_path(port).write_text(text, encoding="utf-8")

    def write(self, port: str, value: Any) -> None:
        """Writes an output as its port's type wants it; this is what a kind's returned dictionary goes through.

        For a file or model: bytes, or the path of a file, which is copied.
        """
        type = self._type_of(port)
        if type == "table":
            self.write_table(port, value)
        elif type in ("report", "verdict", "value"):
            self.write_json(port, value)
        elif isinstance(value, (bytes, bytearray, memoryview)):
            self.output_path(port).write_bytes(value)
        elif isinstance(value, (str, os.PathLike)):
            target = self.output_path(port)
            if Path(value).resolve() != target.resolve():
                shutil.copyfile(value, target)
        else:
            raise TaskError("bad_output", f"output `{port}` is a {type}: give bytes or the path of a file, not {value!r:.80}")

    def finish(self, returned: Any) -> None:
        """Writes what the kind returned, and announces every output."""
        if returned is not None:
            names = [*self._ports.outputs]
            if not isinstance(returned, Mapping) or (len(names) == 1 and names[0] not in returned):
                if len(names) != 1:
                    raise TaskError("bad_output", f"the kind must return a dictionary of its outputs, not {returned!r:.80}", hints=[
                        "its outputs are " + ", ".join(f"`{name}`" for name in names) if names else "it has no outputs"
                    ])
                returned = {names[0]: returned}
            for port, value in returned.items():
                if value is not None:
                    self.write(port, value)
        for port, one in self._ports.outputs.items():
            if port not in self._outputs and not one.optional:
                raise TaskError("missing_output", f"the kind did not write its output `{port}`", hints=[
                    f"return {{\"{port}\": …}}, or make the port optional"
                ])
        for port, type in self._outputs.items():
            if not type:
                continue
            if not (self._staging / port).is_file():
                raise TaskError("missing_output", f"output `{port}` has no file: nothing was written to `ctx.output_path(\"{port}\")`")
            self._say({"t": "output", "port": port, "type": type})

    def _type_of(self, port: str) -> str:
        found = self._ports.outputs.get(port)
        if found is None:
            raise TaskError("bad_output", f"the kind has no output `{port}`", hints=[
                nearest_hint(port, [*self._ports.outputs], "its outputs are")
            ])
        return found.type

    def _expect(self, port: str, *types: str) -> None:
        if self._type_of(port) not in types:
            raise TaskError("bad_output", f"output `{port}` is a {self._type_of(port)}, not a {types[0]}")

    def _say(self, message: "dict[str, Any]") -> None:
        self._send({**message, "id": self._id})


def _short(text: Any) -> str:
    text = str(text)
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}… ({len(text)} characters)"


def plain_json(value: Any) -> Any:
    """Turns numpy's numbers and arrays, enums and paths into what JSON knows."""
    if isinstance(value, Mapping):
        return {str(key): plain_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_json(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if value is None or type(value) in (str, int, float, bool):
        return value
    if hasattr(value, "tolist"):
        return plain_json(value.tolist())
    return value
