"""What the pipelines that read sentences configure of tokens and of the network that reads them."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kseq.training.tuning.space import Choice, Range
from pipelines import runs
from pipelines.config import option

if TYPE_CHECKING:
    import keras
    import numpy as np

    from kseq.data.token_features import TokenFeatures
    from kseq.models import SequenceEncoder
    from kseq.training.run import RunDirectory


LSTMS = ("lstm", "coupled_lstm", "peephole_lstm", "layer_norm_lstm")
CELLS = ("simple_rnn", "jordan_rnn", *LSTMS, "nas", "gru", "simple_gru")


@dataclasses.dataclass(frozen=True)
class Encoding:
    """Fields of tokens and encoder; a pipeline's configuration inherits them."""

    level: str = option("auto", "what a token of raw text is", choices=("auto", "word", "char", "space"))
    lower: bool = option(True, "look words up in lower case")
    digits: bool = option(True, "look words up with 0 for every digit")
    min_count: int = option(1, "words seen less often in training are unknown")
    casing: bool = option(True, "tell the network how a token is capitalised")
    characters: str = option("cnn", "network over the characters of a token", choices=("cnn", "lstm", "none"))
    character_units: int = option(50, "its width")
    max_characters: int = option(20, "characters of a token that it sees")
    bigrams: int = option(0, "pairs of tokens seen so often get an embedding; 0: none do")
    vectors: str | None = option(None, "pretrained word vectors: text file as of GloVe or fastText")
    embedding_dim: int = option(100, "width of the word embedding")
    bigram_dim: int = option(50, "width of the embedding of pairs")
    embedding_scale: float = option(1.0, "bound of the numbers that embeddings begin with")
    cell: str = option("lstm", "recurrent cell", choices=CELLS)
    units: int = option(128, "width of a direction")
    num_layers: int = option(1, "recurrent layers")
    bidirectional: bool = option(True, "read in both directions")
    dropout: float = option(0.5, "share of features dropped around the layers, one mask a sentence")
    recurrent_dropout: float = option(0.0, "share of features dropped inside the recurrence")
    word_dropout: float = option(0.05, "share of words that training takes for unknown")
    batch_size: int = option(16, "sentences a batch")
    init_from: str | None = option(None, "run of a language model or autoencoder to begin with")


SPACE = {
    "cell": Choice("lstm", "peephole_lstm", "gru"),
    "units": Range(64, 256, 32),
    "num_layers": Range(1, 2),
    "embedding_dim": Choice(50, 100, 200),
    "dropout": Range(0.1, 0.6, 0.1),
    "recurrent_dropout": Range(0.0, 0.3, 0.1),
    "word_dropout": Range(0.0, 0.2, 0.05),
}
POSITIVE = ("units", "num_layers", "embedding_dim", "bigram_dim", "character_units", "batch_size")
POSITIVE += ("min_count", "max_characters", "embedding_scale")
FRACTIONS = ("dropout", "recurrent_dropout", "word_dropout")


def features(
    config: Encoding, sentences: Sequence[Sequence[str]], held_out: Sequence[Sequence[str]]
) -> "tuple[TokenFeatures, tuple[np.ndarray, np.ndarray] | None]":
    """What is known of tokens from training sentences, and pretrained vectors if there are any.

    Args:
        config: the configuration.
        sentences: tokens of each training sentence.
        held_out: those of the other parts: their words are known where they have a pretrained vector.

    Returns:
        The features, and None or `(matrix, found)`, a row for each known word.
    """
    from kseq.data.token_features import TokenFeatures

    options = {
        "min_count": config.min_count,
        "characters": config.characters != "none",
        "bigrams": config.bigrams,
        "casing": config.casing,
        "lower": config.lower,
        "digits": config.digits,
        "max_characters": config.max_characters,
    }
    if config.vectors is None:
        return TokenFeatures.build(sentences, **options), None

    from kseq.data.vectors import read_vectors

    everything = TokenFeatures.build([*sentences, *held_out], lower=config.lower, digits=config.digits)
    candidates = everything.words[2:]
    vectors = read_vectors(config.vectors, candidates, dim=config.embedding_dim)
    extra = [word for word, found in zip(candidates, vectors.found, strict=True) if found]
    known = TokenFeatures.build(sentences, **options, extra_words=extra)
    vectors = read_vectors(config.vectors, known.words, dim=config.embedding_dim)
    return known, (vectors.matrix, vectors.found)


def encoder(config: Encoding, sizes: dict[str, int]) -> "SequenceEncoder":
    """The network of a configuration, not built yet."""
    from kseq.models import SequenceEncoder

    return SequenceEncoder(
        sizes,
        cell=config.cell,
        units=config.units,
        num_layers=config.num_layers,
        bidirectional=config.bidirectional,
        widths={"tokens": config.embedding_dim, "bigrams": config.bigram_dim},
        embedding_scale=config.embedding_scale,
        character_encoder="lstm" if config.characters == "lstm" else "cnn",
        character_units=config.character_units,
        dropout=config.dropout,
        recurrent_dropout=config.recurrent_dropout,
        word_dropout=config.word_dropout,
        seed=getattr(config, "seed", None),
    )


def begin(config: Encoding, encoder: "SequenceEncoder", data: Any) -> None:
    """What a built encoder knows before training: pretrained vectors, or what another run has learned."""
    from pipelines import transfer

    if data.vectors is not None:
        encoder.set_vectors("tokens", *data.vectors)
    transfer.begin(config.init_from, encoder, data.features)


def load(run: "RunDirectory") -> "tuple[keras.Model, TokenFeatures]":
    """The best model of a run, and what it sees of tokens."""
    from kseq.data.token_features import TokenFeatures

    return runs.load_model(run), TokenFeatures.load(run.vocabulary)


def describe(config: Encoding, data: Any) -> dict[str, str]:
    """Lines on the features of data, for the start of training."""
    known = ", ".join(f"{size:,} {name}" for name, size in data.features.sizes.items())
    lines = {"features": f"{known}; raw text is split by {config.level}"}
    if data.vectors is not None:
        lines["vectors"] = f"{data.vectors[1].mean():.1%} of the words have one in {config.vectors}"
    return lines


def network(config: Encoding) -> str:
    """The network in a few words."""
    directions = "2 x " if config.bidirectional else ""
    return f"{config.cell}, {config.num_layers} x {directions}{config.units} units"
