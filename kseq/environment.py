"""What a result was made with: Python, machine, package versions."""

import contextlib
import importlib.metadata
import os
import platform
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
