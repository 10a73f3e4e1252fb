"""Columns known before a run: what a kind derives for its outputs from those of its inputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterable, Mapping, Optional, Union

from .errors import Problem


@dataclass(frozen=True)
class Column:
    """A named column. `type` is `number`, `integer`, `text`, `boolean`, or the name of another Arrow type."""

    name: str
    type: str = "unknown"

    @classmethod
    def of(cls, value: Any) -> "Column":
        type = value.get("type", "unknown")
        return cls(value["name"], type.get("other", "unknown") if isinstance(type, Mapping) else type)

    def to_json(self) -> "dict[str, Any]":
        plain = self.type in ("number", "integer", "text", "boolean")
        return {"name": self.name, "type": self.type if plain else {"other": self.type}}


@dataclass(frozen=True)
class PortColumns:
    """What is known of a table (or of a model: its feature columns and target)."""

    columns: "list[Column]"
    target: Optional[str] = None

    @property
    def names(self) -> "list[str]":
        return [column.name for column in self.columns]

    def __contains__(self, name: str) -> bool:
        return name in self.names


@dataclass
class ColumnCheck:
    """A conversation about columns. An input that is not in `inputs` is unknown: say nothing about it."""

    base_dir: Path
    runs_after_others: bool
    inputs: "dict[str, PortColumns]"
    outputs: "dict[str, dict[str, Any]]" = field(default_factory=dict)
    problems: "list[Problem]" = field(default_factory=list)

    @classmethod
    def of(cls, message: "Mapping[str, Any]") -> "ColumnCheck":
        inputs = {
            name: PortColumns([Column.of(column) for column in one.get("columns", [])], one.get("target"))
            for name, one in (message.get("inputs") or {}).items()
        }
        return cls(Path(message.get("base_dir") or "."), bool(message.get("runs_after_others")), inputs)

    def input(self, port: str) -> Optional[PortColumns]:
        """What is known of an input; `None` when nothing is."""
        return self.inputs.get(port)

    def need(self, pointer: str, column: str, of: str) -> Optional[Column]:
        """Reports a column that the input lacks; gives it when it is there and known."""
        known = self.inputs.get(of)
        if known is None:
            return None
        for one in known.columns:
            if one.name == column:
                return one
        self.problem(Problem.missing_column(pointer, column, known.names))
        return None

    def output(self, port: str, columns: "Iterable[Union[Column, str]]", target: Optional[str] = None) -> None:
        """Says which columns an output will have."""
        known = [one if isinstance(one, Column) else Column(one) for one in columns]
        found: dict[str, Any] = {"columns": [one.to_json() for one in known]}
        if target is not None:
            found["target"] = target
        self.outputs[port] = found

    def problem(self, problem: "Union[Problem, str]", message: str = "", hint: Optional[str] = None) -> None:
        """Reports what is wrong: a `Problem`, or a pointer, a message and a hint."""
        self.problems.append(problem if isinstance(problem, Problem) else Problem(problem, message, hint))
