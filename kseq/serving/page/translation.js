// The best texts that a model writes about a text, and where it looked.

import { predict } from "./api.js";
import { el } from "./dom.js";

// How units may be split; the one that gives as many as the model counted names them.
const SPLITS = [
  (text) => Array.from(text),
  (text) => text.split(/\s+/).filter(Boolean),
  (text) => text.match(/[\p{L}\p{N}]+|[^\p{L}\p{N}\s]/gu) ?? [],
];

function units(text, count) {
  const named = SPLITS.map((split) => split(text)).find((parts) => parts.length === count);
  return named ?? Array.from({ length: count }, (_, k) => `${k + 1}`);
}

const visible = (unit) => (unit === " " ? "␣" : unit);

function heatmap(text, target, attention) {
  const columns = units(text, attention[0].length).map(visible);
  const rows = [...units(target, attention.length - 1).map(visible), "end"];
  const cells = (weights) =>
    weights.map((weight) =>
      el("td", { "--weight": weight.toFixed(3) }, el("span", { class: "hidden" }, weight.toFixed(2))),
    );
  return el(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": "Attention" },
    el(
      "table",
      { class: "heat" },
      el("caption", { class: "hidden" }, "Attention: a row for each unit written, a column for each unit read"),
      el("thead", {}, el("tr", {}, el("td"), ...columns.map((unit) => el("th", { scope: "col" }, unit)))),
      el(
        "tbody",
        {},
        ...rows.map((unit, k) => el("tr", {}, el("th", { scope: "row" }, unit), ...cells(attention[k]))),
      ),
    ),
  );
}

export default {
  signature: "translate",
  title: "Text to text",
  about: "Writes a text about yours: the best few that a beam search finds.",
  live: true,
  examples: ["the 3rd of March 1998", "16 Apr 2042", "Tuesday, 7 July 1964"],
  options: [
    { name: "beam_size", label: "Beams", value: 4, min: 1, max: "beam_size", step: 1, about: "texts kept at a time" },
    { name: "length_penalty", label: "Length penalty", value: 0.6, min: 0, max: 5, step: 0.1, about: "more favours long texts" },
  ],
  inputs: (text, options) => ({ text: [text], ...options }),
  async show({ model, text, inputs, result, signal }) {
    const { texts, scores, log_probs } = await predict(model, this.signature, inputs, signal);
    const where = el("div");
    const look = async (target) => {
      if (!("attend" in model.signatures)) return;
      const { attention } = await predict(model, "attend", { text: [text], target: [target] }, signal);
      where.replaceChildren(
        el("h3", {}, "Where the model looked"),
        el("p", { class: "legend" }, "A row for each unit that is written; the stronger a cell, the more was looked there."),
        heatmap(text, target, attention[0]),
      );
    };
    const choice = (target, k) =>
      el(
        "label",
        {},
        el("input", { type: "radio", name: "best", checked: k === 0, onchange: () => look(target).catch(() => {}) }),
        el("b", {}, target || "(nothing)"),
        el("small", { title: `score ${scores[0][k].toFixed(3)}` }, `p = ${Math.exp(log_probs[0][k]).toPrecision(2)}`),
      );
    await look(texts[0][0]);
    result.replaceChildren(
      el("fieldset", { class: "best" }, el("legend", {}, "Best first; choose one to see where the model looked"),
        ...texts[0].map(choice)),
      where,
    );
  },
};
