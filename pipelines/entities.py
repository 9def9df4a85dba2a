"""Tagged sentences for a tagger, its scores on them, and entities found in text, as people read them."""

import dataclasses
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kseq.errors import UserError
from pipelines import encoding, runs
from pipelines.task import PARTS

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

    from kseq.data import TaggedCorpus
    from kseq.data.token_features import TokenFeatures
    from kseq.export.tagger import TextTagger
    from kseq.training.run import RunDirectory

BATCH = 64  # sentences tagged at once
COLOURS = (36, 33, 35, 32, 34, 31)  # of a terminal, one an entity type


@dataclasses.dataclass(frozen=True)
class Data:
    """Tagged sentences and what a tagger sees of them."""

    corpus: "TaggedCorpus"
    scheme: str
    level: str
    labels: tuple[str, ...]
    features: "TokenFeatures"
    vectors: "tuple[np.ndarray, np.ndarray] | None" = None
    trained_on: bool = True  # its training part is what the tagger learned from

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
        """Number of sentences of each part."""
        return [len(getattr(self.corpus, part)) for part in PARTS]

    @property
    def joiner(self) -> str:
        """What stands between the tokens of a text."""
        return "" if self.level == "char" else " "

    def tokens(self, part: str) -> list[tuple[str, ...]]:
        """The tokens of each sentence of a part."""
        return [sentence.tokens for sentence in getattr(self.corpus, part)]

    def tags(self, part: str, scheme: str) -> list[list[str]]:
        """The tags of each sentence of a part, in a scheme."""
        from kseq.tags import convert

        sentences = getattr(self.corpus, part)
        return [convert(sentence.tags, self.corpus.scheme, scheme) for sentence in sentences]

    def count(self, part: str) -> int:
        """Tokens of a part."""
        return sum(map(len, self.tokens(part)))

    def batches(self, part: str, config: Any) -> "tf.data.Dataset":
        """Batches for `fit`, those to train on in another order each epoch."""
        from kseq.data.bucketed import bucketed_batches

        ids = {label: number for number, label in enumerate(self.labels)}
        # a type that training does not have counts as none
        tags = [[ids.get(tag, 0) for tag in row] for row in self.tags(part, self.scheme)]
        order = {"shuffle": part == "train", "seed": config.seed}
        return bucketed_batches(self.features, self.tokens(part), tags, config.batch_size, **order)


def read(config: Any, source: str | None = None, features: "TokenFeatures | None" = None) -> Data:
    """Read tagged sentences, and learn what there is to know of tokens.

    Args:
        config: configuration of the pipeline.
        source: other data than the configuration's.
        features: what is known of tokens already, not to be learned.
    """
    from kseq.data import read_tagged
    from kseq.tags import labels

    corpus = read_tagged(
        config.data if source is None else source,
        validation=config.validation,
        test=config.test,
        token_column=runs.column(config.token_column),
        tag_column=runs.column(config.tag_column),
    )
    if not corpus.types:
        raise UserError(f"{corpus.name} has no entities: all tags of the training part are O")
    level = _level(corpus) if config.level == "auto" else config.level
    vectors = None
    if features is None:
        held_out = [s.tokens for part in (corpus.validation, corpus.test) for s in part]
        features, vectors = encoding.features(config, [s.tokens for s in corpus.train], held_out)
    tags = labels(corpus.types, config.scheme)
    return Data(corpus, config.scheme, level, tags, features, vectors, trained_on=source is None)


def _level(corpus: "TaggedCorpus") -> str:
    lengths = [len(token) for sentence in corpus.train for token in sentence.tokens]
    return "char" if lengths.count(1) > 0.8 * len(lengths) else "word"


def tag(tagger: "TextTagger", sentences: Sequence[Sequence[str]]) -> list[list[str]]:
    """The tags of sentences, those of like lengths tagged together."""
    import tensorflow as tf

    found: list[list[str]] = [[] for _ in sentences]
    order = sorted((n for n, tokens in enumerate(sentences) if tokens), key=lambda n: len(sentences[n]))
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        tokens = tf.ragged.constant([list(sentences[n]) for n in rows], dtype=tf.string).to_tensor()
        for n, tags in zip(rows, tagger.tag_tokens(tokens)["tags"].numpy(), strict=True):
            found[n] = [name.decode() for name in tags[: len(sentences[n])]]
    return found


def in_bio(tagger: "TextTagger", sentences: Sequence[Sequence[str]]) -> list[list[str]]:
    """The tags of sentences in BIO."""
    from kseq.tags import convert

    scheme = tagger.model.scheme
    return [convert(tags, scheme, "BIO") for tags in tag(tagger, sentences)]


def report(tagger: "TextTagger", data: Data, part: str) -> dict[str, Any]:
    """The scores of a tagger on a part of the data."""
    return _report(data, part, in_bio(tagger, data.tokens(part)))


def _report(data: Data, part: str, predicted: list[list[str]]) -> dict[str, Any]:
    from kseq.inspection.entities import entity_report, seen_entities

    tokens, true = data.tokens(part), data.tags(part, "BIO")
    seen = None
    if data.trained_on:
        seen = seen_entities(data.tokens("train"), data.tags("train", "BIO"), joiner=data.joiner)
    return entity_report(true, predicted, sentences=tokens, seen=seen, joiner=data.joiner)


def write_report(
    run: "RunDirectory", tagger: "TextTagger", data: Data, part: str, show: int | None = None
) -> dict[str, Any]:
    """Print scores and, of as many sentences as asked for, errors; write confusion.png and errors.txt.

    Gives the scores.
    """
    from kseq.files import write_text
    from kseq.inspection.confusion import confusion_counts, confusion_matrix
    from kseq.inspection.entities import report_table
    from kseq.inspection.entity_errors import error_listing

    tokens, true = data.tokens(part), data.tags(part, "BIO")
    predicted = in_bio(tagger, tokens)
    figures = _report(data, part, predicted)
    print(f"\n{report_table(figures)}\n", flush=True)
    listing = {"tokens": tokens, "true": true, "predicted": predicted, "joiner": data.joiner}
    write_text(run.path / "errors.txt", error_listing(**listing) + "\n")
    names, counts = confusion_counts(true, predicted)
    confusion_matrix(names, counts, run.path / "confusion.png", title=f"{data.corpus.name}, {part} part")
    if show is not None:
        print(error_listing(**listing, limit=show) + "\n")
    return figures


def predict(tagger: "TextTagger", options: Any) -> None:
    """Print the entities of texts: coloured on a terminal, JSON lines elsewhere."""
    coloured = sys.stdout.isatty() and not options.json
    find = _in_tokens if options.tokens else _in_text
    for text in runs.texts(options):
        entities = find(tagger, text)
        if coloured:
            print(_colour(text, entities, tagger.labels), flush=True)
        else:
            print(json.dumps({"text": text, "entities": entities}, ensure_ascii=False), flush=True)


def _in_text(tagger: "TextTagger", text: str) -> list[dict[str, Any]]:
    import tensorflow as tf

    from kseq.export.tagger import entities_of

    outputs = tagger.tag(tf.constant([text]))
    return entities_of({name: value.numpy() for name, value in outputs.items()}, 0)


def _in_tokens(tagger: "TextTagger", text: str) -> list[dict[str, Any]]:
    """The same for tokens between white space; start and end still count characters of the text."""
    import tensorflow as tf

    from kseq.tags import entities

    tokens = text.split()
    if not tokens:
        return []
    outputs = tagger.tag_tokens(tf.constant([tokens]))
    tags = [name.decode() for name in outputs["tags"].numpy()[0]]
    confidence = outputs["confidence"].numpy()[0]
    places, end = [], 0
    for token in tokens:
        start = text.index(token, end)
        end = start + len(token)
        places.append((start, end))
    found = []
    for kind, first, behind in entities(tags, tagger.model.scheme):
        start, end = places[first][0], places[behind - 1][1]
        sure = float(confidence[first:behind].min())
        found.append({"type": kind, "text": text[start:end], "start": start, "end": end, "confidence": sure})
    return found


def _colour(text: str, entities: list[dict[str, Any]], labels: Sequence[str]) -> str:
    types = sorted({label.partition("-")[2] for label in labels} - {""})
    pieces, end = [], 0
    for entity in entities:
        colour = COLOURS[types.index(entity["type"]) % len(COLOURS)]
        marked = f"\033[1;{colour}m{entity['text']}\033[0;{colour}m {entity['type']}\033[0m"
        sure = f"\033[2m {entity['confidence']:.2f}\033[0m"
        pieces += [text[end : entity["start"]], marked, sure]
        end = entity["end"]
    return "".join([*pieces, text[end:]])
