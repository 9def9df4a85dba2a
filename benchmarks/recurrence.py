"""Recurrent layers side by side with Keras and PyTorch: time, memory, share of the machine's peak.

    python -m benchmarks.recurrence                 everything; writes recurrence.json and recurrence.png
    python -m benchmarks.recurrence --layers LSTM --shapes 32,100,128,256

All contestants run in one process and take turns; a number is the median of the repeats. "training" is
one gradient of the summed squares of the outputs by inputs and weights.
"""

import argparse
import json
import math
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from benchmarks.contestants import contestants
from benchmarks.measure import alternate, machine, matmul_peak
from benchmarks.memory import training_memory

SHAPES = [(32, 100, 128, 256), (64, 35, 200, 200), (20, 35, 650, 650), (8, 1000, 64, 128), (1, 100, 64, 128)]
#: gates of each layer: the width of its products in units
GATES = {"SimpleRNN": 1, "LSTM": 4, "PeepholeLSTM": 4, "GRU": 3, "2 x BiLSTM": 4}
MODES = ("training", "forward")
GROWTH = (100, 200, 400, 800, 1600, 3200)


def operations(kind: str, shape: tuple, mode: str) -> float:
    """Floating-point operations of the matrix products alone."""
    batch, time, features, units = shape
    widths = [features, 2 * units] if kind == "2 x BiLSTM" else [features]
    directions = len(widths)  # two layers of two directions, or one of one
    one = sum(2 * batch * time * (width + units) * GATES[kind] * units for width in widths) * directions
    return one * (3 if mode == "training" else 1)


def compare(kinds: list[str], shapes: list[tuple], names: list[str], repeats: int, peak: float) -> list[dict]:
    """Time of every layer at every shape."""
    rows = []
    for kind in kinds:
        for shape in shapes:
            keras.utils.set_random_seed(1)
            everybody = contestants(kind, shape, names)
            for mode in MODES:
                functions = {name: their[mode] for name, their in everybody.items()}
                seconds = alternate(functions, repeats)
                share = {n: operations(kind, shape, mode) / s / peak for n, s in seconds.items()}
                row = {"layer": kind, "shape": list(shape), "mode": mode}
                rows.append({**row, "seconds": seconds, "share_of_peak": share})
                print_row(rows[-1])
            keras.backend.clear_session()
    return rows


def print_row(row: dict) -> None:
    """One line a contestant."""
    print(f"\n{row['layer']} (batch, time, features, units) = {tuple(row['shape'])}, {row['mode']}")
    for name, seconds in row["seconds"].items():
        peers = [n for n in ("keras", "torch") if n in row["seconds"] and n != name]
        ratios = "  ".join(f"{seconds / row['seconds'][n]:5.2f} of {n}" for n in peers)
        share = f"{row['share_of_peak'][name]:5.0%} of peak"
        print(f"  {name:24} {seconds * 1e3:8.2f} ms {share}  {ratios}", flush=True)


def geometric_means(rows: list[dict]) -> list[dict]:
    """Of the ratios to each peer over all shapes, by layer and mode."""
    means = []
    for kind in dict.fromkeys(row["layer"] for row in rows):
        for mode in MODES:
            for peer in ("keras", "keras, XLA", "torch"):
                ratios = [
                    r["seconds"]["kseq"] / r["seconds"][peer]
                    for r in rows
                    if (r["layer"], r["mode"]) == (kind, mode) and {"kseq", peer} <= set(r["seconds"])
                ]
                if ratios:
                    mean = math.exp(sum(math.log(x) for x in ratios) / len(ratios))
                    means.append(
                        {"layer": kind, "mode": mode, "peer": peer, "mean": mean, "worst": max(ratios)}
                    )
    return means


def memories(kinds: list[str], shapes: list[tuple], names: list[str]) -> list[dict]:
    """Memory of training of every layer at every shape."""
    rows = []
    print("\nmemory of a training step")
    for kind in kinds:
        for shape in shapes:
            memory = {name: training_memory(kind, shape, name) for name in names}
            rows.append({"layer": kind, "shape": list(shape), "memory": memory})
            cells = "  ".join(f"{name} {size / 2**20:7.1f} MiB" for name, size in memory.items())
            print(f"  {kind:12} {shape!s:24} {cells}", flush=True)
    return rows


def growth(kind: str, names: list[str], repeats: int) -> list[dict]:
    """Time and memory of a training step as sequences grow longer."""
    rows = []
    print(f"\n{kind}, training, 64 features, 128 units, as time grows: time at batch 8, memory at 64")
    for time in GROWTH:
        everybody = contestants(kind, (8, time, 64, 128), names)
        seconds = alternate({name: their["training"] for name, their in everybody.items()}, repeats)
        memory = {name: training_memory(kind, (64, time, 64, 128), name) for name in names}
        rows.append({"time": time, "seconds": seconds, "memory": memory})
        cells = [f"{n} {s * 1e3:7.1f} ms {memory[n] / 2**20:6.1f} MiB" for n, s in seconds.items()]
        print(f"  time {time:5}:  " + "   ".join(cells), flush=True)
    return rows


def draw(rows: list[dict], path: Path) -> None:
    """Bars: training time of each contestant as a share of Keras's."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = [row for row in rows if row["mode"] == "training" and "keras" in row["seconds"]]
    names = [n for n in rows[0]["seconds"] if n != "keras"]
    figure, axis = plt.subplots(figsize=(9, 0.55 * len(rows) + 1.2), layout="constrained")
    height = 0.8 / len(names)
    for k, name in enumerate(names):
        ratios = [row["seconds"][name] / row["seconds"]["keras"] for row in rows]
        axis.barh([n + k * height for n in range(len(rows))], ratios, height, label=name)
    axis.axvline(1.0, color="black", linewidth=1, label="keras.layers")
    axis.set_yticks(
        [n + 0.4 - height / 2 for n in range(len(rows))],
        [f"{row['layer']}  {tuple(row['shape'])}" for row in rows],
    )
    axis.margins(y=0.01)
    axis.invert_yaxis()
    axis.set_xlabel("time of a training step, keras.layers = 1")
    axis.set_title(f"(batch, time, features, units), {os.cpu_count()} cores", fontsize=10, loc="left")
    axis.legend(loc="lower right", fontsize=8)
    figure.savefig(path, dpi=120)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layers", nargs="+", choices=list(GATES), default=list(GATES))
    parser.add_argument(
        "--shapes", nargs="+", default=SHAPES, type=lambda s: tuple(int(n) for n in s.split(","))
    )
    everybody = ["kseq", "kseq, recompute", "kseq, whole step in XLA", "keras", "keras, XLA", "torch"]
    parser.add_argument("--contestants", nargs="+", choices=everybody, default=everybody)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--memory", action="store_true", help="peak memory of training at every shape too")
    parser.add_argument("--no-growth", action="store_true", help="leave out the growth with time")
    parser.add_argument(
        "--output", type=Path, default=Path("."), help="directory of recurrence.json and .png"
    )
    options = parser.parse_args()

    plain = [name for name in options.contestants if "XLA" not in name]
    peak = matmul_peak()
    print(f"large matrix product: {peak / 1e9:.0f} GFLOP/s")
    rows = compare(options.layers, options.shapes, options.contestants, options.repeats, peak)
    means = geometric_means(rows)
    print("\ngeometric means over the shapes, kseq to")
    for mean in means:
        print("  {layer:12} {mode:9} {peer:6} {mean:.2f}, worst {worst:.2f}".format(**mean))
    result = {"machine": machine(), "peak": peak, "rows": rows, "means": means}
    if options.memory:
        result["memory"] = memories(options.layers, options.shapes, plain)
    if not options.no_growth:
        result["growth"] = growth("LSTM", plain, options.repeats)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "recurrence.json").write_text(json.dumps(result, indent=1))
    if {"kseq", "keras"} <= set(options.contestants):
        draw(rows, options.output / "recurrence.png")
    print(f"\nwritten: {options.output / 'recurrence.json'}, {options.output / 'recurrence.png'}")


if __name__ == "__main__":
    main()
