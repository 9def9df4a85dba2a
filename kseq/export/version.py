"""Where an export goes: the next version of its name, complete or not there."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kseq.errors import UserError
from kseq.export.manifest import next_version


@contextlib.contextmanager
def new_version(root: str | Path, name: str) -> Iterator[tuple[Path, int]]:
    """A directory to write in that becomes `ROOT/NAME/VERSION` when the block ends without error.

    Args:
        root: directory of all exports.
        name: name of the export.

    Yields:
        The directory, still under another name, and the version that it will be.

    Raises:
        UserError: nothing can be written there.
    """
    parent = Path(root) / name
    try:
        parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".writing-", dir=parent))
    except OSError as error:
        raise UserError(f"cannot write the export `{parent}`: {error.strerror}") from None
    try:
        version = next_version(root, name)
        yield temporary, version
        temporary.chmod(0o755)  # mkdtemp's 0o700 would lock a server of another user out
        os.rename(temporary, parent / str(version))
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        with contextlib.suppress(OSError):  # earlier versions live there
            parent.rmdir()
        raise
