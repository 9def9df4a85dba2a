"""What the verb `export` of all pipelines knows of formats."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kseq.errors import UserError
from pipelines import runs
from pipelines.config import option

if TYPE_CHECKING:
    from kseq.export.litert.task import LiteTask
    from kseq.export.reader import Reader

FORMATS = ("saved_model", "litert")
VARIANTS = ("float32", "float16", "dynamic_range")


@dataclasses.dataclass(frozen=True)
class Export(runs.TrainedRun):
    """Options of `export`."""

    name: str | None = option(None, "name of the export; none: that of the pipeline")
    saved_models: str = option("saved_models", "directory of all exports")
    formats: tuple[str, ...] = option(("saved_model",), "what to write", choices=FORMATS)
    variants: tuple[str, ...] = option(
        ("float32", "dynamic_range"), "LiteRT: in which numbers, a file each", choices=VARIANTS
    )
    measure: str = option(
        "test", "part of the data on which exports are scored", choices=("test", "validation", "none")
    )

    def __post_init__(self) -> None:
        for name in ("formats", "variants"):
            if not getattr(self, name):
                raise UserError(f"`{name}` must not be empty")


def saved_model(
    path: Path, reader: "Reader", score: Callable[[Any], Mapping[str, float]] | None = None
) -> None:
    """Say what a SavedModel takes and gives, and how it does.

    Args:
        path: of the export.
        reader: that was exported.
        score: from a reader to its scores on the part of the options; None: nothing is scored.
    """
    runs.say("export", f"{path}, loaded back and equal to the model")
    for signature, words in reader.signatures().items():
        runs.say("signature", f"{signature}: {words}")
    if score is not None:
        import tensorflow as tf

        runs.say("scores", in_words(score(reader.through(tf.saved_model.load(str(path))))))


def litert(
    options: Export,
    name: str,
    lite: "LiteTask",
    about: Mapping[str, Any],
    score: Callable[[Any], Mapping[str, float]] | None,
) -> None:
    """Write LiteRT models and say how they compare with the model.

    Args:
        options: of the verb.
        name: of the export.
        lite: the model as signatures.
        about: `config` and `metrics`, for the manifest.
        score: from a reader to its scores on the part of the options; None: nothing is scored.
    """
    from kseq.export.litert.save import save
    from kseq.export.saved_model import ExportError

    how = {"variants": options.variants, "measure": score, **about}
    try:
        path, report = save(lite, options.saved_models, name, **how)
    except ExportError as error:  # such as an operation that LiteRT lacks, or a converter that crashed
        raise UserError(str(error)) from None
    runs.say("litert", f"{path}, loaded back and compared with the model")
    for variant, one in report.items():
        times = ", ".join(f"{key} {value:.3g} ms" for key, value in one["milliseconds"].items())
        gap = f"{max(one['difference'].values()):.1g}"
        scores = [in_words(one["scores"])] if "scores" in one else []
        about = [*scores, f"{one['bytes']:,} bytes", times, f"largest difference {gap}"]
        runs.say("variant", f"{variant}: {'; '.join(about)}")
    runs.say("run", f"python {path}/lite_runner.py --text 'your text'")


def data_if_here(read: Callable[[], Any]) -> Any:
    """What a run was trained on; None, and a line that says so, where it is not, as on other machines."""
    try:
        return read()
    except UserError as error:
        runs.say("scores", f"none: {error}")
        return None


def keras_scores(options: Export, score: Callable[[Any], Mapping[str, float]] | None, reader: Any) -> None:
    """Say how the model itself does, which exports are to be compared with."""
    if score is not None:
        runs.say("Keras", f"{in_words(score(reader))} ({options.measure} part)")


def in_words(scores: Mapping[str, float]) -> str:
    """Scores in a line."""
    return ", ".join(f"{name} {value:.6g}" for name, value in scores.items())
