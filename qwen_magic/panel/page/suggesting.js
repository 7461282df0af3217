// Completion in the composer: names behind an @, commands behind a /; the kernel says what there is.

import { isComposing } from "./fields.js";
import { make } from "./html.js";
import { COMPLETED } from "./words.js";

const STEP = { ArrowDown: 1, ArrowUp: -1 };
const MOVES = new Set(["ArrowLeft", "ArrowRight", "Home", "End", "PageUp", "PageDown"]);
const TAKEN = new Set(["ArrowDown", "ArrowUp", "Enter", "Tab", "Escape"]);

export class Suggesting {
  constructor(panel) {
    const { prompt: area, box: { suggestions: list } } = panel;
    Object.assign(this, { panel, area, list, found: [], chosen: 0, dismissed: false });
    area.addEventListener("keydown", (event) => isComposing(event) || this.key(event));
    area.addEventListener("input", (event) => isComposing(event) || this.look());
    area.addEventListener("compositionend", () => this.look());
    area.addEventListener("blur", () => this.close());
    list.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the composer keeps the focus
      const option = event.target.closest("[role=option]");
      if (option) this.choose(Array.from(list.children).indexOf(option));
    });
  }

  // What is to be completed at the cursor, from its / or @ on; or "".
  typed() {
    const { value, selectionStart, selectionEnd } = this.area;
    if (selectionStart !== selectionEnd || this.panel.model.get("settings").surroundings === "app") return "";
    return COMPLETED.exec(value.slice(0, selectionStart))?.[0] ?? "";
  }
  look() {
    const typed = this.typed();
    this.dismissed &&= Boolean(typed);
    if (!typed || this.dismissed || !this.panel.connected) return this.close();
    this.panel.tell({ action: "complete", view: this.panel.view, typed }, false);
  }
  suggest({ typed, suggestions }) {
    const { activeElement } = this.area.getRootNode();
    if (typed !== this.typed() || this.dismissed || activeElement !== this.area) return;
    this.found = suggestions;
    if (suggestions.length === 0) return this.close();
    this.list.replaceChildren(...suggestions.map(({ kind, name, detail }, index) => {
      const option = make("div", "", "<span></span><span></span>");
      Object.assign(option, { role: "option", id: `${this.panel.view}-option-${index}` });
      option.firstChild.textContent = name;
      option.lastChild.textContent = [kind, detail].filter(Boolean).join(", ");
      return option;
    }));
    const plural = suggestions.length === 1 ? "" : "s";
    if (this.list.hidden) {
      this.panel.announce(`${suggestions.length} suggestion${plural}; arrows choose, Escape closes.`);
    }
    this.list.hidden = false;
    this.show(0);
  }
  show(index) {
    this.chosen = index;
    const options = Array.from(this.list.children);
    for (const option of options) option.ariaSelected = String(option === options[index]);
    options[index].scrollIntoView({ block: "nearest" });
    this.area.setAttribute("aria-activedescendant", options[index].id);
  }
  close() {
    this.list.hidden = true;
    this.area.removeAttribute("aria-activedescendant");
  }

  key(event) {
    const { key, shiftKey } = event;
    if (this.list.hidden || (key === "Tab" && shiftKey)) return;
    if (MOVES.has(key)) return this.close();
    if (!TAKEN.has(key)) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // nothing is sent or stopped
    if (key in STEP) return this.show((this.chosen + STEP[key] + this.found.length) % this.found.length);
    if (key !== "Escape") return this.choose(this.chosen);
    this.dismissed = true;
    this.close();
  }
  choose(index) {
    const { kind, name, text } = this.found[index];
    const { area, panel } = this;
    const end = area.selectionStart;
    const begin = kind === "template" ? 0 : end - this.typed().length;
    this.close();
    area.setSelectionRange(begin, end);
    document.execCommand(text ? "insertText" : "delete", false, text); // it can be undone
    if (kind === "file" || kind === "conversation") panel.attaching.refer(kind, name);
    if (kind === "model" || (kind === "command" && !text.endsWith(" "))) panel.send();
  }
}
