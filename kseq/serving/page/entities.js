// Named entities: the text as it is, with what was found marked in place.

import { predict } from "./api.js";
import { el, percent, table } from "./dom.js";

const HUES = [212, 152, 32, 332, 268, 88, 188, 4, 52, 300];

// The same kind has the same colour while the page is open.
const hues = new Map();
function hue(kind) {
  if (!hues.has(kind)) hues.set(kind, HUES[hues.size % HUES.length]);
  return hues.get(kind);
}

function found(outputs) {
  const at = (name, k) => outputs[`entity_${name}`][0][k];
  return Array.from({ length: outputs.num_entities[0] }, (_, k) => ({
    kind: at("type", k),
    text: at("text", k),
    start: at("start", k),
    end: at("end", k),
    confidence: at("confidence", k),
  }));
}

function marked(text, entities) {
  const characters = Array.from(text); // places are counted in code points
  const between = (start, end) => characters.slice(start, end).join("");
  const nodes = [];
  let done = 0;
  for (const { kind, start, end, confidence } of entities) {
    nodes.push(between(done, start));
    nodes.push(
      el(
        "mark",
        { class: "entity", "--hue": hue(kind), "data-kind": kind, title: `${kind}, ${percent(confidence)}` },
        between(start, end),
        el("span", { class: "kind" }, el("span", { class: "hidden" }, " ("), kind, el("span", { class: "hidden" }, ")")),
      ),
    );
    done = end;
  }
  return el("p", { class: "read" }, ...nodes, between(done));
}

export default {
  signature: "tag",
  title: "Named entities",
  about: "Finds names in a text and says of what kind they are.",
  live: true,
  examples: [
    "Ada Lovelace met Charles Babbage in London.",
    "Angela Merkel visited the Louvre in Paris with people from Siemens.",
    "Marie Curie moved from Warsaw to Paris and worked at the Sorbonne.",
  ],
  inputs: (text) => ({ text: [text] }),
  async show({ model, text, inputs, result, signal }) {
    const entities = found(await predict(model, this.signature, inputs, signal));
    const rows = entities.map((e) => [e.text, e.kind, `${e.start}–${e.end}`, percent(e.confidence)]);
    const count = entities.length === 1 ? "One entity" : `${entities.length || "No"} entities`;
    result.replaceChildren(
      marked(text, entities),
      el("h3", {}, count),
      entities.length ? table(["Text", "Kind", "Characters", "Confidence"], rows, "Entities in the text") : "",
    );
  },
};
