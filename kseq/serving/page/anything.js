// Any other model: a field for each input, the answer as it comes.

import { predict } from "./api.js";
import { el } from "./dom.js";

const isText = ({ dtype }) => dtype === "string";
const isRows = ({ shape }) => shape === null || shape.length > 0;

export const anything = (model) => {
  const signature = Object.keys(model.signatures).find((name) => name !== "serving_default") ?? "serving_default";
  const takes = model.signatures[signature]?.inputs ?? {};
  const [first] = Object.keys(takes).filter((name) => isText(takes[name]) && isRows(takes[name]));
  const others = Object.entries(takes).filter(([name]) => name !== first);
  return {
    signature,
    title: "A model",
    about: `Signature “${signature}”; the answer is shown as it comes.`,
    label: first,
    live: false,
    examples: [],
    options: others.map(([name, takes]) => ({
      name,
      label: name,
      value: isText(takes) ? "" : 1,
      text: isText(takes),
      rows: isRows(takes),
      step: takes.dtype.startsWith("float") ? "any" : 1,
    })),
    inputs(text, options) {
      const given = Object.entries(options).map(([name, value]) => [name, isRows(takes[name]) ? [value] : value]);
      return Object.fromEntries(first ? [[first, [text]], ...given] : given);
    },
    async show({ model, inputs, result, signal }) {
      const outputs = await predict(model, signature, inputs, signal);
      result.replaceChildren(el("pre", { tabindex: 0 }, el("code", {}, JSON.stringify(outputs, null, 1))));
    },
  };
};
