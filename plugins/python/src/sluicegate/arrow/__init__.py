"""Arrow IPC files of plain columns, read and written without a library.

Only what tables between tasks usually hold: 64-bit floats, integers, UTF-8 text and booleans, with missing values.
"""

from .layout import ArrowError, UnsupportedType
from .reader import read_fields, read_file
from .writer import write_file

__all__ = ["ArrowError", "UnsupportedType", "read_fields", "read_file", "write_file"]
