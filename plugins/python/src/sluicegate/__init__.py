"""Task kinds for Sluicegate, written in Python. `Plugin` is where to start."""

import os as _os

from . import channel as _channel

if _channel.PROTOCOL_VARIABLE in _os.environ:
    # Before other libraries are imported: some print.
    _channel.take_streams()

from .columns import Column, ColumnCheck, PortColumns
from .context import Context, Input, Run
from .errors import Cancelled, DefinitionError, Problem, TaskError
from .hints import Param
from .kind import Kind
from .plugin import Plugin
from .ports import Anything, File, Model, Port, Ports, Report, Table, Value, Verdict
from .tables import Columns
from .version import VERSION as __version__

__all__ = [
    "Anything", "Cancelled", "Column", "ColumnCheck", "Columns", "Context", "DefinitionError", "File", "Input", "Kind",
    "Model", "Param", "Plugin", "Port", "PortColumns", "Ports", "Problem", "Report", "Run", "Table", "TaskError", "Value",
    "Verdict", "__version__",
]
