"""What takes raw text, and how it becomes a SavedModel."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kseq.export.saved_model import Endpoint, save


class Reader:
    """From raw text to results, in graphs: what the pipelines run is what is exported.

    `model` is the trained network.
    """

    model: Any

    def signatures(self) -> dict[str, str]:
        """What each signature of an export takes and gives, in words; the first is the default one."""
        raise NotImplementedError

    def endpoints(self) -> list[Endpoint]:
        """The signatures; their functions not traced yet, as what is exported must run anywhere."""
        raise NotImplementedError

    def tables(self) -> list[Any]:
        """What looks up tokens, to be saved with the model."""
        raise NotImplementedError

    def check(self, loaded: Any) -> dict[str, float]:
        """Differences between a loaded export and this reader, by what was compared."""
        raise NotImplementedError

    def through(self, loaded: Any) -> "Reader":
        """This reader, but what a loaded export computes comes from there."""
        other = copy.copy(self)
        for endpoint in self.endpoints():
            names = [spec.name for spec in endpoint.inputs]
            function = loaded.signatures[endpoint.name]
            setattr(
                other,
                endpoint.name,
                lambda *given, f=function, n=names: f(**dict(zip(n, given, strict=True))),
            )
        return other


def save_reader(
    reader: Reader, root: str | Path, name: str, *, config: Mapping[str, Any], metrics: Mapping[str, Any]
) -> Path:
    """Write `ROOT/NAME/VERSION/`, which TensorFlow Serving serves as it is, and prove it.

    Vocabularies, tokenisation and decoding are inside the graph. Before the export is moved into place it
    is loaded back and must give the reader's own results.

    Args:
        reader: the model and what it needs to read text.
        root: directory of all exports, usually `saved_models`.
        name: name of the export.
        config: what the model was trained with, for the manifest.
        metrics: what was measured, for the manifest.

    Returns:
        The directory of the new version.

    Raises:
        ExportError: the loaded export and the reader disagree.
    """
    return save(
        reader.endpoints(),
        reader.check,
        root,
        name,
        track=[reader.model, *reader.tables()],
        config=config,
        metrics=metrics,
        signatures=reader.signatures(),
    )
