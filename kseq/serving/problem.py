"""What went wrong with a request: a canonical code of TensorFlow's, a status of HTTP, one line."""

import tensorflow as tf

STATUS = {
    "INVALID_ARGUMENT": 400,
    "NOT_FOUND": 404,
    "REQUEST_TIMEOUT": 408,
    "TOO_LARGE": 413,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
CALLERS_FAULT = (tf.errors.InvalidArgumentError, tf.errors.OutOfRangeError, tf.errors.FailedPreconditionError)


class Problem(Exception):
    """A request that cannot be answered.

    TensorFlow Serving answers errors as `{"error": MESSAGE}` with the status that belongs to a canonical
    code; 408 and 413, which it does not have, are for bodies that come too slowly or are too large.

    Args:
        code: one of `STATUS`.
        message: one line.
    """

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = STATUS[code]


def invalid(message: str) -> Problem:
    """The problem of a request that is wrong in itself."""
    return Problem("INVALID_ARGUMENT", message)


def of_tensorflow(error: tf.errors.OpError) -> Problem:
    """The problem that an error in a graph is: the caller's where the input was, the server's otherwise."""
    code = "INVALID_ARGUMENT" if isinstance(error, CALLERS_FAULT) else "INTERNAL"
    lines = [line.strip() for line in error.message.splitlines()]
    # around what was wrong stands where: a traceback before it, names of nodes behind it
    said = [line for line in lines if line and not line.startswith("[[")]
    return Problem(code, said[-1] if said else type(error).__name__)
