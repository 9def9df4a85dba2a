"""Peak memory of a training step, each measured in a process of its own.

TensorFlow keeps what it has freed, so that within one process a second measurement sees nothing.
"""

import subprocess
import sys

Shape = tuple[int, ...]


def training_memory(kind: str, shape: Shape, contestant: str) -> int:
    """Bytes by which training grows a process beyond what a single time step needs."""
    batch, _, features, units = shape
    return _peak(kind, shape, contestant) - _peak(kind, (batch, 1, features, units), contestant)


def _peak(kind: str, shape: Shape, contestant: str) -> int:
    arguments = [kind, ",".join(map(str, shape)), contestant]
    command = [sys.executable, "-m", "benchmarks.memory", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1])


def main() -> None:
    """Train three steps and print the largest size this process ever had."""
    from benchmarks.contestants import contestants

    kind, shape, contestant = sys.argv[1:]
    step = contestants(kind, tuple(int(n) for n in shape.split(",")), [contestant])[contestant]["training"]
    for _ in range(3):
        step()
    with open("/proc/self/status") as file:  # ru_maxrss would count the process that started this one
        print(next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM")))


if __name__ == "__main__":
    main()
