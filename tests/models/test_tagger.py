import keras
import numpy as np
import pytest

from kseq.errors import UserError
from kseq.layers import CRFDecoder
from kseq.losses import CRFLoss
from kseq.models import SequenceEncoder, Tagger
from kseq.ops import crf
from tests.cell_names import every_cell_name
from tests.helpers import assert_all_close, randomise, to_numpy

SIZES = {"tokens": 20, "characters": 9, "casing": 5, "bigrams": 11}
LABELS = ("O", "B-X", "E-X", "I-X", "S-X")


def make(sizes=SIZES, head="crf", **options):
    encoder = SequenceEncoder(sizes, **{"units": 6, "character_units": 4, "seed": 2, **options})
    model = Tagger(encoder, LABELS, "BIOES", head=head)
    model.build()
    return randomise(model)


def batch(lengths=(7, 3, 1), time=7, sizes=SIZES, seed=0):
    rng = np.random.default_rng(seed)
    real = np.arange(time) < np.array(lengths)[:, None]
    shapes = {name: (*real.shape, 5) if name == "characters" else real.shape for name in sizes}
    found = {name: rng.integers(1, sizes[name], shape) for name, shape in shapes.items()}
    return {n: (x * real.reshape(real.shape + (1,) * (x.ndim - 2))).astype("int32") for n, x in found.items()}


@every_cell_name
def test_batched_is_one_by_one(cell):
    # JordanRNN's output is as wide as its state
    model, x = make(cell=cell, num_layers=2), batch()
    together = crf.unpack(model(x)).emissions
    for row, length in enumerate((7, 3, 1)):
        alone = {name: ids[row : row + 1, :length] for name, ids in x.items()}
        assert_all_close(together[row, :length], crf.unpack(model(alone)).emissions[0])


@pytest.mark.slow
@pytest.mark.parametrize(
    "head, options",
    [
        ({"scheme": "BIO"}, {}),
        ({"scheme": "BIO", "head": "softmax"}, {"bidirectional": False}),
        ({}, {"character_encoder": "lstm", "num_layers": 2}),
    ],
)
def test_it_learns_and_comes_back(head, options, tmp_path):
    keras.utils.set_random_seed(1)
    sizes = {"tokens": 20, "characters": 9}
    encoder = SequenceEncoder(sizes, units=8, dropout=0.1, word_dropout=0.1, seed=1, **options)
    model = Tagger(encoder, ("O", "B-X", "I-X"), **head)
    x = batch(np.tile([7, 3, 5, 6], 8), sizes=sizes)
    tags = np.where(x["tokens"] > 14, 1, 0)
    tags[:, 1:] += tags[:, :-1] * tags[:, 1:]
    model.compile(keras.optimizers.Adam(0.03), CRFLoss())
    losses = model.fit(x, np.minimum(tags, 2), batch_size=8, epochs=12, verbose=0).history["loss"]
    assert losses[-1] < 0.4 * losses[0]
    model.save(tmp_path / "tagger.keras")
    again = keras.models.load_model(tmp_path / "tagger.keras")
    assert again.encoder.config == model.encoder.config
    assert (again.labels, again.scheme, again.head) == (model.labels, model.scheme, model.head)
    assert_all_close(again(x), model(x), rtol=1e-6, atol=1e-6)


def test_tags_and_confidence():
    model, x = make(), batch()
    tags, confidence = (to_numpy(y) for y in model.tag(x))
    packed = model(x)
    np.testing.assert_array_equal(tags, to_numpy(CRFDecoder()(packed)))
    marginals = to_numpy(crf.marginals(crf.unpack(packed)))
    expected = np.take_along_axis(marginals, tags[..., None], -1)[..., 0]
    np.testing.assert_allclose(confidence, expected, atol=1e-6)
    real = x["tokens"] > 0
    assert not tags[~real].any() and not confidence[~real].any() and confidence[real].min() > 0


def test_wrong_arguments():
    with pytest.raises(UserError, match="`head` must be one of crf, softmax, got 'hmm'"):
        make(head="hmm")
