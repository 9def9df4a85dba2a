"""Runs the application until a signal ends it."""

import signal
import socket
from typing import Any

import uvicorn
from starlette.applications import Starlette

from kseq.errors import UserError


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 is any that is free.

    Raises:
        UserError: the address cannot be had.
    """
    try:
        family, *_, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        message = getattr(error, "strerror", None) or error
        raise UserError(f"cannot listen on {host}, port {port}: {message}") from None


def serve(app: Starlette, listening: socket.socket, *, grace: float = 10.0, **options: Any) -> None:
    """Answer until SIGINT or SIGTERM; what has begun by then is finished.

    Args:
        app: what answers.
        listening: of `listen`.
        grace: seconds that requests have to finish.
        options: more for `uvicorn.Config`.
    """
    settings = {"log_config": None, "access_log": False, "server_header": False, **options}
    config = uvicorn.Config(app, timeout_graceful_shutdown=max(1, round(grace)), **settings)
    # uvicorn raises the signal again when it is done; by then it has done all that it asks for
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
