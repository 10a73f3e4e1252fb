"""A plugin program with every fault that a host must survive, one kind each. It speaks the protocol by hand, without the SDK."""

import json
import os
import subprocess
import sys
import time

KINDS = ["good", "garbage", "exit", "crash", "hang", "escape", "climb", "missing", "silent", "long", "raises", "strays", "folder", "bad_value"]
MODE = sys.argv[1] if len(sys.argv) > 1 else ""


def say(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def manifest(name):
    return {
        "name": f"rude.{name}",
        "version": "1",
        "summary": f"Rude: {name}.",
        "effect": "pure",
        "params": {"type": "object", "properties": {"path": {"type": "string"}}, "additionalProperties": False},
        "ports": {"outputs": [{"name": "out", "type": "file", "doc": "", "optional": name != "missing"}]},
    }


def run(name, attempt):
    at = attempt["id"]
    if name == "good":
        print("a note beside the protocol", file=sys.stderr, flush=True)
        say({"t": "metric", "id": at, "name": "pid", "value": os.getpid()})
    elif name == "garbage":
        print("Loading weights… done", flush=True)
    elif name == "exit":
        print("out of ideas", file=sys.stderr, flush=True)
        os._exit(3)
    elif name == "crash":
        os.kill(os.getpid(), 11)
    elif name == "hang":
        time.sleep(3600)
    elif name == "escape":
        open(attempt["params"]["path"], "w").close()
    elif name == "climb":
        say({"t": "output", "id": at, "port": "../../out", "type": "file"})
    elif name == "missing":
        say({"t": "output", "id": at, "port": "out", "type": "file"})
    elif name == "silent":
        os.close(1)
        time.sleep(3600)
    elif name == "long":
        sys.stdout.write("x" * (2 << 20))
        sys.stdout.flush()
    elif name == "raises":
        say({"t": "result", "id": at, "error": {"code": "bad_data", "message": "no luck today", "hints": ["try tomorrow"], "retryable": False}})
        return
    elif name == "strays":
        subprocess.Popen(["sleep", "3599"])
        say({"t": "result", "id": at, "error": {"message": "left something running"}})
        return
    elif name == "folder":
        os.makedirs(os.path.join(attempt["outputs"], "out"))
        say({"t": "output", "id": at, "port": "out", "type": "file"})
    elif name == "bad_value":
        say({"t": "output", "id": at, "port": "out", "type": "any", "value": 1})
    say({"t": "result", "id": at})


def main():
    for line in sys.stdin:
        message = json.loads(line)
        if message["t"] == "hello":
            if MODE == "garbage":
                print("Welcome to rude 1.0!", flush=True)
            if MODE == "exit":
                sys.exit("no licence found")
            version = 2 if MODE == "version" else 1
            hello = {"t": "hello", "protocol": "sluice-plugin", "version": version, "name": "rude", "plugin_version": "0.1.0"}
            say({**hello, "kinds": [manifest(name) for name in KINDS]})
        elif message["t"] == "execute":
            try:
                run(message["kind"].removeprefix("rude."), message)
            except OSError as error:
                say({"t": "result", "id": message["id"], "error": {"code": "os", "message": str(error)}})
        elif message["t"] == "bye":
            return


main()
