"""The program in the protocol's page, and the kind in the guide, do what the pages say."""

import re
import sys
import unittest
from pathlib import Path

from host import Host

DOCS = Path(__file__).parent.parent.parent.parent / "docs"


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", DOCS.joinpath(page).read_text(encoding="utf-8"), re.M | re.S)


class Documents(unittest.TestCase):
    def test_the_program_without_a_package_speaks_the_protocol(self):
        program = blocks("plugin-protocol.md", "python")[-1]
        with Host(program) as host:
            self.assertEqual(host.hello()["kinds"][0]["name"], "plain.greet")
            said = host.execute("plain.greet", {"whom": "world"})
            self.assertEqual([one["t"] for one in said], ["output", "result"])
            self.assertEqual(said[0]["value"], "Hello, world!")

    @unittest.skipIf(sys.version_info < (3, 11), "tomllib came with Python 3.11")
    def test_the_guides_kind_passes_the_guides_cases(self):
        import tempfile
        import tomllib

        from cases import run_case

        found = {}
        for language in ("python", "toml"):
            for block in blocks("plugin-guide.md", language):
                first, _, rest = block.partition("\n")
                found[first.removeprefix("# file: ")] = rest
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "plugin.py").write_text(found["plugins/acme/plugin.py"], encoding="utf-8")
            for name in ("clip", "wrong_column"):
                run_case(Path(folder), tomllib.loads(found[f"plugins/acme/tests/{name}.toml"]))


if __name__ == "__main__":
    unittest.main()
