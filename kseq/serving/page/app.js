// Choosing a model, typing, running: what all tasks share.

import { anything } from "./anything.js";
import { body, curl, models } from "./api.js";
import { byId, el } from "./dom.js";
import entities from "./entities.js";
import sentiment from "./sentiment.js";
import translation from "./translation.js";
import writing from "./writing.js";

const TASKS = [entities, sentiment, translation, writing];
const PAUSE = 350; // milliseconds without a key before a model runs by itself
const LOOK = 5000; // between looks for new models and versions

const page = { models: [], limits: {}, model: null, task: null, running: null, timer: 0 };

const taskOf = (model) => TASKS.find(({ signature }) => signature in model.signatures) ?? anything(model);

// Said again only if it is new: screen readers read it out.
function tell(state) {
  if (byId("state").textContent !== state) byId("state").textContent = state;
}

async function look() {
  let found;
  try {
    found = await models();
  } catch {
    tell("The server does not answer");
    return;
  }
  const before = JSON.stringify(page.models.map(({ name, versions }) => [name, versions]));
  [page.models, page.limits] = [found.models, found.limits];
  const count = found.models.length;
  tell(count === 1 ? "One model is ready" : `${count || "No"} models are ready`);
  if (JSON.stringify(found.models.map(({ name, versions }) => [name, versions])) !== before || !count) offer();
}

function offer() {
  byId("none").hidden = page.models.length > 0;
  byId("models").hidden = page.models.length === 0;
  byId("work").hidden = page.models.length === 0;
  const wanted = page.model?.name ?? decodeURIComponent(location.hash.slice(1));
  const chosen = page.models.find(({ name }) => name === wanted) ?? page.models[0];
  const focused = document.activeElement?.name === "model";
  byId("choices").replaceChildren(...page.models.map((model) => choice(model, model === chosen)));
  if (focused) byId("choices").querySelector(":checked")?.focus();
  if (!chosen) page.model = null;
  else if (chosen.name !== page.model?.name) choose(chosen);
  else page.model = chosen; // a new version of the same: what is typed stays
}

function choice(model, checked) {
  return el(
    "label",
    { class: "choice" },
    el("input", { type: "radio", name: "model", value: model.name, checked, onchange: () => choose(model) }),
    el("b", {}, model.name),
    el("small", {}, `${taskOf(model).title} · version ${model.version}`),
  );
}

function choose(model) {
  stop();
  const task = taskOf(model);
  Object.assign(page, { model, task });
  history.replaceState(null, "", `#${encodeURIComponent(model.name)}`);
  byId("task").textContent = task.title;
  byId("about").textContent = task.about;
  byId("run").textContent = task.run ?? "Run";
  byId("text-label").textContent = task.label ?? "Your text";
  byId("examples").replaceChildren(...task.examples.map((text) => el("button", { type: "button", onclick: () => use(text) }, text)));
  const { inputs } = model.signatures[task.signature];
  const options = (task.options ?? []).filter(({ name }) => name in inputs);
  byId("options").replaceChildren(...options.map(field));
  byId("more").hidden = !options.length;
  byId("more").open = !TASKS.includes(task);
  byId("result").hidden = true;
  complain("");
  typed(); // what stands there already is for this model, too
}

function field({ name, label, value, min, max, step, about, text }) {
  const limit = typeof max === "string" ? page.limits[max] : max;
  const id = `option-${name}`;
  const input = text
    ? el("input", { id, name, type: "text", value })
    : el("input", { id, name, type: "number", value, min, max: limit, step, required: true, inputmode: "decimal" });
  if (about) input.setAttribute("aria-describedby", `${id}-about`);
  return el("div", {}, el("label", { class: "field", for: id }, label), input, about ? el("small", { id: `${id}-about` }, about) : null);
}

function options() {
  const inputs = Array.from(byId("options").querySelectorAll("input"));
  return Object.fromEntries(inputs.map((input) => [input.name, input.type === "number" ? input.valueAsNumber : input.value]));
}

function use(text) {
  byId("text").value = text;
  changed();
  run();
}

function changed() {
  const text = byId("text").value;
  const length = Array.from(text).length;
  byId("count").textContent = `${length.toLocaleString("en")} of ${page.limits.text.toLocaleString("en")} characters`;
  byId("time").textContent = "";
  byId("curl").textContent = curl(page.model, page.task.verb ?? ":predict", body(page.task.signature, page.task.inputs(text, options())));
}

function complain(message) {
  byId("error").textContent = message;
  byId("error").hidden = !message;
}

function stop() {
  clearTimeout(page.timer);
  page.running?.abort();
  page.running = null;
}

async function run() {
  if (!byId("form").reportValidity()) return;
  stop();
  const running = (page.running = new AbortController());
  const { model, task, limits } = page;
  const result = byId("result");
  const text = byId("text").value;
  byId("stop").hidden = task.live;
  complain("");
  const start = performance.now();
  try {
    result.hidden = false;
    const inputs = task.inputs(text, options());
    await task.show({ model, text, inputs, result, limits, signal: running.signal });
    byId("time").textContent = `${Math.round(performance.now() - start)} ms`;
  } catch (error) {
    if (running.signal.aborted) return;
    result.hidden = true;
    complain(error.message);
  } finally {
    if (page.running === running || page.running === null) byId("stop").hidden = true;
  }
}

function typed() {
  changed();
  if (!page.task.live) return;
  clearTimeout(page.timer);
  if (byId("text").value.trim()) page.timer = setTimeout(run, PAUSE);
  else {
    stop();
    byId("result").hidden = true;
  }
}

byId("form").addEventListener("input", typed);
byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
byId("stop").addEventListener("click", stop);
byId("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    run();
  }
});

await look();
setInterval(look, LOOK);
