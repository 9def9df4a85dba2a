"""Pairs of texts for a translator, its scores on them, and translations, as people read them."""

import dataclasses
import functools
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import runs
from pipelines.task import PARTS

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

    from kseq.data import ParallelCorpus
    from kseq.data.units import Units
    from kseq.export.translator import Translator
    from kseq.models import Seq2Seq
    from kseq.training.run import RunDirectory

BATCH = 64  # texts translated at once
#: what epochs may be compared by, and which way
METRICS = {
    "exact": "max",
    "bleu": "max",
    "chrf": "max",
    "token_error_rate": "min",
    "character_error_rate": "min",
}
DRAWN = 3  # attention of so many test pairs


@dataclasses.dataclass(frozen=True)
class Data:
    """Pairs of texts and the units of both sides."""

    corpus: "ParallelCorpus"
    source: "Units"
    target: "Units"
    max_tokens: int

    @property
    def name(self) -> str:
        """Short name of the data."""
        return self.corpus.name

    @property
    def note(self) -> str:
        """Where its parts come from."""
        return self.corpus.note

    @property
    def sizes(self) -> list[int]:
        """Number of pairs of each part."""
        return [len(getattr(self.corpus, part)) for part in PARTS]

    def texts(self, part: str) -> tuple[list[str], list[tuple[str, ...]]]:
        """Sources of a part, and the references of each."""
        pairs = getattr(self.corpus, part)
        return [pair.source for pair in pairs], [pair.references for pair in pairs]

    def count(self, part: str) -> int:
        """Target tokens of a part, the ends among them."""
        import tensorflow as tf

        targets = tf.constant([pair.target for pair in getattr(self.corpus, part)])
        return int(tf.size(self.target.encode(targets).flat_values)) + len(targets)

    def batches(self, part: str, config: Any) -> "tf.data.Dataset":
        """Batches for `fit`: those to train on without long pairs, and in another order each epoch."""
        training = part == "train"
        options = {"max_length": self.max_tokens, "shuffle": True, "seed": config.seed} if training else {}
        return self.batches_of(getattr(self.corpus, part), config.batch_size, **options)

    def batches_of(self, pairs: Sequence[Any], batch_size: int, **options: Any) -> "tf.data.Dataset":
        """Batches of pairs, padding weighing nothing."""
        import tensorflow as tf

        from kseq.data import parallel_batches

        batches, _ = parallel_batches(pairs, self.source, self.target, batch_size, **options)
        return batches.map(lambda inputs, targets: (inputs, targets, tf.cast(targets != 0, tf.float32)))

    def describe(self) -> dict[str, str]:
        """Lines for the start of training."""
        sides = [f"{units.size:,} of level {units.level}" for units in (self.source, self.target)]
        return {"units": " to ".join(sides)}

    def save_units(self, run: "RunDirectory") -> None:
        """Write the units of both sides."""
        from kseq.files import write_text

        both = {"source": self.source.get_config(), "target": self.target.get_config()}
        write_text(run.vocabulary, json.dumps(both, ensure_ascii=False))


def load_units(run: "RunDirectory") -> "list[Units]":
    """The units of both sides of a run."""
    from kseq.data.units import Units
    from kseq.errors import UserError

    try:
        both = json.loads(run.vocabulary.read_text(encoding="utf-8"))
        return [Units.from_config(both[side]) for side in ("source", "target")]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{run.vocabulary} is no file of units: {error}") from None


def read(config: Any, source: str | None = None, units: "tuple[Units, Units] | None" = None) -> Data:
    """Read pairs of texts, and learn the units of both sides.

    Args:
        config: configuration of the pipeline.
        source: other data than the configuration's.
        units: of both sides, not to be learned.
    """
    from kseq.data import read_parallel
    from kseq.data.units import Units

    corpus = read_parallel(
        config.data if source is None else source,
        source_language=config.source_language,
        target_language=config.target_language,
        test_set=config.test_set,
        stress=config.stress,
        encoding=config.encoding,
        validation=config.validation,
        test=config.test,
    )
    if units is None:
        texts = [[pair.source for pair in corpus.train], [pair.target for pair in corpus.train]]
        if config.shared:
            texts = [texts[0] + texts[1]]
        levels = (config.source_units, config.target_units)
        sizes = (config.source_size, config.target_size)
        learned = [
            Units.build(side, level, size, config.min_count)
            for side, level, size in zip(texts, levels, sizes, strict=False)
        ]
        units = (learned[0], learned[-1])
    return Data(corpus, *units, config.max_tokens)


def translator(config: Any, model: "Seq2Seq", source: "Units", target: "Units") -> "Translator":
    """A model with the way from raw text to raw text, searching as configured."""
    from kseq.export.translator import Translator

    search = {"beam_size": config.beam_size, "length_penalty": config.length_penalty}
    return Translator(model, source, target, **search)


def translate(
    reader: "Translator", texts: Sequence[str], beam_size: int | None = None, penalty: float | None = None
) -> tuple[list[list[str]], "np.ndarray"]:
    """The best translations of each text, and their scores; texts of like lengths together."""
    import numpy as np
    import tensorflow as tf

    beam_size = reader.beam_size if beam_size is None else beam_size
    found: list[list[str]] = [[] for _ in texts]
    scores = np.zeros((len(texts), beam_size))
    order = sorted(range(len(texts)), key=lambda n: len(texts[n]))
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        batch = tf.constant([texts[n] for n in rows])
        outputs = reader.translate(batch, *reader.options(beam_size, penalty))
        for n, written in zip(rows, outputs["texts"].numpy(), strict=True):
            found[n] = [text.decode() for text in written]
        scores[rows] = outputs["scores"].numpy()
    return found, scores


def measure(config: Any, reader: "Translator", data: Data) -> dict[str, float]:
    """The metric on the first validation pairs, decoded greedily, and the loss fed true and own tokens."""
    from kseq.inspection.transduction import transduction_report

    sources, references = data.texts("validation")
    some = slice(config.measured or None)
    written, _ = translate(reader, sources[some], beam_size=1)
    best = [texts[0] for texts in written]
    found = {f"val_{config.metric}": transduction_report(best, references[some])[config.metric]}
    return {**found, **exposure(config, reader.model, data, some)}


def exposure(config: Any, model: "Seq2Seq", data: Data, some: slice) -> dict[str, float]:
    """Nats a token on validation pairs, the model being fed true tokens, and its own."""
    losses = _losses(model)
    batches = data.batches_of(data.corpus.validation[some], config.batch_size)
    true_fed, own_fed, count = sum(losses(*batch).numpy() for batch in batches)
    return {"val_true_fed": float(true_fed / count), "val_own_fed": float(own_fed / count)}


@functools.lru_cache(maxsize=1)
def _losses(model: "Seq2Seq") -> Any:
    """The sums of both losses and the number of tokens of a batch, in one graph for all epochs."""
    import tensorflow as tf

    from kseq.losses import token_nll

    ids = tf.TensorSpec([None, None], tf.int32)
    inputs = {"source": ids, "target_in": ids}

    @tf.function(input_signature=[inputs, ids, tf.TensorSpec([None, None])])
    def losses(inputs, targets, real):
        logits = model(inputs), model.free_running_logits(inputs)
        return tf.stack([tf.reduce_sum(token_nll(targets, x) * real) for x in logits] + [tf.reduce_sum(real)])

    return losses


def report(reader: "Translator", data: Data, part: str) -> dict[str, Any]:
    """The scores on a part, searched as configured."""
    from kseq.inspection.transduction import transduction_report

    sources, references = data.texts(part)
    return transduction_report([texts[0] for texts in translate(reader, sources)[0]], references)


def write_report(
    run: "RunDirectory", reader: "Translator", data: Data, part: str, options: Any = None
) -> dict[str, Any]:
    """Print scores of beam search and of greedy search; write translations and pictures."""
    from kseq.files import write_text
    from kseq.inspection.transduction import transduction_report, transduction_table

    sources, references = data.texts(part)
    size = (options and options.beam_size) or reader.beam_size
    penalty = options.length_penalty if options else None
    written, scores = translate(reader, sources, size, penalty)
    best = [texts[0] for texts in written]
    figures = {**transduction_report(best, references), "beam_size": size}
    print(f"\nbeam of {size}\n{transduction_table(figures)}")
    if size > 1:
        greedy = [texts[0] for texts in translate(reader, sources, 1)[0]]
        figures["greedy"] = transduction_report(greedy, references)
        print(f"\ngreedy\n{transduction_table(figures['greedy'])}")
    print(flush=True)
    lines = [
        "\t".join([source, " | ".join(true), text, f"{score:.4f}"])
        for source, true, text, score in zip(sources, references, best, scores[:, 0], strict=True)
    ]
    heading = "source\treferences\ttranslation\tscore\n"
    write_text(run.path / "translations.tsv", heading + "".join(line + "\n" for line in lines))
    if reader.attends:
        draw_attention(reader, sources[:DRAWN], best[:DRAWN], run.path / "attention.png")
    if options is None:
        draw_exposure(run)
    return figures


def draw_attention(reader: "Translator", sources: Sequence[str], targets: Sequence[str], path: Path) -> None:
    """Draw where each target token looked in the source."""
    import tensorflow as tf

    from kseq.inspection.attention import attention_maps

    weights = reader.attend(tf.constant(sources), tf.constant(targets))["attention"].numpy()
    maps = [
        (pieces(reader.source, source), pieces(reader.target, target), weight)
        for source, target, weight in zip(sources, targets, weights, strict=True)
    ]
    attention_maps(maps, path)


def pieces(units: "Units", text: str) -> list[str]:
    """What the ids of a text stand for."""
    import tensorflow as tf

    names = ("", "?", "", "", *units.tokens)
    return [names[number] for number in units.encode(tf.constant([text])).flat_values.numpy()]


def draw_exposure(run: "RunDirectory") -> None:
    """Draw the loss fed true tokens beside the loss fed own ones, over the epochs."""
    from kseq.files import read_history
    from kseq.inspection.exposure import exposure_curve

    history = read_history(run.history)
    exposure_curve(history["val_true_fed"], history["val_own_fed"], run.path / "free_running.png")


def in_words(figures: dict[str, Any]) -> str:
    """The scores in a line."""
    errors = f"{figures['token_error_rate']:.2%} (tokens), {figures['character_error_rate']:.2%} (characters)"
    scores = f"exact {figures['exact']:.2%}, BLEU {figures['bleu']:.2f}, chrF {figures['chrf']:.2f}"
    return f"{scores}, error rate {errors}"


def predict(reader: "Translator", options: Any) -> None:
    """Print the best translations of texts with their scores: for people, or as JSON lines."""
    plain = sys.stdout.isatty() and not options.json
    for number, text in enumerate(runs.texts(options)):
        size = options.beam_size or max(reader.beam_size, options.best)
        written, scores = translate(reader, [text], size, options.length_penalty)
        best = [
            {"text": one, "score": float(score)} for one, score in zip(written[0], scores[0], strict=True)
        ][: options.best]
        if plain:
            print(text)
            for one in best:
                print(f"  {one['score']:8.3f}  {one['text']}", flush=True)
        else:
            print(json.dumps({"text": text, "translations": best}, ensure_ascii=False), flush=True)
        if number == 0 and options.attention is not None:
            draw_attention(reader, [text], [best[0]["text"]], Path(options.attention))
