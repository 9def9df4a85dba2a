import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kseq.data import contiguous_streams, num_chunks
from kseq.errors import UserError

BOS = 2


def batches(ids, **arguments):
    return list(contiguous_streams(np.asarray(ids), bos_id=BOS, **arguments).as_numpy_iterator())


def rows(chunks, take):
    """Chunks laid end to end again: (batch, chunks * time)."""
    return np.concatenate([take(chunk) for chunk in chunks], axis=1)


def test_worked_example_of_the_docstring():
    first, second = batches(np.arange(10, 20), batch_size=2, time_steps=3)
    assert first[0]["tokens"].tolist() == [[2, 10, 11], [14, 15, 16]]
    assert first[0]["reset"].tolist() == [True, True]
    assert first[1].tolist() == [[10, 11, 12], [15, 16, 17]]
    assert first[2].tolist() == [[1, 1, 1], [1, 1, 1]]
    assert second[0]["tokens"].tolist() == [[12, 13, 0], [17, 18, 0]]
    assert second[0]["reset"].tolist() == [False, False]
    assert second[1].tolist() == [[13, 14, 0], [18, 19, 0]]
    assert second[2].tolist() == [[1, 1, 0], [1, 1, 0]]


def test_shapes_and_dtypes_are_static():
    dataset = contiguous_streams(np.arange(3, 100), 4, 7, bos_id=BOS)
    inputs, targets, weights = dataset.element_spec
    assert inputs["tokens"] == tf.TensorSpec((4, 7), tf.int32)
    assert inputs["reset"] == tf.TensorSpec((4,), tf.bool)
    assert targets == tf.TensorSpec((4, 7), tf.int32)
    assert weights == tf.TensorSpec((4, 7), tf.float32)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_every_token_is_a_target_once_in_order(data):
    batch_size = data.draw(st.integers(1, 5))
    time_steps = data.draw(st.integers(1, 6))
    # 0 and the start id may stand in the text too
    ids = data.draw(st.lists(st.integers(0, 9), min_size=2 * batch_size, max_size=60))
    chunks = batches(ids, batch_size=batch_size, time_steps=time_steps)
    assert len(chunks) == num_chunks(len(ids), batch_size, time_steps)

    tokens = rows(chunks, lambda chunk: chunk[0]["tokens"])
    targets = rows(chunks, lambda chunk: chunk[1])
    real = rows(chunks, lambda chunk: chunk[2]) == 1
    assert np.concatenate([targets[r][real[r]] for r in range(batch_size)]).tolist() == ids
    before = np.concatenate([tokens[r][real[r]] for r in range(batch_size)]).tolist()
    assert before == [BOS, *ids[:-1]]

    lengths = real.sum(axis=1)
    assert lengths.max() - lengths.min() <= 1
    assert (real == (np.arange(real.shape[1]) < lengths[:, None])).all()  # padding on the right
    assert not tokens[~real].any() and not targets[~real].any()
    assert lengths.min() > 0 and chunks[-1][2].any()  # no empty row, no empty chunk
    resets = np.stack([chunk[0]["reset"] for chunk in chunks])
    assert resets[0].all() and not resets[1:].any()


def test_num_chunks_is_the_length_of_the_dataset():
    assert num_chunks(12, 2, 3) == 2
    assert num_chunks(13, 2, 3) == 3
    assert len(contiguous_streams(np.arange(13), 2, 3, bos_id=BOS)) == 3


def test_repeat_starts_the_streams_over():
    dataset = contiguous_streams(np.arange(3, 15), 2, 4, bos_id=BOS, repeat=True)
    seen = list(dataset.take(5).as_numpy_iterator())
    assert [chunk[0]["reset"].all() for chunk in seen] == [True, False, True, False, True]
    np.testing.assert_array_equal(seen[0][0]["tokens"], seen[2][0]["tokens"])


def test_time_steps_longer_than_the_text_give_one_padded_chunk():
    (chunk,) = batches(range(5, 11), batch_size=2, time_steps=50)
    assert chunk[2].sum() == 6


def test_text_shorter_than_one_batch_says_what_to_lower():
    with pytest.raises(UserError) as error:
        contiguous_streams(np.arange(9), 5, 4, bos_id=BOS)
    message = str(error.value)
    assert "9 tokens" in message and "`batch_size=5` needs at least 10" in message
    assert "lower `batch_size` to at most 4" in message
    assert "\n" not in message
    with pytest.raises(UserError, match="0 tokens.*give more text"):
        contiguous_streams(np.zeros(0, np.int32), 1, 4, bos_id=BOS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "`batch_size` must be positive, got 0"),
        ({"time_steps": -3}, "`time_steps` must be positive, got -3"),
        ({"ids": np.zeros((4, 4), np.int32)}, "`ids` must be a vector of integers"),
        ({"ids": np.zeros(8)}, "`ids` must be a vector of integers, got float64"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    arguments = {"ids": np.arange(20), "batch_size": 2, "time_steps": 3, "bos_id": BOS} | arguments
    with pytest.raises(ValueError, match=message):
        contiguous_streams(**arguments)
