"""`python -m pipelines.serve`, from its command line to its end."""

import http.client
import re
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipelines.pipeline import main
from pipelines.serve import PIPELINE
from tests.pipelines.programs import refused, start
from tests.serving.toys import Port, export


def test_what_it_is_called_and_takes(capsys):
    assert main(PIPELINE, ["--help"]) == 0
    text = capsys.readouterr().out
    assert "python -m pipelines.serve [DIRECTORY] [options]" in text and "--max-body" in text


@pytest.mark.parametrize(
    "words, line",
    [
        (["nowhere"], "no directory `nowhere`; exports are looked for there, as NAME/VERSION/"),
        (["--directory", "nowhere"], "no directory `nowhere`"),
        (["a", "b"], "unexpected argument `b`"),
        (["--port", "65536"], "`port` must be from 0 to 65535, got 65536"),
        (["--prt", "1"], "unknown option `--prt`; did you mean `--port`?"),
        (["--batch", "0"], "`batch` must be positive, got 0"),
        (["--host", "no.such.host.invalid"], "cannot listen on no.such.host.invalid, port 8501: "),
    ],
)
def test_wrong_input_is_one_line(capsys, words, line):
    assert line in refused(capsys, PIPELINE, words)


def test_a_port_that_is_taken(capsys, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        line = refused(capsys, PIPELINE, [str(tmp_path), "--port", str(port)])
    assert f"cannot listen on 127.0.0.1, port {port}: Address already in use" in line


@pytest.mark.slow
def test_a_signal_ends_it_when_what_has_begun_is_answered(tmp_path):
    export(tmp_path)
    process = start(tmp_path, PIPELINE, ".", "--port", "0", "--poll", "0.1", "--grace", "60")
    lines = iter(process.stdout.readline, "")
    said = []
    for line in lines:
        said.append(line)
        if found := re.match(r"listening  http://127.0.0.1:(\d+)/", line):
            break
    assert any(line.startswith("model      toy, version 1: shout") for line in said)
    port = Port(int(found[1]))
    wait = {"signature_name": "wait", "inputs": {"x": [0.0], "length": 20}}
    with ThreadPoolExecutor(2) as callers:
        path = "/v1/models/toy:predict"
        assert port.ask("POST", path, b"x" * 10_000_000)[0] == 413
        export(tmp_path)
        while port.get("/v1/models/toy")[1]["model_version_status"][0]["version"] != "2":
            time.sleep(0.1)
        answers = [callers.submit(port.post, path, wait) for _ in range(2)]
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert [answer.result()[0] for answer in answers] == [200, 200]
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and err == ""
    assert re.search(r"\d\d:\d\d:\d\d  loaded toy/2\n", out)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        port.ask("GET", "/healthz")
