"""TensorFlow Serving's REST: `/v1/models/NAME[/versions/V]`, `/metadata`, `:predict`; and `:stream`."""

import asyncio
import dataclasses
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import anyio
import tensorflow as tf
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from kseq.serving import continuation, scheduler
from kseq.serving.body import read_body
from kseq.serving.limits import Limits
from kseq.serving.metrics import Metrics
from kseq.serving.predict import Call, answer, parse, understand
from kseq.serving.problem import Problem, invalid
from kseq.serving.repository import Repository
from kseq.serving.signature import Arrays
from kseq.serving.version import Version

log = logging.getLogger(__name__)
Handler = Callable[[Request], Awaitable[Response]]
GONE = 499  # nobody reads this answer


class Rest:
    """The routes below `/v1/`.

    Args:
        repository: the versions that answer.
        scheduler: computes.
        limits: of requests.
        metrics: counts them.
    """

    def __init__(
        self, repository: Repository, scheduler: scheduler.Scheduler, limits: Limits, metrics: Metrics
    ):
        self.repository = repository
        self.scheduler = scheduler
        self.limits = limits
        self.metrics = metrics

    def routes(self) -> list[Route]:
        """What starlette is given."""
        verbs = {"predict": self.predict, "stream": self.stream}
        queries = {"": self.status, "/metadata": self.metadata}
        routes = [Route("/v1/models", self.answering("models", self.models), methods=["GET"])]
        for model in ("/v1/models/{name}", "/v1/models/{name}/versions/{version}"):
            for verb, handler in verbs.items():
                routes.append(Route(f"{model}:{verb}", self.answering(verb, handler), methods=["POST"]))
            for query, handler in queries.items():
                name = query[1:] or "status"
                routes.append(Route(model + query, self.answering(name, handler), methods=["GET"]))
        everything = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        return [*routes, Route("/v1/{rest:path}", self.answering("", self.malformed), methods=everything)]

    def answering(self, method: str, handler: Handler) -> Handler:
        """A handler whose problems are answers, too, and that is counted."""

        async def answered(request: Request) -> Response:
            start = time.perf_counter()
            name = request.path_params.get("name", "")
            try:
                response = await (self.malformed if ":" in name else handler)(request)
            except Problem as problem:
                response = _problem(problem)
            except ClientDisconnect:
                response = Response(status_code=GONE)
            except asyncio.CancelledError:  # the server has ended, and waited as long as it would
                response = _problem(Problem("UNAVAILABLE", "the server ends"))
            except Exception:
                log.exception("%s failed", request.url.path)
                response = _problem(Problem("INTERNAL", "the server failed; its log says more"))
            self.metrics.answered(name, method, response.status_code, time.perf_counter() - start)
            return response

        return answered

    async def models(self, request: Request) -> Response:
        """All models, for people who choose one; TensorFlow Serving has no such thing."""
        found = [_about(versions) for _, versions in sorted(self.repository.models.items())]
        return _json({"models": found, "limits": dataclasses.asdict(self.limits)})

    async def status(self, request: Request) -> Response:
        """Which versions answer, and which cannot be loaded."""
        name, number = request.path_params["name"], _number(request)
        states = {version: _state(version, "AVAILABLE") for version in self.repository.models.get(name, {})}
        for version, message in self.repository.failures(name).items():
            states[version] = _state(version, "END", "UNKNOWN", message)
        if number is not None:
            states = {number: states[number]} if number in states else {}
        if not states:
            which = f"version {number} of model" if number is not None else "any versions of model"
            raise Problem("NOT_FOUND", f"Could not find {which} {name}")
        return _json({"model_version_status": [states[version] for version in sorted(states, reverse=True)]})

    async def metadata(self, request: Request) -> Response:
        """The signatures of a version, and what its manifest says."""
        version = self._version(request)
        spec = {"name": version.name, "signature_name": "", "version": str(version.number)}
        metadata = {"signature_def": {"signature_def": version.signature_defs}, "manifest": version.manifest}
        return _json({"model_spec": spec, "metadata": metadata})

    async def predict(self, request: Request) -> Response:
        """The outputs of a signature."""
        _, call = await self._call(request)
        return _json(answer(call, await self._run(call, call.request)))

    async def stream(self, request: Request) -> Response:
        """Text while it is written: a line of JSON for each piece."""
        version, call = await self._call(request)
        continuation.check_stream(call)
        pieces = continuation.stream(call, version, lambda wanted: self._run(call, wanted))
        first = await anext(pieces, {"text": ""})  # what is wrong from the start gets a status of its own
        return StreamingResponse(_lines(first, pieces), media_type="application/x-ndjson")

    async def malformed(self, request: Request) -> Response:
        """What no other route takes."""
        raise _malformed(request)

    async def _call(self, request: Request) -> tuple[Version, Call]:
        version = self._version(request)
        content = parse(await read_body(request, self.limits))
        return version, understand(content, version, self.limits)

    def _version(self, request: Request) -> Version:
        return self.repository.find(request.path_params["name"], _number(request))

    async def _run(self, call: Call, wanted: scheduler.Request) -> Arrays:
        seconds = self.limits.seconds
        try:
            with anyio.fail_after(seconds):
                return await self.scheduler.run(call.signature, wanted)
        except TimeoutError:
            raise Problem("DEADLINE_EXCEEDED", f"no answer within {seconds:g} seconds") from None


def _number(request: Request) -> int | None:
    number = request.path_params.get("version")
    if number is None:
        return None
    if not (number.isascii() and number.isdecimal()):
        raise _malformed(request)
    return int(number[:20])


def _malformed(request: Request) -> Problem:
    return invalid(f"Malformed request: {request.method} {request.url.path}")


def _about(versions: dict[int, Version]) -> dict[str, Any]:
    newest = next(iter(versions.values()))
    return {
        "name": newest.name,
        "version": str(newest.number),
        "versions": [str(number) for number in versions],
        "signatures": {
            name: {"inputs": _specs(signature.inputs), "outputs": _specs(signature.outputs)}
            for name, signature in newest.signatures.items()
        },
    }


def _specs(specs: Mapping[str, tf.TensorSpec]) -> dict[str, Any]:
    """Type and shape of each; null where a size is open, or the shape."""
    return {
        name: {"dtype": spec.dtype.name, "shape": None if spec.shape.rank is None else spec.shape.as_list()}
        for name, spec in specs.items()
    }


def _state(number: int, state: str, code: str = "OK", message: str = "") -> dict[str, Any]:
    status = {"error_code": code, "error_message": message}
    return {"version": str(number), "state": state, "status": status}


async def _lines(first: dict[str, Any], pieces: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    yield _encoded(first) + b"\n"
    try:
        async for piece in pieces:
            yield _encoded(piece) + b"\n"
    except Problem as problem:
        yield _encoded({"error": problem.message}) + b"\n"


def _problem(problem: Problem) -> Response:
    headers = {"Retry-After": "1"} if problem.status == 503 else {}
    return _json({"error": problem.message}, problem.status, headers)


def _json(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(_encoded(content), status, headers, "application/json")


def _encoded(content: Any) -> bytes:
    """JSON with NaN and Infinity, as TensorFlow Serving writes it."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
