"""Tables: plain columns without a library, and the same bytes as seen by pyarrow."""

import importlib.util
import math
import tempfile
import unittest
from pathlib import Path

from sluicegate import TaskError, tables
from sluicegate.arrow import ArrowError, read_fields, read_file, write_file

HAS_PYARROW = importlib.util.find_spec("pyarrow") is not None
HAS_PANDAS = importlib.util.find_spec("pandas") is not None
COLUMNS = {
    "x": [1.5, None, -math.inf],
    "n": [1, None, -(2**63)],
    "s": ["a", None, "ü€\U0001f30a"],
    "b": [True, None, False],
}


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "table"


class Plain(Folder):
    def test_columns_come_back_as_they_were_written(self):
        write_file(self.path, COLUMNS, {})
        self.assertEqual(read_file(self.path)[0], COLUMNS)
        self.assertEqual(dict(read_fields(self.path)), {"x": "number", "n": "integer", "s": "text", "b": "boolean"})

    def test_not_a_number_is_a_number_and_not_missing(self):
        write_file(self.path, {"x": [math.nan, None]}, {})
        first, second = read_file(self.path)[0]["x"]
        self.assertTrue(math.isnan(first))
        self.assertIsNone(second)

    def test_empty_tables_keep_the_types_they_are_given(self):
        write_file(self.path, {"x": [], "y": [], "z": []}, {"x": "number", "y": "integer"})
        self.assertEqual(read_file(self.path), ({"x": [], "y": [], "z": []}, {"x": "number", "y": "integer", "z": "text"}))
        write_file(self.path, {}, {})
        self.assertEqual(read_file(self.path)[0], {})

    def test_a_column_that_was_read_keeps_its_type_when_its_values_do_not_tell(self):
        write_file(self.path, {"x": [None, None], "y": [1.0, 2.0]}, {"x": "integer"})
        columns = tables.read_columns(self.path, "in")
        columns["y"] = [1, 2]
        tables.write(self.path, columns, "out", None)
        self.assertEqual(dict(read_fields(self.path)), {"x": "integer", "y": "number"})

    def test_many_rows_and_columns(self):
        columns = {f"c{at}": [row * at / 7 for row in range(5000)] for at in range(40)}
        columns["text"] = [str(row) for row in range(5000)]
        write_file(self.path, columns, {})
        self.assertEqual(read_file(self.path)[0], columns)

    def test_rows_are_a_table_and_absent_keys_are_missing(self):
        tables.write(self.path, [{"a": 1, "b": "x"}, {"b": "y"}], "out", None)
        self.assertEqual(read_file(self.path)[0], {"a": [1, None], "b": ["x", "y"]})

    def test_what_is_not_a_table_is_refused_by_name(self):
        for wrong, words in (
            ({"x": [1, "a"]}, "column `x` holds int, str"),
            ({"x": [1], "y": []}, "different lengths"),
            ({"x": [2**63]}, "does not fit"),
            ({"x": "text"}, "list of values"),
        ):
            with self.subTest(wrong=wrong), self.assertRaises(TaskError) as caught:
                tables.write(self.path, wrong, "out", None)
            self.assertEqual(caught.exception.code, "bad_output")
            self.assertIn(words, caught.exception.message)

    def test_damaged_files_are_refused_and_never_crash(self):
        write_file(self.path, COLUMNS, {})
        whole = self.path.read_bytes()
        for length in range(0, len(whole), 61):
            self.path.write_bytes(whole[:length])
            with self.assertRaises(ArrowError):
                read_file(self.path)
        for at in range(0, len(whole), 5):
            self.path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
            try:
                read_file(self.path)
            except ArrowError:
                pass


@unittest.skipUnless(HAS_PYARROW, "pyarrow is not installed")
class WithPyarrow(Folder):
    def test_pyarrow_reads_what_is_written_without_it(self):
        import pyarrow

        for columns in (COLUMNS, {}, {"x": []}, {"n": list(range(1000))}):
            write_file(self.path, columns, {})
            with pyarrow.ipc.open_file(str(self.path)) as reader:
                table = reader.read_all()
            table.validate(full=True)
            self.assertEqual(table.to_pydict(), columns)

    def test_what_pyarrow_writes_is_read_in_all_plain_types(self):
        import pyarrow as pa

        table = pa.table({
            **COLUMNS,
            "i8": pa.array([1, None, -3], pa.int8()),
            "u64": pa.array([1, None, 2**64 - 1], pa.uint64()),
            "f32": pa.array([0.5, None, 2.0], pa.float32()),
            "large": pa.array(["a", None, "b"], pa.large_string()),
            "none": pa.nulls(3),
        })
        with pa.ipc.new_file(str(self.path), table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
        self.assertEqual(read_file(self.path)[0], table.to_pydict())

    def test_other_types_are_left_to_pyarrow(self):
        import datetime

        import pyarrow as pa

        day = datetime.date(2026, 1, 2)
        for table in (pa.table({"d": [day]}), pa.table({"d": pa.array([day]).dictionary_encode()})):
            with pa.ipc.new_file(str(self.path), table.schema) as writer:
                writer.write_table(table)
            self.assertEqual(tables.read_columns(self.path, "in"), {"d": [day]})

    def test_written_tables_have_the_types_that_every_kind_reads_and_no_metadata(self):
        import pyarrow as pa

        table = pa.table({
            "s": pa.array(["a"], pa.large_string()), "d": pa.array(["a"]).dictionary_encode(),
            "i": pa.array([1], pa.int32()), "f": pa.array([0.5], pa.float32()),
        }).replace_schema_metadata({"by": "someone"})
        tables.write(self.path, table, "out", None)
        read = tables.read_pyarrow(self.path, "out")
        self.assertEqual([str(field.type) for field in read.schema], ["string", "string", "int64", "double"])
        self.assertIsNone(read.schema.metadata)


@unittest.skipUnless(HAS_PANDAS and HAS_PYARROW, "pandas or pyarrow is not installed")
class WithPandas(Folder):
    def test_a_data_frame_goes_out_and_comes_in(self):
        import pandas

        frame = pandas.DataFrame({"x": [1.5, None], "s": ["a", "b"], "n": [1, 2]}, index=[7, 8])
        tables.write(self.path, frame, "out", None)
        self.assertEqual(read_file(self.path)[0], {"x": [1.5, None], "s": ["a", "b"], "n": [1, 2]})
        self.assertEqual(list(tables.read_pandas(self.path, "out").columns), ["x", "s", "n"])

    def test_columns_of_numpy_are_columns(self):
        import numpy

        tables.write(self.path, {"x": numpy.array([0.5, 1.0]), "n": [numpy.int64(1), None]}, "out", None)
        self.assertEqual(read_file(self.path)[0], {"x": [0.5, 1.0], "n": [1, None]})


if __name__ == "__main__":
    unittest.main()
