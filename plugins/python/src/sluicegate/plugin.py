"""A plugin: a name, and kinds under it."""

from __future__ import annotations

import json
import re
import sys
from typing import Any, Callable, Mapping, Optional, Sequence

from .channel import take_streams
from .errors import DefinitionError
from .kind import Kind, make_ports
from .ports import Port
from .version import VERSION

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_KIND = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")


class Plugin:
    """A plugin. Its name is the first part of the names of its kinds."""

    def __init__(self, name: str, version: str) -> None:
        if not _NAME.fullmatch(name):
            raise DefinitionError(f"plugin `{name}`: a name is made of lowercase letters, digits and `_`")
        self.name, self.version = name, str(version)
        self.kinds: dict[str, Kind] = {}

    def kind(
        self,
        name: str,
        *,
        version: str,
        inputs: "Optional[Mapping[str, Port]]" = None,
        outputs: "Optional[Mapping[str, Port]]" = None,
        more_inputs: Optional[str] = None,
        effect: str = "pure",
        errors: "Optional[Mapping[str, str]]" = None,
    ) -> "Callable[[Callable[..., Any]], Kind]":
        """Makes a function a task kind.

        The function takes the context and then the parameters, which stand under `with` in a workflow: their type hints become the parameter
        schema. Its docstring is the documentation: the first paragraph the summary, the rest Markdown. Raise `version` whenever equal inputs
        may give other outputs: it is a part of the cache key. The first output is the main one.
        """
        if not _KIND.fullmatch(name) or not name.startswith(f"{self.name}."):
            raise DefinitionError(f"kind `{name}`: the name must begin with `{self.name}.`, such as `{self.name}.clip`")
        if name in self.kinds:
            raise DefinitionError(f"kind `{name}` is defined twice")

        def decorate(function: "Callable[..., Any]") -> Kind:
            made = Kind(
                name,
                function,
                version=version,
                ports=make_ports(inputs, outputs, more_inputs),
                effect=effect,
                errors=errors or {},
            )
            self.kinds[name] = made
            return made

        return decorate

    def manifests(self) -> "list[dict[str, Any]]":
        """What the host is told of the kinds."""
        return [kind.manifest() for kind in self.kinds.values()]

    def run(self, argv: "Optional[Sequence[str]]" = None) -> None:
        """Serves the host until it says goodbye; the last line of a plugin's program."""
        arguments = list(sys.argv[1:] if argv is None else argv)
        if arguments == ["--describe"]:
            print(json.dumps(self.manifests(), indent=2, ensure_ascii=False))
        elif arguments or (sys.stdin is not None and sys.stdin.isatty()):
            self._introduce(arguments)
        else:
            from .worker import Worker

            status = Worker(self, take_streams()).serve()
            if status:
                sys.exit(status)

    def _introduce(self, arguments: "Sequence[str]") -> None:
        """What a person reads who starts the program by hand."""
        known = not arguments or arguments[0] in ("-h", "--help")
        out = sys.stdout if known else sys.stderr
        lines = [] if known else [f"error: unknown argument `{arguments[0]}`\n"]
        lines += [f"This is the plugin `{self.name}` {self.version} for Sluicegate (sluicegate for Python {VERSION}). Its kinds:\n"]
        width = max((len(name) for name in self.kinds), default=0)
        lines += [f"  {name:<{width}}  {kind.summary}" for name, kind in self.kinds.items()]
        lines += [
            "\nThe program is started by `sluice`, which speaks with it on its standard streams. By hand:\n",
            "  sluice plugins test .        runs its test cases",
            f"  sluice kinds show {next(iter(self.kinds), self.name + '.NAME')}",
            "  python3 plugin.py --describe prints what the host is told, as JSON",
        ]
        print("\n".join(lines), file=out)
        if not known:
            sys.exit(2)
