"""A host for tests: starts a plugin's program and speaks the protocol with it."""

import json
import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "src"


class Host:
    """A started program. Its standard error is in `log()`; use it in a `with`."""

    def __init__(self, source, env=None):
        self.folder = tempfile.TemporaryDirectory()
        program = Path(self.folder.name) / "plugin.py"
        program.write_text(textwrap.dedent(source), encoding="utf-8")
        self._stderr = open(Path(self.folder.name) / "stderr", "w+", encoding="utf-8")
        paths = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        self.process = subprocess.Popen(
            [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr,
            env={**inherited, "PYTHONPATH": paths, **(env or {})},
        )
        self._id = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self._stderr.close()
        self.folder.cleanup()

    def send(self, **message):
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def receive(self):
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the program ended: {self.log()}")
        return json.loads(line)

    def hello(self):
        self.send(t="hello", protocol="sluice-plugin", version=1)
        return self.receive()

    def ask(self, kind, about, params=None, **more):
        self._id += 1
        self.send(t="ask", id=self._id, kind=kind, about=about, params=params or {}, **more)
        answer = self.receive()
        assert answer["t"] == "answer" and answer["id"] == self._id, answer
        return answer

    def start(self, kind, params=None, **more):
        self._id += 1
        outputs = Path(self.folder.name) / f"out-{self._id}"
        outputs.mkdir()
        run = {"run_id": "r", "workflow": "w", "task": "t", "attempt": 1, "attempt_id": "a"}
        self.send(
            t="execute", id=self._id, kind=kind, params=params or {}, run=run,
            **{"inputs": {}, "outputs": str(outputs), "base_dir": self.folder.name, "env": {}, "secrets": {}, **more},
        )
        return outputs

    def finish(self):
        """All messages of the started attempt; the last is its result."""
        said = []
        while True:
            message = self.receive()
            assert message["id"] == self._id, message
            said.append(message)
            if message["t"] == "result":
                return said

    def execute(self, kind, params=None, **more):
        self.start(kind, params, **more)
        return self.finish()

    def log(self):
        return (Path(self.folder.name) / "stderr").read_text(encoding="utf-8")
