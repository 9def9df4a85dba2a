"""Text that is sent piece by piece while a model writes it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import numpy as np

from kseq.serving.predict import Call
from kseq.serving.problem import invalid
from kseq.serving.scheduler import Request
from kseq.serving.signature import Arrays
from kseq.serving.version import Version

SIGNATURE = "continue"
PIECE = 8  # tokens that are sent at once

Run = Callable[[Request], Awaitable[Arrays]]


def check_stream(call: Call) -> None:
    """Whether a call can be streamed.

    Raises:
        Problem: its signature writes no text behind a text, or it has several texts.
    """
    if not {"text", "length", "seed"} <= call.signature.inputs.keys() or "text" not in call.signature.outputs:
        raise invalid(f"signature `{call.signature.name}` writes no text; only `{SIGNATURE}` can be streamed")
    if call.request.rows != 1:
        raise invalid(f"one text is streamed at a time, got {call.request.rows}")


async def stream(call: Call, version: Version, run: Run) -> AsyncIterator[dict[str, Any]]:
    """The pieces of a continuation, `{"text": ...}` each, together as long as asked for.

    The model reads what stands so far again for every piece, as its signature takes a text and no state; the
    seed of each piece is one more than that of the last. Without sampling (temperature 0) the pieces are
    those of one call.

    Args:
        call: of a signature like `continue`.
        version: whose signature it is.
        run: computes.
    """
    inputs = dict(call.request.inputs)
    by_word = version.config.get("level") == "word"
    text, left, seed = inputs["text"][0].decode(errors="replace"), int(inputs["length"]), int(inputs["seed"])
    while left > 0:
        inputs["text"] = np.array([text.encode()], object)
        inputs["length"] = np.array(min(PIECE, left), inputs["length"].dtype)
        inputs["seed"] = np.array(seed).astype(inputs["seed"].dtype)  # the largest is followed by the least
        written = (await run(Request(inputs, 1, max(1, len(text)))))["text"][0].decode(errors="replace")
        if by_word and _touch(text, written):
            written = " " + written
        yield {"text": written}
        text, left, seed = text + written, left - PIECE, seed + 1


def _touch(before: str, after: str) -> bool:
    """Whether two pieces of text would run into each other."""
    return bool(before and after) and not before[-1].isspace() and not after[0].isspace()
