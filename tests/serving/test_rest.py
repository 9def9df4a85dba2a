"""The server as programs see it, over sockets: TensorFlow Serving's REST, limits, versions, shutdown."""

import http.client
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from kseq.serving.app import application
from kseq.serving.limits import Limits
from kseq.serving.repository import Repository
from tests.serving.toys import export, running

LIMITS = Limits(body=20_000, rows=8, text=100, padded=400, length=50, seconds=2.0)
MODEL = "/v1/models/toy"
DIVIDE, WAIT = {"signature_name": "divide"}, {"signature_name": "wait"}
HEAD = b"POST /v1/models/toy:predict HTTP/1.1\r\nHost: a\r\nContent-Length: "


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    root = tmp_path_factory.mktemp("saved")
    export(root)
    repository = Repository(root)
    repository.scan()
    return repository


@pytest.fixture(scope="module")
def port(repository):
    with running(application(repository, LIMITS, poll=0.1)) as port:
        yield port


def predict(port, signature="shout", **content):
    return port.post(f"{MODEL}:predict", {"signature_name": signature, **content})


def test_status(port):
    status = {"error_code": "OK", "error_message": ""}
    expected = {"model_version_status": [{"version": "1", "state": "AVAILABLE", "status": status}]}
    assert port.get(MODEL) == port.get(f"{MODEL}/versions/1") == (200, expected)
    assert port.get("/v1/models/no") == (404, {"error": "Could not find any versions of model no"})
    assert port.get(f"{MODEL}/versions/7") == (404, {"error": "Could not find version 7 of model toy"})


def test_metadata(port):
    for path in (f"{MODEL}/metadata", f"{MODEL}/versions/1/metadata"):
        status, content = port.get(path)
        assert status == 200
        assert content["model_spec"] == {"name": "toy", "signature_name": "", "version": "1"}
        signatures = content["metadata"]["signature_def"]["signature_def"]
        shout = signatures["shout"]
        assert shout["inputs"]["text"]["dtype"] == "DT_STRING"
        assert shout["inputs"]["text"]["tensor_shape"]["dim"] == [{"size": "-1", "name": ""}]
        assert shout["method_name"] == "tensorflow/serving/predict" and "serving_default" in signatures
        assert content["metadata"]["manifest"]["config"] == {"level": "char"}
    assert port.get("/v1/models/no/metadata")[0] == 404


def test_list_of_models(port):
    status, content = port.get("/v1/models")
    (model,) = content["models"]
    assert status == 200 and (model["name"], model["version"], model["versions"]) == ("toy", "1", ["1"])
    assert model["signatures"]["shout"]["inputs"] == {"text": {"dtype": "string", "shape": [None]}}
    assert content["limits"]["rows"] == 8


def test_rows_and_columns(port):
    rows = [{"loud": "Aé!", "length": 2}, {"loud": "!", "length": 0}]
    columns = {"loud": ["Aé!", "!"], "length": [2, 0]}
    assert predict(port, instances=["aé", ""]) == (200, {"predictions": rows})
    assert predict(port, instances=[{"text": "aé"}, {"text": ""}]) == (200, {"predictions": rows})
    assert predict(port, inputs=["aé", ""]) == (200, {"outputs": columns})
    assert predict(port, inputs={"text": ["aé", ""]}) == (200, {"outputs": columns})
    assert port.post(f"{MODEL}:predict", {"inputs": ["aé", ""]}) == (200, {"outputs": columns})
    assert port.post(f"{MODEL}/versions/1:predict", {"instances": ["aé", ""]}) == (200, {"predictions": rows})
    assert predict(port, inputs=[]) == (200, {"outputs": {"loud": [], "length": []}})
    assert predict(port, instances=[{"b64": "YQ=="}])[1]["predictions"][0]["loud"] == "A!"


def test_one_output_has_no_name(port):
    assert predict(port, "pad", instances=["a b", "c"]) == (200, {"predictions": [["a", "b"], ["c", ""]]})
    assert predict(port, "pad", inputs=["a b", "c"]) == (200, {"outputs": [["a", "b"], ["c", ""]]})
    assert predict(port, "sum", inputs=[1, 2.5]) == (200, {"outputs": 3.5})
    status, content = predict(port, "sum", instances=[1, 2.5])
    assert (status, content) == (400, {"error": "Tensor name: sum has no shape information"})


def test_options_that_are_no_rows(port):
    columns = {"text": ["a", "b"], "times": 3}
    assert predict(port, "repeat", inputs=columns) == (200, {"outputs": ["aaa", "bbb"]})
    rows = [{"text": "a", "times": 2}, {"text": "b", "times": 2}]
    assert predict(port, "repeat", instances=rows) == (200, {"predictions": ["aa", "bb"]})
    rows[1]["times"] = 3
    status, content = predict(port, "repeat", instances=rows)
    assert status == 400 and "`times` is one value for all instances" in content["error"]


@pytest.mark.parametrize(
    "body, message",
    [
        (b"", "JSON Parse error: The document is empty"),
        (b'{"instances": [', "JSON Parse error: Expecting value at offset: 15"),
        (b"\xff\xfe", "JSON Parse error: "),
        (b"[" * 5000, "JSON Parse error: "),
        (b"[1]", "JSON Value: [1] Is not object"),
        ({}, "Missing 'inputs' or 'instances' key"),
        ({"inputs": [""], "instances": [""]}, "expecting only one of 'inputs' or 'instances' keys"),
        ({"instances": "a"}, "Expecting 'instances' to be an list/array"),
        ({"instances": []}, "No values in 'instances' array"),
        ({"instances": [1]}, "JSON Value: 1 Type: Number is not of expected type: string"),
        ({"instances": [{"text": "a"}, "b"]}, "Expecting object but got list at item 1 of input list"),
        ({"instances": [{"txt": "a"}]}, "Failed to process element: 0 of 'instances' list."),
        ({"inputs": {"txt": ["a"]}}, "does not have named input: txt"),
        ({"inputs": {}}, "Missing named input: text in 'inputs' object."),
        ({"inputs": "a"}, "input `text` must have shape (None,), got ()"),
        ({"inputs": [["a"]]}, "input `text` must have shape (None,), got (1, 1)"),
        (
            {"inputs": ["a"], "signature_name": "no"},
            'Serving signature name: "no" not found in signature def',
        ),
        ({"inputs": ["a"], "signature_name": 3}, "'signature_name' key must be a string value"),
        ({"inputs": ["a"] * 9}, "a batch of 9 rows; at most 8 are taken"),
        ({"inputs": ["é" * 101]}, "input `text`: a text of 101 characters; at most 100 are taken"),
        ({"inputs": ["a" * 100, *"bcdef"]}, "6 rows, the longest of 100, are 600 with their padding"),
        ({**DIVIDE, "inputs": {"x": [1, 2], "y": [1]}}, "inputs differ in their rows: 1, 2"),
        ({**DIVIDE, "inputs": [1]}, "expecting an object as multiple input tensors"),
        ({**DIVIDE, "instances": [1]}, "expecting list of objects as multiple input tensors"),
        ({**DIVIDE, "inputs": {"x": [1], "y": [0]}}, "y must not be 0"),
        ({**WAIT, "inputs": {"x": [1], "length": 51}}, "`length` must be from 0 to 50, got 51"),
        ({**WAIT, "inputs": {"x": [1], "length": -1}}, "`length` must be from 0 to 50"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_request_is_400_and_one_line(port, body, message):
    status, headers, content = port.ask("POST", f"{MODEL}:predict", body)
    content = json.loads(content)
    assert status == 400 and headers["content-type"] == "application/json"
    assert list(content) == ["error"] and message in content["error"] and "\n" not in content["error"]


def test_what_is_not_there(port):
    missing = "Servable not found for request: "
    assert port.post("/v1/models/no:predict", {}) == (404, {"error": missing + "Latest(no)"})
    assert port.post(f"{MODEL}/versions/7:predict", {}) == (404, {"error": missing + "Specific(toy, 7)"})
    for method, path in (
        ("POST", f"{MODEL}:classify"),
        ("POST", MODEL),
        ("GET", f"{MODEL}:predict"),
        ("POST", f"{MODEL}/versions/x:predict"),
        ("GET", "/v1/nothing"),
        ("GET", "/v1/models/../metadata/x"),
    ):
        status, _, body = port.ask(method, path)
        assert status == 400 and json.loads(body) == {"error": f"Malformed request: {method} {path}"}
    assert port.ask("GET", "/nothing")[0] == 404 and port.ask("GET", "/../app.py")[0] == 404


def test_bodies_that_are_too_large(port):
    big = b"x" * 600_000
    assert port.ask("POST", f"{MODEL}:predict", big)[0] == 413  # read to its end, but not kept
    chunked = port.ask("POST", f"{MODEL}:predict", iter([big]))
    assert chunked[0] == 413 and "at most 20,000 bytes" in json.loads(chunked[2])["error"]
    with socket.create_connection(("127.0.0.1", port.number)) as connection:  # answered before it is sent
        connection.sendall(
            b"POST /v1/models/toy:predict HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_bodies_that_never_come(port):
    with socket.create_connection(("127.0.0.1", port.number)) as connection:
        connection.sendall(HEAD + b"9\r\n\r\n{")
        assert connection.recv(100).startswith(b"HTTP/1.1 408 ")
    with socket.create_connection(("127.0.0.1", port.number)) as connection:
        connection.sendall(HEAD + b"9\r\n\r\n{")
    assert predict(port, inputs=["a"])[0] == 200


def test_callers_at_the_same_time_get_what_they_would_get_alone(port):
    def ask(number):
        text = "x" * (number % 40)
        loud = {"loud": text.upper() + "!", "length": len(text)}
        words = predict(port, "pad", instances=["a " * (number % 5 + 1)])
        repeated = predict(port, "repeat", inputs={"text": [text], "times": number % 3})
        assert words == (200, {"predictions": [["a"] * (number % 5 + 1)]})  # padded to no stranger's length
        assert repeated == (200, {"outputs": [text * (number % 3)]})
        return predict(port, instances=[text]) == (200, {"predictions": [loud]})

    with ThreadPoolExecutor(16) as callers:
        assert all(callers.map(ask, range(200)))


def test_text_that_comes_in_pieces(port):
    inputs = {"text": ["a"], "length": 20, "seed": 2**31 - 1}
    status, headers, body = port.ask(
        "POST", f"{MODEL}:stream", {"signature_name": "continue", "inputs": inputs}
    )
    pieces = [json.loads(line)["text"] for line in body.splitlines()]
    assert status == 200 and headers["content-type"] == "application/x-ndjson"
    seeds = (2**31 - 1, -(2**31), -(2**31) + 1)
    assert pieces == [f"{seed} " * count for seed, count in zip(seeds, (8, 8, 4), strict=True)]
    for content, message in (
        ({"inputs": ["a"]}, "signature `serving_default` writes no text; only `continue` can be streamed"),
        (
            {"signature_name": "continue", "inputs": {**inputs, "text": ["a", "b"]}},
            "one text is streamed at a time",
        ),
        ({"signature_name": "continue", "inputs": {**inputs, "length": 51}}, "`length` must be from 0 to 50"),
    ):
        status, found = port.post(f"{MODEL}:stream", content)
        assert status == 400 and message in found["error"]


def test_health_and_metrics(port):
    assert port.ask("GET", "/healthz")[0] == port.ask("GET", "/readyz")[0] == 200
    predict(port, inputs=["a"])
    status, headers, body = port.ask("GET", "/metrics")
    assert status == 200 and headers["content-type"].startswith("text/plain")
    lines = body.decode().splitlines()
    assert 'kseq_version_loaded{model="toy",version="1"} 1.0' in lines
    counts = [line for line in lines if line.startswith("kseq_requests_total")]
    assert any('method="predict",model="toy",status="200"' in line for line in counts)
    assert not any('model="no"' in line for line in counts)  # names that callers make up are no labels
    assert any(line.startswith('kseq_batch_rows_bucket{le="8.0",signature="shout"}') for line in lines)
    assert port.ask("GET", "/monitoring/prometheus/metrics")[0] == 200


def test_the_page_is_served_and_keeps_to_itself(port):
    status, headers, body = port.ask("GET", "/")
    assert status == 200 and b"<title>kseq models</title>" in body
    assert "default-src 'self'" in headers["content-security-policy"]
    for name, kind in (
        ("app.js", "text/javascript"),
        ("style.css", "text/css"),
        ("icon.svg", "image/svg+xml"),
    ):
        status, headers, body = port.ask("GET", f"/{name}")
        assert status == 200 and headers["content-type"].startswith(kind)
        assert b"http://" not in body.replace(b"http://www.w3.org/2000/svg", b"") and b"https://" not in body


def test_new_versions_are_taken_up_without_a_failed_request(tmp_path):
    export(tmp_path, "live", "!")
    repository = Repository(tmp_path, keep=1)
    repository.scan()
    with running(application(repository, LIMITS, poll=0.05)) as port:
        stop, found = threading.Event(), []

        def caller():
            while not stop.is_set():
                status, content = port.post("/v1/models/live:predict", {"instances": ["a"]})
                found.append((status, content["predictions"][0]["loud"] if status == 200 else content))

        callers = [threading.Thread(target=caller) for _ in range(4)]
        for thread in callers:
            thread.start()
        (tmp_path / "live" / "3").mkdir()  # one that cannot be loaded changes nothing
        (tmp_path / "live" / "3" / "saved_model.pb").write_bytes(b"no graph")
        (tmp_path / "live" / "4").mkdir()
        export(tmp_path, "live", "?")
        deadline = time.time() + 60
        while (200, "A?") not in found[-5:] and time.time() < deadline:
            time.sleep(0.05)
        stop.set()
        for thread in callers:
            thread.join()
        states = port.get("/v1/models/live")[1]["model_version_status"]
    assert set(found) == {(200, "A!"), (200, "A?")} and found[0] == (200, "A!")
    assert [(s["version"], s["state"]) for s in states] == [("5", "AVAILABLE"), ("3", "END")]
    assert states[1]["status"]["error_code"] == "UNKNOWN" and states[1]["status"]["error_message"]


def test_without_a_model(tmp_path):
    with running(application(Repository(tmp_path))) as port:
        assert port.ask("GET", "/healthz")[0] == 200 and port.ask("GET", "/readyz")[0] == 503
        assert port.get("/v1/models")[1]["models"] == []


def test_what_takes_too_long_is_given_up(repository):
    slow = {**WAIT, "inputs": {"x": [0.0], "length": 50}}
    with running(application(repository, Limits(seconds=0.05))) as port:
        status, content = port.post(f"{MODEL}:predict", slow)
        assert (status, content) == (504, {"error": "no answer within 0.05 seconds"})
        assert port.ask("GET", "/healthz")[0] == 200


@pytest.mark.slow
def test_a_server_that_ends_does_not_wait_for_ever(repository):
    slow = {**WAIT, "inputs": {"x": [0.0], "length": 400}}
    with running(application(repository), grace=1) as port, ThreadPoolExecutor(1) as caller:
        answer = caller.submit(port.post, f"{MODEL}:predict", slow)
        time.sleep(0.3)
        port.server.should_exit = True
        assert answer.result() == (503, {"error": "the server ends"})


def test_a_server_that_ends_finishes_what_has_begun(repository):
    slow = {**WAIT, "inputs": {"x": [0.0], "length": 20}}
    with running(application(repository)) as port, ThreadPoolExecutor(4) as callers:
        answers = [callers.submit(port.post, f"{MODEL}:predict", slow) for _ in range(4)]
        while b'kseq_batch_rows_count{signature="wait"}' not in port.ask("GET", "/metrics")[2]:
            time.sleep(0.01)  # the first is answered, the last still wait
        port.server.should_exit = True
        assert [answer.result() for answer in answers] == [(200, {"outputs": [40_000.0]})] * 4
        time.sleep(0.5)
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            port.ask("GET", "/healthz")
