import keras
import numpy as np
import pytest
from keras import ops

from kseq.errors import UserError
from kseq.layers import Attention
from tests.gradients import gradients
from tests.helpers import assert_all_close, masks, normal, numpy_weights, randomise, soiled, to_numpy
from tests.reference import attention as twin

BATCH, STEPS, SOURCE, QUERY, MEMORY = 4, 3, 5, 6, 4
MASKS = masks(BATCH, SOURCE)
VARIANTS = {
    "additive": {"units": 7},
    "coverage": {"score": "additive", "coverage": True},
    "general": {"score": "general"},
    "dot": {"score": "dot"},
    "scaled_dot": {"score": "scaled_dot"},
}
every_variant = pytest.mark.parametrize("variant", VARIANTS)


def make(variant):
    """Returns a layer with random weights, queries and a memory."""
    width = QUERY if variant.endswith("dot") else MEMORY
    layer = Attention(**VARIANTS[variant])
    layer.build((None, None, QUERY), (None, None, width))
    return randomise(layer), normal(BATCH, STEPS, QUERY), normal(BATCH, SOURCE, width, seed=1)


@every_variant
@pytest.mark.parametrize("kind", MASKS)
def test_against_numpy(variant, kind):
    layer, queries, memory = make(variant)
    mask = MASKS[kind]
    real = np.ones((BATCH, SOURCE), bool) if mask is None else mask
    found = layer(queries, memory if mask is None else soiled(memory, mask), memory_mask=mask)
    expected = twin.attend(layer.score, queries, memory, real, numpy_weights(layer))
    assert_all_close(found, expected)
    assert not to_numpy(found[1])[np.broadcast_to(~real[:, None], found[1].shape)].any()


@every_variant
def test_step_by_step_is_all_at_once(variant):
    layer, queries, memory = make(variant)
    source = layer.read(memory, MASKS["right"])
    expected = [to_numpy(x) for x in layer(queries, memory, memory_mask=MASKS["right"])]
    summed = np.zeros((BATCH, SOURCE), "float32")
    for t in range(STEPS):
        found = layer.step(queries[:, t], source, summed)
        assert_all_close(found, [x[:, t] for x in expected])
        summed = summed + to_numpy(found[1])


@every_variant
def test_beams_share_a_memory(variant):
    layer, queries, memory = make(variant)
    mask, summed = MASKS["right"], np.abs(normal(BATCH * STEPS, SOURCE, seed=2))
    rows = queries.reshape(-1, QUERY)  # the steps as beams
    shared = layer.step(rows, layer.read(memory, mask), summed)
    tiled = layer.read(np.repeat(memory, STEPS, axis=0), np.repeat(mask, STEPS, axis=0))
    assert_all_close(shared, layer.step(rows, tiled, summed))


@every_variant
def test_gradients(variant):
    """Nothing is NaN, every weight is of use, the padding gets nothing, a graph computes the same."""
    layer, queries, memory = make(variant)
    mask, weights = MASKS["gaps"], normal(BATCH, STEPS, memory.shape[-1], seed=3)  # the first row is empty

    def loss(queries, memory):
        return ops.sum(ops.square(layer(queries, memory, memory_mask=mask)[0] - weights))

    inputs = [queries, soiled(memory, mask)]
    found = gradients(loss, inputs, layer.trainable_variables)
    (by_queries, by_memory), by_weights = found
    assert np.isfinite(by_queries).all() and not by_queries[0].any() and not by_memory[~mask].any()
    assert all(np.abs(gradient).max() > 0 for gradient in (by_queries, by_memory, *by_weights))
    compiled = gradients(loss, inputs, layer.trainable_variables, compiled=True)
    assert_all_close(compiled, found, rtol=1e-3)


@every_variant
def test_in_a_functional_model_with_the_mask_of_an_embedding(variant, tmp_path):
    layer, queries, memory = make(variant)
    queries_in, ids_in = keras.Input((None, QUERY)), keras.Input((None,), dtype="int32")
    embedded = keras.layers.Embedding(9, memory.shape[-1], mask_zero=True)(ids_in)
    model = keras.Model([queries_in, ids_in], layer(queries_in, embedded))
    ids = np.array([[3, 4, 5, 6, 7], [3, 4, 0, 0, 0], [8, 0, 0, 0, 0], [4, 4, 4, 1, 0]], "int32")
    found = model([queries, ids])
    assert not to_numpy(found[1])[np.broadcast_to(ids[:, None] == 0, found[1].shape)].any()
    model.save(tmp_path / "model.keras")
    assert_all_close(keras.saving.load_model(tmp_path / "model.keras")([queries, ids]), found, rtol=1e-6)


def test_mixed_precision_keeps_the_weights_in_float32():
    exact, queries, memory = make("coverage")
    layer = Attention(**VARIANTS["coverage"], dtype="mixed_bfloat16")
    layer.build(queries.shape, memory.shape)
    layer.set_weights(exact.get_weights())
    context, weights = layer(queries, memory)
    assert [keras.backend.standardize_dtype(x.dtype) for x in (context, weights)] == ["bfloat16", "float32"]
    assert_all_close((context, weights), exact(queries, memory), rtol=0.1, atol=0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"score": "bahdanau"}, "`score` must be one of additive, dot, general, scaled_dot, got 'bahdanau'"),
        ({"units": 0}, "`units` must be positive, got 0"),
        ({"score": "dot", "coverage": True}, "`coverage` needs the score 'additive', got 'dot'"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(UserError, match=message):
        Attention(**arguments)


def test_a_dot_product_of_different_widths():
    with pytest.raises(
        UserError, match="'dot' needs queries and memory of one width, got 6 and 4; 'general'"
    ):
        Attention("dot")(normal(2, 3, 6), normal(2, 5, 4))
