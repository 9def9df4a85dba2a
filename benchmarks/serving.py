"""The server of exports under load: micro-batches beside one request a call, in one run.

    python -m benchmarks.serving        writes serving.json

Two servers run, one that merges requests and one that does not (`--batch 1`); 32 connections ask them in
turns for the sentiment of test sentences, and every answer is compared with that to the sentence alone. Then
a new version is dropped in under load. Everything on loopback; the load takes a good part of a core itself.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.load import Question, Result, ask, load
from benchmarks.measure import machine

NAME = "sentiment"
PREDICT = f"/v1/models/{NAME}:predict"


def train(folder: Path, seconds: int) -> Path:
    """A small model of the embedded sentences, exported; gives the directory of exports."""
    for words in (["train", "--time-limit", str(seconds)], ["export"]):
        subprocess.run(
            [sys.executable, "-m", "pipelines.sentiment", *words],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return folder / "saved_models"


@contextlib.contextmanager
def server(exports: Path, *options: str) -> Iterator[int]:
    """A server in a process of its own; gives its port."""
    command = [sys.executable, "-m", "pipelines.serve", str(exports), "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stdout:
                if line.startswith("listening"):
                    yield int(line.split("/")[2].split(":")[1])
                    break
        finally:
            process.terminate()


def questions(port: int, count: int = 200) -> list[Question]:
    """Test sentences, each with what the model says of it alone."""
    from kseq.data import read_labelled

    texts = [example.text for example in read_labelled("kseq_sentiment/en").test[:count]]
    found = []
    for text in texts:
        content = {"instances": [text]}
        (alone,) = ask(port, PREDICT, content)["predictions"]
        found.append(Question(content, alone["label"], alone["probability"]))
    return found


def replaced(port: int, exports: Path, asked: list[Question], connections: int, seconds: float) -> Result:
    """A load in the midst of which the model becomes its own next version."""

    def drop() -> None:
        time.sleep(seconds / 4)
        copy = Path(tempfile.mkdtemp(prefix=".writing-", dir=exports / NAME)) / "2"
        shutil.copytree(exports / NAME / "1", copy)
        copy.rename(exports / NAME / "2")

    def answers() -> bool:
        with contextlib.suppress(RuntimeError):
            return bool(ask(port, PREDICT.replace(":", "/versions/2:"), asked[0].content))
        return False

    def wait() -> None:
        drop()
        while not answers():
            time.sleep(0.5)

    thread = threading.Thread(target=wait)
    thread.start()
    return load(port, PREDICT, asked, connections, seconds, going_on=thread.is_alive)


def show(what: str, result: Result) -> None:
    """A line for people."""
    figures = result.summary()
    print(
        f"{what:24} {figures['per_second']:8.0f} a second   p50 {figures['p50_ms']:7.1f} ms   "
        f"p99 {figures['p99_ms']:7.1f} ms   {figures['failures']} of "
        f"{figures['failures'] + figures['answers']:,} failed",
        flush=True,
    )
    for failure in result.failures[:3]:
        print(f"  {failure}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=30, help="of each load")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--exports", type=Path, help=f"has a model `{NAME}`; none: one is trained")
    parser.add_argument("--training", type=int, default=20, help="seconds to train it")
    parser.add_argument("--output", type=Path, default=Path("."), help="directory of serving.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.exports is None:
            exports = train(Path(folder), options.training)
        else:
            exports = Path(folder) / "exports"
            newest = max((options.exports / NAME).iterdir(), key=lambda version: int(version.name))
            shutil.copytree(newest, exports / NAME / "1")
        with server(exports) as merging, server(exports, "--batch", "1") as single:
            asked = questions(single)
            results = {}
            for what, port in (("one request a call", single), ("micro-batches", merging)):
                load(port, PREDICT, asked, options.connections, 2.0)  # warm
                results[what] = load(port, PREDICT, asked, options.connections, options.seconds)
                show(what, results[what])
            what = "a new version meanwhile"
            results[what] = replaced(merging, exports, asked, options.connections, options.seconds)
            show(what, results[what])
    ratio = results["micro-batches"].rate / results["one request a call"].rate
    print(f"\nmicro-batches give {ratio:.2f} times the throughput")
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "serving.json"
    summary = {what: result.summary() for what, result in results.items()}
    path.write_text(json.dumps({"machine": machine(), "ratio": ratio, "loads": summary}, indent=1))
    print(f"written: {path}")


if __name__ == "__main__":
    main()
