"""The plugin `{{name}}`: task kinds for Sluicegate."""

from typing import Annotated

import sluicegate as sg

plugin = sg.Plugin("{{name}}", version="0.1.0")


@plugin.kind(
    "{{name}}.clip",
    version="1",
    inputs={"table": sg.Table("rows to clip")},
    outputs={"table": sg.Table("the rows, clipped")},
)
def clip(
    ctx: sg.Context,
    column: Annotated[str, sg.Param("The column to clip.", column_of="table")],
    high: Annotated[float, "Greater values become this one."] = 1.0,
):
    """Clips a column of numbers.

    Missing values stay missing. The metric `clipped` counts the values that were changed.
    """
    columns = ctx.columns("table")
    before = columns[column]
    columns[column] = [value if value is None else min(value, high) for value in before]
    ctx.metric("clipped", sum(value is not None and value > high for value in before))
    return {"table": columns}


@clip.columns
def _(check: sg.ColumnCheck):
    table = check.input("table")
    if table is not None:
        check.output("table", table.columns)


if __name__ == "__main__":
    plugin.run()
