// A label for a text, and how much each word weighed.

import { predict } from "./api.js";
import { el, percent, table } from "./dom.js";

const MOST_WORDS = 120;

// What the page takes for words; in Chinese they are found by the browser.
function split(text) {
  if (!globalThis.Intl?.Segmenter) return text.split(/(\s+)/).map((part) => ({ part, word: /\S/.test(part) }));
  const parts = new Intl.Segmenter(undefined, { granularity: "word" }).segment(text);
  return Array.from(parts, ({ segment, isWordLike }) => ({ part: segment, word: isWordLike }));
}

// Leaves one word out after the other: what it changes is what the word weighs.
async function byLeavingOut({ model, text, signal, limits }, probability, winner) {
  const parts = split(text);
  const room = Math.floor(limits.padded / Math.max(1, text.length));
  const most = Math.min(MOST_WORDS, limits.rows, room);
  const words = parts.map((_, k) => k).filter((k) => parts[k].word);
  const asked = words.slice(0, most);
  if (!asked.length) return { parts, weights: new Map(), skipped: words.length };
  const texts = asked.map((left) => parts.filter((_, k) => k !== left).map(({ part }) => part).join(""));
  const { probabilities } = await predict(model, "classify", { text: texts }, signal);
  const weights = new Map(asked.map((k, n) => [k, probability - probabilities[n][winner]]));
  return { parts, weights, skipped: words.length - asked.length };
}

// The model's own attention, where it has one.
async function byAttention({ model, text, signal }) {
  const { tokens, weights, num_tokens } = await predict(model, "weigh", { text: [text] }, signal);
  const parts = [];
  for (let k = 0; k < num_tokens[0]; k++) parts.push({ part: tokens[0][k], word: true }, { part: " ", word: false });
  return { parts, weights: new Map(weights[0].slice(0, num_tokens[0]).map((w, k) => [2 * k, w])), skipped: 0 };
}

function shaded({ parts, weights }) {
  const most = Math.max(0.05, ...Array.from(weights.values(), Math.abs));
  const nodes = parts.map(({ part }, k) => {
    const weight = weights.get(k);
    if (weight === undefined) return part;
    const strength = Math.abs(weight) / most;
    const side = weight >= 0 ? "supports" : "opposes";
    const strong = strength > 0.5 ? " strong" : "";
    return el("span", { class: `word ${side}${strong}`, "--weight": strength.toFixed(3), title: signed(weight) }, part);
  });
  return el("p", { class: "read" }, ...nodes);
}

const signed = (weight) => `${weight < 0 ? "−" : "+"}${Math.abs(100 * weight).toFixed(1)}`;

export default {
  signature: "classify",
  title: "Label of a text",
  about: "Says what kind of text it is, and which words weighed.",
  live: true,
  examples: [
    "The plot is clever, but the acting is dreadful.",
    "Not a bad film at all.",
    "I expected more: slow, loud and far too long.",
  ],
  inputs: (text) => ({ text: [text] }),
  async show(context) {
    const { model, inputs, result, signal } = context;
    const outputs = await predict(model, this.signature, inputs, signal);
    const [label, probability] = [outputs.label[0], outputs.probability[0]];
    const winner = outputs.probabilities[0].indexOf(Math.max(...outputs.probabilities[0]));
    const attends = "weigh" in model.signatures;
    const weighed = await (attends ? byAttention(context) : byLeavingOut(context, probability, winner));
    const rows = Array.from(weighed.weights, ([k, weight]) => [weighed.parts[k].part, signed(weight)]);
    const key = attends
      ? [el("span", { class: "supports" }, el("i"), "attention of the model, in hundredths")]
      : [
          el("span", { class: "supports" }, el("i"), `speaks for “${label}”`),
          el("span", { class: "opposes" }, el("i"), "speaks against it"),
          el("span", {}, "measured by leaving the word out, in points of the probability"),
        ];
    if (weighed.skipped) key.push(el("span", {}, `the last ${weighed.skipped} words are not weighed`));
    result.replaceChildren(
      el("p", { class: "verdict" }, el("b", { "data-label": "" }, label), el("span", {}, percent(probability))),
      el("div", { class: "bar", "aria-hidden": "true" }, el("i", { "--weight": probability })),
      shaded(weighed),
      el("p", { class: "legend" }, ...key),
      rows.length
        ? el("details", { class: "more" }, el("summary", {}, "Words and their weights"), table(["Word", "Weight"], rows))
        : "",
    );
  },
};
