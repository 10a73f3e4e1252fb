"""Names and numbers of the Arrow IPC file format (Message.fbs, Schema.fbs, File.fbs)."""

MAGIC = b"ARROW1"
CONTINUATION = 0xFFFFFFFF
VERSION_V5 = 4

HEADER_SCHEMA, HEADER_DICTIONARY, HEADER_RECORD_BATCH = 1, 2, 3

TYPE_NULL, TYPE_INT, TYPE_FLOAT, TYPE_UTF8, TYPE_BOOL, TYPE_LARGE_UTF8 = 1, 2, 3, 5, 6, 20
TYPE_NAMES = {
    4: "Binary", 7: "Decimal", 8: "Date", 9: "Time", 10: "Timestamp", 11: "Interval", 12: "List", 13: "Struct", 14: "Union",
    15: "FixedSizeBinary", 16: "FixedSizeList", 17: "Map", 18: "Duration", 19: "LargeBinary", 21: "LargeList",
    22: "RunEndEncoded", 23: "BinaryView", 24: "Utf8View", 25: "ListView", 26: "LargeListView",
}


class ArrowError(ValueError):
    """A file that is not an Arrow IPC file, or is damaged."""


class UnsupportedType(ArrowError):
    """A file that is right, with a type that only an Arrow library reads."""
