"""Training that begins with what another run has learned: `--init-from runs/...`."""

from typing import TYPE_CHECKING, Any

from kseq.errors import UserError
from pipelines import runs

if TYPE_CHECKING:
    import numpy as np

    from kseq.data.token_features import TokenFeatures
    from kseq.models import SequenceEncoder


def begin(path: str | None, encoder: "SequenceEncoder", features: "TokenFeatures") -> None:
    """Put embedding and recurrent layers of a run into a built encoder, word by word.

    Args:
        path: directory of a run of `language_model` or `autoencoder`; None does nothing.
        encoder: what is about to be trained.
        features: what it sees of tokens.

    Raises:
        UserError: there is no such run, or its network does not fit.
    """
    if path is None:
        return
    from kseq.data import Vocabulary
    from kseq.data.token_features import TokenFeatures
    from kseq.models import LanguageModel
    from kseq.models.transfer import initialise
    from kseq.training.run import RunDirectory

    run = RunDirectory.open(path)
    source = runs.load_model(run)
    if isinstance(source, LanguageModel):
        tokens = Vocabulary.load(run.vocabulary).tokens
    elif hasattr(source, "encoder") and set(source.encoder.config["sizes"] or ()) >= {"tokens"}:
        source = source.encoder
        tokens = TokenFeatures.load(run.vocabulary).words
    else:
        raise UserError(f"`--init-from {path}` must be a run of language_model or autoencoder")
    done = initialise(encoder, source, rows(features, tokens))
    layers = ", ".join(done.layers)
    runs.say("begins with", f"{path}: {done.words:,} of {done.of:,} words, layers {layers}")


def rows(features: "TokenFeatures", tokens: Any) -> "np.ndarray":
    """For each word of `features` its place in `tokens`, -1 where it has none.

    A word meets the first token that is spelled like it once both are normalised: the most frequent one.
    """
    import numpy as np
    import tensorflow as tf

    spelled = features.normalise(tf.ragged.constant([list(tokens)], dtype=tf.string)).flat_values.numpy()
    places: dict[str, int] = {}
    for place, word in enumerate(spelled):
        places.setdefault(word.decode(), place)
    special = len(("", "[UNK]"))
    found = [*range(special), *(places.get(word, -1) for word in features.words[special:])]
    return np.array(found)
