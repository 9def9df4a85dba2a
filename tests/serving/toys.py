"""Exports whose answers can be worked out in the head, and a server for them."""

import contextlib
import http.client
import json
import threading

import tensorflow as tf
import uvicorn

from kseq.export.saved_model import Endpoint, save
from kseq.serving.server import listen

STRING, FLOAT, INT = tf.string, tf.float32, tf.int32


def endpoints(suffix="!"):
    """`shout`, `divide`: rows; `pad`: rows as long as the longest; `sum`: no rows; others have options."""

    def shout(text):
        return {"loud": tf.strings.upper(text) + suffix, "length": tf.strings.length(text, "UTF8_CHAR")}

    def pad(text):
        return {"words": tf.strings.split(text).to_tensor()}

    def repeat(text, times):
        return {"text": tf.strings.reduce_join(tf.repeat(text[:, None], times, axis=1), axis=1)}

    def numbers(x, y):
        tf.debugging.assert_none_equal(y, 0, message="y must not be 0")
        return {"quotient": x / tf.cast(y, x.dtype)}

    def total(x):
        return {"sum": tf.reduce_sum(x)}

    def wait(x, length):
        return {"x": tf.while_loop(lambda n, _: n < length * 2_000, lambda n, x: (n + 1, x + 1), (0, x))[1]}

    def go_on(text, length, seed):
        numbers = tf.strings.as_string(seed) + " "
        return {"text": tf.strings.join([tf.repeat(tf.strings.reduce_join(tf.repeat(numbers, length)), 1)])}

    texts = tf.TensorSpec([None], STRING, "text")
    rows = tf.TensorSpec([None], FLOAT, "x")
    return [
        Endpoint("shout", shout, [texts]),
        Endpoint("pad", pad, [texts]),
        Endpoint("repeat", repeat, [texts, tf.TensorSpec([], INT, "times")]),
        Endpoint("divide", numbers, [rows, tf.TensorSpec([None], INT, "y")]),
        Endpoint("sum", total, [rows]),
        Endpoint("wait", wait, [rows, tf.TensorSpec([], INT, "length")]),
        Endpoint(
            "continue", go_on, [texts, tf.TensorSpec([], INT, "length"), tf.TensorSpec([], INT, "seed")]
        ),
    ]


def export(root, name="toy", suffix="!", only=None):
    """Writes the next version, with all signatures or one."""
    about = {"config": {"level": "char"}, "metrics": {}, "signatures": {}}
    chosen = [endpoint for endpoint in endpoints(suffix) if only in (None, endpoint.name)]
    return save(chosen, lambda loaded: {}, root, name, track=[], **about)


@contextlib.contextmanager
def running(app, grace=60):
    """The port of a server of this application, in a thread."""
    listening = listen("127.0.0.1", 0)
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=grace)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield Port(listening.getsockname()[1], server)
    finally:
        server.should_exit = True
        thread.join(2 * grace + 30)
        assert not thread.is_alive()


class Port:
    """Where a server is asked."""

    def __init__(self, number, server=None):
        self.number = number
        self.server = server

    def ask(self, method, path, body=None):
        """Returns status, headers and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.number, timeout=60)
        try:
            if not isinstance(body, (bytes, str, type(None))) and not hasattr(body, "__next__"):
                body = json.dumps(body)
            connection.request(method, path, body)
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def get(self, path):
        """Returns status and content of JSON."""
        status, _, body = self.ask("GET", path)
        return status, json.loads(body)

    def post(self, path, content):
        """Returns status and content of JSON."""
        status, _, body = self.ask("POST", path, content)
        return status, json.loads(body)
