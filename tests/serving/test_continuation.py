"""Pieces of text, and how they join."""

import asyncio
from types import SimpleNamespace

import numpy as np
import pytest

from kseq.serving.continuation import stream
from kseq.serving.predict import Call
from kseq.serving.scheduler import Request


def pieces(level, written, text="to", length=20):
    """What is streamed when the model writes these one after the other, and what it was asked."""
    asked, turns = [], iter(written)

    async def run(request):
        asked.append({name: value.tolist() for name, value in request.inputs.items()})
        return {"text": np.array([next(turns).encode()], object)}

    async def everything():
        inputs = {"text": np.array([text.encode()], object)}
        inputs |= {name: np.array(value, "int32") for name, value in (("length", length), ("seed", 5))}
        call = Call(None, Request(inputs, 1, 1), by_rows=False)
        version = SimpleNamespace(config={"level": level})
        return [piece["text"] async for piece in stream(call, version, run)]

    return asyncio.run(everything()), asked


def test_every_piece_stands_behind_those_before_it():
    found, asked = pieces("char", ["é", " b", "c"])
    assert found == ["é", " b", "c"]
    assert [a["text"][0].decode() for a in asked] == ["to", "toé", "toé b"]
    assert [a["length"] for a in asked] == [8, 8, 4] and [a["seed"] for a in asked] == [5, 6, 7]
    assert pieces("char", [], length=0)[0] == []


@pytest.mark.parametrize(
    "text, written, found",
    [
        ("to", ["be or", "not\n", "to"], [" be or", " not\n", "to"]),
        ("", ["be", "", "or"], ["be", "", " or"]),
        ("to ", ["be", "\nor", "not"], ["be", "\nor", " not"]),
    ],
)
def test_words_do_not_run_into_each_other(text, written, found):
    assert pieces("word", written, text)[0] == found
