// What is chosen for the panel's prompts: the fields show what the kernel has, and tell it what the user chooses.

import { Combobox } from "./combobox.js";
import { make, morph } from "./html.js";

const NO_TARGET = "Not in the list: what you typed is used.";
const NO_MODEL = "Not in the list of models: what you typed is used.";

const choice = ({ id, name, turns }) => new Option(turns ? `${name} (${turns})` : name, id);

// The conversations as options; where some are pinned, in two groups.
function grouped(conversations) {
  const pinned = conversations.filter((one) => one.pinned);
  if (pinned.length === 0) return conversations.map((one) => choice(one));
  const others = conversations.filter((one) => !one.pinned);
  return [["Pinned", pinned], ["Others", others]].map(([label, all]) => {
    const group = Object.assign(document.createElement("optgroup"), { label });
    group.append(...all.map((one) => choice(one)));
    return group;
  });
}

export class Settings {
  constructor(panel) {
    Object.assign(this, { panel, fields: Array.from(panel.root.querySelectorAll("[data-set]")) });
    const values = (name) => () => panel.model.get("settings")[name] ?? [];
    const announce = (text) => panel.announce(text);
    const [, target, model] = this.fields;
    this.lists = [
      new Combobox(target, { values: values("targets"), none: NO_TARGET, announce }),
      new Combobox(model, {
        values: values("models"), none: NO_MODEL, announce, opened: () => panel.tell({ action: "models" }, false),
      }),
    ];
  }

  // Tell the kernel what was chosen; what it refuses stays in the field, to be mended.
  set(field) {
    const { value, type, dataset: { set: name } } = field;
    if (!name || (name === "conversation" && !value)) return;
    if (name !== "conversation") field.dataset.was = String(this.panel.model.get("settings")[name] ?? "");
    field.ariaInvalid = "false";
    const number = value && (name === "conversation" || type === "number");
    this.panel.tell({ action: "set", name, value: number ? Number(value) : value });
  }
  refuse(setting) {
    const field = this.fields.find((one) => one.dataset.set === setting);
    if (field?.dataset.was !== undefined) field.ariaInvalid = "true";
    this.show();
  }

  show() {
    const { conversations = [], conversation, models = [], ...chosen } = this.panel.model.get("settings");
    const known = conversations.some(({ id }) => id === conversation?.id);
    const all = known ? conversations : [{ id: "", name: "New conversation" }, ...conversations];
    const [picker, target, model] = this.fields;
    const options = make("select", "");
    options.append(...grouped(all));
    // An option that is made anew is told to a screen reader as if it had got the focus.
    const now = Array.from(options.querySelectorAll("option"));
    for (const [index, one] of Array.from(picker.options).entries()) if (now[index]) one.value = now[index].value;
    morph(picker, options);
    const { activeElement } = this.panel.root.getRootNode();
    for (const field of this.fields) {
      const value = String(chosen[field.dataset.set] ?? "");
      if (field === activeElement || field.dataset.was === value) continue; // not yet taken what is typed, or refused
      delete field.dataset.was;
      Object.assign(field, { value, ariaInvalid: "false" });
    }
    Object.assign(picker, { value: known ? conversation.id : "", disabled: Boolean(chosen.stays) });
    [target.placeholder, model.placeholder] = [chosen.default_target ?? "", models[0] ?? ""];
    for (const list of this.lists) list.show();
  }
}
