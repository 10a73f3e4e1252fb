"""Serves the host: one attempt at a time in the main thread, while a second thread listens for a cancel."""

from __future__ import annotations

import faulthandler
import os
import queue
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from .channel import Channel, HostGone, ProtocolError, TooLong
from .columns import ColumnCheck
from .context import Context, Run
from .errors import TaskError, nearest_hint
from .kind import Kind, Probe
from .version import VERSION

if TYPE_CHECKING:
    from .plugin import Plugin

PROTOCOL = "sluice-plugin"
PROTOCOL_VERSION = 1
GRACE = 10.0
"""How many seconds a task may go on when the host is gone."""

_PACKAGE = str(Path(__file__).parent)
_MAX_TRACEBACK = 50_000


class Worker:
    """Serves one host, which speaks first and says goodbye, or closes the channel."""

    def __init__(self, plugin: "Plugin", channel: Channel) -> None:
        self._plugin, self._channel = plugin, channel
        self._todo: "queue.Queue[Optional[dict[str, Any]]]" = queue.Queue()
        self._lock = threading.Lock()
        self._current: Optional[Context] = None
        self._cancelled: set[Any] = set()
        self._failure: Optional[str] = None

    def serve(self) -> int:
        """Gives the program's exit code."""
        if sys.stderr is not None:
            faulthandler.enable(sys.stderr)  # a crash in a library then leaves its stack in the log
        threading.Thread(target=self._listen, name="sluicegate-listener", daemon=True).start()
        while True:
            message = self._todo.get()
            if message is None:
                break
            try:
                self._handle(message)
            except HostGone:
                break
        if self._failure is not None:
            print(f"sluicegate: {self._failure}", file=sys.stderr)
            return 2
        return 0

    def _listen(self) -> None:
        try:
            for message in self._channel.messages():
                if message.get("t") == "cancel":
                    self._cancel(message.get("id"))
                elif message.get("t") == "bye":
                    break
                else:
                    self._todo.put(message)
        except ProtocolError as error:
            self._failure = f"the program was not started by `sluice`, or its host is broken: {error}"
        except OSError as error:
            self._failure = f"cannot read from the host: {error}"
        self._todo.put(None)
        with self._lock:
            current = self._current
        if current is not None:
            # Nobody wants the result any more. A task that does not look at the cancel must not outlive its host.
            current.cancel()
            timer = threading.Timer(GRACE, os._exit, (2,))
            timer.daemon = True
            timer.start()

    def _cancel(self, id: Any) -> None:
        with self._lock:
            self._cancelled.add(id)
            if self._current is not None and self._current._id == id:
                self._current.cancel()

    def _handle(self, message: "dict[str, Any]") -> None:
        about = message.get("t")
        if about == "hello":
            self._channel.send({
                "t": "hello", "protocol": PROTOCOL, "version": PROTOCOL_VERSION, "name": self._plugin.name,
                "plugin_version": self._plugin.version, "sdk": f"python {VERSION}", "kinds": self._plugin.manifests(),
            })
        elif about == "ask":
            self._ask(message)
        elif about == "execute":
            self._execute(message)

    # -- questions

    def _ask(self, message: "dict[str, Any]") -> None:
        answer: dict[str, Any] = {"t": "answer", "id": message.get("id")}
        try:
            body = self._answer(message)
        except BaseException as error:
            body = {"error": self._failure_of(error)}
            if not isinstance(error, TaskError):
                body["error"]["message"] = f"`{message.get('about')}` of `{message.get('kind')}`: {body['error']['message']}"
                print(_trace(error), file=sys.stderr, flush=True)
        try:
            self._channel.send({**answer, **body})
        except TooLong as error:
            self._channel.send({**answer, "error": self._failure_of(error)})

    def _answer(self, message: "dict[str, Any]") -> "dict[str, Any]":
        kind, about, params = self._kind(message), message.get("about"), message.get("params") or {}
        if about == "check":
            return {"problems": [one.to_json() for one in kind.problems(params)]}
        if about == "schema":
            check = ColumnCheck.of(message)
            kind.check_columns(params, check)
            return {"outputs": check.outputs, "problems": [one.to_json() for one in check.problems]}
        if about == "ports":
            return {"ports": kind.ports_for(kind.convert(params)).to_json()}
        if about == "files":
            return {"files": kind.files_for(kind.convert(params))}
        if about == "probe":
            env, secrets = message.get("env") or {}, message.get("secrets") or {}
            probe = Probe(Run.of(message.get("run") or {}), Path(message.get("base_dir") or "."), env, secrets)
            return {"probe": kind.probe_for(kind.convert(params), probe)}
        raise TaskError("unknown_question", f"sluicegate for Python {VERSION} does not know the question `{about}`")

    def _kind(self, message: "dict[str, Any]") -> Kind:
        name = str(message.get("kind"))
        found = self._plugin.kinds.get(name)
        if found is None:
            hint = nearest_hint(name, [*self._plugin.kinds], "it has")
            raise TaskError("unknown_kind", f"plugin `{self._plugin.name}` has no kind `{name}`", hints=[hint])
        return found

    # -- attempts

    def _execute(self, message: "dict[str, Any]") -> None:
        result: dict[str, Any] = {"t": "result", "id": message.get("id")}
        try:
            self._run(message)
        except HostGone:
            raise
        except BaseException as error:  # also `sys.exit`: it ends the attempt, not the worker
            result["error"] = self._failure_of(error)
            if not isinstance(error, (TaskError, SystemExit)):
                trace = _trace(error)
                self._channel.send({"t": "log", "id": message.get("id"), "level": "error", "message": trace})
        finally:
            with self._lock:
                self._current = None
                self._cancelled.discard(message.get("id"))
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()  # what was printed belongs before the result
        self._channel.send(result)

    def _run(self, message: "dict[str, Any]") -> None:
        kind, params = self._kind(message), message.get("params") or {}
        converted = kind.convert(params)
        ctx = Context(message, kind.ports_for(converted), self._channel.send)
        with self._lock:
            self._current = ctx
            if message.get("id") in self._cancelled:
                ctx.cancel()
        ctx.check_cancelled()
        kind.run(ctx, params, converted)

    def _failure_of(self, error: BaseException) -> "dict[str, Any]":
        if isinstance(error, TaskError):
            return _shortened(error.to_json())
        if isinstance(error, SystemExit):
            code = 0 if error.code is None else error.code
            return TaskError("exit", f"the kind called `sys.exit({code})`", retryable=True, hints=[
                "a kind ends by returning, or by raising `sg.TaskError`"
            ]).to_json()
        if isinstance(error, MemoryError):
            return TaskError("out_of_memory", "Python ran out of memory", retryable=True, hints=[
                "raise `resources.memory`, or let the task work on less at once"
            ]).to_json()
        if isinstance(error, TooLong):
            return TaskError("too_large", str(error)).to_json()
        text = "".join(traceback.format_exception_only(type(error), error)).strip()
        return _shortened(TaskError("exception", text, retryable=True).to_json())


def _shortened(failure: "dict[str, Any]") -> "dict[str, Any]":
    if len(failure["message"]) > 10_000:
        failure["message"] = failure["message"][:10_000] + "…"
    failure["hints"] = [hint[:2_000] for hint in failure["hints"][:10]]
    return failure


def _trace(error: BaseException) -> str:
    """The traceback from the author's first line on."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None and at.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        at = at.tb_next
    text = "".join(traceback.format_exception(type(error), error, at)).rstrip()
    return text if len(text) <= _MAX_TRACEBACK else "…" + text[-_MAX_TRACEBACK:]
