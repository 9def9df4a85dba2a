"""Where an export goes: the next version of its name, complete or not there."""

import contextlib
import dataclasses
import functools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kseq.errors import UserError
from kseq.export.manifest import next_version


@dataclasses.dataclass(frozen=True)
class Version:
    """A version that is being written.

    Args:
        root: directory of all exports.
        name: name of the export.
        directory: where it is written, under a name that nobody looks for.
    """

    root: str | Path
    name: str
    directory: Path

    @functools.cached_property
    def number(self) -> int:
        """The number that it will have; best asked for last, as others may be exporting too."""
        return next_version(self.root, self.name)

    @property
    def path(self) -> Path:
        """Where it will be."""
        return Path(self.root) / self.name / str(self.number)


@contextlib.contextmanager
def new_version(root: str | Path, name: str) -> Iterator[Version]:
    """A directory to write in that becomes `ROOT/NAME/VERSION` when the block ends without error.

    Args:
        root: directory of all exports.
        name: name of the export.

    Raises:
        UserError: nothing can be written there.
    """
    parent = Path(root) / name
    try:
        parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".writing-", dir=parent))
    except OSError as error:
        raise UserError(f"cannot write the export `{parent}`: {error.strerror}") from None
    version = Version(root, name, temporary)
    try:
        yield version
        temporary.chmod(0o755)  # mkdtemp's 0o700 would lock a server of another user out
        os.rename(temporary, version.path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        with contextlib.suppress(OSError):  # earlier versions live there
            parent.rmdir()
        raise
