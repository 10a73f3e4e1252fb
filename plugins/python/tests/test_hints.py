"""Type hints become a schema, and values become what the hints promise."""

import enum
import json
import unittest
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Dict, List, Literal, Optional, Union

import sluicegate as sg


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Grid:
    """A grid to search."""

    depth: Annotated[int, sg.Param("How deep.", minimum=1)]
    rates: List[float] = field(default_factory=lambda: [0.1])


def kind(function, **more):
    return sg.Plugin("acme", version="1").kind("acme.it", version="1", **more)(function)


def property_of(hint, default=...):
    def run(ctx, p):
        """Does."""

    run.__annotations__ = {"p": hint}
    if default is not ...:
        run.__defaults__ = (default,)
    return kind(run)


class Schemas(unittest.TestCase):
    def schema(self, hint, default=...):
        return property_of(hint, default).manifest()["params"]["properties"]["p"]

    def test_plain_types_have_their_json_types(self):
        self.assertEqual(self.schema(str), {"type": "string"})
        self.assertEqual(self.schema(int), {"type": "integer"})
        self.assertEqual(self.schema(float, 1.5), {"type": "number", "default": 1.5})
        self.assertEqual(self.schema(bool, True), {"type": "boolean", "default": True})
        self.assertEqual(self.schema(Path), {"type": "string"})
        self.assertEqual(self.schema(Any), {})

    def test_a_text_in_annotated_is_the_documentation_and_bounds_are_kept(self):
        hint = Annotated[float, sg.Param("Upper bound.", minimum=0, exclusive_maximum=9)]
        self.assertEqual(
            self.schema(hint), {"type": "number", "minimum": 0, "exclusiveMaximum": 9, "description": "Upper bound."}
        )
        self.assertEqual(self.schema(Annotated[str, "The column."])["description"], "The column.")

    def test_optional_allows_null_and_keeps_bounds(self):
        self.assertEqual(
            self.schema(Annotated[Optional[int], sg.Param(minimum=1)], None), {"type": ["integer", "null"], "minimum": 1}
        )
        self.assertEqual(self.schema(Optional[Colour], None), {"enum": ["red", "blue", None]})

    def test_documentation_inside_of_optional_is_found(self):
        hint = Optional[Annotated[int, sg.Param("How many.", minimum=1)]]
        self.assertEqual(self.schema(hint, None), {"type": ["integer", "null"], "minimum": 1, "description": "How many."})

    def test_unions_lists_and_tables(self):
        self.assertEqual(self.schema(Union[int, str]), {"type": ["integer", "string"]})
        self.assertEqual(self.schema(List[int]), {"type": "array", "items": {"type": "integer"}})
        self.assertEqual(
            self.schema(Dict[str, float]), {"type": "object", "additionalProperties": {"type": "number"}}
        )
        options = self.schema(Union[Literal["*"], List[str]])["anyOf"]
        self.assertEqual(options, [{"enum": ["*"]}, {"type": "array", "items": {"type": "string"}}])

    def test_a_dataclass_is_a_closed_table_with_documented_fields(self):
        self.assertEqual(self.schema(Grid), {
            "type": "object",
            "description": "A grid to search.",
            "properties": {
                "depth": {"type": "integer", "minimum": 1, "description": "How deep."},
                "rates": {"type": "array", "items": {"type": "number"}, "default": [0.1]},
            },
            "required": ["depth"],
            "additionalProperties": False,
        })

    def test_the_whole_is_a_closed_object_with_required_parameters(self):
        def run(ctx, column: str, high: float = 1.0):
            """Clips
            a column.

            More *text*.
            """

        manifest = kind(run).manifest()
        self.assertEqual(manifest["params"]["required"], ["column"])
        self.assertIs(manifest["params"]["additionalProperties"], False)
        self.assertEqual((manifest["summary"], manifest["doc"]), ("Clips a column.", "More *text*."))
        json.dumps(manifest, allow_nan=False)


class WrongDefinitions(unittest.TestCase):
    def refuses(self, hint, *words, default=...):
        with self.assertRaises(sg.DefinitionError) as caught:
            property_of(hint, default)
        for word in ("acme.it", "`p`", *words):
            self.assertIn(word, str(caught.exception))

    def test_a_hint_that_toml_cannot_hold_is_told_with_the_parameter(self):
        self.refuses(bytes, "bytes", "dataclass")
        self.refuses(Dict[int, str], "keys")
        self.refuses(complex, "complex")

    def test_bounds_that_make_no_sense_are_told(self):
        self.refuses(Annotated[str, sg.Param(minimum=1)], "minimum")
        self.refuses(Annotated[int, sg.Param(column_of="table")], "column_of")
        self.refuses(Annotated[int, sg.Param], "parentheses")

    def test_a_default_that_does_not_fit_is_told(self):
        self.refuses(int, "'many'", default="many")
        self.refuses(Annotated[float, sg.Param(maximum=1)], "2.0", default=2.0)
        self.refuses(float, "inf", default=float("inf"))

    def test_a_dataclass_that_contains_itself_is_told(self):
        Node.__annotations__["inner"] = Optional[Node]
        self.refuses(Node, "contains itself")

    def test_a_parameter_without_a_hint_is_told(self):
        def run(ctx, column):
            """Does."""

        with self.assertRaisesRegex(sg.DefinitionError, "`column` has no type hint"):
            kind(run)

    def test_a_function_without_a_docstring_is_told(self):
        with self.assertRaisesRegex(sg.DefinitionError, "no docstring"):
            kind(lambda ctx: None)

    def test_a_hook_that_wants_an_unknown_parameter_is_told_with_the_nearest(self):
        def run(ctx, column: str):
            """Does."""

        with self.assertRaisesRegex(sg.DefinitionError, "did you mean `column`"):
            kind(run).check(lambda colum: None)

    def test_names_outside_of_the_plugin_are_told(self):
        with self.assertRaisesRegex(sg.DefinitionError, "acme"):
            sg.Plugin("acme", version="1").kind("other.it", version="1")


@dataclass
class Node:
    inner: Any = None


class Values(unittest.TestCase):
    def convert(self, hint, value):
        return property_of(hint).convert({"p": value})["p"]

    def refuses(self, hint, value, *words):
        with self.assertRaises(sg.TaskError) as caught:
            self.convert(hint, value)
        self.assertEqual(caught.exception.code, "bad_params")
        for word in words:
            self.assertIn(word, caught.exception.message)

    def test_values_become_what_the_hints_promise(self):
        self.assertIs(self.convert(Colour, "red"), Colour.RED)
        self.assertEqual(self.convert(Grid, {"depth": 3}), Grid(3, [0.1]))
        self.assertEqual(self.convert(Path, "a/b"), Path("a/b"))
        self.assertEqual(self.convert(Dict[str, List[Colour]], {"x": ["blue"]}), {"x": [Colour.BLUE]})
        self.assertEqual(self.convert(Union[Literal["*"], List[str]], ["a"]), ["a"])
        number = self.convert(float, 3)
        self.assertIsInstance(number, float)
        whole = self.convert(int, 3.0)
        self.assertIsInstance(whole, int)
        self.assertIsInstance(self.convert(Union[float, int], 3), int)

    def test_wrong_values_are_refused_with_their_place(self):
        self.refuses(int, True, "with.p", "a whole number", "true")
        self.refuses(int, 1.5)
        self.refuses(bool, 1)
        self.refuses(str, 3, "a text")
        self.refuses(Colour, "green", "`red`", "green")
        self.refuses(Grid, {"depth": 0}, "with.p.depth", "at least 1")
        self.refuses(Grid, {"depth": 1, "rates": [0.1, "x"]}, "with.p.rates.1")
        self.refuses(Grid, {"depth": 1, "dept": 1}, "no parameter `dept`")
        self.refuses(Optional[Grid], {"depth": "x"}, "with.p.depth")
        self.refuses(Annotated[str, sg.Param(pattern="^a")], "b", "pattern")
        self.refuses(Annotated[List[str], sg.Param(min_items=1)], [], "at least 1")

    def test_a_missing_and_an_unknown_parameter_are_refused(self):
        with self.assertRaisesRegex(sg.TaskError, "parameter `p` is missing"):
            property_of(str).convert({})
        with self.assertRaisesRegex(sg.TaskError, "no parameter `q`"):
            property_of(str).convert({"p": "", "q": 1})

    def test_a_default_list_is_new_each_time(self):
        it = property_of(List[int], [1])
        it.convert({})["p"].append(2)
        self.assertEqual(it.convert({})["p"], [1])


if __name__ == "__main__":
    unittest.main()
