"""The whole server as an ASGI application."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from kseq.serving import metrics
from kseq.serving.limits import Limits
from kseq.serving.repository import Repository
from kseq.serving.rest import Rest
from kseq.serving.scheduler import Scheduler

log = logging.getLogger(__name__)
PAGE = Path(__file__).parent / "page"
SAFE = {  # the page loads nothing from elsewhere and sits in no other page
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def application(
    repository: Repository, limits: Limits | None = None, *, threads: int = 2, poll: float = 1.0
) -> Starlette:
    """Answers for the models of a repository.

    `/` is a page for people, `/v1/` TensorFlow Serving's REST, `/healthz` says that the process lives,
    `/readyz` that a model answers, `/metrics` (and `/monitoring/prometheus/metrics`) counts for Prometheus.

    Args:
        repository: scanned once already, or its models appear with the first poll.
        limits: of requests.
        threads: calls of models at the same time.
        poll: seconds between looks for new versions.
    """
    limits = limits or Limits()
    counted = metrics.Metrics(repository)
    executor = ThreadPoolExecutor(threads, thread_name_prefix="model")
    rest = Rest(repository, Scheduler(executor, limits, counted.computed), limits, counted)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        watch = asyncio.create_task(_watch(repository, poll))
        yield
        watch.cancel()
        executor.shutdown(wait=False, cancel_futures=True)

    async def healthy(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def ready(request: Request) -> Response:
        return PlainTextResponse(*(("ready\n", 200) if repository.models else ("no model is loaded\n", 503)))

    async def numbers(request: Request) -> Response:
        return Response(counted.text(), headers={"Content-Type": metrics.CONTENT_TYPE})

    routes = [
        *rest.routes(),
        Route("/healthz", healthy),
        Route("/readyz", ready),
        Route("/metrics", numbers),
        Route("/monitoring/prometheus/metrics", numbers),
        Mount("/", _Page(directory=PAGE, html=True)),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


class _Page(StaticFiles):
    """The files of the page, with headers that keep it to itself."""

    async def get_response(self, path: str, scope: Any) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(SAFE)
        return response


async def _watch(repository: Repository, poll: float) -> None:
    while True:
        await asyncio.sleep(poll)
        try:
            await asyncio.to_thread(repository.scan)
        except Exception:  # the disk may be well again next time
            log.exception("cannot look for new versions")
