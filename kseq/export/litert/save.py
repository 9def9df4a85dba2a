"""Write a task's LiteRT models with all that goes with them, and prove them."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kseq.export import lite_runner
from kseq.export.card import table, write_card
from kseq.export.litert.convert import TIMEOUT, Converted, converted
from kseq.export.litert.task import LiteTask
from kseq.export.litert.variants import VARIANTS, variant
from kseq.export.manifest import write_manifest
from kseq.export.saved_model import refuse
from kseq.export.version import new_version
from kseq.files import plain, write_text

FOLDER = "litert"  # no number, so that TensorFlow Serving passes over it
REPEATS = 30


def save(
    lite: LiteTask,
    root: str | Path,
    name: str,
    *,
    config: Mapping[str, Any],
    metrics: Mapping[str, Any],
    variants: Sequence[str] = ("float32", "dynamic_range"),
    measure: Callable[[Any], Mapping[str, Any]] | None = None,
    timeout: float = TIMEOUT,
) -> tuple[Path, dict[str, Any]]:
    """Write `ROOT/NAME/litert/VERSION/`.

    In it are a `.tflite` file for each variant, `runner.json` and `lite_runner.py`, which make results of raw
    text of them, a manifest and a model card. Before they are moved into place every file is loaded by the
    plain interpreter and compared with the model, and the runner with this process on raw text.

    Args:
        lite: the model and what it needs to read text.
        root: directory of all exports, usually `saved_models`.
        name: name of the export.
        config: what the model was trained with, for the manifest.
        metrics: what was measured, for the manifest.
        variants: names of `kseq.export.litert.variants.VARIANTS`, without those that must be calibrated.
        measure: from a reader that runs a variant to its scores; None: they are not measured.
        timeout: seconds that the conversion may take.

    Returns:
        The directory of the new version, and the report: of each variant `bytes`, `milliseconds` by
        signature, `difference` from the model, and the `scores`.

    Raises:
        ExportError: something cannot be converted, or does not give the model's results.
        UserError: there is no such variant, or nothing can be written there.
    """
    with new_version(Path(root) / name, FOLDER) as version:
        directory = version.directory
        endpoints, probes = lite.endpoints(), lite.probes()
        work = converted(
            endpoints, probes, track=[lite.model], variants=variants, timeout=timeout, repeats=REPEATS
        )
        with work as files:
            report = {one.variant: _about(one) for one in files}
            forms = [str(decision) for decision in files[0].decisions]
            names = {one.variant: f"{name}.{one.variant}.tflite" for one in files}
            for one in files:
                shutil.copyfile(one.path, directory / names[one.variant])
        sidecar = {"task": lite.task, "name": name, "files": names, **lite.sidecar()}
        write_text(directory / lite_runner.SIDECAR, json.dumps(plain(sidecar), ensure_ascii=False))
        shutil.copyfile(lite_runner.__file__, directory / "lite_runner.py")
        for one in names:
            runner = lite_runner.load(directory, one)
            if variant(one).exact:
                refuse(lite.check(runner), "LiteRT runner")
            if measure is not None:
                report[one]["scores"] = dict(measure(lite.reader(runner)))
        about = {
            "name": name,
            "version": version.number,
            "config": config,
            "signatures": {e.name: _signature(e.inputs) for e in endpoints},
        }
        sections = {"LiteRT": variants_table(report), "Recurrences": "\n".join(f"- {form}" for form in forms)}
        write_card(directory, **about, metrics=metrics, sections=sections)
        write_manifest(directory, **about, metrics={**metrics, "litert": report, "forms": forms})
    return version.path, report


def variants_table(report: Mapping[str, Mapping[str, Any]]) -> str:
    """The report as a table in Markdown."""
    rows = [
        (
            name,
            VARIANTS[name].about,
            f"{one['bytes']:,}",
            " ".join(f"{key} {value:.3g}" for key, value in one["milliseconds"].items()),
            f"{max(one['difference'].values()):.2g}",
            " ".join(f"{key} {value:.6g}" for key, value in one.get("scores", {}).items()) or "not measured",
        )
        for name, one in report.items()
    ]
    heading = ("variant", "numbers", "bytes", "ms (median, one thread)", "largest difference", "scores")
    return table(heading, rows)


def _about(one: Converted) -> dict[str, Any]:
    return {
        "bytes": one.bytes,
        "milliseconds": one.milliseconds,
        "difference": one.difference,
        "operations": one.operations,
    }


def _signature(inputs: list[Any]) -> str:
    shapes = [f"{x.name} {x.dtype.name} {tuple(x.shape)}" for x in inputs]
    return ", ".join(shapes) or "no inputs"
