import os
import signal
import threading
import time

import numpy as np
import pytest

from kseq.errors import TrainingInterrupted
from kseq.files import read_history
from kseq.training.backup import Backup
from kseq.training.interruption import StopOnSignal, TimeLimit
from tests.training.toys import STEPS, On, Record, fit, model, new_run, standard, train


@pytest.fixture(autouse=True)
def handlers_come_back():
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    yield
    assert [signal.getsignal(number) for number in numbers] == before


@pytest.fixture
def run(tmp_path):
    return new_run(tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """History and model of three epochs that nothing interrupted."""
    run = new_run(tmp_path_factory.mktemp("whole"))
    net = train(run, model(), options={"tensorboard": False})
    return read_history(run.history), net.get_weights()


def send(number=signal.SIGINT):
    os.kill(os.getpid(), number)
    time.sleep(0.01)  # the handler runs in between


def at(hook, epoch, batch, action=send):
    return On(hook, lambda e, b: action() if (e, b) == (epoch, batch) else None)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_the_batch_and_saves(run, number):
    net, record, notes = model(), Record(), []
    signalling = at("on_train_batch_begin", 1, 2, lambda: send(number))
    train(run, net, signalling, record, options={"notify": notes.append})
    assert run.status == "interrupted" and len(notes) == 1 and "once more" in notes[0]
    assert record.batches == STEPS + 3 and len(record.logs) == 1  # no epoch end for half an epoch
    assert read_history(run.history)["epoch"] == [0]

    again, other, seen = Record(), model(), []
    look = at("on_train_batch_begin", 1, 0, lambda: seen.extend(other.get_weights()))
    train(run, other, look, again)
    np.testing.assert_array_equal(seen[0], net.get_weights()[0])
    assert again.epochs == [1, 2] and read_history(run.history)["epoch"] == [0, 1, 2]
    assert run.status == "finished" and not run.backup.exists()
    assert other.optimizer.iterations == 3 * STEPS


def test_a_signal_in_the_first_epoch_leaves_a_run_that_resumes(run):
    train(run, model(), at("on_train_batch_begin", 0, 0))
    assert run.status == "interrupted" and run.backup.exists() and not run.model.exists()
    record = Record()
    train(run, model(), record)
    assert record.epochs == [0, 1, 2] and read_history(run.history)["epoch"] == [0, 1, 2]


def test_a_signal_during_validation_waits_for_the_epochs_end_and_loses_nothing(run, whole):
    train(run, model(), at("on_test_begin", 1, None))
    assert run.status == "interrupted" and read_history(run.history)["epoch"] == [0, 1]
    weights = train(run, model()).get_weights()
    history, expected = whole
    np.testing.assert_array_equal(weights[0], expected[0])
    assert read_history(run.history)["val_loss"] == pytest.approx(history["val_loss"])


def test_a_signal_during_the_last_validation_is_too_late_to_interrupt(run):
    train(run, model(), at("on_test_begin", 2, None))
    assert run.status == "finished"


def test_a_second_signal_stops_at_once(run):
    record = Record()
    with pytest.raises(KeyboardInterrupt) as caught:
        train(run, model(), at("on_train_batch_begin", 1, 2, lambda: [send(), send()]), record)
    assert not isinstance(caught.value, TrainingInterrupted)
    assert record.batches == STEPS + 2 and run.status == "interrupted"
    record = Record()
    train(run, model(), record)
    assert record.epochs == [1, 2] and read_history(run.history)["epoch"] == [0, 1, 2]


def test_stop_on_signal_alone():
    stop = StopOnSignal()
    with pytest.raises(TrainingInterrupted, match="SIGINT"):
        fit(model(), [at("on_train_batch_begin", 0, 1), stop])
    assert stop.interrupted
    fit(model(), [stop], epochs=1)
    assert not stop.interrupted


def test_a_note_that_cannot_be_written_does_no_harm(run):
    def reentrant(note):
        raise RuntimeError("reentrant call inside <_io.BufferedWriter name='<stdout>'>")

    train(run, model(), at("on_train_batch_begin", 0, 1), options={"notify": reentrant})
    assert run.status == "interrupted"


def test_handlers_come_back_after_another_exception(run):
    def fail():
        raise RuntimeError("bug")

    with pytest.raises(RuntimeError, match="bug"):
        train(run, model(), at("on_train_batch_begin", 1, 0, fail))
    assert run.status == "failed"


def test_training_outside_of_the_main_thread(run):
    thread = threading.Thread(target=lambda: train(run, model()))
    thread.start()
    thread.join()
    assert run.status == "finished"


@pytest.mark.parametrize(
    "hook, batch", [("on_epoch_begin", None), ("on_train_batch_begin", 3), ("on_epoch_end", None)]
)
def test_history_is_neither_doubled_nor_lost(run, whole, hook, batch):
    """As when the machine stops; at an epoch's end after the row and before the backup."""

    def crash():
        raise SystemExit

    callbacks = standard(run)
    place = next(i for i, callback in enumerate(callbacks) if isinstance(callback, Backup))
    callbacks.insert(place, at(hook, 1, batch, crash))
    with pytest.raises(SystemExit), run.training():
        fit(model(), callbacks)
    weights = train(run, model()).get_weights()
    history = read_history(run.history)
    assert history["epoch"] == [0, 1, 2]
    assert history["loss"] == pytest.approx(whole[0]["loss"])
    np.testing.assert_array_equal(weights[0], whole[1][0])


def test_best_value_patience_and_clock_go_on_where_they_were(run):
    options = {"patience": 4, "time_limit": 1000.0, "tensorboard": False}

    def spoil(epoch, batch):
        if epoch == 1:
            net.optimizer.learning_rate.assign(0.0)
            net.set_weights([weight * 0 + 100 for weight in net.get_weights()])
        if epoch == 3:
            send()

    net = model()
    train(run, net, On("on_epoch_begin", spoil), epochs=9, options=options)
    assert run.status == "interrupted" and len(read_history(run.history)["epoch"]) == 3
    best = run.model.read_bytes()
    callbacks, record, times = standard(run, **options), Record(), []
    limit = next(callback for callback in callbacks if isinstance(callback, TimeLimit))
    look = at("on_epoch_begin", 3, None, lambda: times.append(limit.elapsed))
    with run.training():
        fit(model(), [*callbacks, look, record], epochs=9)
    assert record.epochs == [3, 4]  # after 1 and 2 these two use the patience of four up
    assert run.model.read_bytes() == best and times[0] > 0
