"""What a second worker brings: `python -m benchmarks.workers`.

Trains the default character model, the same global batch each time: one process on one core, one process on
two cores, two workers with a core each. Prints characters per second of each, and its ratio to one core.
Linux only, as processes are tied to cores.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WARM_UP, STEPS = 20, 100


def train(path: Path, strategy_name: str) -> float:
    """Trains; gives characters per second of the steps after the first ones."""
    import keras

    from kseq.training.distribution import make_strategy, scope
    from kseq.training.fitting import fit
    from pipelines import language_model, texts

    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
            if batch == WARM_UP - 1:
                self.start = time.perf_counter()
            elif batch == WARM_UP + STEPS - 1:
                self.seconds = time.perf_counter() - self.start

    strategy = make_strategy(strategy_name)
    config = language_model.Config(data=str(path), test=0.0)
    data = texts.read(config)
    with scope(strategy):
        model = language_model.build(config, len(data.vocabulary))
    clock = Clock()
    batches = data.batches("train", config).take(WARM_UP + STEPS)
    fit(model, batches, [clock], epochs=1, verbose=0)
    return STEPS * config.batch_size * config.time_steps / clock.seconds


def measure(path: Path, cores: list[set[int]]) -> float:
    """The same in as many processes as there are sets of cores; gives the slowest's figure."""
    from kseq.training.launch import free_ports, start

    strategy = "multi-worker" if len(cores) > 1 else "none"
    command = [sys.executable, "-m", "benchmarks.workers", "--worker", str(path), "--strategy", strategy]
    addresses = [f"127.0.0.1:{port}" for port in free_ports(len(cores))]
    processes = [
        start([*command, "--cores", *map(str, own)], addresses, index, stdout=subprocess.PIPE, text=True)
        for index, own in enumerate(cores)
    ]
    outputs = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise SystemExit("a worker failed")
    return min(float(output.splitlines()[-1]) for output in outputs)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=3, help="rounds; the median counts")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--strategy", help=argparse.SUPPRESS)
    parser.add_argument("--cores", type=int, nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        os.sched_setaffinity(0, options.cores)  # before TensorFlow counts them
        print(train(options.worker, options.strategy))
        return
    from statistics import median

    from benchmarks.streaming import generate

    first, second = sorted(os.sched_getaffinity(0))[:2]
    setups = {
        "one process, one core": [{first}],
        "one process, two cores": [{first, second}],
        "two workers, one core each": [{first}, {second}],
    }
    found: dict[str, list[float]] = {name: [] for name in setups}
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "text.txt")
        generate(text, 700_000)
        for _ in range(options.repeats):
            for name, cores in setups.items():
                found[name].append(measure(text, cores))
    base = median(found["one process, one core"])
    print(f"{'':<28}{'characters/s':>13}{'(smallest, largest)':>22}{'to one core':>13}")
    for name, rates in found.items():
        spread = f"({min(rates):,.0f}, {max(rates):,.0f})"
        print(f"{name:<28}{median(rates):>13,.0f}{spread:>22}{median(rates) / base:>13.2f}")


if __name__ == "__main__":
    main()
