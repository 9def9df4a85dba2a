"""A corpus of tagged sentences, from CoNLL files or from a TensorFlow Datasets set."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from pathlib import Path

from kseq.data import tfds_tagged
from kseq.data.conll import Sentence, read_conll
from kseq.data.splits import Wording, check_fractions, complete, find_source
from kseq.errors import UserError
from kseq.tags import Contradiction, Slip, check_scheme, detect_scheme, split_tag


@dataclass(frozen=True)
class TaggedCorpus:
    """Tagged sentences in three parts.

    Args:
        name: short name of the set: the file or folder without its endings, or the tfds name.
        note: how the parts came about, and what is odd about the tags.
        scheme: one of `kseq.tags.SCHEMES`; the tags of all parts are in it, but for the slips that
            the note tells of.
        train: sentences to train on.
        validation: sentences to stop and choose by.
        test: sentences to report on.
    """

    name: str
    note: str
    scheme: str
    train: list[Sentence] = field(repr=False)
    validation: list[Sentence] = field(repr=False)
    test: list[Sentence] = field(repr=False)

    @property
    def types(self) -> tuple[str, ...]:
        """The entity types of the training part, sorted."""
        return tuple(sorted(_types(self.train)))


def read_tagged(
    source: str | os.PathLike[str],
    *,
    validation: float = 0.1,
    test: float = 0.0,
    token_column: int | str = 0,
    tag_column: int | str = -1,
    segmented: bool | str = "auto",
    seed: int = 0,
    data_dir: str | None = None,
) -> TaggedCorpus:
    r"""Reads tagged sentences with their validation and test part, and makes the parts that lack.

    The scheme of the tags is found out from the training part; the others must be in the same one.
    A part that is lacking is made of training sentences drawn at random, the same ones every time.

    Args:
        source: a CoNLL file; a folder with one file each whose name has `train`, `val` or `dev`,
            and `test` in it; or a tfds name such as `"conll2003"`, `"wikiann/zh"`. What exists as a
            path is taken for one.
        validation: fraction of the training sentences that becomes the validation part where there
            is none.
        test: the same for the test part; 0 for none of its own: the validation part then serves
            as both.
        token_column: see `read_conll`; a name may also be that of a tfds feature.
        tag_column: the same.
        segmented: see `read_conll`.
        seed: draws other sentences for the parts that are lacking.
        data_dir: where tfds keeps its sets; None for its default.

    Raises:
        UserError: when the source is missing or cannot be read, has no tags, has tags of no scheme
            or of several, or is too short to split.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "ten.conll"
        >>> _ = path.write_text("Ada\tB-PER\nslept\tO\n\n" * 10)
        >>> corpus = read_tagged(path)
        >>> corpus.scheme, corpus.types, len(corpus.train), len(corpus.validation)
        ('BIO', ('PER',), 9, 1)
    """
    check_fractions(validation, test)
    name, files = find_source(source, anywhere=True)
    source = os.fspath(source)
    if files:
        columns = {"token_column": token_column, "tag_column": tag_column, "segmented": segmented}
        parts = {part: read_conll(file, **columns) for part, file in files.items()}
    else:
        features = (column if isinstance(column, str) else None for column in (token_column, tag_column))
        parts = tfds_tagged.read_tfds(source, data_dir, *features)
    places = {part: files.get(part, f"{source}, {part}") for part in parts}
    scheme, remarks = _check(parts, places)
    if parts.keys() < {"train", "validation", "test"}:
        random.Random(seed).shuffle(parts["train"])
    wording = Wording(
        "sentences",
        f"{{}} of the sentences, drawn at random (seed {seed})",
        f"{{}} of the training sentences, drawn at random (seed {seed})",
    )
    complete_parts, note = complete(parts, validation, test, source, wording)
    remarks += _unknown_types(complete_parts, places)
    return TaggedCorpus(name=name, note="; ".join([note, *remarks]), scheme=scheme, **complete_parts)


def _check(parts: dict[str, list[Sentence]], places: dict[str, Path | str]) -> tuple[str, list[str]]:
    """The scheme of the training part, which the others must share, and remarks on slips."""
    scheme, remarks = None, []
    for part, sentences in parts.items():
        place = places[part]
        if not sentences:
            raise UserError(f"{place} has no sentences")
        bare = next((sentence for sentence in sentences if not sentence.tags), None)
        if bare:
            raise UserError(f"{place}:{bare.line}: no tags: a column of tokens and one of tags were expected")
        tags = [sentence.tags for sentence in sentences]
        try:
            scheme = scheme or detect_scheme(tags)
            slips = check_scheme(tags, scheme)
        except Contradiction as error:
            where = _where(place, sentences, error.slip)
            raise UserError(f"{where}: {error.slip.reason}{_hint(part, scheme, error.slip)}") from None
        if slips:
            number = "1 tag" if len(slips) == 1 else f"{len(slips)} tags"
            first = f"{_where(place, sentences, slips[0])}: {slips[0].reason}"
            remarks.append(f"{number} of {part} out of order, read as conlleval does (first {first})")
    return scheme, remarks


def _hint(part: str, scheme: str | None, slip: Slip) -> str:
    if scheme and part != "train":
        return f"; the training part is in {scheme}"
    first = (slip.sequence, slip.position) == (0, 0)
    return (
        "; if this line names the columns, give them by name (`token_column`, `tag_column`)" if first else ""
    )


def _where(place: Path | str, sentences: list[Sentence], slip: Slip) -> str:
    line = sentences[slip.sequence].line
    if isinstance(place, Path):
        return f"{place}:{line + slip.position}"
    return f"{place} example {line}, token {slip.position + 1}"


def _unknown_types(parts: dict[str, list[Sentence]], places: dict[str, Path | str]) -> list[str]:
    """Remarks on entity types that only parts other than training have."""
    known, remarks = _types(parts["train"]), []
    for part in ("validation", "test"):
        unknown = _types(parts[part]) - known
        if unknown and not (part == "test" and parts["test"] is parts["validation"]):
            slip = next(
                Slip(number, position, "")
                for number, sentence in enumerate(parts[part])
                for position, tag in enumerate(sentence.tags)
                if split_tag(tag)[1] in unknown
            )
            where = _where(places.get(part, places["train"]), parts[part], slip)
            types = ", ".join(sorted(unknown))
            remarks.append(f"{part} has entity types that training lacks: {types} (first at {where})")
    return remarks


def _types(sentences: list[Sentence]) -> set[str]:
    tags = {tag for sentence in sentences for tag in sentence.tags}
    return {split_tag(tag)[1] for tag in tags} - {""}
