"""Type hints to JSON Schema (2020-12), and JSON to the values that the hints promise.

A hint is parsed once, when the plugin is loaded, into a `Shape`; a shape knows its schema and converts values.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import inspect
import json
import sys
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Optional, Union

from .errors import DefinitionError
from .shapes import (
    AnyShape, EnumShape, ItemsShape, MapShape, NullShape, ObjectShape, Property, ScalarShape, Shape, UnionShape,
)

_UNIONS = (Union, getattr(types, "UnionType", Union))
_SEQUENCES = (list, tuple, set, frozenset, collections.abc.Sequence, collections.abc.Iterable)
_MAPPINGS = (dict, collections.abc.Mapping)
_SCALARS = {str: "string", int: "integer", float: "number", bool: "boolean", Path: "string"}


@dataclass(frozen=True)
class Param:
    """What a type hint cannot say of a parameter, inside `Annotated[…]`: its sentence for people, bounds, and whether it names columns.

    `column_of="table"` says that the parameter (a text, or a list of texts) names columns of the input `table`: a wrong name is then found by
    `sluice check`, and before the kind runs.
    """

    doc: str = ""
    minimum: Optional[float] = None
    maximum: Optional[float] = None
    exclusive_minimum: Optional[float] = None
    exclusive_maximum: Optional[float] = None
    min_length: Optional[int] = None
    max_length: Optional[int] = None
    pattern: Optional[str] = None
    min_items: Optional[int] = None
    max_items: Optional[int] = None
    examples: "tuple[Any, ...]" = ()
    column_of: Optional[str] = None


def parameters(function: Any, kind: str) -> ObjectShape:
    """The parameters of a kind's function, all but the context, which comes first."""
    where = f"kind `{kind}`"
    names = list(inspect.signature(function).parameters.values())
    if not names or names[0].kind not in (names[0].POSITIONAL_ONLY, names[0].POSITIONAL_OR_KEYWORD):
        raise DefinitionError(f"{where}: the function must take the context first: `def {function.__name__}(ctx, …)`")
    hints = _hints_of(function, where)
    properties = []
    for parameter in names[1:]:
        at = f"{where}: parameter `{parameter.name}`"
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise DefinitionError(f"{at}: parameters are named one by one; `*` and `/` are not possible")
        if parameter.name not in hints:
            raise DefinitionError(f"{at} has no type hint; write `{parameter.name}: str`, or what it is")
        default = Property.REQUIRED if parameter.default is parameter.empty else parameter.default
        properties.append(_property(parameter.name, hints[parameter.name], default, at, ()))
    return ObjectShape(properties, None, "")


def _hints_of(owner: Any, where: str) -> "dict[str, Any]":
    try:
        return typing.get_type_hints(owner, include_extras=True)
    except Exception as error:
        raise DefinitionError(
            f"{where}: a type hint cannot be read: {error}; names in hints must be known where the function is written"
        ) from error


def _property(name: str, hint: Any, default: Any, at: str, outer: "tuple[type, ...]") -> Property:
    hint, param = _peel(hint, at)
    shape = _shape(hint, at, outer)
    shape = _bounded(shape, param, at)
    found = Property(name, shape, param.doc, default, list(param.examples), param.column_of)
    if default is not Property.REQUIRED:
        try:
            found.default_json = shape.to_json(default)
            shape.convert(found.default_json, "")
            json.dumps(found.default_json, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise DefinitionError(f"{at}: the default {default!r} does not fit its type hint: {error}") from error
    return found


def _peel(hint: Any, at: str) -> "tuple[Any, Param]":
    """Takes `Annotated` apart. A bare text is the documentation."""
    param = Param()
    hint = _lifted(hint)
    if typing.get_origin(hint) is Annotated:
        hint, *extras = typing.get_args(hint)
        for extra in extras:
            if isinstance(extra, str):
                param = dataclasses.replace(param, doc=extra)
            elif isinstance(extra, Param):
                param = dataclasses.replace(extra, doc=extra.doc or param.doc)
            elif isinstance(extra, type) and issubclass(extra, Param):
                raise DefinitionError(f"{at}: write `sg.Param(…)` with parentheses")
    return hint, param


def _lifted(hint: Any) -> Any:
    """`Optional[Annotated[T, …]]` as `Annotated[Optional[T], …]`: before 3.11, Python itself wraps hints whose default is `None`."""
    args = typing.get_args(hint)
    if typing.get_origin(hint) not in _UNIONS or len(args) != 2 or type(None) not in args:
        return hint
    inner = args[0] if args[1] is type(None) else args[1]
    if typing.get_origin(inner) is not Annotated:
        return hint
    return Annotated[(Optional[inner.__origin__], *inner.__metadata__)]  # type: ignore[return-value]


def _shape(hint: Any, at: str, outer: "tuple[type, ...]") -> Shape:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        inner, param = _peel(hint, at)
        return _bounded(_shape(inner, at, outer), param, at)
    if hint is Any or hint is object:
        return AnyShape()
    if hint is None or hint is type(None):
        return NullShape()
    if hint in _SCALARS:
        return ScalarShape(_SCALARS[hint], hint)
    if origin in _UNIONS:
        return UnionShape([_shape(arg, at, outer) for arg in args])
    if origin is Literal:
        return _literal(args, at)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        values = [member.value for member in hint]
        _scalars_only(values, at, f"the values of the enum `{hint.__name__}`")
        return EnumShape(values, hint)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _dataclass(hint, at, outer)
    container = origin or hint
    if container in _SEQUENCES:
        return _items(container, args, at, outer)
    if container in _MAPPINGS:
        if args and args[0] is not str:
            raise DefinitionError(f"{at}: the keys of a table are texts: `dict[str, …]`, not `{hint}`")
        return MapShape(_shape(args[1], at, outer) if args else AnyShape())
    shown = hint.__name__ if isinstance(hint, type) else str(hint)
    raise DefinitionError(
        f"{at} has the type hint `{shown}`, which no TOML value stands for; use str, int, float, bool, Optional, Literal, "
        "an Enum, list[…], dict[str, …] or a dataclass"
    )


def _literal(values: "tuple[Any, ...]", at: str) -> Shape:
    _scalars_only([value for value in values if value is not None], at, "the choices of a Literal")
    rest = [value for value in values if value is not None]
    shape: Shape = EnumShape(rest, None)
    return UnionShape([shape, NullShape()]) if None in values else shape


def _scalars_only(values: "list[Any]", at: str, what: str) -> None:
    for value in values:
        if not isinstance(value, (str, int, float, bool)):
            raise DefinitionError(f"{at}: {what} must be texts, numbers or truths, not {value!r}")


def _items(container: Any, args: "tuple[Any, ...]", at: str, outer: "tuple[type, ...]") -> Shape:
    if container is tuple and args and args[-1] is not Ellipsis:
        raise DefinitionError(f"{at}: a tuple of fixed length is not possible; write `tuple[T, ...]` or a dataclass")
    make = container if container in (tuple, set, frozenset) else list
    return ItemsShape(_shape(args[0], at, outer) if args else AnyShape(), make)


def _dataclass(cls: type, at: str, outer: "tuple[type, ...]") -> Shape:
    if cls in outer:
        raise DefinitionError(f"{at}: the dataclass `{cls.__name__}` contains itself; parameters have a fixed depth")
    hints = _hints_of(cls, at)
    properties = []
    for field in dataclasses.fields(cls):
        if not field.init:
            continue
        default: Any = Property.REQUIRED
        if field.default is not dataclasses.MISSING:
            default = field.default
        elif field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        where = f"{at}: field `{field.name}` of `{cls.__name__}`"
        properties.append(_property(field.name, hints[field.name], default, where, (*outer, cls)))
    # A dataclass without a docstring gets its signature as one, which tells people nothing.
    doc = inspect.getdoc(cls) or ""
    return ObjectShape(properties, cls, "" if doc.startswith(f"{cls.__name__}(") else doc)


_BOUNDS = {
    "minimum": ("minimum", "number"),
    "maximum": ("maximum", "number"),
    "exclusive_minimum": ("exclusiveMinimum", "number"),
    "exclusive_maximum": ("exclusiveMaximum", "number"),
    "min_length": ("minLength", "string"),
    "max_length": ("maxLength", "string"),
    "pattern": ("pattern", "string"),
    "min_items": ("minItems", "array"),
    "max_items": ("maxItems", "array"),
}


def _bounded(shape: Shape, param: Param, at: str) -> Shape:
    for name, (keyword, wanted) in _BOUNDS.items():
        bound = getattr(param, name)
        if bound is not None and not shape.bound(keyword, bound, wanted):
            raise DefinitionError(f"{at}: `{name}` is for a {wanted}, and the type hint is something else")
    if param.column_of is not None and not shape.names_columns():
        raise DefinitionError(f"{at}: `column_of` is for a text or a list of texts")
    return shape


if sys.version_info < (3, 9):  # pragma: no cover
    raise ImportError("sluicegate needs Python 3.9 or newer")
