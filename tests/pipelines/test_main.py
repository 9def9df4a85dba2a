import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from kseq.errors import UserError, positive
from pipelines.config import option
from pipelines.pipeline import Pipeline, Verb, main

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Options:
    units: int = option(4, "width")
    fail: str = option("", "how to fail")

    def __post_init__(self):
        positive("units", self.units)


def run(options):
    errors = {
        "user": UserError("no such file `a.txt`"),
        "lines": UserError("first\nsecond"),
        "bug": RuntimeError("a bug"),
        "value": ValueError("a bug too"),
        "interrupt": KeyboardInterrupt(),
    }
    if options.fail:
        raise errors[options.fail]
    print("units", options.units)
    return 3 if options.units == 33 else None


TOY = Pipeline(
    "toy",
    "Plays.",
    (
        Verb("train", "Trains it.", Options, run, config_file=True, tensorflow=False),
        Verb("evaluate", "Measures it.", Options, run, tensorflow=False),
    ),
)


def test_a_verb_runs_with_its_options(capsys):
    assert main(TOY, ["train", "--units", "7"]) == 0
    assert capsys.readouterr().out == "units 7\n"
    assert main(TOY, ["train", "--units", "33"]) == 3


@pytest.mark.parametrize(
    "words, line",
    [
        (["train", "--fail", "user"], "error: no such file `a.txt`\n"),
        (["train", "--fail", "lines"], "error: first second\n"),
        (["train", "--units", "-1"], "error: `units` must be positive, got -1\n"),
        (["train", "--unitz", "1"], "error: unknown option `--unitz`; did you mean `--units`?\n"),
        (["trian"], "error: unknown verb `trian`; did you mean `train`?\n"),
        (["fly"], "error: unknown verb `fly`; known verbs: train, evaluate\n"),
        (["evaluate", "--config", "a"], "error: unknown option `--config`; see --help\n"),
        (["train", "--config", "a.yaml"], "error: cannot read the configuration `a.yaml`: No such"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(capsys, words, line):
    assert main(TOY, words) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(line) and err.count("\n") == 1


def test_interruption_is_one_line_and_status_130(capsys):
    assert main(TOY, ["train", "--fail", "interrupt"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize("bug, kind", [("bug", RuntimeError), ("value", ValueError)])
def test_a_bug_keeps_its_traceback(bug, kind):
    with pytest.raises(kind, match="a bug"):
        main(TOY, ["train", "--fail", bug])


def test_overview_and_help(capsys):
    assert main(TOY, ["--help"]) == 0
    text = capsys.readouterr().out
    assert "python -m pipelines.toy: Plays." in text and "evaluate  Measures it." in text
    assert main(TOY, []) == 2
    assert capsys.readouterr().out == text
    assert main(TOY, ["train", "--help"]) == 0
    text = capsys.readouterr().out
    assert "python -m pipelines.toy train" in text and "--units INT" in text and "--config" in text
    assert main(TOY, ["evaluate", "-h"]) == 0
    assert "--config" not in capsys.readouterr().out


def python(*words, **env):
    environment = {key: v for key, v in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.run(
        [sys.executable, *words], cwd=ROOT, text=True, capture_output=True, env=environment | env
    )


def test_package_lists_its_pipelines_without_tensorflow():
    code = (
        "import runpy, sys; sys.argv = ['pipelines']\n"
        "try: runpy.run_module('pipelines', run_name='__main__')\n"
        "except SystemExit as e: assert not e.code, e.code\n"
        "print(sorted({'tensorflow', 'keras', 'numpy'} & set(sys.modules)))"
    )
    result = python("-c", code)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "[]"
    assert "python -m pipelines.NAME VERB --help" in result.stdout


def test_package_refuses_arguments():
    result = python("-m", "pipelines", "toy")
    assert result.returncode == 2 and result.stderr.startswith("error: unexpected argument `toy`")


def test_tensorflow_starts_without_chatter():
    code = (
        "from pipelines.quiet import start_tensorflow\nstart_tensorflow()\n"
        "import tensorflow as tf; tf.zeros(1) + 1"
    )
    result = python("-c", code)
    assert result.returncode == 0 and result.stderr == ""


def test_what_is_no_noise_is_kept(monkeypatch, capfd):
    from pipelines import quiet

    def start():
        os.write(2, b"I0000 oneDNN custom operations are on. x\nW0000 Cannot dlopen\n")
        sys.stderr.write("from python\n")

    monkeypatch.setattr(quiet, "_start", start)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    quiet.start_tensorflow()
    text = capfd.readouterr().err
    assert "Cannot dlopen" in text and "from python" in text and "oneDNN" not in text
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    quiet.start_tensorflow()
    assert "oneDNN" in capfd.readouterr().err
