"""Two workers, or two parts of a CPU, learn what one process learns."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

import kseq.models  # noqa: F401  registers what is in the files
from kseq.errors import UserError
from kseq.training import launch
from kseq.training.distribution import make_strategy, worker

ROOT = Path(__file__).parents[2]


def program(folder, name, *before):
    """Returns what each pipeline learned under a strategy."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [*before, sys.executable, "-m", "tests.training.distributed", name, str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(file.read_text()) for file in sorted(folder.glob(f"{name}-*.json"))]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return program(tmp_path_factory.mktemp("alone"), "none")[0]


def same(found, alone):
    for task, expected in alone.items():
        for name, values in expected.items():
            if name not in ("weights", "steps"):
                np.testing.assert_allclose(found[task][name], values, atol=1e-4, rtol=1e-4, err_msg=task)
        assert found[task]["steps"] >= 50


@pytest.mark.slow
def test_two_workers(tmp_path, alone):
    launcher = [sys.executable, "-m", "kseq.training.launch", "-n", "2", "--"]
    first, second = program(tmp_path, "multi-worker", *launcher)
    same(first, alone)
    assert first == second  # the same figures, and bit-equal weights


@pytest.mark.slow
def test_a_killed_worker_and_a_state_that_only_the_other_has(tmp_path):
    """The language model, whose carried state is spread over the workers, ends as if nothing had been."""
    (tmp_path / "text.txt").write_text("the quick brown fox jumps over the lazy dog. " * 60)
    options = "--units 8 --embedding-dim 8 --batch-size 4 --time-steps 10 --dropout 0.2 --epochs 3"
    options += " --strategy multi-worker --time-limit none --backup-steps 3 --data text.txt"
    command = [sys.executable, "-m", "pipelines.language_model", "train", *options.split()]

    def start(name, *more):
        addresses = [f"127.0.0.1:{port}" for port in launch.free_ports(2)]
        return [launch.start([*command, "--name", name, *more], addresses, index) for index in range(2)]

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        patch.setenv("PYTHONPATH", str(ROOT))
        assert launch.wait(start("whole")) == 0
        processes = start("killed")
        backup = tmp_path / "runs" / ".worker-1" / "language_model" / "killed" / "backup"
        while len(states := sorted(backup.glob("state-*"))) < 2:
            assert processes[1].poll() is None
            time.sleep(0.01)
        processes[1].kill()
        assert launch.wait(processes) == 128 + signal.SIGKILL
        states[-1].unlink(missing_ok=True)
        assert launch.wait(start("killed", "--resume")) == 0
    whole, killed = (
        keras.models.load_model(tmp_path / "runs/language_model" / n / "model.keras")
        for n in ("whole", "killed")
    )
    for one, other in zip(whole.get_weights(), killed.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


WRONG = {
    "": "TF_CONFIG must be like",
    "{": "TF_CONFIG must be like",
    '{"cluster": {}, "task": {"type": "worker", "index": 0}}': "TF_CONFIG must be like",
    '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker"}}': "TF_CONFIG must be like",
}


@pytest.mark.parametrize(("config", "message"), WRONG.items())
def test_a_wrong_cluster(monkeypatch, config, message):
    monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(UserError, match=message):
        make_strategy("multi-worker")


def test_no_cluster_and_no_strategy(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(UserError, match="needs the environment variable TF_CONFIG.*kseq.training.launch"):
        make_strategy("multi-worker")
    with pytest.raises(UserError, match="did you mean `mirrored`"):
        make_strategy("mirored")
    assert make_strategy("none") is None and worker() == 0


SAY = "import json, os; c = json.loads(os.environ['TF_CONFIG']); "
SAY += "print(c['task']['index'], len(c['cluster']['worker']))"


def test_launch_gives_each_its_number(capfd):
    assert launch.main(["-n", "3", "--", sys.executable, "-c", SAY]) == 0
    assert sorted(capfd.readouterr().out.splitlines()) == ["0 3", "1 3", "2 3"]


def test_launch_one_of_several_hosts(capfd):
    hosts = ["--hosts", "a:1", "b:2", "c:3"]
    assert launch.main([*hosts, "--index", "2", "--", sys.executable, "-c", SAY]) == 0
    assert capfd.readouterr().out == "2 3\n"
    with pytest.raises(SystemExit):
        launch.main([*hosts, "--index", "3", "--", "true"])
    assert "`--index` must be 0 to 2 for these hosts, got 3" in capfd.readouterr().err


def test_launch_ends_the_others_when_one_fails():
    code = "import json, os, sys, time; sys.exit(3) if json.loads(os.environ['TF_CONFIG'])['task']['index']"
    assert launch.main(["-n", "2", "--", sys.executable, "-c", code + " else time.sleep(60)"]) == 3
