"""A load of requests on loopback: so many connections, each with one request at a time."""

import asyncio
import dataclasses
import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any


@dataclasses.dataclass
class Result:
    """What a load met.

    Args:
        seconds: how long it went on.
        latencies: of the answers that were right, in seconds.
        failures: everything else, each in a line.
    """

    seconds: float
    latencies: list[float]
    failures: list[str]

    @property
    def rate(self) -> float:
        """Right answers a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: int) -> float:
        """The time within which so many of a hundred answers came, in seconds."""
        return statistics.quantiles(self.latencies, n=100)[share - 1]

    def summary(self) -> dict[str, Any]:
        """The figures for a report."""
        return {
            "seconds": self.seconds,
            "answers": len(self.latencies),
            "failures": len(self.failures),
            "per_second": self.rate,
            "p50_ms": 1e3 * self.percentile(50),
            "p99_ms": 1e3 * self.percentile(99),
        }


@dataclasses.dataclass(frozen=True)
class Question:
    """A request and its right answer.

    Args:
        content: of the request, for JSON.
        label: what must be answered, and
        probability: how surely, to three digits; None: anything.
    """

    content: dict[str, Any]
    label: str | None = None
    probability: float | None = None

    def fault(self, status: int, body: bytes) -> str | None:
        """What is wrong with an answer, or None."""
        if status != 200:
            return f"status {status}: {body[:200].decode(errors='replace')}"
        if self.label is not None:
            (found,) = json.loads(body)["predictions"]
            if found["label"] != self.label or abs(found["probability"] - self.probability) > 1e-3:
                return f"{self.content}: {found}, not {self.label} {self.probability}"
        return None


def load(
    port: int,
    path: str,
    questions: Sequence[Question],
    connections: int,
    seconds: float,
    going_on: Callable[[], bool] = lambda: False,
) -> Result:
    """Ask for so long, and longer while it is going on; wait for the last answers."""

    async def everybody() -> Result:
        result = Result(0.0, [], [])
        turns = itertools.cycle([(question, _bytes(path, question.content)) for question in questions])
        start = time.perf_counter()

        def more() -> bool:
            return time.perf_counter() < start + seconds or going_on()

        await asyncio.gather(*(_caller(port, turns, more, result) for _ in range(connections)))
        result.seconds = time.perf_counter() - start
        return result

    return asyncio.run(everybody())


def ask(port: int, path: str, content: dict[str, Any]) -> Any:
    """One answer, which must be there."""

    async def once() -> Any:
        status, body = await _exchange(
            *await asyncio.open_connection("127.0.0.1", port), _bytes(path, content)
        )
        if status != 200:
            raise RuntimeError(f"status {status}: {body.decode()}")
        return json.loads(body)

    return asyncio.run(once())


async def _caller(
    port: int, turns: Iterator[tuple[Question, bytes]], more: Callable[[], bool], result: Result
) -> None:
    reader = writer = None
    while more():
        begun = time.perf_counter()
        question, request = next(turns)
        try:
            if writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            fault = question.fault(*await _exchange(reader, writer, request))
        except (OSError, EOFError, ValueError) as error:
            fault, writer = f"{type(error).__name__}: {error}", None
            await asyncio.sleep(0.01)
        if fault is None:
            result.latencies.append(time.perf_counter() - begun)
        else:
            result.failures.append(fault)
    if writer is not None:
        writer.close()


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> tuple[int, bytes]:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().split(b"content-length:")[1].split(b"\r\n")[0]
    return int(head[9:12]), await reader.readexactly(int(length))


def _bytes(path: str, content: dict[str, Any]) -> bytes:
    body = json.dumps(content).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
