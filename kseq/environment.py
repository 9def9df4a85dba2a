"""What a result was made with: Python, machine, package versions; and what TensorFlow says meanwhile."""

import contextlib
import importlib.metadata
import logging
import os
import platform
from collections.abc import Iterator
from typing import Any

PACKAGES = ("kseq", "tensorflow", "keras", "tensorflow-datasets", "numpy", "tensorboard", "ai-edge-litert")


def machine() -> dict[str, Any]:
    """Python, the platform, the number of CPUs and the package versions, without importing any.

    Returns:
        A dictionary for a JSON file.
    """
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
        "backend": os.environ.get("KERAS_BACKEND", "tensorflow"),
        "packages": package_versions(),
    }


def package_versions() -> dict[str, str]:
    """The installed versions of kseq and of what it stands on.

    Returns:
        Package to version; packages that are not installed are left out.
    """
    versions = {}
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return versions


@contextlib.contextmanager
def quiet_tensorflow() -> Iterator[None]:
    """Hold back TensorFlow's notes on saving and loading, which ask for nothing."""
    from absl import logging as absl_logging  # TensorFlow comes with it; this file stands below both

    logger = logging.getLogger("tensorflow")
    level, verbosity = logger.level, absl_logging.get_verbosity()
    logger.setLevel(logging.ERROR)
    absl_logging.set_verbosity(absl_logging.ERROR)  # TensorFlow resets absl's logger to this while it saves
    try:
        yield
    finally:
        logger.setLevel(level)
        absl_logging.set_verbosity(verbosity)
