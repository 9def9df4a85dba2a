"""The page, driven in headless Chromium as people drive it: typing, keys, reading what it shows.

Screenshots are kept in the directory that `KSEQ_SCREENSHOTS` names.
"""

import base64
import math
import os
import shutil
import time
from pathlib import Path

import pytest

from kseq.serving.app import application
from kseq.serving.repository import Repository
from tests.serving.models import export_all
from tests.serving.toys import export, running

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER),
        reason="needs `chromium` and `chromedriver` on the path: apt-get install them",
    ),
]
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars"
)
TEXT = "Ada met 🌹 Charles in London, a good film."


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    root = tmp_path_factory.mktemp("saved")
    export_all(root)
    repository = Repository(root)
    repository.scan()
    with running(application(repository, poll=0.2)) as port:
        port.root = root
        yield port


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    browser.set_window_size(1200, 900)
    yield browser
    browser.quit()


class Page:
    """What a person does and sees."""

    def __init__(self, browser, port, model):
        self.browser = browser
        browser.get("about:blank")
        browser.get(f"http://127.0.0.1:{port.number}/#{model}")
        self.until(lambda: self.script("return document.querySelector('#choices :checked')?.value") == model)

    def script(self, code, *arguments):
        return self.browser.execute_script(code, *arguments)

    def one(self, selector):
        return self.browser.find_element("css selector", selector)

    def texts(self, selector):
        return self.script(
            "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent.trim())", selector
        )

    def until(self, found, seconds=60):
        deadline = time.time() + seconds
        while time.time() < deadline:
            if value := found():
                return value
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} seconds; the page reads: {self.one('body').text}")

    def type(self, text, selector="#text"):
        field = self.one(selector)
        field.clear()
        # The driver cannot type what lies beyond the basic plane, and one event means one answer.
        self.script("arguments[0].value = arguments[1]", field, text[:-1])
        field.send_keys(text[-1])

    def keep(self, name):
        if folder := os.environ.get("KSEQ_SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            size = self.script("return [innerWidth, document.documentElement.scrollHeight]")
            clip = {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}
            options = {"captureBeyondViewport": True, "clip": clip}
            picture = self.browser.execute_cdp_cmd("Page.captureScreenshot", options)["data"]
            (Path(folder) / f"{name}.png").write_bytes(base64.b64decode(picture))


@pytest.fixture
def open_page(browser, port):
    yield lambda model: Page(browser, port, model)
    errors = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert not [
        e for e in errors if "status of 4" not in e["message"]
    ]  # answers of 4xx are tests of their own


def predicted(port, model, signature, **inputs):
    status, content = port.post(
        f"/v1/models/{model}:predict", {"signature_name": signature, "inputs": inputs}
    )
    assert status == 200, content
    return content["outputs"]


def close(found, expected):
    """Whether numbers in texts are the same to their last digit, which may be rounded."""
    pairs = [(float(a), float(b)) for a, b in zip(found, expected, strict=False)]
    return len(found) == len(expected) and all(math.isclose(a, b, abs_tol=0.011) for a, b in pairs)


def test_entities_are_marked_in_place(open_page, port):
    page = open_page("entities")
    page.type(TEXT)
    found = predicted(port, "entities", "tag", text=[TEXT])
    count = found["num_entities"][0]
    assert count > 0
    expected = [
        [found["entity_type"][0][k], TEXT[found["entity_start"][0][k] : found["entity_end"][0][k]]]
        for k in range(count)
    ]
    marks = page.until(
        lambda: page.script(
            "return [...document.querySelectorAll('mark')].map((m) => [m.dataset.kind, m.firstChild.data])"
        )
    )
    assert marks == expected
    read = page.script(
        "const p = document.querySelector('.read').cloneNode(true);"
        "p.querySelectorAll('.kind').forEach((kind) => kind.remove()); return p.textContent"
    )
    assert read == TEXT
    rows = page.texts(".list tbody th")
    assert rows == [text for _, text in expected]
    page.keep("entities")


def test_words_weigh_what_leaving_them_out_changes(open_page, port):
    page = open_page("film")
    page.type("a good film, not bad")
    whole = predicted(port, "film", "classify", text=["a good film, not bad", "a  film, not bad"])
    label, winner = whole["label"][0], max(range(2), key=lambda k: whole["probabilities"][0][k])
    weight = 100 * (whole["probability"][0] - whole["probabilities"][1][winner])
    page.until(lambda: page.texts(".word") == ["a", "good", "film", "not", "bad"])
    assert page.texts("[data-label]") == [label]
    page.one(".result summary").click()
    weights = dict(zip(page.texts(".list tbody th"), page.texts(".list td"), strict=True))
    assert float(weights["good"].replace("−", "-")) == pytest.approx(weight, abs=0.06)
    sides = page.script("return document.querySelectorAll('.word')[1].classList.contains('supports')")
    assert sides == (weight >= 0)
    page.keep("sentiment")
    page = open_page("attends")  # a model with attention shows its own
    page.type("a good film")
    page.until(lambda: page.texts(".word") == ["a", "good", "film"])
    assert "attention of the model" in page.texts(".legend")[0]
    page.one("input[value=film]").send_keys(" ")  # the text is there for another model, too
    page.until(lambda: "measured by leaving" in "".join(page.texts(".legend")))


def test_translations_and_where_the_model_looked(open_page, port):
    page = open_page("rose")
    page.type("a good film")
    options = {"beam_size": 4, "length_penalty": 0.6}
    texts = predicted(port, "rose", "translate", text=["a good film"], **options)["texts"][0]
    page.until(lambda: page.texts(".best b") == [text.strip() or "(nothing)" for text in texts])
    for choice in (0, 2):
        page.script("document.querySelectorAll('.best input')[arguments[0]].click()", choice)
        attention = predicted(port, "rose", "attend", text=["a good film"], target=[texts[choice]])
        expected = [f"{weight:.2f}" for row in attention[0] for weight in row]
        page.until(lambda expected=expected: close(page.texts(".heat td .hidden"), expected))
    assert page.texts(".heat thead th") == ["a", "good", "film"]
    page.keep("translation")


def test_text_goes_on_while_it_is_written(open_page, port):
    page = open_page("prose")
    page.one("#more summary").click()
    page.type("40", "#option-length")
    page.type("0", "#option-temperature")
    page.type("Ada")
    page.script(
        "globalThis.seen = new Set(); new MutationObserver(() =>"
        "seen.add(document.querySelector('.new')?.textContent.length ?? 0))"
        ".observe(document.getElementById('result'), {childList: true, subtree: true})"
    )
    page.one("#text").send_keys("\ue009\ue007")  # Ctrl+Enter
    page.until(lambda: page.texts("#time")[0])
    options = {"length": 40, "temperature": 0, "top_k": 0, "top_p": 0.95, "seed": 1}
    expected = predicted(port, "prose", "continue", text=["Ada"], **options)[0]
    assert page.script("return document.querySelector('.new').textContent") == expected
    assert len(expected) == 40 and len(page.script("return [...seen]")) >= 4  # in pieces
    page.keep("writing")


def test_by_keyboard_alone_and_for_screen_readers(open_page, port):
    page = open_page("film")
    page.one(".skip").send_keys("\ue007")  # Enter
    assert page.script("return document.activeElement.id") == "text"
    page.one("input[name=model]:checked").send_keys("\ue015")  # arrow down: the next model
    page.until(lambda: page.one("#task").text == "Writing on")
    assert page.script("return document.activeElement.value") == "prose"
    unnamed = page.script(
        "return [...document.querySelectorAll('input, textarea, button, summary')]"
        ".filter((e) => !(e.labels?.length ? e.labels[0].textContent : e.textContent).trim()).length"
    )
    assert unnamed == 0
    assert page.one("#result").get_attribute("aria-live") == "polite"
    assert page.one("#error").get_attribute("role") == "alert"
    assert page.script("return document.documentElement.lang") == "en"


def test_what_the_server_refuses_is_said(open_page, port):
    page = open_page("film")
    page.type("x" * 10_001)
    page.until(lambda: "a text of 10,001 characters" in page.one("#error").text)
    page.type("a good film")
    page.until(lambda: page.texts("[data-label]"))
    assert not page.one("#error").is_displayed()


def test_new_models_appear_and_any_model_can_be_tried(open_page, port):
    page = open_page("film")
    page.type("a good film")
    export(port.root, "other", only="repeat")
    page.until(lambda: "other" in page.texts("#choices b"))
    assert page.one("#text").get_attribute("value") == "a good film"  # what was typed stays
    page.one("input[value=other]").send_keys(" ")
    page.type("abc")
    page.type("3", "#option-times")
    page.one("#run").click()
    page.until(lambda: '"abcabcabc"' in "".join(page.texts(".result pre")))
    page.keep("any model")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(open_page, port, scheme):
    page = open_page("entities")
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    page.type(TEXT)
    page.until(lambda: page.texts("mark"))
    for selector in ("body", ".about", ".help", "mark", ".kind", "#run", ".choice small", "summary"):
        ratio = page.script(CONTRAST, page.one(selector))
        assert ratio >= 4.5, (selector, ratio)
    page.keep(f"entities {scheme}")
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


CONTRAST = """
const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
const light = (c) => {
  const linear = (x) => (x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
  const [r, g, b] = c.map((x) => linear(x / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
let ground = arguments[0];
const of = (e) => numbers(getComputedStyle(e).backgroundColor);
while (of(ground).length === 4 && of(ground)[3] === 0 && ground.parentElement) ground = ground.parentElement;
const [a, b] = [numbers(getComputedStyle(arguments[0]).color), of(ground)].map((c) => light(c.slice(0, 3)));
return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
"""
