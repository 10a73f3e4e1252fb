"""Runs the cases of a plugin's folder as `sluice plugins test` does, in short."""

import math
import sys
import tempfile
import tomllib
from pathlib import Path

from host import Host

from sluicegate.arrow import read_fields, read_file, write_file


def run_case(plugin: Path, case: dict) -> None:
    """Raises AssertionError when the plugin does something else than the case says."""
    source = plugin.joinpath("plugin.py").read_text(encoding="utf-8").replace("{{name}}", "acme")
    with tempfile.TemporaryDirectory() as folder, Host(source) as host:
        host.hello()
        inputs, known = {}, {}
        for port, columns in case.get("inputs", {}).items():
            path = Path(folder) / port
            write_file(path, columns, {})
            inputs[port] = {"type": "table", "path": str(path), "hash": "h"}
            types = [{"name": name, "type": type} for name, type in read_fields(path)]
            known[port] = {"columns": types, "target": None}
        if "problem" in case:
            problems = host.ask(case["kind"], "schema", case["with"], inputs=known)["problems"]
            problem = next(one for one in problems if one["pointer"] == case["problem"]["pointer"])
            assert case["problem"].get("message", "") in problem["message"], problem
            return
        outputs = host.start(case["kind"], case["with"], inputs=inputs)
        result = host.finish()[-1]
        if "error" in case:
            assert result["error"]["code"] == case["error"]["code"], result
            return
        assert "error" not in result, result
        for port, columns in case["outputs"].items():
            found = read_file(outputs / port)[0]
            assert list(found) == list(columns), found
            for name, values in columns.items():
                assert len(values) == len(found[name]) and all(map(same, values, found[name])), (name, found[name])


def same(one, other):
    number = isinstance(one, (int, float)) and isinstance(other, (int, float))
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9) if number else one == other


def cases(plugin: Path):
    for path in sorted(plugin.joinpath("tests").glob("*.toml")):
        yield path.name, tomllib.loads(path.read_text(encoding="utf-8").replace("{{name}}", "acme"))


if __name__ == "__main__":
    for name, one in cases(Path(sys.argv[1])):
        run_case(Path(sys.argv[1]), one)
        print("ok", name)
