"""From functions of TensorFlow, or a Keras model, to `.tflite` files that are proven to work."""

import contextlib
import dataclasses
import json
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kseq.errors import UserError, one_of, positive
from kseq.export.keras_model import endpoint_of
from kseq.export.litert.child import run_worker
from kseq.export.litert.lstm import FORMS, Decision
from kseq.export.litert.trace import save_traced
from kseq.export.litert.variants import Variant, variant
from kseq.export.litert.worker import JOB, PROBES, SAVED_MODEL
from kseq.export.probes import Arrays, drawn, gap, pack, unpack
from kseq.export.saved_model import Endpoint, ExportError, refuse

TIMEOUT = 600.0


@dataclasses.dataclass(frozen=True)
class Converted:
    """A `.tflite` file and what is known of it.

    Args:
        path: of the file.
        variant: in which numbers.
        operations: how often each operation occurs.
        decisions: what became of each recurrence.
        difference: the largest from the Keras model, on the probes, by signature and output: relative to the
            larger of 1 and the value; of ids the share that differs.
        milliseconds: median of each signature.
    """

    path: Path
    variant: str
    operations: dict[str, int]
    decisions: tuple[Decision, ...]
    difference: dict[str, float]
    milliseconds: dict[str, float]

    @property
    def bytes(self) -> int:
        """Size of the file."""
        return self.path.stat().st_size

    def explain(self) -> str:
        """Which form each recurrence took, and why: a line each."""
        return "\n".join(map(str, self.decisions))


def convert(
    model: keras.Model,
    path: str | Path,
    *,
    batch: int = 1,
    time: int | None = None,
    variant: str = "float32",
    form: str = "fused",
    inputs: Any = None,
    probes: Sequence[Mapping[str, np.ndarray]] | None = None,
    timeout: float = TIMEOUT,
) -> Converted:
    """Write a Keras model as a `.tflite` file of builtin operations, loaded back and equal to the model.

    The file has one signature, `serve`, whose inputs have the names of the model's. LSTMs, with peepholes or
    without, become the fused operation of LiteRT where their options allow it; every other recurrence
    becomes one loop. An answer depends on the inputs alone, whatever was asked before.

    Args:
        model: a built model, of our layers or of Keras's.
        path: of the file.
        batch: rows of a batch, which is fixed.
        time: steps of a sequence; None leaves the number free.
        variant: one of `kseq.export.litert.variants.VARIANTS`.
        form: `"fused"`, `"loop"` to have loops only, or `"unrolled"` to have every step written out, which
            needs `time` and is what the calibrated variants need.
        inputs: structure of `keras.KerasTensor` (or anything with shape, dtype and name) where the model does
            not tell what it takes, batch first.
        probes: inputs by name on which model and file are compared, and which calibrate int8; random ones
            if None, ids among them 0 and 1.
        timeout: seconds that the conversion may take.

    Returns:
        The file and what is known of it.

    Raises:
        UserError: an argument is none of the above, or the model is not built.
        ExportError: the model cannot be converted, or the file does not give its numbers.

    Example:
        >>> import tempfile
        >>> from kseq.layers import PeepholeLSTM
        >>> model = keras.Sequential([keras.Input((None, 3), name="x"), PeepholeLSTM(4)])
        >>> done = convert(model, tempfile.mkdtemp() + "/model.tflite")
        >>> done.operations["UNIDIRECTIONAL_SEQUENCE_LSTM"]
        1
    """
    endpoint = endpoint_of(model, inputs, positive("batch", batch), positive("time", time))
    probes = {endpoint.name: drawn(endpoint.inputs) if probes is None else list(probes)}
    names = {spec.name for spec in endpoint.inputs}
    for given in probes[endpoint.name]:
        if set(given) != names:
            raise UserError(f"`probes` must have the inputs {sorted(names)}, got {sorted(given)}")
    path = Path(path)
    how = {"variants": [variant], "form": form, "timeout": timeout}
    with converted([endpoint], probes, track=[model], **how) as found:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(found[0].path, path)
    return dataclasses.replace(found[0], path=path)


@contextlib.contextmanager
def converted(
    endpoints: Sequence[Endpoint],
    probes: Arrays,
    *,
    track: Collection[Any],
    variants: Sequence[str] = ("float32",),
    form: str = "fused",
    timeout: float = TIMEOUT,
    repeats: int = 0,
) -> Iterator[list[Converted]]:
    """Convert functions, each to a signature of one file; the files are there until the block ends.

    Args:
        endpoints: the signatures, whose shapes have a known batch size.
        probes: for each signature inputs on which function and file are compared, which also calibrate int8.
        track: models and layers whose variables the functions use.
        variants: names of the variants, a file each.
        form: as in `convert`.
        timeout: seconds for all conversions together.
        repeats: how often each signature is timed.

    Raises:
        UserError: a variant or a form does not exist, or the two do not go together.
        ExportError: something cannot be converted, or a file does not give the functions' numbers.
    """
    chosen = [variant(name) for name in variants]
    one_of("form", form, FORMS)
    free = [spec.name for e in endpoints for spec in e.inputs if None in tuple(spec.shape)]
    if form == "unrolled" and free:
        raise UserError(f"`time` must be given for the form 'unrolled': the length of `{free[0]}` is free")
    if form != "unrolled" and (calibrated := [v.name for v in chosen if v.calibrated]):
        raise UserError(f"`form` must be 'unrolled' for the variant {calibrated[0]}, got {form!r}")
    with tempfile.TemporaryDirectory(prefix="kseq-litert-") as name:
        directory = Path(name)
        pack(directory / PROBES, probes)
        job = {"signatures": [e.name for e in endpoints], "variants": list(variants), "repeats": repeats}
        refused: set[str] = set()
        while True:
            decisions = save_traced(endpoints, track, directory / SAVED_MODEL, form, refused)
            job["calls"] = {d.name: d.options for d in decisions if d.fused}
            (directory / JOB).write_text(json.dumps(job))
            result = run_worker(directory, timeout)
            if not set(result.get("refused", ())) - refused:
                break
            refused |= set(result["refused"])
        expected = _expected(endpoints, probes)
        yield [_checked(directory, one, result["variants"][one.name], decisions, expected) for one in chosen]


def _expected(endpoints: Sequence[Endpoint], probes: Arrays) -> Arrays:
    """What the functions themselves give."""
    found: Arrays = {}
    for endpoint in endpoints:
        names = [spec.name for spec in endpoint.inputs]
        found[endpoint.name] = [
            {
                key: np.asarray(value)
                for key, value in endpoint.function(*(tf.constant(x[name]) for name in names)).items()
            }
            for x in probes[endpoint.name]
        ]
    return found


def _checked(
    directory: Path,
    one: Variant,
    result: Mapping[str, Any],
    decisions: tuple[Decision, ...],
    expected: Arrays,
) -> Converted:
    if result["custom"]:
        names = ", ".join(result["custom"])
        raise ExportError(f"LiteRT has no builtin operation for {names}, which its plain interpreter needs")
    if not result["stable"]:
        raise ExportError("the LiteRT model gives another answer when it is asked twice")
    answers = unpack(directory / f"{one.name}.npz")
    differences = {
        f"{name} {key}": max(gap(b[key], a[key]) for a, b in zip(ours, answers[name], strict=True))
        for name, ours in expected.items()
        for key in ours[0]
    }
    if one.exact:
        refuse(differences, "LiteRT model")
    path = directory / f"{one.name}.tflite"
    return Converted(path, one.name, result["operations"], decisions, differences, result["milliseconds"])
