// Elements in one call: el("b", {class: "x", "--weight": 0.3}, "text", child).

export const byId = (id) => document.getElementById(id);

export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("--")) element.style.setProperty(name, value);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// A table with a header row; the first cell of each row names the row.
export function table(header, rows, caption) {
  return el(
    "div",
    { class: "scroll" },
    el(
      "table",
      { class: "list" },
      caption ? el("caption", { class: "hidden" }, caption) : null,
      el("thead", {}, el("tr", {}, ...header.map((name) => el("th", { scope: "col" }, name)))),
      el(
        "tbody",
        {},
        ...rows.map(([name, ...cells]) =>
          el("tr", {}, el("th", { scope: "row" }, name), ...cells.map((cell) => el("td", {}, cell))),
        ),
      ),
    ),
  );
}

export const percent = (share) => `${(100 * share).toFixed(1)} %`;
