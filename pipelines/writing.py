"""Text from a language model, piece by piece."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kseq.data import Vocabulary
    from kseq.models import LanguageModel


def continuation(
    model: "LanguageModel",
    vocabulary: "Vocabulary",
    *,
    prompt: str = "",
    length: int,
    temperature: float,
    top_k: int = 0,
    top_p: float = 1.0,
    unk: bool = False,
    seed: int | None = None,
) -> Iterator[str]:
    """The text behind a prompt, in pieces of one token."""
    import numpy as np
    import tensorflow as tf

    from kseq.decoding import random_numbers, stream

    ids = [vocabulary.bos_id, *vocabulary.encode(prompt)]
    step = tf.function(model.step, reduce_retracing=True)
    options = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    options["constraints"] = _bans(vocabulary, unk)
    start = model.read(np.array([ids], "int32"))
    written = vocabulary.decode(ids)
    for (chosen,) in stream(step, *start, random_numbers(length, 1, seed), **options):
        ids.append(chosen)
        text = vocabulary.decode(ids)
        yield text[len(written) :]
        written = text


def likeliest(
    model: "LanguageModel",
    vocabulary: "Vocabulary",
    *,
    beams: int,
    prompt: str = "",
    length: int,
    unk: bool = False,
) -> list[tuple[str, float]]:
    """The likeliest continuations that so many beams find, prompt and all, and their nats, best first."""
    import numpy as np
    import tensorflow as tf

    from kseq.decoding import beam_search

    ids = [vocabulary.bos_id, *vocabulary.encode(prompt)]
    options = {"beam_size": beams, "num_results": beams, "length": length}
    options["constraints"] = _bans(vocabulary, unk)
    search = tf.function(lambda *start: beam_search(model.step, *start, **options))
    found = [x.numpy()[0].tolist() for x in search(*model.read(np.array([ids], "int32")))]
    found = zip(*found, strict=True)  # ids, length, score, log-probability
    return [(vocabulary.decode([*ids, *written]), -p) for written, size, _, p in found if size]


def _bans(vocabulary: "Vocabulary", unk: bool) -> list[Any]:
    from kseq.decoding import BannedIds

    return [BannedIds([id for id in vocabulary.unwritable_ids if not (unk and id == vocabulary.unk_id)])]
