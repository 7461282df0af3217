// A field with a list of what it can be, which takes anything else that is typed as well: a combobox with a listbox.

import { isComposing } from "./fields.js";
import { make, show } from "./html.js";

export class Combobox {
  // `values` gives what can be chosen; `none` is said where nothing fits; `opened` is called when the list opens.
  constructor(input, { values, none, announce, opened = () => {} }) {
    Object.assign(this, { input, values, none, announce, opened });
    [this.list, this.hint] = [input.nextElementSibling, input.nextElementSibling.nextElementSibling];
    input.addEventListener("input", () => this.open(true));
    input.addEventListener("click", () => this.open());
    input.addEventListener("blur", () => this.close());
    input.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
    this.list.addEventListener("click", ({ target }) => this.pick(target.closest("[role=option]")));
  }

  get isOpen() {
    return this.input.ariaExpanded === "true";
  }
  get options() {
    return Array.from(this.list.children);
  }

  // Show what has all words that were typed; before anything was, all there is.
  open(typed = false) {
    if (!this.isOpen) this.opened();
    this.typed = typed;
    this.input.ariaExpanded = "true";
    this.show();
    this.list.scrollIntoView({ block: "nearest" }); // within the settings, which scroll where there is little room
    if (typed) this.announce(this.options.length > 0 ? `${this.options.length} to choose from` : this.none);
  }
  show() {
    if (!this.isOpen) return;
    const words = this.typed ? this.input.value.toLowerCase().split(/\s+/u) : [];
    const all = this.values();
    const found = all.filter((value) => words.every((word) => value.toLowerCase().includes(word)));
    const active = this.active?.textContent;
    this.list.replaceChildren(...found.map((value, index) => this.option(value, index)));
    this.activate(this.options.find((one) => one.textContent === active));
    this.list.hidden = found.length === 0;
    show(this.hint, found.length === 0 ? this.none : "");
  }
  option(value, index) {
    const option = make("li", "");
    option.textContent = value;
    return Object.assign(option, { id: `${this.list.id}-${index}`, role: "option", ariaSelected: "false" });
  }
  activate(option) {
    if (this.active) this.active.ariaSelected = "false";
    this.active = option;
    if (!option) return this.input.removeAttribute("aria-activedescendant");
    option.ariaSelected = "true";
    this.input.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  close() {
    this.input.ariaExpanded = "false";
    this.activate();
    this.list.hidden = this.hint.hidden = true;
  }
  pick(option) {
    if (!option) return;
    this.input.value = option.textContent;
    this.close();
    this.input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  key(event) {
    const { key, altKey } = event;
    if (isComposing(event)) return;
    const { isOpen } = this;
    if (key === "Enter" && isOpen && this.active) this.pick(this.active);
    else if (key === "Enter") return this.close(); // what is typed is taken
    else if ((key === "Escape" && isOpen) || (key === "ArrowUp" && altKey)) this.close();
    else if (key === "ArrowDown" && altKey) this.open();
    else if (key === "ArrowDown" || key === "ArrowUp") this.step(key === "ArrowDown" ? 1 : -1);
    else return;
    event.preventDefault();
    event.stopPropagation(); // of the panel Escape would stop the answer
  }
  step(by) {
    if (!this.isOpen) this.open();
    const { options } = this;
    const start = this.active ? options.indexOf(this.active) + by : (by - 1) / 2;
    this.activate(options.at(start % Math.max(options.length, 1)));
  }
}
