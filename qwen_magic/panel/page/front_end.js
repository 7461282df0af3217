// The front end around the page, as far as a page can know it.

export const DOCK = ".jp-LinkedOutputView"; // what holds an output in a view of its own, beside the notebook
export const PYTHON = ["", "python", "py", "python3", "ipython", "ipython3", "pycon", "jupyter"];

// Put text into a new cell below the current one of the notebook that an element stands in, or of the one in sight.
export async function insertCell(element, text) {
  const app = globalThis.jupyterapp;
  const all = app?.shell?.widgets ? Array.from(app.shell.widgets("main")) : [];
  const notebooks = all.filter((one) => one.content?.activeCell && one.content.model);
  const notebook = notebooks.find(({ node }) => node.contains(element)) ?? notebooks.find((one) => one.isVisible);
  if (!notebook) return false;
  try {
    app.shell.activateById(notebook.id);
    await app.commands.execute("notebook:insert-cell-below");
    notebook.content.activeCell.model.sharedModel.setSource(text);
  } catch { // another front end than we know: the kernel can do it in two steps
    return false;
  }
  return true;
}

// Whether the server that the page came from is there; a page that came from none has nobody to ask.
export function serverAnswers() {
  const config = document.querySelector("#jupyter-config-data");
  if (!config) return Promise.resolve(true);
  const base = new URL(JSON.parse(config.textContent).baseUrl ?? "/", location.href);
  return fetch(new URL("api", base), { cache: "no-store" }).then(() => true, () => false);
}
