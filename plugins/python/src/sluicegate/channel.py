"""The channel to the host: one JSON object a line, on what were the standard streams.

Libraries print. So the streams are moved away before anything else happens: what is written to standard output then goes to standard error,
which is the attempt's log, and standard input is empty.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any, Iterator, Optional

MAX_LINE = 1 << 20
"""The longest line of the protocol, in bytes, without its end."""

PROTOCOL_VARIABLE = "SLUICE_PLUGIN_PROTOCOL"
"""Set by the host: the streams are moved when `sluicegate` is imported, before other libraries can print."""


class TooLong(ValueError):
    """A message that does not fit into a line."""


class HostGone(Exception):
    """Nobody reads what the program says."""


class ProtocolError(Exception):
    """The host, or what stands in for it, does not speak the protocol."""


class Channel:
    """Sends messages from any thread, and reads them in one."""

    def __init__(self, input_fd: int, output_fd: int) -> None:
        self._input_fd, self._output_fd = input_fd, output_fd
        self._lock = threading.Lock()

    def send(self, message: "dict[str, Any]") -> None:
        line = json.dumps(message, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        # A lone surrogate, such as from a file's name, cannot be written as UTF-8.
        data = line.encode("utf-8", "replace")
        if len(data) > MAX_LINE:
            raise TooLong(f"a message of {len(data)} bytes is longer than the {MAX_LINE} that a line may have")
        data += b"\n"
        with self._lock:
            try:
                while data:
                    data = data[os.write(self._output_fd, data) :]
            except OSError as error:
                raise HostGone(str(error)) from error

    def messages(self) -> "Iterator[dict[str, Any]]":
        """Messages until the input closes."""
        buffer = bytearray()
        while True:
            chunk = os.read(self._input_fd, 1 << 16)
            if not chunk:
                return
            buffer += chunk
            if b"\n" in chunk:
                *lines, rest = bytes(buffer).split(b"\n")
                buffer = bytearray(rest)
                for line in lines:
                    if line.strip():
                        yield _parse(line)
            if len(buffer) > MAX_LINE:
                raise ProtocolError(f"a line is longer than {MAX_LINE} bytes")


def _parse(line: bytes) -> "dict[str, Any]":
    if len(line) > MAX_LINE:
        raise ProtocolError(f"a line of {len(line)} bytes is longer than {MAX_LINE}")
    try:
        message = json.loads(line)
    except ValueError as error:
        raise ProtocolError(f"a line is not JSON: {error}: {line[:80]!r}") from error
    if not isinstance(message, dict):
        raise ProtocolError(f"a line is not a JSON object: {line[:80]!r}")
    return message


_taken: Optional[Channel] = None


def take_streams() -> Channel:
    """Moves the standard streams away and gives them as a channel; once in the life of a process."""
    global _taken
    if _taken is not None:
        return _taken
    output_fd, input_fd = os.dup(1), os.dup(0)
    os.dup2(2, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    # What was printed and not yet written goes to standard error as well.
    if sys.stdout is not None:
        sys.stdout.flush()
    sys.stdout = sys.stderr
    sys.stdin = open(0, encoding="utf-8", closefd=False)
    # Programs that the plugin starts may be plugins too, and their streams are their own.
    os.environ.pop(PROTOCOL_VARIABLE, None)
    _taken = Channel(input_fd, output_fd)
    return _taken
