"""Exports behind HTTP: `python -m pipelines.serve saved_models/`, a page for people on `/`.

Programs talk to it as to TensorFlow Serving's REST interface.
"""

import dataclasses
import logging
import sys
from typing import TYPE_CHECKING

from kseq.errors import UserError, positive
from pipelines.config import option
from pipelines.pipeline import Command, main

if TYPE_CHECKING:
    from kseq.serving.repository import Repository


@dataclasses.dataclass(frozen=True)
class Serve:
    """What to serve, where, and how much of it."""

    directory: str = option("saved_models", "all exports, as NAME/VERSION/ in it")
    host: str = option("127.0.0.1", "address to listen on; 0.0.0.0: every one of this machine")
    port: int = option(8501, "of the address; 0: any that is free")
    keep: int = option(2, "newest versions of a model that answer")
    poll: float = option(1.0, "seconds between looks for new versions")
    threads: int = option(2, "calls of models at the same time")
    batch: int = option(256, "rows of a batch at most, sent together or merged; 1 merges none")
    max_body: int = option(1 << 20, "bytes of a request at most")
    max_text: int = option(10_000, "characters of a text at most")
    max_padded: int = option(200_000, "characters of a batch at most, padding counted")
    max_waiting: int = option(2048, "rows that may wait for a signature")
    max_length: int = option(1000, "tokens written on request at most")
    max_beam_size: int = option(32, "beams on request at most")
    timeout: float = option(30.0, "seconds until a request is answered, or given up")
    grace: float = option(10.0, "seconds that requests have to finish when the server ends")

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if field.name not in ("directory", "host", "port"):
                positive(field.name, getattr(self, field.name))
        if not 0 <= self.port < 1 << 16:
            raise UserError(f"`port` must be from 0 to 65535, got {self.port}")


def serve(options: Serve) -> None:
    """Answer until a signal comes."""
    from kseq.serving.app import application
    from kseq.serving.limits import Limits
    from kseq.serving.repository import Repository
    from kseq.serving.server import listen
    from kseq.serving.server import serve as answer

    limits = Limits(
        body=options.max_body,
        rows=options.batch,
        text=options.max_text,
        padded=options.max_padded,
        waiting=options.max_waiting,
        length=options.max_length,
        beam_size=options.max_beam_size,
        seconds=options.timeout,
    )
    repository = Repository(options.directory, options.keep)
    listening = listen(options.host, options.port)
    log = _log()
    repository.scan()
    _describe(repository)
    log.setLevel(logging.INFO)  # what comes later is news
    host, port = listening.getsockname()[:2]
    print(f"listening  http://{f'[{host}]' if ':' in host else host}:{port}/  (Ctrl-C ends it)", flush=True)
    app = application(repository, limits, threads=options.threads, poll=options.poll)
    answer(app, listening, grace=options.grace)


def _log() -> logging.Logger:
    """Where the server says what it cannot load, on standard output."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s", "%H:%M:%S"))
    log = logging.getLogger("kseq.serving")
    log.addHandler(handler)
    log.propagate = False
    return log


def _describe(repository: "Repository") -> None:
    for name, versions in sorted(repository.models.items()):
        newest = next(iter(versions.values()))
        numbers = ", ".join(map(str, versions))
        signatures = ", ".join(s for s in newest.signatures if s != "serving_default")
        print(f"model      {name}, version {numbers}: {signatures or 'serving_default'}")
    if not repository.models:
        print(f"model      none yet in `{repository.root}`; `python -m pipelines.NAME export` makes one")


PIPELINE = Command(
    "serve",
    "answer over HTTP for the exports in a directory, with a page for people",
    Serve,
    serve,
    argument="directory",
)

if __name__ == "__main__":
    raise SystemExit(main(PIPELINE))
