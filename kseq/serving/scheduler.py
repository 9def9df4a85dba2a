"""Micro-batches: requests that wait for the same signature are computed in one call."""

import asyncio
import dataclasses
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor

import numpy as np
import tensorflow as tf

from kseq.serving.limits import Limits
from kseq.serving.problem import Problem, of_tensorflow
from kseq.serving.signature import Arrays, Signature


@dataclasses.dataclass(eq=False)
class Request:
    """What one caller wants computed.

    Args:
        inputs: arrays by name.
        rows: of them; 1 where nothing is a row.
        longest: of the rows, characters or numbers.
    """

    inputs: Arrays
    rows: int
    longest: int
    answer: asyncio.Future = dataclasses.field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Scheduler:
    """Computes requests in threads, those that may share a call together.

    No request waits for others to come: while one call runs, what arrives gathers for the next, so that
    batches grow with the load alone. It belongs to one event loop.

    Args:
        executor: where calls run.
        limits: how large a batch becomes, and how many rows may wait.
        computed: told of each call: the signature, its requests, its rows.
    """

    def __init__(
        self,
        executor: Executor,
        limits: Limits,
        computed: Callable[[Signature, int, int], None] = lambda signature, requests, rows: None,
    ):
        self.executor = executor
        self.limits = limits
        self.computed = computed
        self._queues: weakref.WeakKeyDictionary[Signature, _Queue] = weakref.WeakKeyDictionary()

    async def run(self, signature: Signature, request: Request) -> Arrays:
        """The outputs for a request.

        Raises:
            Problem: too many wait already, or the graph does not take the values.
        """
        queue = self._queues.setdefault(signature, _Queue())
        if queue.rows + request.rows > self.limits.waiting and queue.rows:
            raise Problem(
                "UNAVAILABLE", f"{queue.rows} rows wait for `{signature.name}` already; try again later"
            )
        queue.rows += request.rows
        try:
            if not signature.merges or self.limits.rows == 1:
                return await self._compute(signature, [request])
            queue.waiting.append(request)
            if queue.worker is None:
                queue.worker = asyncio.create_task(self._work(signature, queue))
            return await request.answer
        finally:
            queue.rows -= request.rows

    async def _work(self, signature: Signature, queue: "_Queue") -> None:
        """One batch after another until nothing waits."""
        try:
            while queue.waiting:
                await asyncio.sleep(0)  # what has arrived already is read first
                if batch := queue.take(self.limits):
                    await self._answer(signature, batch)
        finally:
            queue.worker = None

    async def _answer(self, signature: Signature, batch: list[Request]) -> None:
        try:
            outputs = await self._compute(signature, batch)
        except Exception as error:
            if len(batch) == 1:
                _settle(batch[0], error)
                return
            for request in batch:  # one that is wrong spoils no other
                await self._answer(signature, [request])
            return
        start = 0
        for request in batch:
            part = slice(start, start + request.rows)
            _settle(request, {name: value[part] for name, value in outputs.items()})
            start = part.stop

    async def _compute(self, signature: Signature, batch: list[Request]) -> Arrays:
        try:
            outputs = await asyncio.get_running_loop().run_in_executor(self.executor, _call, signature, batch)
        except tf.errors.OpError as error:
            raise of_tensorflow(error) from None
        rows = sum(request.rows for request in batch)
        if len(batch) > 1 and any(len(value) != rows for value in outputs.values()):
            raise Problem("INTERNAL", f"`{signature.name}` does not give a row for each row")
        self.computed(signature, len(batch), rows)
        return outputs


class _Queue:
    """What waits for one signature."""

    def __init__(self) -> None:
        self.waiting: deque[Request] = deque()
        self.rows = 0  # those being computed too
        self.worker: asyncio.Task | None = None

    def take(self, limits: Limits) -> list[Request]:
        """The next batch, in order of arrival; the first request is taken in any case."""
        batch: list[Request] = []
        rows = longest = 0
        while self.waiting:
            request = self.waiting[0]
            if not request.answer.done():  # its caller may be gone
                rows, longest = rows + request.rows, max(longest, request.longest)
                if batch and (rows > limits.rows or rows * longest > limits.padded):
                    break
                batch.append(request)
            self.waiting.popleft()
        return batch


def _call(signature: Signature, batch: list[Request]) -> Arrays:
    if len(batch) == 1:
        return signature(batch[0].inputs)
    return signature({name: np.concatenate([r.inputs[name] for r in batch]) for name in signature.inputs})


def _settle(request: Request, answer: Arrays | Exception) -> None:
    if request.answer.done():
        return
    if isinstance(answer, Exception):
        request.answer.set_exception(answer)
    else:
        request.answer.set_result(answer)
