// What goes along with the next prompt: pasted, dropped or chosen here, read by the kernel, and shown as it says.

import { rename } from "./fields.js";
import { make, morph, picture } from "./html.js";
import { button } from "./templates.js";
import { MOST_BYTES, MOST_FILES, PIECE } from "./words.js";

export function sized(bytes) {
  const power = Math.min(2, Math.floor(Math.log10(bytes || 1) / 3));
  return `${Math.round(bytes / 1000 ** power)} ${["B", "KB", "MB"][power]}`;
}

const inBase64 = (blob) => new Promise((done, fail) => {
  const reader = new FileReader();
  Object.assign(reader, { onload: () => done(reader.result.slice(reader.result.indexOf(",") + 1)), onerror: fail });
  reader.readAsDataURL(blob);
});

export class Attaching {
  constructor(panel) {
    Object.assign(this, { panel, files: [], reading: new Map(), count: 0, sends: false });
    const { root, prompt, box: { chosen } } = panel;
    chosen.addEventListener("change", () => {
      this.add(chosen.files);
      chosen.value = "";
      prompt.focus({ preventScroll: true });
    });
    prompt.addEventListener("paste", (event) => this.paste(event));
    for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
      root.addEventListener(name, (event) => this.drag(event));
    }
  }

  paste(event) {
    const { files, types } = event.clipboardData;
    if (files.length === 0 || types.includes("text/plain")) return; // a table's cells come as a picture, too
    event.preventDefault();
    event.stopPropagation();
    this.add(files);
  }
  drag(event) {
    const { type, dataTransfer, relatedTarget } = event;
    if (!dataTransfer?.types.includes("Files")) return;
    event.preventDefault(); // or the browser opens it
    event.stopPropagation();
    const { root } = this.panel;
    root.classList.toggle("qwen-dropping", type !== "drop" && (type !== "dragleave" || root.contains(relatedTarget)));
    if (type === "drop") this.add(dataTransfer.files);
  }

  add(files) {
    for (const file of this.panel.connected ? Array.from(files) : []) {
      if (file.size > MOST_BYTES) this.refuse(`${file.name} is too large: ${sized(MOST_BYTES)} is the limit.`);
      else if (this.begin(file.name, file.size)) this.upload(this.last, file);
    }
  }
  // A file beside the notebook, or a conversation: the kernel has it.
  refer(kind, name) {
    if (this.begin(name, 0)) this.panel.tell({ action: "refer", id: this.last, kind, name });
  }
  begin(name, size) {
    if (this.files.length + this.reading.size >= MOST_FILES) {
      return this.refuse(`At most ${MOST_FILES} files can be sent with a prompt: send these first, or remove some.`);
    }
    this.last = `${this.panel.view}.${(this.count += 1)}`;
    this.reading.set(this.last, { id: this.last, name, size });
    this.draw();
    return true;
  }
  refuse(why) {
    this.sends = false;
    this.panel.note(why, "error");
    this.panel.announce(why);
    return false;
  }

  // In pieces, for a server takes no message of any size.
  async upload(id, file, offset = 0) {
    const piece = file.slice(offset, offset + PIECE);
    const data = await inBase64(piece).catch(() => null); // a folder, or it is gone
    if (!this.reading.has(id)) return; // removed meanwhile
    if (data === null) return this.remove(id, `${file.name} cannot be read.`);
    const last = offset + piece.size >= file.size;
    const told = this.panel.tell({ action: "attach", id, name: file.name, offset, data, last });
    if (told && !last) this.upload(id, file, offset + piece.size);
  }
  remove(id, why = "") {
    if (why) this.refuse(why);
    this.reading.delete(id);
    this.files = this.files.filter((file) => file.id !== id);
    this.draw();
    this.panel.tell({ action: "detach", id }, false);
  }
  // What was attached to a kernel that is no more.
  forget() {
    this.reading.clear();
    this.sends = false;
    this.attached({ files: [], done: "" });
  }

  // Whether a prompt waits for what is being read; it goes by itself then.
  waits() {
    this.sends = this.reading.size > 0;
    return this.sends;
  }
  attached({ files, done }) {
    const kept = files.find(({ id }) => id === done);
    this.files = files;
    this.reading.delete(done);
    this.draw();
    if (kept) this.panel.announce(`Attached ${kept.name}, ${sized(kept.size)}.`);
    else if (done) this.sends = false;
    if (!this.sends || this.reading.size > 0) return;
    this.sends = false;
    this.panel.send();
  }

  draw() {
    const { files } = this.panel.box;
    const all = [...this.files, ...this.reading.values()];
    const rows = make("div", "");
    for (const { id, name, size, thumbnail = "" } of all) {
      const row = make("div", "qwen-attached", `<span></span>${button("detach", "Remove", "close")}`);
      row.dataset.id = id;
      row.role = "listitem";
      row.firstChild.textContent = this.reading.has(id) ? `${name}, being read \u2026` : `${name}, ${sized(size)}`;
      rename(row.lastChild, `Remove ${name}`, "");
      row.prepend(...picture(thumbnail));
      rows.append(row);
    }
    files.hidden = all.length === 0;
    morph(files, rows);
  }
}
