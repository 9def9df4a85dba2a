"""Micro-batches, with functions of Python in the place of models."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf

from kseq.serving.limits import Limits
from kseq.serving.problem import Problem
from kseq.serving.scheduler import Request, Scheduler
from kseq.serving.signature import Signature

ROWS, ONE = tf.TensorSpec([None], tf.float32), tf.TensorSpec([], tf.float32)


class Doubles:
    """As a signature of a SavedModel: doubles, slowly, and refuses numbers below zero."""

    def __init__(self, inputs=None, outputs=None, seconds=0.02):
        self.structured_input_signature = ((), inputs or {"x": ROWS})
        self.structured_outputs = outputs or {"y": ROWS}
        self.seconds = seconds
        self.calls = []

    def __call__(self, x, **options):
        self.calls.append(x.numpy().tolist())
        time.sleep(self.seconds)
        if tf.reduce_any(x < 0):
            raise tf.errors.InvalidArgumentError(None, None, "Graph error:\n\nx is negative\n\t [[node 3]]")
        return {"y": 2 * x}


def request(*values, longest=1):
    return Request({"x": np.array(values, "float32")}, len(values), longest)


def answers(function, requests, limits=None, each=None):
    """What each request gets: numbers, or a problem; all are there at once."""
    calls = []

    async def run():
        with ThreadPoolExecutor(2) as executor:
            scheduler = Scheduler(executor, limits or Limits(), lambda *call: calls.append(call[1:]))
            signature = Signature("double", function)
            waiting = [scheduler.run(signature, make()) for make in requests]
            if each is not None:
                waiting = [each(one) for one in waiting]
            return await asyncio.gather(*waiting, return_exceptions=True)

    found = asyncio.run(run())
    return [x["y"].tolist() if isinstance(x, dict) else x for x in found], calls


def test_what_waits_together_is_computed_together_and_everyone_gets_their_own():
    function = Doubles()
    wanted = [[float(n)] * (n % 3 + 1) for n in range(20)]
    found, calls = answers(function, [lambda v=v: request(*v) for v in wanted])
    assert found == [[2 * x for x in v] for v in wanted]
    assert len(function.calls) == 1 and calls == [(20, sum(map(len, wanted)))]


def test_batches_are_no_larger_than_said():
    function = Doubles()
    _, calls = answers(function, [lambda: request(1, 2)] * 10, Limits(rows=5))
    assert calls == [(2, 4)] * 5
    _, calls = answers(function, [lambda: request(1, longest=30)] * 4, Limits(padded=60))
    assert calls == [(2, 2)] * 2
    function.calls.clear()
    found, calls = answers(function, [lambda: request(1)] * 4, Limits(rows=1))
    assert found == [[2.0]] * 4 and calls == [(1, 1)] * 4


def test_one_that_is_wrong_spoils_no_other():
    found, _ = answers(Doubles(), [lambda v=v: request(v) for v in (1, -1, 3)])
    assert found[0] == [2.0] and found[2] == [6.0]
    assert isinstance(found[1], Problem) and found[1].status == 400 and found[1].message == "x is negative"


@pytest.mark.parametrize(
    "inputs, outputs",
    [
        ({"x": ROWS, "seed": ONE}, {"y": ROWS}),  # an option for all rows
        ({"x": tf.TensorSpec([None, None], tf.float32)}, {"y": ROWS}),  # padded by the caller
        ({"x": ROWS}, {"y": tf.TensorSpec([None, None], tf.float32)}),  # padded by the model
        ({"x": ROWS}, {"y": ONE}),
        ({"x": tf.TensorSpec([4], tf.float32)}, {"y": ROWS}),
        ({"x": tf.TensorSpec(None, tf.float32)}, {"y": ROWS}),
    ],
)
def test_what_a_stranger_would_change_is_computed_alone(inputs, outputs):
    function = Doubles(inputs, outputs)
    assert not Signature("double", function).merges
    if "seed" not in inputs:
        found, calls = answers(function, [lambda v=v: request(v) for v in range(4)])
        assert found == [[2.0 * v] for v in range(4)] and calls == [(1, 1)] * 4


class Sums(Doubles):
    """Claims to give a row for each row, and does not."""

    def __call__(self, x):
        self.calls.append(x.numpy().tolist())
        return {"y": tf.reduce_sum(x)[None]}


def test_a_model_that_does_not_give_a_row_for_each_is_asked_for_each():
    found, calls = answers(Sums(), [lambda v=v: request(v) for v in (1, 2, 3)])
    assert found == [[1.0], [2.0], [3.0]] and calls == [(1, 1)] * 3


def test_too_many_are_turned_away_but_never_the_first():
    found, _ = answers(Doubles(), [lambda: request(1, 1)] * 3, Limits(waiting=5))
    assert found[:2] == [[2.0, 2.0]] * 2 and found[2].status == 503
    found, _ = answers(Doubles(), [lambda: request(1, 1)], Limits(waiting=1))
    assert found == [[2.0, 2.0]]


def test_who_goes_away_is_not_computed():
    function = Doubles(seconds=0.2)

    turn = iter(range(3))

    async def first_then_leaving(one):
        number = next(turn)
        await asyncio.sleep(0.05 * (number > 0))
        return await asyncio.wait_for(one, 0.05 if number == 1 else 9)

    found, calls = answers(function, [lambda v=v: request(v) for v in (1, 2, 3)], each=first_then_leaving)
    assert found[0] == [2.0] and found[2] == [6.0] and isinstance(found[1], asyncio.TimeoutError)
    assert function.calls == [[1.0], [3.0]]


def test_calls_of_different_signatures_run_side_by_side():
    barrier = threading.Barrier(2, timeout=10)

    class Meets(Doubles):
        def __call__(self, x):
            barrier.wait()
            return {"y": 2 * x}

    async def run():
        with ThreadPoolExecutor(2) as executor:
            scheduler = Scheduler(executor, Limits())
            both = [scheduler.run(Signature(name, Meets()), request(1)) for name in "ab"]
            return await asyncio.gather(*both)

    assert [x["y"].tolist() for x in asyncio.run(run())] == [[2.0], [2.0]]
