// A text that goes on, piece by piece while it is written.

import { stream } from "./api.js";
import { el } from "./dom.js";

export default {
  signature: "continue",
  title: "Writing on",
  about: "Continues a text; you see it while it is written.",
  live: false,
  run: "Write on",
  verb: ":stream",
  examples: ["The ", "A class definition ", "If the "],
  options: [
    { name: "length", label: "Tokens", value: 200, min: 1, max: "length", step: 1, about: "to write" },
    { name: "temperature", label: "Temperature", value: 0.7, min: 0, max: 5, step: 0.1, about: "0: always the likeliest" },
    { name: "top_k", label: "Top k", value: 0, min: 0, max: 100000, step: 1, about: "only the k likeliest; 0: all" },
    { name: "top_p", label: "Top p", value: 0.95, min: 0.01, max: 1, step: 0.01, about: "only the likeliest of this mass" },
    { name: "seed", label: "Seed", value: 1, min: 0, max: 2147483647, step: 1, about: "the same seed, the same text" },
  ],
  inputs: (text, options) => ({ text: [text], ...options }),
  async show({ model, text, inputs, result, signal }) {
    const written = el("span", { class: "new" });
    const place = el("p", { class: "written busy" }, el("span", { class: "prompt" }, text), written);
    result.replaceChildren(place);
    result.setAttribute("aria-busy", "true"); // read out once, when it is whole
    try {
      for await (const piece of stream(model, this.signature, inputs, signal)) written.append(piece);
    } finally {
      place.classList.remove("busy");
      result.removeAttribute("aria-busy");
    }
  },
};
