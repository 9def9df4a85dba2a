"""Starts TensorFlow without the lines that it writes on every start and that ask for nothing."""

import os
import sys
import tempfile

NOISE = (
    "All log messages before absl::InitializeLog()",
    "oneDNN custom operations are on",
    "Could not find cuda drivers on your machine",
    "failed call to cuInit",
    "This TensorFlow binary is optimized",
    "To enable the following instructions",
)


def start_tensorflow() -> None:
    """Imports TensorFlow and looks for its devices; lines on stderr that are not noise are kept.

    TensorFlow 2.21 logs while its libraries load, before `TF_CPP_MIN_LOG_LEVEL` or absl's settings
    count, so the file descriptor is turned aside for that moment. A `TF_CPP_MIN_LOG_LEVEL` that is
    already set is a wish to see them: everything is shown.
    """
    if "tensorflow" in sys.modules:
        return
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        _start()
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            _start()
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            lines = file.read().decode(errors="replace").splitlines(keepends=True)
            sys.stderr.writelines(line for line in lines if not any(n in line for n in NOISE))


def _start() -> None:
    import tensorflow as tf

    tf.config.list_physical_devices()
