"""A plugin's program over a pipe, as the host starts it."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

from host import SOURCE, Host

from sluicegate.arrow import read_file, write_file

PLUGIN = '''
import os, sys, time
print("printed before sluicegate is imported")
from typing import Annotated
import sluicegate as sg
print("printed before run")

plugin = sg.Plugin("acme", version="0.1.0")

@plugin.kind("acme.clip", version="1", inputs={"table": sg.Table("rows")}, outputs={"table": sg.Table("rows"), "n": sg.Value("how many")})
def clip(ctx, column: Annotated[str, sg.Param("The column.", column_of="table")], high: float = 1.0):
    """Clips a column."""
    columns = ctx.columns("table")
    before = columns[column]
    columns[column] = [min(value, high) for value in before]
    n = sum(a != b for a, b in zip(before, columns[column]))
    ctx.metric("clipped", n); ctx.info("clipped"); ctx.progress(0.5, "half"); ctx.progress(None); ctx.summary("done")
    return {"table": columns, "n": n}

@clip.check
def _(high):
    if high == 7:
        yield sg.Problem("/high", "seven is not liked", "take six")

@clip.columns
def _(check, column):
    table = check.input("table")
    if table:
        check.output("table", table.columns)

@clip.files
def _(column):
    return [column + ".csv"]

@clip.ports
def _(high):
    return sg.Ports(clip.static_ports.inputs, clip.static_ports.outputs)

@clip.probe
def _(probe, high):
    return {1.0: True, 2.0: False}.get(high)

@plugin.kind("acme.do", version="1", outputs={"value": sg.Value("a value", optional=True), "file": sg.File("a file", optional=True)})
def do(ctx, what: str):
    """Does something, mostly wrong."""
    if what == "print":
        print("garbage", flush=True); os.write(1, b"raw garbage\\n"); os.system("echo garbage of a child")
        return {"value": sys.stdin.read()}
    if what == "raise":
        raise ValueError("no such thing")
    if what == "task error":
        raise sg.TaskError("bad_data", "the data is bad", hints=["clean it"])
    if what == "exit":
        sys.exit(3)
    if what == "interrupt":
        raise KeyboardInterrupt
    if what == "memory":
        raise MemoryError
    if what == "wait":
        ctx.info("waiting")
        while True:
            ctx.check_cancelled()
            time.sleep(0.005)
    if what == "huge log":
        ctx.info("x" * 3_000_000)
    if what == "huge value":
        return {"value": "x" * 2_000_000}
    if what == "nan":
        ctx.metric("loss", float("nan"))
        return {"value": float("nan")}
    if what == "pid":
        return {"value": os.getpid()}
    if what == "file":
        ctx.output_path("file").write_bytes(b"content")
    if what == "bytes":
        return {"file": b"content"}
    if what == "unknown output":
        return {"fiel": b""}
    if what == "secret":
        return {"value": [ctx.secret("TOKEN"), ctx.env["NAME"], ctx.run.task, str(ctx.resolve("a").parent) == str(ctx.base_dir)]}
    if what == "surrogate":
        ctx.info("\\udcff")

if __name__ == "__main__":
    plugin.run()
'''


class Protocol(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Host(PLUGIN).__enter__()
        cls.greeting = cls.host.hello()

    @classmethod
    def tearDownClass(cls):
        cls.host.__exit__()

    def do(self, what, **more):
        return self.host.execute("acme.do", {"what": what}, **more)

    def fails(self, what, code, **more):
        said = self.do(what, **more)
        self.assertEqual(said[-1]["error"]["code"], code)
        return said

    def test_the_greeting_names_the_plugin_and_its_kinds(self):
        self.assertEqual(self.greeting["t"], "hello")
        self.assertEqual((self.greeting["name"], self.greeting["plugin_version"]), ("acme", "0.1.0"))
        clip, do = self.greeting["kinds"]
        self.assertEqual(clip["asks"], ["check", "schema", "ports", "files", "probe"])
        self.assertEqual(clip["ports"]["inputs"], [{"name": "table", "type": "table", "doc": "rows", "optional": False}])
        self.assertTrue(clip["ports"]["more_outputs"])
        self.assertEqual(do["asks"], [])
        self.assertTrue(do["ports"]["outputs"][0]["optional"])

    def test_what_is_printed_before_the_program_serves_goes_to_the_log(self):
        self.assertIn("printed before sluicegate is imported", self.host.log())
        self.assertIn("printed before run", self.host.log())

    def test_a_table_is_worked_on(self):
        with tempfile.TemporaryDirectory() as folder:
            table = Path(folder) / "in"
            write_file(table, {"x": [0.5, 7.0], "s": ["a", "b"]}, {})
            inputs = {"table": {"type": "table", "path": str(table), "hash": "h"}}
            outputs = self.host.start("acme.clip", {"column": "x"}, inputs=inputs)
            said = self.host.finish()
            self.assertEqual(read_file(outputs / "table")[0], {"x": [0.5, 1.0], "s": ["a", "b"]})
            missing = self.host.execute("acme.clip", {"column": "xx"}, inputs=inputs)[-1]["error"]
        self.assertEqual([one["t"] for one in said], ["metric", "log", "progress", "progress", "summary", "output", "output", "result"])
        self.assertEqual([one["fraction"] for one in said if one["t"] == "progress"], [0.5, None])
        self.assertEqual([(one["port"], one.get("value")) for one in said if one["t"] == "output"], [("n", 1), ("table", None)])
        self.assertNotIn("error", said[-1])
        self.assertEqual((missing["code"], missing["hints"]), ("missing_column", ["did you mean `x`?"]))

    def test_questions_are_answered(self):
        ask = lambda about, params, **more: self.host.ask("acme.clip", about, params, **more)
        self.assertEqual(ask("check", {"column": "x", "high": 7})["problems"], [{"pointer": "/high", "message": "seven is not liked", "hint": "take six"}])
        self.assertEqual(ask("check", {"column": "x"})["problems"], [])
        columns = [{"name": "radius", "type": "number"}, {"name": "day", "type": {"other": "Date32"}}]
        schema = {"base_dir": "/", "runs_after_others": False, "inputs": {"table": {"columns": columns, "target": None}}}
        found = ask("schema", {"column": "raduis"}, **schema)
        self.assertEqual(found["problems"][0]["hint"], "did you mean `radius`?")
        self.assertEqual(found["outputs"], {"table": {"columns": columns}})
        self.assertEqual(ask("schema", {"column": "x"}, inputs={})["problems"], [])
        self.assertEqual(ask("files", {"column": "x"})["files"], ["x.csv"])
        self.assertEqual(ask("ports", {"column": "x"})["ports"]["outputs"][0]["name"], "table")
        probes = [ask("probe", {"column": "x", "high": high})["probe"] for high in (1, 2, 3)]
        self.assertEqual(probes, ["happened", "did_not_happen", "unknown"])

    def test_columns_are_checked_also_when_other_parameters_are_not_known_yet(self):
        inputs = {"table": {"columns": [{"name": "x", "type": "number"}]}}
        self.assertEqual(len(self.host.ask("acme.clip", "schema", {"column": "y"}, inputs=inputs)["problems"]), 1)
        self.assertEqual(self.host.ask("acme.clip", "schema", {}, inputs=inputs)["problems"], [])

    def test_wrong_questions_are_answered_with_an_error(self):
        self.assertEqual(self.host.ask("acme.clp", "check")["error"]["hints"], ["did you mean `acme.clip`?"])
        self.assertEqual(self.host.ask("acme.clip", "weather")["error"]["code"], "unknown_question")
        self.assertEqual(self.host.ask("acme.clip", "files", {"column": 3})["error"]["code"], "bad_params")

    def test_wrong_parameters_fail_the_attempt(self):
        error = self.host.execute("acme.do", {"what": 3})[-1]["error"]
        self.assertEqual((error["code"], error["message"]), ("bad_params", "with.what: expected a text, found the number 3"))
        self.assertIn("seven", self.host.execute("acme.clip", {"column": "x", "high": 7})[-1]["error"]["message"])

    def test_garbage_on_standard_output_goes_to_the_log_and_standard_input_is_empty(self):
        said = self.do("print")
        self.assertEqual([one["t"] for one in said], ["output", "result"])
        self.assertEqual(said[0]["value"], "")
        for words in ("garbage\n", "raw garbage", "garbage of a child"):
            self.assertIn(words, self.host.log())

    def test_an_exception_is_a_failed_attempt_with_its_traceback_in_the_log(self):
        said = self.fails("raise", "exception")
        self.assertEqual(said[-1]["error"]["message"], "ValueError: no such thing")
        self.assertTrue(said[-1]["error"]["retryable"])
        self.assertIn('raise ValueError("no such thing")', said[0]["message"])
        self.assertNotIn("worker.py", said[0]["message"])

    def test_a_task_error_is_told_as_it_is(self):
        said = self.fails("task error", "bad_data")
        self.assertEqual(said, [{"t": "result", "id": said[0]["id"], "error": {
            "code": "bad_data", "message": "the data is bad", "hints": ["clean it"], "retryable": False}}])

    def test_exit_interrupt_and_lack_of_memory_end_the_attempt_and_not_the_program(self):
        pid = self.do("pid")[0]["value"]
        self.assertIn("sys.exit(3)", self.fails("exit", "exit")[-1]["error"]["message"])
        self.fails("interrupt", "exception")
        self.fails("memory", "out_of_memory")
        self.assertEqual(self.do("pid")[0]["value"], pid)

    def test_one_program_serves_many_attempts(self):
        pids = {self.do("pid")[0]["value"] for _ in range(200)}
        self.assertEqual(pids, {self.host.process.pid})

    def test_a_cancel_reaches_a_running_attempt(self):
        self.host.start("acme.do", {"what": "wait"})
        self.assertEqual(self.host.receive()["message"], "waiting")
        self.host.send(t="cancel", id=self.host._id)
        self.assertEqual(self.host.finish()[-1]["error"]["code"], "cancelled")

    def test_a_cancel_of_another_attempt_does_nothing(self):
        self.host.send(t="cancel", id=999_999)
        self.assertNotIn("error", self.do("pid")[-1])

    def test_what_is_too_long_for_a_line_is_shortened_or_refused(self):
        self.assertIn("3000000 characters", self.do("huge log")[0]["message"])
        self.fails("huge value", "too_large")

    def test_numbers_that_json_cannot_hold_are_refused(self):
        said = self.fails("nan", "bad_output")
        self.assertEqual((said[0]["level"], said[0]["message"]), ("warn", "metric `loss` is nan and is not recorded"))

    def test_texts_that_utf_8_cannot_hold_are_replaced(self):
        self.assertEqual(self.do("surrogate")[0]["message"], "?")

    def test_files_are_written_and_announced(self):
        for what in ("file", "bytes"):
            outputs = self.host.start("acme.do", {"what": what})
            self.assertEqual(self.host.finish()[0], {"t": "output", "port": "file", "type": "file", "id": self.host._id})
            self.assertEqual((outputs / "file").read_bytes(), b"content")

    def test_an_output_that_the_kind_does_not_have_is_refused(self):
        self.assertIn("did you mean `file`?", self.fails("unknown output", "bad_output")[-1]["error"]["hints"])

    def test_secrets_environment_and_the_run_are_given(self):
        said = self.do("secret", secrets={"TOKEN": "t"}, env={"NAME": "n"})
        self.assertEqual(said[0]["value"], ["t", "n", "t", True])
        self.assertIn("TOKEN", self.fails("secret", "missing_secret")[-1]["error"]["message"])

    def test_unknown_messages_and_keys_are_ignored(self):
        self.host.send(t="weather", id=1)
        self.assertNotIn("error", self.do("pid", more="of it")[-1])


class Ends(unittest.TestCase):
    def test_bye_ends_the_program_well(self):
        with Host(PLUGIN) as host:
            host.hello()
            host.send(t="bye")
            self.assertEqual(host.process.wait(20), 0)

    def test_a_closed_channel_ends_the_program_also_amid_an_attempt(self):
        with Host(PLUGIN) as host:
            host.hello()
            host.start("acme.do", {"what": "wait"})
            host.receive()
            host.process.stdin.close()
            self.assertEqual(host.process.wait(20), 0)

    def test_a_cancel_that_comes_before_its_attempt_began_is_not_lost(self):
        with Host(PLUGIN) as host:
            host.hello()
            host.start("acme.do", {"what": "wait"})
            host.receive()
            first = host._id
            host.start("acme.do", {"what": "pid"})
            host.send(t="cancel", id=host._id)
            host.send(t="cancel", id=first)
            self.assertEqual(host.receive()["error"]["code"], "cancelled")
            self.assertEqual(host.finish()[-1]["error"]["code"], "cancelled")

    def test_lines_that_are_no_messages_or_too_long_end_the_program_with_a_reason(self):
        for data, words in ((b"what?\n", "not JSON"), (b"[]\n", "not a JSON object"), (b"x" * (2 << 20), "longer than 1048576")):
            with self.subTest(words=words), Host(PLUGIN) as host:
                try:
                    host.process.stdin.write(data)
                    host.process.stdin.flush()
                except BrokenPipeError:
                    pass
                self.assertEqual(host.process.wait(20), 2)
                self.assertIn(words, host.log())

    def test_the_streams_are_moved_at_import_when_the_host_says_so(self):
        source = PLUGIN.replace('print("printed before run")', "import os; os.write(1, b'raw and early\\n')")
        source = source.replace('print("printed before sluicegate is imported")', "")
        with Host(source, env={"SLUICE_PLUGIN_PROTOCOL": "1"}) as host:
            self.assertEqual(host.hello()["t"], "hello")
            self.assertIn("raw and early", host.log())


class ByHand(unittest.TestCase):
    def run_program(self, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "plugin.py"
            program.write_text(PLUGIN)
            env = {**os.environ, "PYTHONPATH": str(SOURCE)}
            return subprocess.run([sys.executable, str(program), *arguments], env=env, capture_output=True, text=True)

    def test_describe_prints_the_manifests(self):
        text = self.run_program("--describe").stdout
        kinds = json.loads(text[text.index("[") :])
        self.assertEqual([kind["name"] for kind in kinds], ["acme.clip", "acme.do"])

    def test_help_says_what_the_program_is(self):
        self.assertIn("plugin `acme` 0.1.0 for Sluicegate", self.run_program("--help").stdout)

    def test_an_unknown_argument_is_an_error(self):
        found = self.run_program("--frobnicate")
        self.assertEqual(found.returncode, 2)
        self.assertIn("unknown argument", found.stderr)

    def test_on_a_terminal_it_says_what_it_is(self):
        import pty

        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "plugin.py"
            program.write_text(PLUGIN)
            leader, follower = pty.openpty()
            env = {**os.environ, "PYTHONPATH": str(SOURCE)}
            found = subprocess.run([sys.executable, str(program)], stdin=follower, env=env, capture_output=True, text=True, timeout=20)
            os.close(leader)
            os.close(follower)
        self.assertIn("sluice plugins test", found.stdout)


class Alone(unittest.TestCase):
    def test_a_kind_can_be_called_as_a_function(self):
        import sluicegate as sg

        @sg.Plugin("acme", version="1").kind("acme.add", version="1")
        def add(ctx, a: int):
            """Adds."""
            return a + 1

        self.assertEqual(add(None, a=2), 3)

    def test_messages_of_several_threads_stay_whole(self):
        from sluicegate.channel import Channel

        reading, writing = os.pipe()
        channel = Channel(reading, writing)
        texts = [letter * 5000 for letter in "abcd"]
        threads = [threading.Thread(target=lambda text=text: [channel.send({"m": text}) for _ in range(50)]) for text in texts]
        for thread in threads:
            thread.start()
        found = [message["m"] for _, message in zip(range(200), channel.messages())]
        for thread in threads:
            thread.join()
        os.close(reading)
        os.close(writing)
        self.assertEqual(sorted(found), sorted(texts * 50))


if __name__ == "__main__":
    unittest.main()
