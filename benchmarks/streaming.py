"""How much memory a text of any size takes to train on: `python -m benchmarks.streaming`.

Trains the character model on a generated text of 1 GB from disk, and on a small one in memory, each in a
process of its own, and prints the largest resident memory of both: the difference is what the text costs.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STEPS = 200


def generate(path: Path, size: int) -> None:
    """Writes words until the file has so many bytes."""
    numbers = random.Random(1)
    words = ["".join(numbers.choices("etaoinshrdlucmfw", k=numbers.randint(2, 9))) for _ in range(5000)]
    block = (" ".join(numbers.choices(words, k=100_000)) + "\n").encode()
    with open(path, "wb") as file:
        while file.tell() < size:
            file.write(block)


def train(path: str, cache: str | None) -> dict[str, float]:
    """Trains 200 steps of the default network; gives the largest resident memory in MB, and times."""
    from kseq.training.fitting import fit
    from pipelines import language_model, texts

    start = time.monotonic()
    config = language_model.Config(data=path, cache=cache)
    data = texts.read(config)
    seconds = time.monotonic() - start
    model = language_model.build(config, len(data.vocabulary))
    fit(model, data.batches("train", config).take(STEPS), epochs=1, verbose=0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"tokens": len(data.train), "peak_mb": peak, "read_seconds": seconds}


def measure(path: Path, cache: Path | None) -> dict[str, float]:
    """The same in a process of its own."""
    code = f"from benchmarks.streaming import train; import json; print(json.dumps(train({str(path)!r}, "
    code += f"{None if cache is None else str(cache)!r})))"
    done = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Generates, trains, prints."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--megabytes", type=int, default=1000, help="size of the large text")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder, "small.txt"), Path(folder, "large.txt")
        generate(small, 700_000)
        generate(large, options.megabytes * 1_000_000)
        first, second = measure(small, None), measure(large, Path(folder, "cache"))
    print(f"{first['tokens']:>13,} characters in memory: {first['peak_mb']:7.0f} MB")
    print(f"{second['tokens']:>13,} characters on disk:   {second['peak_mb']:7.0f} MB", end="")
    print(f", read once in {second['read_seconds']:.0f} s")
    print(f"{'':>13} more for the text:         {second['peak_mb'] - first['peak_mb']:7.0f} MB")


if __name__ == "__main__":
    main()
