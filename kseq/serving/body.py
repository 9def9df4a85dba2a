"""Reading the body of a request, within limits."""

import anyio
from starlette.requests import Request

from kseq.serving.limits import Limits
from kseq.serving.problem import Problem

DRAINED = 32  # times the limit, that are read and thrown away so that the caller gets to read the answer


async def read_body(request: Request, limits: Limits) -> bytes:
    """The body.

    A caller that is told "too large" in the middle of sending mostly sees a broken connection, so what is too
    large is read on for a while, but not kept.

    Raises:
        Problem: it is too large or takes too long.
    """
    try:
        with anyio.fail_after(limits.seconds):
            return await _read(request, limits.body)
    except TimeoutError:
        raise Problem("REQUEST_TIMEOUT", f"the body did not come within {limits.seconds:g} seconds") from None


async def _read(request: Request, most: int) -> bytes:
    too_large = Problem("TOO_LARGE", f"the body is too large; at most {most:,} bytes are taken")
    announced = request.headers.get("content-length", "")
    announced = int(announced) if announced.isdecimal() else 0
    if announced > DRAINED * most or (announced > most and "expect" in request.headers):
        raise too_large
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= most:
            chunks.append(chunk)
        elif size > DRAINED * most:
            break
    if size > most:
        raise too_large
    return b"".join(chunks)
