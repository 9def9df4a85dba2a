import keras
import numpy as np
import pytest
from keras import ops

from kseq.errors import UserError
from kseq.losses import NextTokenLoss
from kseq.metrics import TokenLoss
from kseq.models import ClassEncoder, RegionEncoder, Seq2Seq, SequenceEncoder, VectorEncoder
from kseq.models.scheduled_sampling import draw
from kseq.ops.loops import scan
from tests.cell_names import every_cell_name
from tests.gradients import gradients
from tests.helpers import assert_all_close, length_mask, normal, randomise, soiled, to_numpy

SOURCE_SIZE, TARGET_SIZE, BOS, EOS = 11, 9, 2, 3
VARIANTS = {
    "additive": {},
    "general": {"attention": "general", "num_layers": 2, "bridge": "mean"},
    "dot": {"attention": "dot", "units": 8, "encoder": {"units": 4}},
    "scaled_dot": {"attention": "scaled_dot", "units": 8, "encoder": {"units": 4}, "num_layers": 2},
    "none": {"attention": "none", "encoder": {"bidirectional": False}},
    "none_fed": {"attention": "none", "feed_summary": True, "num_layers": 2, "cell": "gru"},
    "coverage": {"coverage": True, "num_layers": 2},
    "feeding": {"input_feeding": True},
    "feeding_deep": {"input_feeding": True, "num_layers": 3, "coverage": True, "cell": "gru"},
    "one_way": {"num_layers": 2, "encoder": {"bidirectional": False, "cell": "gru", "num_layers": 2}},
    "tied": {"tie_weights": True, "embedding_dim": 5, "num_layers": 2, "feed_summary": True},
}
every_variant = pytest.mark.parametrize("variant", VARIANTS)


def make(variant="additive", weights=True, **options):
    options = {"units": 6, "seed": 1, **VARIANTS[variant], **options}
    reading = {"units": 3, "dropout": 0.0, "widths": {"tokens": 5}, "seed": 2, **options.pop("encoder", {})}
    model = Seq2Seq(SequenceEncoder({"tokens": SOURCE_SIZE}, **reading), TARGET_SIZE, **options)
    model.build()
    return randomise(model) if weights else model


def ids(size, lengths, time, seed=0):
    drawn = np.random.default_rng(seed).integers(4, size, (len(lengths), time))
    return np.where(length_mask(lengths, time), drawn, 0).astype("int32")


def batch(source_lengths=(5, 2, 4), target_lengths=(4, 6, 1), target_time=6):
    target = ids(TARGET_SIZE, target_lengths, target_time, seed=1)
    target[:, 0] = BOS
    return {"source": ids(SOURCE_SIZE, source_lengths, 5), "target_in": target}


def by_steps(model, x, beams=1):
    """Returns the log-probabilities of the fed targets, `(batch, steps, vocabulary)`, and the last states."""
    memory = model.encode(x["source"], x.get("source_mask"))
    start, states = model.start(memory, track_attention=model.decoder.attention is not None)
    assert to_numpy(start).tolist() == [BOS] * len(x["target_in"]) and "int32" in str(start.dtype)
    states = keras.tree.map_structure(lambda s: ops.repeat(s, beams, axis=0), states)
    step, found = model.step_function(memory), []
    for t in range(x["target_in"].shape[1]):
        log_probs, states = step(ops.convert_to_tensor(np.repeat(x["target_in"][:, t], beams)), states)
        found.append(to_numpy(log_probs))
    return np.stack(found, axis=1), states


def log_probs(logits):
    return to_numpy(ops.log_softmax(ops.cast(logits, "float32")))


@every_variant
def test_step_by_step_is_all_at_once(variant):
    model, x = make(variant), batch()
    logits = model(x)
    assert logits.shape == (3, 6, TARGET_SIZE)
    found, states = by_steps(model, x)
    assert_all_close(found, log_probs(logits))
    if model.decoder.attention is not None:
        attention = to_numpy(model.attention(x))
        assert_all_close(states["attention"], attention.sum(1))
        np.testing.assert_allclose(attention.sum(-1), 1.0, rtol=1e-5)
        assert not attention[np.broadcast_to(x["source"][:, None] == 0, attention.shape)].any()


@every_cell_name
def test_every_cell_on_either_side(cell):
    model, x = make(cell=cell, num_layers=2, encoder={"cell": cell}), batch()
    assert_all_close(by_steps(model, x)[0], log_probs(model(x)))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="sizes that are not known when traced")
@pytest.mark.parametrize("variant", ["none_fed", "coverage", "feeding_deep"])
def test_in_a_graph_that_knows_no_sizes(variant):
    import tensorflow as tf

    model, x = make(variant), batch()

    @tf.function(input_signature=[tf.TensorSpec([None, None], "int32")] * 2)
    def run(source, target):
        memory = model.encode(source)
        _, states = model.start(memory)
        states = tf.nest.map_structure(lambda s: tf.repeat(s, 2, axis=0), states)
        step = model.step_function(memory)

        def body(states, now):
            log_p, states = step(now[0], states)
            return states, (log_p,)

        last = tf.transpose(tf.repeat(target, 2, axis=0))
        like = [keras.KerasTensor((None, TARGET_SIZE), "float32")]
        return scan(body, states, [last], like)[1][0], model({"source": source, "target_in": target})

    found, logits = run(x["source"], x["target_in"])
    assert_all_close(logits, model(x))
    assert_all_close(np.swapaxes(found[:, ::2], 0, 1), log_probs(logits))
    assert_all_close(found[:, ::2], found[:, 1::2])


@every_variant
def test_beams_share_a_memory(variant):
    model, x, beams = make(variant), batch(), 3
    rng = np.random.default_rng(3)
    tiled = {name: np.repeat(array, beams, axis=0) for name, array in x.items()}
    tiled["target_in"] = rng.integers(4, TARGET_SIZE, tiled["target_in"].shape).astype("int32")
    expected = log_probs(model(tiled))

    memory = model.encode(x["source"])
    states = keras.tree.map_structure(lambda s: ops.repeat(s, beams, axis=0), model.start(memory)[1])
    step = model.step_function(memory)
    for t in range(6):
        found, states = step(ops.convert_to_tensor(tiled["target_in"][:, t]), states)
        assert_all_close(found, expected[:, t])


@pytest.mark.parametrize(
    ("variant", "compiled"),
    [*((variant, False) for variant in VARIANTS), pytest.param("feeding_deep", True, marks=pytest.mark.slow)],
)
def test_the_loop_is_the_parallel_path(variant, compiled):
    """In numbers and gradients, with the same dropout masks; a share of 1 is teacher forcing."""
    x, weights, found = batch(), normal(3, 6, TARGET_SIZE), []
    for level in (None, "embedding"):
        model = make(variant, dropout=0.3, recurrent_dropout=0.2)

        def loss(model=model, level=level):
            return ops.sum(model._write(x, True, level, 1.0)[0] * weights)

        found.append((loss(), gradients(loss, [], model.trainable_variables, compiled)[1]))
    assert_all_close(found[1], found[0], rtol=1e-3)
    assert all(np.abs(gradient).max() > 0 for gradient in found[0][1]), "a weight without use"


@every_variant
def test_padding_changes_nothing(variant):
    model, x = make(variant), batch()
    expected, real = to_numpy(model(x)), x["target_in"] != 0
    garbage = np.where(real, x["target_in"], ids(TARGET_SIZE, (6, 6, 6), 6, seed=5))
    np.testing.assert_allclose(to_numpy(model({**x, "target_in": garbage}))[real], expected[real], rtol=1e-5)
    for row, (source, target) in enumerate(((5, 4), (2, 6), (4, 1))):
        one = {
            "source": x["source"][row : row + 1, :source],
            "target_in": x["target_in"][row : row + 1, :target],
        }
        assert_all_close(model(one)[0], expected[row, :target])


def test_the_gradient_of_padding_is_zero():
    model, x, y = make("feeding"), batch(), ids(TARGET_SIZE, (4, 6, 1), 6, seed=4)
    weights = (y != 0).astype("float32")
    garbage = {**x, "target_in": np.where(y != 0, x["target_in"], 7)}

    def by(x):
        return gradients(lambda: NextTokenLoss(0.1)(y, model(x), weights), [], model.trainable_variables)[1]

    assert_all_close(by(garbage), by(x))


@pytest.mark.parametrize("attention", ["additive", "none"])
@pytest.mark.parametrize("bridge", ["last", "mean"])
def test_a_numeric_source(bridge, attention, tmp_path):
    encoder = SequenceEncoder(units=3, dropout=0.0, seed=1)
    model = Seq2Seq(encoder, TARGET_SIZE, "gru", 4, bridge=bridge, attention=attention, seed=1)
    mask, source = length_mask((5, 2, 4), 5), normal(3, 5, 2)
    x = {"source": source, "source_mask": mask, "target_in": batch()["target_in"]}
    found = model(x)
    assert_all_close(model({**x, "source": soiled(source, mask)}), found)
    assert_all_close(by_steps(model, x)[0], log_probs(found))
    assert_all_close(model({"source": source[1:2, :2], "target_in": x["target_in"][1:2]})[0], found[1])
    model.save(tmp_path / "model.keras")
    assert_all_close(keras.saving.load_model(tmp_path / "model.keras")(x), found, rtol=1e-6)


def test_regions(tmp_path):
    encoder = RegionEncoder(5, dropout=0.2, seed=1)
    model = Seq2Seq(encoder, TARGET_SIZE, units=6, bridge="mean", num_layers=2, seed=1)
    mask, source = length_mask((5, 2, 4), 5), normal(3, 5, 7)
    x = {"source": source, "source_mask": mask, "target_in": batch()["target_in"]}
    found = model(x)
    assert_all_close(model({**x, "source": soiled(source, mask)}), found)
    assert_all_close(by_steps(model, x)[0], log_probs(found))
    order = [3, 0, 4, 1, 2]
    assert_all_close(model({**x, "source": source[:, order], "source_mask": mask[:, order]}), found)
    assert not np.allclose(model(x, training=True), found)
    model.save(tmp_path / "model.keras")
    assert_all_close(keras.saving.load_model(tmp_path / "model.keras")(x), found, rtol=1e-6)


@pytest.mark.parametrize("feed_summary", [False, True])
@pytest.mark.parametrize(
    ("encoder", "source"),
    [
        (lambda: ClassEncoder(4, 5, seed=1), np.array([3, 0, 1], "int32")),
        (lambda: VectorEncoder(7, dropout=0.2, seed=1), normal(3, 7)),
    ],
    ids=["class", "vector"],
)
def test_one_to_many(encoder, source, feed_summary, tmp_path):
    options = {"attention": "none", "feed_summary": feed_summary, "num_layers": 2, "seed": 1}
    model = Seq2Seq(encoder(), TARGET_SIZE, units=6, **options)
    x = {"source": source, "target_in": np.repeat(batch()["target_in"][:1], 3, axis=0)}
    found = to_numpy(model(x))
    assert_all_close(by_steps(model, x)[0], log_probs(found))
    assert np.abs(found[0] - found[1]).max() > 1e-3
    model.save(tmp_path / "model.keras")
    assert_all_close(keras.saving.load_model(tmp_path / "model.keras")(x), found, rtol=1e-6)


def test_free_running_is_a_share_of_zero():
    model, x = make("feeding", sampling="embedding"), batch()
    free = to_numpy(model.free_running_logits(x))
    model.true_share.assign(0.0)
    assert_all_close(model(x, training=True), free)
    fed = x["target_in"].copy()
    fed[:, 1:] = free[:, :-1].argmax(-1)
    assert_all_close(model({**x, "target_in": fed}), free)
    assert np.abs(to_numpy(model(x)) - free).max() > 1e-2  # evaluation feeds the truth


def test_what_is_fed_by_level():
    share, x = 0.0, batch()
    model = make(attention="none", units=4)
    memory, table = model.encode(x["source"]), to_numpy(model.tokens.table)
    states = model.start(memory)[1]
    output, states, _ = model.decoder.step(table[x["target_in"][:, 0]], states, memory)
    p = np.exp(log_probs(model.tokens.logits(output)))

    mean = model.tokens.logits(model.decoder.step((p @ table).astype("float32"), states, memory)[0])
    assert_all_close(model._write(x, False, "mean_embedding", share)[0][:, 1], mean)

    of_each = [model.decoder.step(table[[k] * 3], states, memory)[0] for k in range(TARGET_SIZE)]
    of_each = np.stack([to_numpy(model.tokens.logits(o)) for o in of_each])  # (token, batch, vocabulary)
    draws = 500
    many = {name: np.repeat(array, draws, axis=0) for name, array in x.items()}
    second = to_numpy(model._write(many, False, "output", share)[0])[:, 1].reshape(3, draws, -1)
    for row in range(3):
        distance = np.abs(second[row][:, None] - of_each[:, row]).max(-1)  # (draw, token)
        assert distance.min(1).max() < 1e-3
        counts = np.bincount(distance.argmin(1), minlength=TARGET_SIZE)
        assert np.abs(counts / draws - p[row]).max() < 4 * np.sqrt(0.25 / draws)


def test_the_share_is_the_chance_of_a_true_token():
    model = make(sampling="output")
    embedded = normal(40, 50, 2)
    x, is_fed, uniform = (
        to_numpy(a) for a in draw(ops.convert_to_tensor(embedded), 0.7, model.sampling_seed)
    )
    np.testing.assert_array_equal(x, embedded.swapaxes(0, 1))
    assert is_fed.shape == (50, 40, 1) and uniform.shape == (50, 40) and set(np.unique(is_fed)) == {0, 1}
    assert is_fed[0].all() and abs(is_fed[1:].mean() - 0.7) < 0.05


@pytest.mark.parametrize("level", ["output", "embedding", "mean_embedding"])
def test_gradients_of_sampling(level):
    model, x = make("feeding", sampling=level), batch()
    model.true_share.assign(0.5)
    weights = normal(3, 6, TARGET_SIZE)
    compiled = level == "mean_embedding"
    found = gradients(
        lambda: ops.sum(model(x, training=True) * weights), [], model.trainable_variables, compiled
    )[1]
    assert all(np.isfinite(gradient).all() and np.abs(gradient).max() > 0 for gradient in found)


def test_shared_and_tied_embeddings_are_one_matrix(tmp_path):
    encoder = SequenceEncoder({"tokens": TARGET_SIZE}, units=3, widths={"tokens": 5}, dropout=0.0)
    model = Seq2Seq(encoder, TARGET_SIZE, units=6, share_embeddings=True, tie_weights=True)
    x = batch()
    x["source"] = np.minimum(x["source"], TARGET_SIZE - 1)
    model(x)
    tables = [w for w in model.trainable_variables if tuple(w.shape) == (TARGET_SIZE, 5)]
    assert len(tables) == 1 and model.tokens.embedding is encoder.embeddings["tokens"]
    assert np.std(to_numpy(tables[0])) < 0.2
    randomise(model)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert_all_close(again(x), model(x), rtol=1e-6)
    assert again.tokens.embedding is again.encoder.embeddings["tokens"]


@every_variant
def test_config_and_file_round_trip(variant, tmp_path):
    model, x = make(variant, dropout=0.1, word_dropout=0.1, sampling="output"), batch()
    model.true_share.assign(0.25)
    copy = Seq2Seq.from_config(model.get_config())
    assert copy.get_config() == model.get_config()
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.get_config() == model.get_config()
    assert_all_close(again(x), model(x), rtol=1e-6)
    assert float(to_numpy(again.true_share)) == 0.25


def test_a_seed_fixes_weights_dropout_and_sampling():
    x = batch()
    options = {"dropout": 0.3, "recurrent_dropout": 0.2, "word_dropout": 0.2, "sampling": "output"}
    one, same, other = (make(weights=False, seed=seed, num_layers=2, **options) for seed in (3, 3, 4))
    for model in (one, same):
        model.true_share.assign(0.5)
    assert_all_close(one.weights, same.weights, rtol=0, atol=0)
    for _ in range(2):
        assert_all_close(one(x, training=True), same(x, training=True))
    assert not np.allclose(one(x, training=True), one(x, training=True))
    assert_all_close(one(x), one(x), rtol=0, atol=0)
    pairs = zip(one.decoder.trainable_variables, other.decoder.trainable_variables, strict=True)
    assert all(not np.allclose(a, b) for a, b in pairs if "bias" not in a.name)


def test_word_dropout_hides_words_in_training_alone():
    model, target = make(word_dropout=0.5), batch()["target_in"]
    table = to_numpy(model.tokens.table)
    assert_all_close(model.tokens(target), table[target])
    seen = to_numpy(model.tokens(target, training=True))
    hidden = (seen == table[1]).all(-1)
    assert 0 < hidden.sum() < (target > 0).sum() and not hidden[target == 0].any()
    np.testing.assert_array_equal(seen[~hidden], table[target][~hidden])


def test_mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model, x = make("feeding_deep", tie_weights=True), batch()
        exact = log_probs(model(x))
        memory = model.encode(x["source"])
        start, states = model.start(memory)
        log_p, after = model.step_function(memory)(start, states)
    finally:
        keras.config.set_dtype_policy(before)
    kinds = [
        [keras.backend.standardize_dtype(s.dtype) for s in keras.tree.flatten(s)] for s in (states, after)
    ]
    assert kinds[0] == kinds[1] and set(kinds[0]) == {"bfloat16", "float32"}
    assert keras.backend.standardize_dtype(log_p.dtype) == "float32"
    assert_all_close(log_p, exact[:, 0], rtol=0.1, atol=0.1)


def greedy(model, source, steps):
    memory = model.encode(source)
    last, states = model.start(memory)
    step, found = model.step_function(memory), []
    for _ in range(steps):
        log_p, states = step(last, states)
        last = ops.cast(ops.argmax(log_p, axis=-1), "int32")
        found.append(to_numpy(last))
    return np.stack(found, axis=1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{}, {"input_feeding": True, "attention": "general"}], ids=["plain", "feeding"]
)
def test_it_learns_to_reverse(options):
    rng = np.random.default_rng(0)
    source = np.zeros((512, 5), "int32")
    target = np.zeros((512, 6), "int32")
    for row, length in enumerate(rng.integers(1, 6, 512)):
        source[row, :length] = rng.integers(4, 10, length)
        target[row, : length + 1] = [*source[row, :length][::-1], EOS]
    fed = np.concatenate([np.full((512, 1), BOS, "int32"), target[:, :-1]], axis=1)
    encoder = SequenceEncoder({"tokens": 10}, cell="gru", units=16, widths={"tokens": 8}, dropout=0.0, seed=1)
    model = Seq2Seq(encoder, 10, "gru", 32, embedding_dim=16, seed=1, **options)
    adam = keras.optimizers.Adam(0.005, global_clipnorm=1.0)
    model.compile(adam, NextTokenLoss(), weighted_metrics=[TokenLoss()])
    keras.utils.set_random_seed(1)
    x, weights = {"source": source, "target_in": fed}, (target != 0).astype("float32")
    history = model.fit(x, target, sample_weight=weights, batch_size=64, epochs=24, verbose=0).history
    assert history["nats"][-1] < 0.04
    right = greedy(model, source, 6)
    ended = np.cumsum(right == EOS, axis=1) - (right == EOS) > 0
    assert (np.where(ended, 0, right) == target).all(1).mean() > 0.97


@pytest.mark.slow
def test_it_learns_a_sequence_for_each_class():
    y = np.array([[4, 5, 6, EOS], [7, 7, EOS, 0], [5, 4, 8, EOS]], "int32")
    fed = np.concatenate([np.full((3, 1), BOS, "int32"), y[:, :-1]], axis=1)
    model = Seq2Seq(ClassEncoder(3, 8, seed=1), TARGET_SIZE, "gru", 16, attention="none", seed=1)
    model.compile(keras.optimizers.Adam(0.03), NextTokenLoss(), run_eagerly=True)
    x = {"source": np.arange(3, dtype="int32"), "target_in": fed}
    model.fit(x, y, sample_weight=(y != 0).astype("float32"), epochs=40, verbose=0)
    found = greedy(model, x["source"], 4)
    np.testing.assert_array_equal(np.where(y != 0, found, 0), y)


ENCODER = SequenceEncoder({"tokens": SOURCE_SIZE}, units=3, widths={"tokens": 5})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"vocab_size": 0}, "`vocab_size` must be positive, got 0"),
        ({"cell": "lsmt"}, "`cell` must be one of .*did you mean `lstm`"),
        ({"units": -1}, "`units` must be positive, got -1"),
        ({"num_layers": 0}, "`num_layers` must be positive, got 0"),
        ({"embedding_dim": 0}, "`embedding_dim` must be positive, got 0"),
        ({"attention": "bahdanau"}, "`attention` must be one of additive, dot, general, none, scaled_dot"),
        ({"attention": "none", "coverage": True}, "`coverage` needs attention, got `attention` 'none'"),
        ({"attention": "dot", "coverage": True}, "`coverage` needs the score 'additive', got 'dot'"),
        ({"bridge": "first"}, "`bridge` must be one of last, mean, got 'first'"),
        ({"dropout": 1.0}, "`dropout` must be at least 0 and below 1, got 1.0"),
        ({"recurrent_dropout": -1}, "`recurrent_dropout` must be at least 0 and below 1, got -1"),
        ({"word_dropout": 2}, "`word_dropout` must be at least 0 and below 1, got 2"),
        ({"sampling": "all"}, "`sampling` must be one of embedding, mean_embedding, output, got 'all'"),
        ({"bos_id": -1}, "`bos_id` must not be negative, got -1"),
        ({"encoder": ClassEncoder(3)}, "`attention` must be 'none' for a ClassEncoder, got 'additive'"),
        (
            {"encoder": VectorEncoder(3), "attention": "none", "bridge": "mean"},
            "`bridge` must be 'last' for a VectorEncoder, got 'mean'",
        ),
        ({"encoder": RegionEncoder(3)}, "`bridge` must be 'mean' for a RegionEncoder, got 'last'"),
        (
            {"encoder": SequenceEncoder({"tokens": 5, "casing": 3})},
            r"`encoder` must read tokens alone, got \['casing', 'tokens'\]",
        ),
        (
            {"share_embeddings": True},
            r"`share_embeddings` needs an encoder of 9 tokens, got \{'tokens': 11\}",
        ),
        (
            {"share_embeddings": True, "vocab_size": SOURCE_SIZE, "embedding_dim": 4},
            "`embedding_dim` must be 5 as in the encoder, got 4",
        ),
    ],
)
def test_what_cannot_be_is_named(arguments, message):
    with pytest.raises(UserError, match=message):
        Seq2Seq(**{"encoder": ENCODER, "vocab_size": TARGET_SIZE, "units": 6, **arguments})


def test_wrong_inputs():
    with pytest.raises(UserError, match=r"keys source and target_in, got \['source', 'target'\]"):
        x = batch()
        make()({"source": x["source"], "target": x["target_in"]})
    with pytest.raises(UserError, match="`attention` must not be 'none' for weights"):
        make("none").attention(batch())
    with pytest.raises(UserError, match="`track_attention` needs attention, got `attention` 'none'"):
        model = make("none")
        model.start(model.encode(batch()["source"]), track_attention=True)
