"""Shapes of parameters: each knows its JSON Schema, converts a JSON value, and writes a default as JSON."""

from __future__ import annotations

import copy
import enum
import re
from typing import Any, Callable, Optional

_WORDS = {"string": "a text", "integer": "a whole number", "number": "a number", "boolean": "true or false"}


class Misfit(ValueError):
    """A value that does not fit, with its place as a JSON pointer."""

    def __init__(self, pointer: str, message: str) -> None:
        super().__init__(message)
        self.pointer = pointer


def words_for(value: Any) -> str:
    """What a value is, for people."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    return f"the text {value!r}" if isinstance(value, str) else f"the number {value!r}"


class Shape:
    """The base of all shapes."""

    def schema(self) -> "dict[str, Any]":
        raise NotImplementedError

    def convert(self, value: Any, pointer: str) -> Any:
        """A JSON value as the hint promises it; raises `Misfit`."""
        raise NotImplementedError

    def to_json(self, value: Any) -> Any:
        """A Python value, such as a default, as JSON."""
        return value

    def bound(self, keyword: str, limit: Any, wanted: str) -> bool:
        """Takes a bound on; False when it makes no sense here."""
        return False

    def names_columns(self) -> bool:
        return False

    def words(self) -> str:
        return "a value"


class AnyShape(Shape):
    """Whatever TOML can hold."""

    def schema(self) -> "dict[str, Any]":
        return {}

    def convert(self, value: Any, pointer: str) -> Any:
        return copy.deepcopy(value)


class NullShape(Shape):
    """Nothing; only as a part of a union."""

    def schema(self) -> "dict[str, Any]":
        return {"type": "null"}

    def convert(self, value: Any, pointer: str) -> Any:
        if value is not None:
            raise Misfit(pointer, f"expected nothing, found {words_for(value)}")
        return None

    def to_json(self, value: Any) -> Any:
        if value is not None:
            raise ValueError(f"expected None, found {value!r}")
        return None

    def words(self) -> str:
        return "nothing"


class ScalarShape(Shape):
    """A text, a number, a truth."""

    def __init__(self, json_type: str, python_type: type) -> None:
        self.json_type, self.python_type = json_type, python_type
        self.bounds: dict[str, Any] = {}

    def schema(self) -> "dict[str, Any]":
        return {"type": self.json_type, **self.bounds}

    def convert(self, value: Any, pointer: str) -> Any:
        if not self._fits(value):
            raise Misfit(pointer, f"expected {self.words()}, found {words_for(value)}")
        value = self.python_type(value)
        for keyword, limit in self.bounds.items():
            test, wanted = _TESTS[keyword]
            if not test(value, limit):
                raise Misfit(pointer, f"{words_for(value)} is not {wanted} {limit!r}")
        return value

    def _fits(self, value: Any) -> bool:
        if self.json_type == "string":
            return isinstance(value, str)
        if isinstance(value, bool) or self.json_type == "boolean":
            return isinstance(value, bool) and self.json_type == "boolean"
        if self.json_type == "integer":
            return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return isinstance(value, (int, float))

    def to_json(self, value: Any) -> Any:
        value = str(value) if self.python_type not in (str, int, float, bool) else value
        if not self._fits(value):
            raise ValueError(f"expected {self.words()}")
        return value

    def bound(self, keyword: str, limit: Any, wanted: str) -> bool:
        if wanted != ("number" if self.json_type == "integer" else self.json_type):
            return False
        self.bounds[keyword] = limit
        return True

    def names_columns(self) -> bool:
        return self.json_type == "string"

    def words(self) -> str:
        return _WORDS[self.json_type]


_TESTS: "dict[str, tuple[Callable[[Any, Any], bool], str]]" = {
    "minimum": (lambda value, limit: value >= limit, "at least"),
    "maximum": (lambda value, limit: value <= limit, "at most"),
    "exclusiveMinimum": (lambda value, limit: value > limit, "greater than"),
    "exclusiveMaximum": (lambda value, limit: value < limit, "less than"),
    "minLength": (lambda value, limit: len(str(value)) >= limit, "of a length of at least"),
    "maxLength": (lambda value, limit: len(str(value)) <= limit, "of a length of at most"),
    "pattern": (lambda value, limit: re.search(limit, str(value)) is not None, "of the pattern"),
}


class EnumShape(Shape):
    """One of some values: a `Literal`, or an `Enum`, which stands in TOML as its value."""

    def __init__(self, values: "list[Any]", cls: "Optional[type[enum.Enum]]") -> None:
        self.values, self.cls = values, cls

    def schema(self) -> "dict[str, Any]":
        return {"enum": list(self.values)}

    def convert(self, value: Any, pointer: str) -> Any:
        for known in self.values:
            if known == value and isinstance(known, bool) == isinstance(value, bool):
                return self.cls(known) if self.cls else known
        raise Misfit(pointer, f"expected {self.words()}, found {words_for(value)}")

    def to_json(self, value: Any) -> Any:
        if self.cls is not None and isinstance(value, self.cls):
            return value.value
        if self.cls is None and value in self.values:
            return value
        raise ValueError(f"expected {self.words()}")

    def words(self) -> str:
        return "one of " + ", ".join(f"`{value}`" for value in self.values)


class ItemsShape(Shape):
    """A list."""

    def __init__(self, item: Shape, make: Callable[[Any], Any]) -> None:
        self.item, self.make = item, make
        self.bounds: dict[str, Any] = {}

    def schema(self) -> "dict[str, Any]":
        return {"type": "array", "items": self.item.schema(), **self.bounds}

    def convert(self, value: Any, pointer: str) -> Any:
        if not isinstance(value, list):
            raise Misfit(pointer, f"expected a list, found {words_for(value)}")
        low, high = self.bounds.get("minItems", 0), self.bounds.get("maxItems")
        if len(value) < low or (high is not None and len(value) > high):
            wanted = f"at least {low}" if len(value) < low else f"at most {high}"
            raise Misfit(pointer, f"expected {wanted} items, found {len(value)}")
        return self.make(self.item.convert(item, f"{pointer}/{at}") for at, item in enumerate(value))

    def to_json(self, value: Any) -> Any:
        if isinstance(value, (str, dict)):
            raise ValueError("expected a list")
        items = sorted(value) if isinstance(value, (set, frozenset)) else value
        return [self.item.to_json(item) for item in items]

    def bound(self, keyword: str, limit: Any, wanted: str) -> bool:
        if wanted == "array":
            self.bounds[keyword] = limit
            return True
        return self.item.bound(keyword, limit, wanted)

    def names_columns(self) -> bool:
        return isinstance(self.item, ScalarShape) and self.item.names_columns()

    def words(self) -> str:
        return "a list"


class MapShape(Shape):
    """A table with keys of the author's choice."""

    def __init__(self, value: Shape) -> None:
        self.value = value

    def schema(self) -> "dict[str, Any]":
        return {"type": "object", "additionalProperties": self.value.schema() or True}

    def convert(self, value: Any, pointer: str) -> Any:
        if not isinstance(value, dict):
            raise Misfit(pointer, f"expected a table, found {words_for(value)}")
        return {key: self.value.convert(item, f"{pointer}/{escape(key)}") for key, item in value.items()}

    def to_json(self, value: Any) -> Any:
        return {str(key): self.value.to_json(item) for key, item in dict(value).items()}

    def words(self) -> str:
        return "a table"


class UnionShape(Shape):
    """One of several shapes; the first that fits is taken."""

    def __init__(self, options: "list[Shape]") -> None:
        # A number that is written as a whole one should stay whole where both are possible.
        order = {"integer": 0, "number": 1}
        self.options = sorted(options, key=lambda option: order.get(getattr(option, "json_type", ""), 0))

    def schema(self) -> "dict[str, Any]":
        some = [option for option in self.options if not isinstance(option, NullShape)]
        if len(some) == 1 and len(self.options) == 2:
            inner = some[0].schema()
            if isinstance(inner.get("type"), str):
                return {**inner, "type": [inner["type"], "null"]}
            if "enum" in inner:
                return {**inner, "enum": [*inner["enum"], None]}
        schemas = [option.schema() for option in self.options]
        if all(set(schema) == {"type"} and isinstance(schema["type"], str) for schema in schemas):
            return {"type": [schema["type"] for schema in schemas]}
        return {"anyOf": schemas}

    def convert(self, value: Any, pointer: str) -> Any:
        failures = []
        for option in self.options:
            try:
                return option.convert(value, pointer)
            except Misfit as misfit:
                failures.append(misfit)
        # The option that got furthest is what was meant.
        deepest = max(failures, key=lambda misfit: misfit.pointer.count("/"))
        some = [option for option in self.options if not isinstance(option, NullShape)]
        if len(some) == 1:
            raise next(m for o, m in zip(self.options, failures) if o is some[0])
        if deepest.pointer != pointer:
            raise deepest
        wanted = " or ".join(option.words() for option in some)
        raise Misfit(pointer, f"expected {wanted}, found {words_for(value)}")

    def to_json(self, value: Any) -> Any:
        for option in self.options:
            try:
                return option.to_json(value)
            except (ValueError, TypeError):
                continue
        raise ValueError(f"expected {self.words()}")

    def bound(self, keyword: str, limit: Any, wanted: str) -> bool:
        return any([option.bound(keyword, limit, wanted) for option in self.options])

    def names_columns(self) -> bool:
        return any(option.names_columns() for option in self.options)

    def words(self) -> str:
        return " or ".join(option.words() for option in self.options if not isinstance(option, NullShape))


class Property:
    """A named value of an object."""

    REQUIRED: Any = object()

    def __init__(
        self, name: str, shape: Shape, doc: str, default: Any, examples: "list[Any]", column_of: Optional[str]
    ) -> None:
        self.name, self.shape, self.doc, self.examples, self.column_of = name, shape, doc, examples, column_of
        self.default = default
        self.default_json: Any = None

    @property
    def required(self) -> bool:
        return self.default is Property.REQUIRED

    def schema(self) -> "dict[str, Any]":
        schema = dict(self.shape.schema())
        if self.doc:
            schema["description"] = self.doc
        # TOML cannot write nothing, so saying that nothing is the default helps nobody.
        if not self.required and self.default_json is not None:
            schema["default"] = self.default_json
        if self.examples:
            schema["examples"] = self.examples
        return schema


class ObjectShape(Shape):
    """A table with known keys: the parameters themselves, or a dataclass."""

    def __init__(self, properties: "list[Property]", cls: Optional[type], doc: str) -> None:
        self.properties, self.cls, self.doc = properties, cls, doc

    def schema(self) -> "dict[str, Any]":
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {one.name: one.schema() for one in self.properties},
            "additionalProperties": False,
        }
        required = [one.name for one in self.properties if one.required]
        if required:
            schema["required"] = required
        if self.doc:
            schema["description"] = self.doc
        return schema

    def convert(self, value: Any, pointer: str) -> Any:
        if not isinstance(value, dict):
            raise Misfit(pointer, f"expected a table, found {words_for(value)}")
        known = {one.name: one for one in self.properties}
        for key in value:
            if key not in known:
                raise Misfit(f"{pointer}/{escape(key)}", f"there is no parameter `{key}`")
        found = {}
        for name, one in known.items():
            if name in value:
                found[name] = one.shape.convert(value[name], f"{pointer}/{name}")
            elif one.required:
                raise Misfit(pointer, f"parameter `{name}` is missing")
            else:
                # Converted anew, so that a kind that changes a list does not change the default.
                found[name] = one.shape.convert(one.default_json, f"{pointer}/{name}")
        if self.cls is None:
            return found
        try:
            return self.cls(**found)
        except (ValueError, TypeError) as error:  # what the dataclass itself refuses in `__post_init__`
            raise Misfit(pointer, str(error)) from error

    def to_json(self, value: Any) -> Any:
        if self.cls is None or not isinstance(value, self.cls):
            raise ValueError(f"expected {self.words()}")
        return {one.name: one.shape.to_json(getattr(value, one.name)) for one in self.properties}

    def words(self) -> str:
        return f"a table (`{self.cls.__name__}`)" if self.cls else "a table"


def escape(key: str) -> str:
    """A key as a part of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")
