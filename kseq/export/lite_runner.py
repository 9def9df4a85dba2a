r"""Run an exported LiteRT model on raw text, with `numpy` and `ai-edge-litert` alone.

    python saved_models/ner/litert/1/lite_runner.py --text "Ada Lovelace was in London."
    cat texts.txt | python lite_runner.py --directory saved_models/ner/litert/1 > results.jsonl

This file needs nothing of the package that it comes from: it may be copied to where the model goes. The
directory holds the model and `runner.json`, which tells vocabularies and rules. What the rules need to know
of Unicode is in there too, as ranges of characters, so that tokens are the same on every Python.

    model = load("saved_models/ner/litert/1")
    model("Ada Lovelace was in London.")
"""

import argparse
import bisect
import contextlib
import itertools
import json
import math
import os
import re
import sys
from pathlib import Path

import numpy as np

SIDECAR = "runner.json"
PAD_ID, UNK_ID, BOS_ID, EOS_ID = 0, 1, 2, 3  # units; a vocabulary has the first three
UNK, BOS, EOL = "[UNK]", "[BOS]", "[EOL]"
MARK = "▁"  # in front of a unit that follows white space


def load(directory, variant=None, num_threads=1):
    """The model of a directory.

    Args:
        directory: what `export` wrote.
        variant: in which numbers, one of those that were exported; None: the first of them.
        num_threads: of the interpreter.

    Returns:
        A function from a text to its result; what else it can do depends on the task.
    """
    directory = Path(directory)
    try:
        sidecar = json.loads((directory / SIDECAR).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{directory} holds no {SIDECAR}: it is no LiteRT export") from None
    files = sidecar["files"]
    variant = next(iter(files)) if variant is None else variant
    if variant not in files:
        raise ValueError(f"`variant` must be one of {', '.join(files)}, got {variant!r}")
    return TASKS[sidecar["task"]](sidecar, Signatures(directory / files[variant], num_threads))


class Signatures:
    """The signatures of a file, called by name; outputs are copies.

    Args:
        path: of the file.
        num_threads: of the interpreter.
    """

    def __init__(self, path, num_threads=1):
        from ai_edge_litert.interpreter import Interpreter

        with _quiet():
            self._interpreter = Interpreter(str(path), num_threads=num_threads)
            self._interpreter.allocate_tensors()
        self._runners = {}

    @property
    def names(self):
        """The names of the signatures."""
        return sorted(self._interpreter.get_signature_list())

    def __call__(self, name, **inputs):
        """What a signature gives."""
        if name not in self._runners:
            self._runners[name] = self._interpreter.get_signature_runner(name)
        return {key: np.array(value) for key, value in self._runners[name](**inputs).items()}


class Characters:
    """A set of characters, given as ranges of code points.

    Args:
        ranges: first and last of each, in order.
    """

    def __init__(self, ranges):
        self._starts = [first for first, _ in ranges]
        self._ends = [last for _, last in ranges]
        self._known = {}

    def __contains__(self, character):
        if character not in self._known:
            point = ord(character)
            place = bisect.bisect_right(self._starts, point) - 1
            self._known[character] = place >= 0 and point <= self._ends[place]
        return self._known[character]


class Alphabet:
    """What the rules know of characters.

    Args:
        config: `classes`, name to ranges, those that the task needs, and `lower`, what becomes of characters
            that Python lowers differently.
    """

    def __init__(self, config):
        for name in ("space", "word", "joining", "alone", "letter", "upper", "lower"):
            setattr(self, name, Characters(config["classes"].get(name, ())))
        self._special = config["lower"]
        several = re.escape("".join(self._special))
        self._is_special = re.compile(f"([{several}])") if several else None

    def lowered(self, text):
        """A text in lower case; like TensorFlow's it ends where a character 0 is."""
        text = text.partition("\0")[0]
        if self._is_special is None:
            return text.lower()
        pieces = self._is_special.split(text)
        return "".join(self._special[x] if n % 2 else x.lower() for n, x in enumerate(pieces))


def is_digit(character):
    """Whether a character is one of 0 to 9."""
    return "0" <= character <= "9"


def segment(text, level, alphabet):
    """Tokens of a text with their places: a list of `(token, start, end)`, `end` not included.

    Args:
        text: the text.
        level: `"word"`, `"char"` or `"space"`, as in `kseq.data.segmentation.segment`.
        alphabet: an `Alphabet`.
    """
    found, joined_before, kept_before = [], False, False
    for place, character in enumerate(text):
        kept = character not in alphabet.space
        joins = kept and _joins(text, place, alphabet)
        if kept:
            goes_on = joins and joined_before if level == "word" else level == "space" and kept_before
            if goes_on:
                found[-1][1] = place + 1
            else:
                found.append([place, place + 1])
        joined_before, kept_before = joins, kept
    return [(text[start:end], start, end) for start, end in found]


def _joins(text, place, alphabet):
    """Whether a character may stand beside others in a word; a point between two digits does."""
    character = text[place]
    if character in ".,:":
        return 0 < place < len(text) - 1 and is_digit(text[place - 1]) and is_digit(text[place + 1])
    return character in alphabet.word and character not in alphabet.alone


def truncated(tokens, length, keep):
    """The first, the last, or the first and the last of too many tokens."""
    if length is None or len(tokens) <= length:
        return tokens
    if keep == "start":
        return tokens[:length]
    if keep == "end":
        return tokens[-length:]
    end = length // 2
    return tokens[: length - end] + (tokens[-end:] if end else [])


class TokenFeatures:
    """From tokens to the ids that a network sees, as `kseq.data.token_features.TokenFeatures`.

    Args:
        config: its fields.
        alphabet: an `Alphabet`.
    """

    def __init__(self, config, alphabet):
        self.config = config
        self.alphabet = alphabet
        self._words, self._characters, self._bigrams = (
            {token: n for n, token in enumerate(config[name]) if n > UNK_ID}
            for name in ("words", "characters", "bigrams")
        )

    def __call__(self, tokens):
        """Name to ids, int32 `(1, time)`, of characters `(1, time, characters)`; padding for no tokens."""
        config, normal = self.config, [self.normalised(token) for token in tokens]
        words = [self._words.get(word, UNK_ID if word else PAD_ID) for word in normal]
        found = {"tokens": words or [PAD_ID]}
        if config["characters"]:
            found["characters"] = [self._spelled(token) for token in tokens] or [self._spelled("")]
        if config["casing"]:
            found["casing"] = [casing(token, self.alphabet) for token in tokens] or [PAD_ID]
        if config["bigrams"]:
            pairs = (f"{a} {b}" for a, b in zip(normal, [*normal, ""][1:], strict=True))
            found["bigrams"] = [self._bigrams.get(pair, UNK_ID) for pair in pairs] or [PAD_ID]
        return {name: np.array([ids], np.int32) for name, ids in found.items()}

    def normalised(self, token):
        """The spelling under which a token is looked up."""
        if self.config["lower"]:
            token = self.alphabet.lowered(token)
        return re.sub("[0-9]", "0", token) if self.config["digits"] else token

    def _spelled(self, token):
        size = self.config["max_characters"]
        ids = [self._characters.get(character, UNK_ID) for character in token[:size]]
        return ids + [PAD_ID] * (size - len(ids))


def casing(token, alphabet):
    """How a token is capitalised: the number of the first rule that it obeys, 1 for none."""
    digits = [is_digit(c) for c in token]
    uppers = [c in alphabet.upper for c in token]
    lowers = [c in alphabet.lower for c in token]
    rules = (
        all(digits),
        any(digits) and all(d or c in ".,:/%-" for c, d in zip(token, digits, strict=True)),
        len(token) == 1 and uppers[0],
        any(uppers) and not any(lowers),
        token != "" and uppers[0] and not any(uppers[1:]),
        any(uppers),
        any(digits),
        all(low or c in "'-" for c, low in zip(token, lowers, strict=True)),
        not any(d or c in alphabet.letter for c, d in zip(token, digits, strict=True)),
    )
    return next((number for number, obeyed in enumerate(rules, 2) if obeyed and token), 1)


class Units:
    """From text to ids and back, as `kseq.data.units.Units`.

    Args:
        config: its `get_config`.
        alphabet: an `Alphabet`.
    """

    def __init__(self, config, alphabet):
        self.level, self.tokens = config["level"], config["tokens"]
        self.alphabet = alphabet
        self._ids = {token: n for n, token in enumerate(self.tokens, EOS_ID + 1)}
        self._ranks = {tuple(merge.split(" ")): n for n, merge in enumerate(config["merges"])}

    def encode(self, text):
        """The ids of a text."""
        if self.level == "bpe":
            tokens = [unit for word in marked_words(text, self.alphabet) for unit in self._merged(word)]
        else:
            tokens = self._split(text)
        return [self._ids.get(token, UNK_ID) for token in tokens]

    def decode(self, ids):
        """The text of ids, up to the end."""
        pieces = [self._piece(int(k)) for k in ids[: _index(ids, EOS_ID)]]
        joined = "".join(pieces)
        return joined if self.level == "char" else re.sub(r"(\A|\n) ", r"\1", joined)

    def _split(self, text):
        if self.level == "char":
            return list(text)
        if self.level == "space":
            return [token for token, _, _ in segment(text, "space", self.alphabet)]
        return marked_words(text, self.alphabet)

    def _merged(self, word):
        """Units of a word: the pair that was learnt first becomes one, again and again."""
        units = list(word)
        while True:
            ranks = [self._ranks.get(pair, math.inf) for pair in itertools.pairwise(units)]
            rank = min(ranks, default=math.inf)
            if rank == math.inf:
                return units
            place = ranks.index(rank)
            units[place : place + 2] = [units[place] + units[place + 1]]

    def _piece(self, number):
        if number > EOS_ID:
            token = self.tokens[number - EOS_ID - 1]
            if self.level == "char":
                return token
            return f" {token}" if self.level == "space" else token.replace(MARK, " ")
        unknown = UNK if self.level in ("char", "bpe") else f" {UNK}"
        return unknown if number == UNK_ID else ""


def marked_words(text, alphabet):
    """Words of a text, with `MARK` where white space is in front, as `kseq.data.unit_tokens.words`."""
    found, joined_before, gap = [], False, True
    for character in text:
        if character in alphabet.space or character == MARK:
            gap, joined_before = True, False
            continue
        joins = character in alphabet.joining
        if gap or not (joins and joined_before):
            found.append(MARK if gap else "")
        found[-1] += character
        joined_before, gap = joins, False
    return found


class Vocabulary:
    """From text to ids and back, as `kseq.data.Vocabulary`.

    Args:
        config: its `get_config`.
        alphabet: an `Alphabet`.
    """

    def __init__(self, config, alphabet):
        self.level, self.tokens = config["level"], config["tokens"]
        self.alphabet = alphabet
        self.special = 3 if self.level == "char" else 4
        self._ids = {token: n for n, token in enumerate(self.tokens) if n >= self.special}

    def encode(self, text):
        """The ids of a text."""
        if self.level == "char":
            return [self._ids.get(character, UNK_ID) for character in text]
        ids = []
        for line in text.split("\n"):
            words = segment(line, "space", self.alphabet)
            ids += [*(self._ids.get(word, UNK_ID) for word, _, _ in words), EOS_ID]  # the end of a line
        return ids[:-1]

    def decode(self, ids):
        """The text of ids."""
        if self.level == "char":
            return "".join(self.tokens[k] if k > BOS_ID else ("", UNK, "")[k] for k in ids)
        special = ("", f" {UNK}", "", "\n")
        pieces = [f" {self.tokens[k]}" if k >= self.special else special[k] for k in ids]
        return re.sub(r"(\A|\n) ", r"\1", "".join(pieces))


class Tagger:
    """Finds entities.

    Args:
        sidecar: what the export tells.
        signatures: its `Signatures`.
    """

    def __init__(self, sidecar, signatures):
        self.signatures = signatures
        self.alphabet = Alphabet(sidecar["alphabet"])
        self.features = TokenFeatures(sidecar["features"], self.alphabet)
        self.level, self.labels = sidecar["level"], sidecar["labels"]
        self._continues = {tuple(pair) for pair in sidecar["continues"]}

    def __call__(self, text):
        """Tokens, tags and entities of a text, the entities with their places in characters."""
        segments = segment(text, self.level, self.alphabet)
        tags, confidence = self.tag_tokens([token for token, _, _ in segments])
        found = []
        for n, tag in enumerate(tags):
            if tag == "O":
                continue
            if n and (tags[n - 1], tag) in self._continues:
                found[-1]["end"] = segments[n][2]
                found[-1]["confidence"] = min(found[-1]["confidence"], confidence[n])
            else:
                kind = tag.partition("-")[2]
                place = {"start": segments[n][1], "end": segments[n][2]}
                found.append({"type": kind, "text": "", **place, "confidence": confidence[n]})
        for entity in found:
            entity["text"] = text[entity["start"] : entity["end"]]
        return {"text": text, "tokens": [s[0] for s in segments], "tags": tags, "entities": found}

    def tag_tokens(self, tokens):
        """The tags of tokens, and how probable each is."""
        found = self.signatures("tag", **self.features(tokens))
        tags = [self.labels[k] for k in found["tags"][0][: len(tokens)]]
        return tags, found["confidence"][0][: len(tokens)].tolist()


class Classifier:
    """Gives a text a label.

    A model that reads forwards only has a streaming signature: texts are read in chunks then, in memory that
    does not grow with their length.

    Args:
        sidecar: what the export tells.
        signatures: its `Signatures`.
    """

    def __init__(self, sidecar, signatures):
        self.signatures = signatures
        self.alphabet = Alphabet(sidecar["alphabet"])
        self.features = TokenFeatures(sidecar["features"], self.alphabet)
        self.level, self.labels = sidecar["level"], sidecar["labels"]
        self.max_tokens, self.keep = sidecar["max_tokens"], sidecar["keep"]
        self.chunk = sidecar["chunk"]

    def __call__(self, text):
        """The label of a text, its probability, and those of all labels."""
        probabilities = self.probabilities(text)
        best = int(np.argmax(probabilities))
        every = dict(zip(self.labels, probabilities.tolist(), strict=True))
        label = {"label": self.labels[best], "probability": float(probabilities[best])}
        return {"text": text, **label, "probabilities": every}

    def probabilities(self, text):
        """The probability of each label."""
        tokens = [token for token, _, _ in segment(text, self.level, self.alphabet)]
        inputs = self.features(truncated(tokens, self.max_tokens, self.keep))
        if self.chunk is None:
            return self.signatures("classify", **inputs)["probabilities"][0]
        found, time = self.signatures("reset"), inputs["tokens"].shape[1]
        for start in range(0, time, self.chunk):
            window = {name: ids[:, start : start + self.chunk] for name, ids in inputs.items()}
            found = self.signatures("step", **window, **_states(found))
        return found["probabilities"][0]


class Translator:
    """Turns a text into another.

    Args:
        sidecar: what the export tells.
        signatures: its `Signatures`.
    """

    def __init__(self, sidecar, signatures):
        self.signatures = signatures
        alphabet = Alphabet(sidecar["alphabet"])
        self.source, self.target = (Units(sidecar[side], alphabet) for side in ("source", "target"))
        self.max_source, self.beam_size = sidecar["max_source"], sidecar["beam_size"]

    def __call__(self, text):
        """The best translations of a text with their scores."""
        texts, scores = self.translate(text)
        best = [{"text": one, "score": score} for one, score in zip(texts, scores, strict=True)]
        return {"text": text, "translations": best}

    def translate(self, text):
        """The best translations of a text, and their scores."""
        ids = self.source.encode(text)[: self.max_source] or [PAD_ID]
        found = self.signatures("translate", source=np.array([ids], np.int32))
        return [self.target.decode(ids) for ids in found["ids"][0].tolist()], found["scores"][0].tolist()


class LanguageModel:
    """Scores and continues texts; the state goes from chunk to chunk, so that memory does not grow.

    Args:
        sidecar: what the export tells.
        signatures: its `Signatures`.
    """

    def __init__(self, sidecar, signatures):
        self.signatures = signatures
        self.vocabulary = Vocabulary(sidecar["vocabulary"], Alphabet(sidecar["alphabet"]))
        self.chunk = sidecar["chunk"]
        self.unwritable = sidecar["unwritable"]

    def __call__(self, text):
        """The log-probability of a text in nats, and its perplexity."""
        ids = self.vocabulary.encode(text)
        total = float(np.sum(self.log_probs(ids)))
        perplexity = math.exp(-total / max(len(ids), 1))
        return {"text": text, "log_prob": total, "num_tokens": len(ids), "perplexity": perplexity}

    def log_probs(self, ids):
        """The log-probability of each id of a text, given those before it."""
        state, found = self.signatures("reset"), []
        inputs = np.array([[BOS_ID, *ids[:-1]]], np.int32)[:, : len(ids)]
        for start in range(0, len(ids), self.chunk):
            state = self.signatures("step", tokens=inputs[:, start : start + self.chunk], **_states(state))
            there = np.array(ids[start : start + self.chunk])
            found.append(np.take_along_axis(state["log_probs"][0], there[:, None], axis=1)[:, 0])
        return np.concatenate(found) if found else np.zeros(0, np.float32)

    def generate(self, prompt="", length=100, temperature=0.7, top_k=0, top_p=1.0, seed=None):
        """A text that goes on from a prompt; temperature 0 always takes the likeliest token."""
        rng = np.random.default_rng(seed)
        state, ids = self.signatures("reset"), [BOS_ID, *self.vocabulary.encode(prompt)]
        for start in range(0, len(ids), self.chunk):
            chunk = np.array([ids[start : start + self.chunk]], np.int32)
            state = self.signatures("step", tokens=chunk, **_states(state))
        written = []
        for _ in range(length):
            log_probs = state["log_probs"][0, -1].astype(np.float64)
            log_probs[self.unwritable] = -np.inf
            written.append(sampled(log_probs, temperature, top_k, top_p, rng))
            state = self.signatures("step", tokens=np.array([[written[-1]]], np.int32), **_states(state))
        return self.vocabulary.decode(written)


def sampled(log_probs, temperature, top_k, top_p, rng):
    """An id drawn from log-probabilities.

    Args:
        log_probs: `(vocabulary,)`.
        temperature: 0 takes the likeliest.
        top_k: draw from the k likeliest; 0: from all.
        top_p: draw from the likeliest that together reach this probability.
        rng: where randomness comes from.
    """
    if temperature == 0:
        return int(np.argmax(log_probs))
    scaled = log_probs / temperature
    weights = np.exp(scaled - scaled.max())
    order = np.argsort(-weights, kind="stable")[: top_k or None]
    share = np.cumsum(weights[order]) / weights[order].sum()
    order = order[: int(np.searchsorted(share, top_p)) + 1]
    return int(rng.choice(order, p=weights[order] / weights[order].sum()))


class ClassWriter:
    """Writes texts of a class.

    Args:
        sidecar: what the export tells.
        signatures: its `Signatures`.
    """

    def __init__(self, sidecar, signatures):
        self.signatures = signatures
        self.units = Units(sidecar["units"], Alphabet(sidecar["alphabet"]))
        self.labels, self.max_tokens = sidecar["labels"], sidecar["max_tokens"]

    def __call__(self, label):
        """The most probable text of a class."""
        return {"label": label, "text": self.write(label)}

    def write(self, label, temperature=0.0, top_k=0, top_p=1.0, seed=None):
        """A text of a class; temperature 0 always takes the likeliest unit."""
        if label not in self.labels:
            raise ValueError(f"`label` must be one of {', '.join(self.labels)}, got {label!r}")
        rng = np.random.default_rng(seed)
        state = self.signatures("start", label=np.array([self.labels.index(label)], np.int32))
        written = [BOS_ID]
        while len(written) <= self.max_tokens and written[-1] != EOS_ID:
            state = self.signatures("step", last_ids=np.array(written[-1:], np.int32), **_states(state))
            log_probs = state["log_probs"][0].astype(np.float64)
            log_probs[[PAD_ID, UNK_ID, BOS_ID]] = -np.inf
            written.append(sampled(log_probs, temperature, top_k, top_p, rng))
        return self.units.decode(written[1:])


TASKS = {
    "tagger": Tagger,
    "classifier": Classifier,
    "translator": Translator,
    "language_model": LanguageModel,
    "writer": ClassWriter,
}


@contextlib.contextmanager
def _quiet():
    """Hold back what the interpreter writes about its delegates, which asks for nothing."""
    sys.stderr.flush()
    before, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(nowhere)


def _states(found):
    """The states among the outputs of a signature, as inputs of the next call."""
    return {name: value for name, value in found.items() if name.startswith("state_")}


def _index(ids, wanted):
    return next((n for n, k in enumerate(ids) if k == wanted), len(ids))


def main(arguments=None):
    """Results of texts as JSON lines."""
    parser = argparse.ArgumentParser(description="Run an exported LiteRT model on raw text.")
    here = Path(__file__).resolve().parent
    parser.add_argument("--directory", default=here, help="of the model (default: that of this file)")
    parser.add_argument("--text", nargs="*", help="texts; without them the lines of standard input")
    parser.add_argument("--variant", help="in which numbers (default: the first that was exported)")
    options = parser.parse_args(arguments)
    try:
        model = load(options.directory, options.variant)
        lines = options.text if options.text else (line.rstrip("\r\n") for line in sys.stdin)
        for text in lines:
            print(json.dumps(model(text), ensure_ascii=False), flush=True)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
