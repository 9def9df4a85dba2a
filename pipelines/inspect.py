"""Look inside: unfolded graphs, gradients through time, gates on text, and what a state remembers.

`python -m pipelines.inspect MODEL` draws everything that there is to see of a run directory or a `.keras`
file; `cells` and `memory` compare cells.
"""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kseq.errors import UserError, not_negative, positive
from pipelines import examples, runs
from pipelines.config import option
from pipelines.encoding import CELLS
from pipelines.pipeline import Pipeline, Verb, main

if TYPE_CHECKING:
    from pipelines.examples import Example

TEXT = "The old keys in the box near the door were not bad at all."
COMPARED = ("simple_rnn", "gru", "lstm", "peephole_lstm")


@dataclasses.dataclass(frozen=True)
class Model:
    """Options of `model`."""

    model: str = option(help="run directory or .keras file")
    text: str = option(TEXT, "what the model of a run reads")
    steps: int = option(4, "steps of the unfolded graph")
    teacher_forcing: bool = option(False, "draw decoders and Jordan networks fed with true outputs")
    units: int = option(8, "units of each gate and state that are drawn")
    jacobians: int = option(8, "steps at which the spectral radius is taken; 0: none")
    out: str | None = option(None, "directory for the pictures; none: beside the model")

    def __post_init__(self) -> None:
        for name in ("steps", "units"):
            positive(name, getattr(self, name))
        not_negative("jacobians", self.jacobians)


@dataclasses.dataclass(frozen=True)
class Cells:
    """Options of `cells`."""

    cells: tuple[str, ...] = option(COMPARED, "which cells", choices=CELLS)
    steps: int = option(100, "steps of the sequences")
    units: int = option(64, "width of each cell")
    gain: float = option(1.0, "what recurrent weights are multiplied with; above 1 gradients may explode")
    forget_bias: float | None = option(None, "where forget gates of LSTMs begin, in place of 1")
    clipping: bool = option(False, "also train an exploding network with and without clipping")
    seed: int = option(1, "of weights and numbers")
    out: str = option("inspection", "directory for the pictures")

    def __post_init__(self) -> None:
        for name in ("steps", "units", "gain"):
            positive(name, getattr(self, name))


@dataclasses.dataclass(frozen=True)
class Memory:
    """Options of `memory`."""

    task: str = option("adding", "the problem", choices=("adding", "copy", "agreement"))
    cells: tuple[str, ...] = option(COMPARED, "which cells", choices=CELLS)
    delays: tuple[int, ...] = option((12, 24, 48, 96), "steps to remember; of adding the sequence's length")
    units: int = option(64, "width of each cell")
    learning_rate: float = option(0.01, "of Adam")
    max_updates: int = option(3000, "of a cell at a delay at most")
    time_limit: float = option(60.0, "seconds of a cell at a delay at most")
    seed: int = option(1, "of weights and examples")
    out: str = option("inspection", "directory for the picture")

    def __post_init__(self) -> None:
        for name in ("units", "learning_rate", "max_updates", "time_limit"):
            positive(name, getattr(self, name))


def model(options: Model) -> None:
    """Draw all that there is to see of a model."""
    from kseq.inspection import unfold

    example, beside = examples.load(options.model, options.text)
    folder = _folder(options.out or beside)
    runs.say("model", f"{type(example.model).__name__}, {example.model.count_params():,} parameters")
    for suffix in (".png", ".svg"):
        path = folder / f"unfolded{suffix}"
        unfold(example.model, options.steps, path, teacher_forcing=options.teacher_forcing)
        runs.say("unfolded" if suffix == ".png" else "", path)
    runs.say("reads", example.note)
    if example.inputs is not None:
        _gradients(example, folder, options.jacobians)
        _activity(example, folder, options.units)
    _heads(example, folder)


def cells(options: Cells) -> None:
    """Compare the gradients of cells through time."""
    from kseq.inspection.gradients import clipping_effect, clipping_plot, compare_cells, flow_plot, flow_table

    names = ("cells", "steps", "units", "gain", "forget_bias", "seed")
    flows = compare_cells(**{name: getattr(options, name) for name in names})
    folder = _folder(options.out)
    print(flow_table(flows), end="\n\n", flush=True)
    title = f"{options.units} units, as initialised, recurrent weights times {options.gain:g}"
    runs.say("picture", flow_plot(flows, folder / "cells.png", title=title))
    if options.clipping:
        training = clipping_effect(seed=options.seed)
        for kind, losses in training.losses.items():
            largest = training.norms[kind][training.norms[kind] >= 0].max()
            runs.say(kind, f"loss {losses[0]:.3f}, in the end {losses[-1]:.3f}; largest norm {largest:.3g}")
        title = f"an Elman network, {len(losses)} updates"
        runs.say("picture", clipping_plot(training, folder / "clipping.png", title=title))


def memory(options: Memory) -> None:
    """Find out how far back cells remember."""
    from kseq.inspection.memory import memory_line, memory_plot, memory_probe, memory_table

    names = ("task", "cells", "delays", "units", "learning_rate", "max_updates", "time_limit", "seed")
    given = {name: getattr(options, name) for name in names}
    probes = memory_probe(**given, tell=lambda probe: print(memory_line(probe), flush=True))
    print(f"\n{memory_table(probes)}\n", flush=True)
    path = _folder(options.out) / f"memory_{options.task}.png"
    runs.say("picture", memory_plot(probes, path, title=f"{options.units} units, Adam"))


def _gradients(example: "Example", folder: Path, jacobians: int) -> None:
    from kseq.inspection.gradients import flow_plot, flow_table, gradient_flow

    batch = example.inputs, example.targets
    flow = gradient_flow(example.model, batch, loss=example.loss, jacobians=jacobians)
    print(f"\n{flow_table(flow)}\n", flush=True)
    runs.say("gradient", f"norm {flow.global_norm:.3g} of all weights, loss {flow.loss:.4g}")
    title = f"{type(example.model).__name__} on {len(next(iter(flow.layers.values())).norms) - 1} steps"
    runs.say("", flow_plot(flow, folder / "gradient_flow.png", title=title))


def _activity(example: "Example", folder: Path, units: int) -> None:
    from kseq.inspection.activity import activity, activity_plot, openings

    if not example.tokens:
        return
    found = activity(example.model, example.inputs)
    for (name, layer), tokens in zip(found.items(), example.tokens, strict=True):
        path = folder / f"activity_{name.replace('/', '-').replace('#', '-')}.png"
        runs.say("activity", activity_plot(layer, tokens, path, units=units, title=name))
        for line in openings(layer, tokens, units=1):
            runs.say("", line)


def _heads(example: "Example", folder: Path) -> None:
    """What stands on top: a CRF, attention."""
    from kseq.inspection.attention import attention_maps
    from kseq.inspection.transitions import transition_plot

    if getattr(example.model, "head", None) == "crf":
        path = transition_plot(example.model, folder / "transitions.png", title="scores of pairs of tags")
        runs.say("transitions", path)
    if example.attention is not None:
        runs.say("attention", attention_maps([example.attention], folder / "attention.png"))


def _folder(path: str | Path) -> Path:
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the directory `{path}`: {error.strerror}") from None
    return Path(path)


PIPELINE = Pipeline(
    "inspect",
    "look inside a trained model, or compare cells",
    (
        Verb("model", "draw all that there is to see of a model; the word may be left out", Model, model),
        Verb("cells", "compare the gradients of cells through time", Cells, cells),
        Verb("memory", "find out how far back cells remember", Memory, memory),
    ),
)


def words(arguments: Sequence[str]) -> list[str]:
    """The command line with a model in the first place written out: `model --model MODEL`."""
    first, *rest = arguments or [""]
    if first == "model" and rest and not rest[0].startswith("-"):
        first, *rest = rest
    elif not first or first.startswith("-") or first in {verb.name for verb in PIPELINE.verbs}:
        return list(arguments)
    return ["model", "--model", first, *rest]


def run(arguments: Sequence[str]) -> Any:
    """The program on a command line."""
    return main(PIPELINE, words(arguments))


if __name__ == "__main__":
    raise SystemExit(run(sys.argv[1:]))
