"""The template and the scikit-learn trainer pass their own cases."""

import importlib.util
import sys
import unittest
from pathlib import Path

PLUGINS = Path(__file__).parent.parent.parent
HAS_LIBRARIES = all(importlib.util.find_spec(name) for name in ("sklearn", "pandas", "pyarrow"))


@unittest.skipIf(sys.version_info < (3, 11), "tomllib came with Python 3.11")
class Examples(unittest.TestCase):
    def passes_its_cases(self, plugin):
        from cases import cases, run_case

        found = list(cases(plugin))
        self.assertGreater(len(found), 1)
        for name, case in found:
            with self.subTest(name):
                run_case(plugin, case)

    def test_the_template_passes_its_cases(self):
        self.passes_its_cases(PLUGINS / "sdk/templates/python")

    @unittest.skipUnless(HAS_LIBRARIES, "scikit-learn, pandas or pyarrow is not installed")
    def test_the_scikit_learn_trainer_passes_its_cases(self):
        self.passes_its_cases(PLUGINS / "examples/sklearn")


if __name__ == "__main__":
    unittest.main()
