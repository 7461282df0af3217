// The list of conversations: search, open, pin, rename, delete. With the arrows it is walked through as a grid.

import { confirmed, rename } from "./fields.js";
import { make, show } from "./html.js";
import { FOUND, NAME } from "./templates.js";

const TYPING = 150; // milliseconds without a key before the kernel is asked
const WALKS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [-1e9, 0],
  End: [1e9, 0] };

const counted = (number) => (number === 1 ? "1 turn" : `${number} turns`);

export class Conversations {
  constructor(panel) {
    const { list, words, grid, note } = panel.box;
    Object.assign(this, { panel, box: list, words, grid, note, rows: new Map() });
    this.opener = panel.root.querySelector("[data-act=conversations]");
    this.words.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.find(), TYPING);
    });
  }

  get isOpen() {
    return !this.box.hidden;
  }
  toggle() {
    if (this.isOpen) return this.close();
    this.box.hidden = false;
    this.opener.ariaExpanded = "true";
    this.panel.unfold(false);
    this.words.value = "";
    this.words.focus();
    this.find();
  }
  close() {
    if (!this.isOpen) return;
    clearTimeout(this.timer);
    this.endNaming();
    const had = this.box.contains(this.focus);
    this.box.hidden = true;
    this.opener.ariaExpanded = "false";
    if (had) this.opener.focus({ preventScroll: true });
  }

  find() {
    this.asked = this.words.value.trim();
    this.panel.tell({ action: "find", view: this.panel.view, words: this.asked });
  }
  // Something was written or renamed, here or elsewhere.
  refresh() {
    const { stays, surroundings } = this.panel.model.get("settings");
    this.opener.hidden = Boolean(stays) || surroundings === "app";
    if (this.isOpen && this.panel.connected) this.find();
  }

  // Show what the kernel has found; an answer to earlier words is not for us any more.
  found({ words, conversations, more }) {
    if (!this.isOpen || words !== this.asked) return;
    const focused = this.focused();
    const ids = new Set(conversations.map(({ id }) => id));
    for (const id of Array.from(this.rows.keys()).filter((one) => !ids.has(one))) {
      if (this.naming?.id === id) this.naming = undefined;
      this.rows.get(id).remove();
      this.rows.delete(id);
    }
    for (const one of conversations) this.grid.append(this.row(one));
    this.grid.hidden = conversations.length === 0;
    const others = more > 0 ? `${more} more: search for the one you want.` : "";
    const none = words ? "Nothing was found." : "There are no conversations yet.";
    show(this.note, conversations.length > 0 ? others : none);
    if (words !== this.told) this.panel.announce(words ? `${conversations.length + more} found.` : "");
    this.told = words;
    this.refocus(focused);
  }
  row({ id, name, turns, pinned, used, excerpt }) {
    if (!this.rows.has(id)) this.rows.set(id, Object.assign(make("div", "qwen-found", FOUND), { role: "row" }));
    const row = this.rows.get(id);
    row.dataset.id = id;
    const [open, pin, renaming, remove] = row.querySelectorAll("[data-act]");
    const [title, size, around] = open.children;
    show(title, name);
    show(size, `${counted(turns)}, ${used}`);
    show(around, excerpt);
    const current = this.panel.model.get("settings").conversation?.id === id;
    open.setAttribute("aria-current", String(current));
    pin.ariaPressed = String(pinned);
    rename(pin, `Pin ${name}`, "");
    rename(renaming, `Rename ${name}`, "");
    if (remove.title !== remove.dataset.ask) rename(remove, `Delete ${name}`, "");
    if (this.naming?.id === id && this.naming.wanted === name) this.endNaming();
    return row;
  }

  press(target) {
    const pressed = target.closest("button");
    if (!pressed || (pressed.dataset.ask && !confirmed(pressed, this.panel))) return;
    const row = pressed.closest("[role=row]");
    const conversation = Number(row.dataset.id);
    if (pressed.dataset.act === "open") this.open(conversation);
    else if (pressed.dataset.act === "name") this.name(row);
    else if (pressed.dataset.act === "pin") {
      this.panel.tell({ action: "pin", conversation, pinned: pressed.ariaPressed !== "true" });
    } else this.panel.tell({ action: "remove", conversation });
  }
  open(value) {
    this.panel.tell({ action: "set", name: "conversation", value });
    this.close();
    this.panel.prompt.focus({ preventScroll: true });
  }

  // Let a name be written anew where it stands; the kernel may refuse it, and what was typed stays then.
  name(row) {
    this.endNaming();
    const [open] = row.querySelectorAll("[data-act]");
    const field = make("span", "qwen-name", NAME).firstElementChild;
    const was = open.firstElementChild.textContent;
    Object.assign(field, { value: was, ariaLabel: `New name of ${was}` });
    this.naming = { id: Number(row.dataset.id), row, field, was };
    open.hidden = true;
    open.after(field);
    field.focus();
    field.select();
  }
  saveName() {
    const { id, field, was } = this.naming;
    const name = field.value.trim();
    if (!name || name === was) return this.endNaming();
    this.naming.wanted = name;
    field.ariaInvalid = "false";
    this.panel.tell({ action: "rename", conversation: id, name });
  }
  refuse(setting) {
    if (setting === "conversation" && this.naming?.wanted) this.naming.field.ariaInvalid = "true";
  }
  endNaming() {
    if (!this.naming) return;
    const { row, field } = this.naming;
    this.naming = undefined;
    const had = field === this.focus;
    field.remove();
    row.querySelector("[data-act=open]").hidden = false;
    if (had) this.go(row, "name");
  }

  get focus() {
    return this.panel.root.getRootNode().activeElement;
  }
  focused() {
    const row = this.focus?.closest(".qwen-found");
    const act = this.focus?.dataset.act;
    return row && this.grid.contains(row) && { row, act, index: Array.from(this.grid.children).indexOf(row) };
  }
  // What was moved has lost the focus; what went away leaves it to what stands in its place.
  refocus(focused) {
    const rows = Array.from(this.grid.children);
    const current = rows.find((row) => row.querySelector("[tabindex='0']")) ?? rows[0];
    if (!focused && current) this.stop(current, current.querySelector("[tabindex='0']")?.dataset.act ?? "open");
    if (!focused || this.focus === this.words) return;
    if (this.naming && focused.row === this.naming.row) return this.naming.field.focus();
    const row = focused.row.isConnected ? focused.row : rows[Math.min(focused.index, rows.length - 1)];
    if (row) this.go(row, focused.act ?? "name");
    else this.words.focus();
  }
  // One button of all rows is in the order of tabs.
  stop(row, act) {
    for (const one of this.grid.querySelectorAll("[tabindex='0']")) one.tabIndex = -1;
    const cell = row.querySelector(`[data-act=${act}]`);
    cell.tabIndex = 0;
    return cell;
  }
  go(row, act) {
    this.stop(row, act).focus();
  }

  // Do what a key means in the list; tell whether it is ours.
  key(event) {
    const { key, target } = event;
    if (!this.box.contains(target)) return false;
    const naming = target === this.naming?.field;
    const rows = Array.from(this.grid.children);
    if (key === "Escape" && naming) this.endNaming();
    else if (key === "Escape") this.close();
    else if (key === "Enter" && naming) this.saveName();
    else if (key === "Enter" && target === this.words && rows[0]) this.open(Number(rows[0].dataset.id));
    else if (key === "ArrowDown" && target === this.words && rows[0]) this.go(rows[0], "open");
    else if (!naming && target.dataset.act && WALKS[key]) this.walk(target, WALKS[key], rows);
    else return true;
    event.preventDefault();
    return true;
  }
  walk(button, [down, right], rows) {
    const row = button.closest("[role=row]");
    const acts = Array.from(row.querySelectorAll("[data-act]"), ({ dataset }) => dataset.act);
    const next = rows.indexOf(row) + down;
    if (next === -1) return this.words.focus();
    const column = Math.min(acts.length - 1, Math.max(0, acts.indexOf(button.dataset.act) + right));
    this.go(rows[Math.min(rows.length - 1, Math.max(0, next))], acts[column]);
  }
}
