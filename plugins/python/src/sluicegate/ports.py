"""The named, typed inputs and outputs of a kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Mapping, Optional

from .errors import DefinitionError

PORT_TYPES = ("table", "model", "report", "verdict", "file", "value")


@dataclass(frozen=True)
class Port:
    """What passes through a port, with one sentence for people. Use one of the subclasses."""

    doc: str
    optional: bool = False
    type: ClassVar[str] = ""

    def to_json(self, name: str) -> "dict[str, Any]":
        return {"name": name, "type": self.type, "doc": self.doc, "optional": self.optional}


class Table(Port):
    """Rows and named columns."""

    type = "table"


class Model(Port):
    """A model bundle of Sluicegate; a model of another library is a `File`."""

    type = "model"


class Report(Port):
    """What an evaluation found, as JSON."""

    type = "report"


class Verdict(Port):
    """What a gate decided, as JSON."""

    type = "verdict"


class File(Port):
    """Any file."""

    type = "file"


class Value(Port):
    """A small JSON value, usable in expressions as `tasks.NAME.outputs.PORT`."""

    type = "value"


class Anything(Port):
    """Accepts every type; only for inputs."""

    type = "any"


@dataclass(frozen=True)
class Ports:
    """The inputs and outputs of a kind; the first output is its main output."""

    inputs: "Mapping[str, Port]"
    outputs: "Mapping[str, Port]"
    more_inputs: Optional[str] = None
    more_outputs: bool = False

    def to_json(self) -> "dict[str, Any]":
        found: dict[str, Any] = {
            "inputs": [port.to_json(name) for name, port in self.inputs.items()],
            "outputs": [port.to_json(name) for name, port in self.outputs.items()],
            "more_outputs": self.more_outputs,
        }
        if self.more_inputs is not None:
            found["more_inputs"] = self.more_inputs
        return found

    def verify(self, kind: str) -> "Ports":
        """Refuses what the host would refuse, naming the port."""
        for side, ports in (("input", self.inputs), ("output", self.outputs)):
            for name, port in ports.items():
                where = f"kind `{kind}`: {side} `{name}`"
                if not isinstance(name, str) or not name.replace("_", "a").isalnum() or not name.isascii():
                    raise DefinitionError(f"{where}: a port's name is made of letters, digits and `_`")
                if not isinstance(port, Port) or not port.type:
                    raise DefinitionError(f"{where} must be a port such as `sg.Table(\"rows to read\")`, not {port!r}")
                if side == "output" and port.type == "any":
                    raise DefinitionError(f"{where}: `sg.Anything` is for inputs only; an output has a type")
        if self.more_inputs is not None and self.more_inputs not in (*PORT_TYPES, "any"):
            raise DefinitionError(f"kind `{kind}`: `more_inputs` must be a port type or \"any\", not {self.more_inputs!r}")
        return self
