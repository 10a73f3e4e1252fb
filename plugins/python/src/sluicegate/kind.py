"""A task kind: a function with what the host wants to know of it."""

from __future__ import annotations

import inspect
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterable, Mapping, Optional, Union

from .columns import ColumnCheck
from .context import Context, Run
from .errors import DefinitionError, Problem, TaskError, nearest_hint
from .hints import parameters
from .ports import Port, Ports
from .shapes import Misfit, ObjectShape

EFFECTS = ("pure", "idempotent", "once")


@dataclass(frozen=True)
class Probe:
    """Which attempt a probe asks about."""

    run: Run
    base_dir: Path
    env: "Mapping[str, str]"
    secrets: "Mapping[str, str]"


@dataclass(frozen=True)
class _Hook:
    function: "Callable[..., Any]"
    wants: "list[str]"

    def __call__(self, params: "Mapping[str, Any]", *first: Any) -> Any:
        return self.function(*first, **{name: params[name] for name in self.wants})


class Kind:
    """A task kind. Made by `Plugin.kind`; calling it calls the function, so that it can be tested on its own."""

    def __init__(
        self,
        name: str,
        function: "Callable[..., Any]",
        *,
        version: str,
        ports: Ports,
        effect: str,
        errors: "Mapping[str, str]",
    ) -> None:
        if effect not in EFFECTS:
            raise DefinitionError(f"kind `{name}`: `effect` is one of {', '.join(EFFECTS)}, not {effect!r}")
        self.name, self.version, self.function = name, str(version), function
        self.static_ports = ports.verify(name)
        self.effect, self.errors = effect, dict(errors)
        self.summary, self.doc = _documentation(name, function)
        self.params: ObjectShape = parameters(function, name)
        for one in self.params.properties:
            if one.column_of is not None and one.column_of not in ports.inputs:
                hint = nearest_hint(one.column_of, [*ports.inputs], "its inputs are")
                raise DefinitionError(
                    f"kind `{name}`: parameter `{one.name}`: there is no input `{one.column_of}`; {hint}"
                )
        self._hooks: dict[str, _Hook] = {}
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    # -- what the host asks before a run

    def check(self, function: "Callable[..., Any]") -> "Callable[..., Any]":
        """Decorates a function of some of the parameters that gives (or yields) `Problem`s that types cannot express."""
        return self._hook("check", function, 0)

    def columns(self, function: "Callable[..., Any]") -> "Callable[..., Any]":
        """Decorates a function of a `ColumnCheck` and some of the parameters: derives output columns, reports wrong ones."""
        return self._hook("schema", function, 1)

    def files(self, function: "Callable[..., Any]") -> "Callable[..., Any]":
        """Decorates a function that gives the files whose content the outputs depend on."""
        return self._hook("files", function, 0)

    def ports(self, function: "Callable[..., Any]") -> "Callable[..., Any]":
        """Decorates a function that gives the `Ports` under these parameters."""
        return self._hook("ports", function, 0)

    def probe(self, function: "Callable[..., Any]") -> "Callable[..., Any]":
        """Decorates a function of a `Probe`: did a lost attempt happen? `True`, `False`, or `None` when it cannot be known."""
        return self._hook("probe", function, 1)

    def _hook(self, about: str, function: "Callable[..., Any]", n_first: int) -> "Callable[..., Any]":
        wants = list(inspect.signature(function).parameters)[n_first:]
        known = [one.name for one in self.params.properties]
        for name in wants:
            if name not in known:
                hint = nearest_hint(name, known, "it has")
                raise DefinitionError(f"kind `{self.name}`: `{about}` wants a parameter `{name}` that the kind does not have; {hint}")
        self._hooks[about] = _Hook(function, wants)
        return function

    def manifest(self) -> "dict[str, Any]":
        """What the host is told."""
        asks = [about for about in ("check", "schema", "ports", "files", "probe") if about in self._hooks]
        if "schema" not in asks and any(one.column_of for one in self.params.properties):
            asks.append("schema")
        ports = self.static_ports.to_json()
        ports["more_outputs"] = ports["more_outputs"] or "ports" in asks
        return {
            "name": self.name,
            "version": self.version,
            "summary": self.summary,
            "doc": self.doc,
            "params": {"$schema": "https://json-schema.org/draft/2020-12/schema", **self.params.schema()},
            "ports": ports,
            "effect": self.effect,
            "errors": [{"code": code, "doc": doc} for code, doc in self.errors.items()],
            "asks": asks,
        }

    # -- answers

    def convert(self, params: "Mapping[str, Any]") -> "dict[str, Any]":
        """Parameters as the function wants them; wrong ones are a `TaskError` with the code `bad_params`."""
        try:
            return self.params.convert(dict(params or {}), "")
        except Misfit as misfit:
            raise TaskError("bad_params", f"with{misfit.pointer.replace('/', '.')}: {misfit}") from misfit

    def problems(self, params: "Mapping[str, Any]") -> "list[Problem]":
        try:
            converted = self.params.convert(dict(params or {}), "")
        except Misfit as misfit:
            return [Problem(misfit.pointer, str(misfit))]
        hook = self._hooks.get("check")
        return [] if hook is None else _problems(hook(converted))

    def check_columns(self, params: "Mapping[str, Any]", check: ColumnCheck) -> None:
        """Columns by `column_of`, also of incomplete parameters; then what the author's function says."""
        self._named_columns(params, check)
        hook = self._hooks.get("schema")
        if hook is None:
            return
        try:
            converted = self.params.convert(dict(params or {}), "")
        except Misfit:
            return  # an expression that is not known yet, or something that is told elsewhere
        found = hook(converted, check)
        check.problems.extend(_problems(found))

    def _named_columns(self, params: "Mapping[str, Any]", check: ColumnCheck) -> None:
        for one in self.params.properties:
            if one.column_of is None:
                continue
            value = params.get(one.name, None if one.required else one.default_json)
            names = value if isinstance(value, list) else [value]
            for at, name in enumerate(names):
                if isinstance(name, str):
                    pointer = f"/{one.name}/{at}" if isinstance(value, list) else f"/{one.name}"
                    check.need(pointer, name, of=one.column_of)

    def ports_for(self, converted: "Mapping[str, Any]") -> Ports:
        hook = self._hooks.get("ports")
        if hook is None:
            return self.static_ports
        found = hook(converted)
        if not isinstance(found, Ports):
            raise TypeError(f"`ports` of `{self.name}` must give `sg.Ports(inputs, outputs)`, not {found!r:.80}")
        return found.verify(self.name)

    def files_for(self, converted: "Mapping[str, Any]") -> "list[str]":
        hook = self._hooks.get("files")
        found: "Iterable[Union[str, os.PathLike[str]]]" = hook(converted) if hook else []
        return [os.fspath(path) for path in found]

    def probe_for(self, converted: "Mapping[str, Any]", probe: Probe) -> str:
        hook = self._hooks.get("probe")
        found: Optional[bool] = hook(converted, probe) if hook else None
        return "unknown" if found is None else "happened" if found else "did_not_happen"

    def run(self, ctx: Context, params: "Mapping[str, Any]", converted: "Mapping[str, Any]") -> None:
        """Runs the function and writes what it returns."""
        hook = self._hooks.get("check")
        for problem in _problems(hook(converted)) if hook else []:
            raise TaskError("bad_params", f"with{problem.pointer.replace('/', '.')}: {problem.message}", hints=[problem.hint] if problem.hint else [])
        self._verify_columns(ctx, params)
        ctx.finish(self.function(ctx, **converted))

    def _verify_columns(self, ctx: Context, params: "Mapping[str, Any]") -> None:
        from . import tables

        ports = {one.column_of for one in self.params.properties if one.column_of in ctx.inputs}
        check = ColumnCheck(ctx.base_dir, False, {port: tables.read_schema(ctx.path(port), port) for port in ports if port})
        self._named_columns(params, check)
        for problem in check.problems:
            raise TaskError("missing_column", problem.message, hints=[problem.hint] if problem.hint else [])


def _problems(found: Any) -> "list[Problem]":
    if found is None:
        return []
    if isinstance(found, (Problem, str)):
        found = [found]
    return [one if isinstance(one, Problem) else Problem("", str(one)) for one in found if one is not None]


def _documentation(name: str, function: "Callable[..., Any]") -> "tuple[str, str]":
    text = inspect.getdoc(function) or ""
    summary, _, doc = text.partition("\n\n")
    if not summary.strip():
        raise DefinitionError(f"kind `{name}` has no docstring; its first paragraph is the one sentence that lists show")
    return " ".join(summary.split()), doc.strip()


def make_ports(inputs: "Optional[Mapping[str, Port]]", outputs: "Optional[Mapping[str, Port]]", more_inputs: Optional[str]) -> Ports:
    return Ports(dict(inputs or {}), dict(outputs or {}), more_inputs)
