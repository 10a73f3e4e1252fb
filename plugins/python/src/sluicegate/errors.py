"""How a kind says that it failed, and how it says that its parameters are wrong."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any, Iterable, Optional, Sequence


class DefinitionError(TypeError):
    """A kind is written wrongly; told when the plugin is loaded, before anything runs."""


class TaskError(Exception):
    """A failed attempt.

    `code` is stable and snake_case, such as `bad_data`; `message` is a lowercase fragment that names the thing; each hint
    is a next step. `retryable` says that another attempt with the same inputs may go well.
    """

    def __init__(
        self, code: str, message: str, *, hints: Sequence[str] = (), retryable: bool = False
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hints = [hints] if isinstance(hints, str) else list(hints)
        self.retryable = retryable

    def to_json(self) -> "dict[str, Any]":
        return {
            "code": str(self.code),
            "message": str(self.message),
            "hints": [str(hint) for hint in self.hints],
            "retryable": bool(self.retryable),
        }


class Cancelled(TaskError):
    """The attempt stopped because it was asked to."""

    def __init__(self) -> None:
        super().__init__("cancelled", "cancelled")


@dataclass
class Problem:
    """One thing that is wrong with a task's parameters, found before anything runs.

    `pointer` is a JSON pointer into `with`, such as `/columns/0`; empty for the task as a whole.
    """

    pointer: str
    message: str
    hint: Optional[str] = None

    @classmethod
    def missing_column(cls, pointer: str, name: str, have: Iterable[str]) -> "Problem":
        """A column that a table does not have, with the nearest name that it does have."""
        have = list(have)
        return cls(pointer, f"the table has no column `{name}`", nearest_hint(name, have, "it has"))

    def to_json(self) -> "dict[str, Any]":
        found: dict[str, Any] = {"pointer": self.pointer, "message": self.message}
        if self.hint:
            found["hint"] = self.hint
        return found


def nearest_hint(name: str, have: Sequence[str], otherwise: str) -> str:
    """`did you mean …?`, or all names when none is near."""
    near = difflib.get_close_matches(name, have, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    shown = ", ".join(f"`{one}`" for one in have[:20]) or "none"
    return f"{otherwise} {shown}" + (f" and {len(have) - 20} more" if len(have) > 20 else "")
