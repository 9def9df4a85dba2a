// The server's REST, from the page.

const path = (model, verb = "") => `v1/models/${encodeURIComponent(model.name)}${verb}`;

async function answer(response) {
  const content = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(content.error || `the server answered ${response.status}`);
  return content;
}

const post = (content, signal) => ({
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(content),
  signal,
});

export const body = (signature, inputs) => ({ signature_name: signature, inputs });

export const models = async () => answer(await fetch("v1/models"));

// The outputs of a signature by name, also where there is one only.
export async function predict(model, signature, inputs, signal) {
  const { outputs } = await answer(await fetch(path(model, ":predict"), post(body(signature, inputs), signal)));
  const names = Object.keys(model.signatures[signature].outputs);
  return names.length === 1 ? { [names[0]]: outputs } : outputs;
}

// The pieces of a text while it is written.
export async function* stream(model, signature, inputs, signal) {
  const response = await fetch(path(model, ":stream"), post(body(signature, inputs), signal));
  if (!response.ok) await answer(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const piece = JSON.parse(line);
      if (piece.error) throw new Error(piece.error);
      yield piece.text;
    }
  }
}

export const curl = (model, verb, content) => {
  const json = JSON.stringify(content).replaceAll("'", "'\\''");
  return `curl ${location.origin}/${path(model, verb)} \\\n  -d '${json}'`;
};
