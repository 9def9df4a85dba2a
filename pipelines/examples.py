"""A trained model and something for it to read, so that one can look inside."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kseq.errors import UserError, did_you_mean
from pipelines import runs

if TYPE_CHECKING:
    import keras

    from kseq.training.run import RunDirectory

RANDOM_STEPS = 40  # of made-up inputs


@dataclasses.dataclass(frozen=True)
class Example:
    """What a model reads, and what counts as right: its own answer.

    Args:
        model: the network.
        inputs: for it, one sequence; None where nothing could be made up.
        targets: what counts as right.
        loss: what to differentiate; None: what the model was compiled with.
        note: what was read, in words.
        tokens: of each recurrent layer in the order in which they run, what it reads; empty if made up.
        attention: source tokens, target tokens and weights, or None.
    """

    model: "keras.Model"
    inputs: Any
    targets: Any
    loss: Any
    note: str
    tokens: Sequence[Sequence[str]] = ()
    attention: tuple | None = None


def load(path: str, text: str) -> tuple[Example, Path]:
    """The model of a run directory with a text to read, or of a `.keras` file with made-up inputs.

    Gives the directory for pictures, too.

    Raises:
        UserError: there is no such model.
    """
    from kseq.training.run import RunDirectory

    place = Path(path)
    if place.is_dir():
        return of_run(RunDirectory.open(place), text), place / "inspection"
    if place.suffix == ".keras" and place.is_file():
        return of_model(_load_file(place)), place.with_name(f"{place.stem}-inspection")
    near = [str(p) for p in place.parent.glob("*")] if place.parent.is_dir() else []
    raise UserError(f"no model `{path}`: give a run directory or a .keras file{did_you_mean(path, near)}")


def of_run(run: "RunDirectory", text: str) -> Example:
    """The model of a run with a text, in the tokens of that run."""
    from kseq.models import Classifier, LanguageModel, Seq2Seq, SequenceAutoencoder, Tagger

    model = runs.load_model(run)
    makers = {
        LanguageModel: _language_model,
        Classifier: _classifier,
        Tagger: _tagger,
        SequenceAutoencoder: _autoencoder,
        Seq2Seq: _translator,
    }
    for kind, make in makers.items():
        if isinstance(model, kind):
            return make(run, text) or of_model(model)
    return of_model(model)


def of_model(model: "keras.Model") -> Example:
    """A model with random inputs."""
    import numpy as np

    random = np.random.default_rng(0)
    inputs = _random_inputs(model, random)
    if inputs is None:
        return Example(model, None, None, None, f"nothing: inputs of {type(model).__name__} are not known")
    return _answered(model, inputs, f"{RANDOM_STEPS} random steps")


def _answered(model: "keras.Model", inputs: Any, note: str, tokens: Sequence[Sequence[str]] = ()) -> Example:
    """With the model's own answer as target."""
    import numpy as np

    from kseq.losses import CRFLoss, NextTokenLoss
    from kseq.models import Classifier, LanguageModel, Tagger

    if isinstance(model, Tagger):
        return Example(model, inputs, model.tag(inputs)[0], CRFLoss(), note, tokens)
    outputs = np.asarray(model(inputs))
    if isinstance(model, Classifier) and model.task == "label":
        return Example(model, inputs, outputs.argmax(-1), model.make_loss(), note, tokens)
    if isinstance(model, LanguageModel):
        return Example(model, inputs, outputs.argmax(-1), NextTokenLoss(), note, tokens)
    return Example(model, inputs, np.zeros_like(outputs), "mse", note, tokens)


def _language_model(run: "RunDirectory", text: str) -> Example:
    import numpy as np

    from kseq.losses import NextTokenLoss
    from pipelines.language_model import restore

    _, vocabulary, model = restore(run)
    ids = np.array([vocabulary.bos_id, *vocabulary.encode(text)], "int32")
    if len(ids) < 3:
        raise UserError(f"`--text` must have two tokens or more, got {text!r}")
    tokens = ["[BOS]", *(vocabulary.decode([n]).strip(" ") or " " for n in ids[1:-1])]
    layers = model.config["num_layers"]
    return Example(model, ids[None, :-1], ids[None, 1:], NextTokenLoss(), repr(text), [tokens] * layers)


def _classifier(run: "RunDirectory", text: str) -> Example:
    import tensorflow as tf

    from pipelines.sentiment import Sentiment

    reader = _reader(Sentiment(), run)
    return _on_features(reader, reader.tokens(tf.constant([text])), text)


def _tagger(run: "RunDirectory", text: str) -> Example:
    import tensorflow as tf

    from kseq.data.segmentation import segment
    from pipelines.ner import NamedEntities

    reader = _reader(NamedEntities(), run)
    return _on_features(reader, segment(tf.constant([text]), reader.level).tokens, text)


def _on_features(reader: Any, ragged: Any, text: str) -> Example:
    tokens = [token.decode() for token in ragged.to_list()[0]]
    if not tokens:
        raise UserError(f"`--text` must have a token, got {text!r}")
    count = _directions(reader.model.encoder)
    return _answered(reader.model, reader.features(ragged), repr(text), [tokens] * count)


def _directions(encoder: Any) -> int:
    """How many recurrent layers an encoder runs, each direction counted."""
    return encoder.config["num_layers"] * (2 if encoder.config["bidirectional"] else 1)


def _autoencoder(run: "RunDirectory", text: str) -> Example:
    import numpy as np
    import tensorflow as tf

    from kseq.losses import NextTokenLoss
    from pipelines.autoencoder import Autoencoder

    reader = _reader(Autoencoder(), run)
    model = reader.model
    ids = reader.ids(tf.constant([text]))
    read = [reader.features.words[n] for n in np.asarray(ids)[0]]
    inputs, targets, _ = model.examples(ids)
    tokens = [read] * _directions(model.encoder) + [["[BOS]", *read]] * model.config["num_layers"]
    return Example(model, inputs, targets, NextTokenLoss(), repr(text), tokens)


def _translator(run: "RunDirectory", text: str) -> Example | None:
    """None for a model that writes from something else than a text."""
    import numpy as np
    import tensorflow as tf

    from kseq.losses import NextTokenLoss
    from pipelines import pairs
    from pipelines.translation import Translation

    if run.path.resolve().parent.name != Translation.name:
        return None
    reader = _reader(Translation(), run)
    model = reader.model
    written = pairs.translate(reader, [text])[0][0][0]
    source = reader.source.encode(tf.constant([text])).to_tensor()
    target = reader.target.add_eos(reader.target.encode(tf.constant([written]))).to_tensor()
    fed = np.pad(target[:, :-1], [[0, 0], [1, 0]], constant_values=model.config["bos_id"])
    inputs = {"source": source, "target_in": fed}
    source_tokens, target_tokens = pairs.pieces(reader.source, text), pairs.pieces(reader.target, written)
    tokens = [source_tokens] * _directions(model.encoder)
    tokens += [["[BOS]", *target_tokens]] * model.config["num_layers"]
    weights = np.asarray(model.attention(inputs))[0] if reader.attends else None
    looked = None if weights is None else (source_tokens, target_tokens, weights)
    return Example(model, inputs, target, NextTokenLoss(), f"{text!r}, written {written!r}", tokens, looked)


def _reader(task: Any, run: "RunDirectory") -> Any:
    from pipelines.config import read_yaml

    return task.load(task.Config(**read_yaml(run.path / "config.yaml", task.Config)), run)


def _load_file(path: Path) -> "keras.Model":
    import keras

    import kseq.layers
    import kseq.models  # noqa: F401  registers the classes in the file

    try:
        return keras.saving.load_model(path)
    except (ValueError, TypeError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"cannot load `{path}`: {reason}") from None


def _random_inputs(model: "keras.Model", random: Any) -> Any:
    """Random inputs for a model, None where it does not say what it takes."""
    from kseq.models import Classifier, LanguageModel, Tagger

    if isinstance(model, LanguageModel):
        return random.integers(1, model.config["vocab_size"], (1, RANDOM_STEPS)).astype("int32")
    if isinstance(model, (Classifier, Tagger)):
        sizes = model.encoder.config["sizes"] or {}
        shapes = {name: (1, RANDOM_STEPS, *[10][: name == "characters"]) for name in sizes}
        return {n: random.integers(1, sizes[n], shape).astype("int32") for n, shape in shapes.items()} or None
    inputs = getattr(model, "inputs", None)
    if not inputs or len(inputs) > 1:
        return None
    (spec,) = inputs
    shape = [1, *(RANDOM_STEPS if size is None else size for size in spec.shape[1:])]
    if "int" not in spec.dtype and len(shape) == 3:
        return random.normal(size=shape).astype("float32")
    sizes = [layer.input_dim for layer in model.layers if hasattr(layer, "input_dim")]
    return random.integers(1, max(sizes[0], 2), shape).astype("int32") if sizes and len(shape) == 2 else None
