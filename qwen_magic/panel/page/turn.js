// A turn: its prompt, its answer while it grows, and what can be done with it.

import { sized } from "./attaching.js";
import { growCode } from "./code.js";
import { boxes, write } from "./fields.js";
import { make, morph, parse, picture, show } from "./html.js";
import { EDITOR, TURN } from "./templates.js";
import { ENDINGS, MOST_SPOKEN } from "./words.js";

const LONG_PROMPT = { lines: 20, characters: 2000 };
const PARTS = { image: "image", file: "file", call: "calls", result: "result of", failure: "failure of" };

// A part of a message, which is text alone: a line for a picture or a file; what tools are told and give, folded.
function partBox({ kind, name, size, text, thumbnail }) {
  if (kind === "text") return folded(text);
  const folds = kind !== "image" && kind !== "file";
  const box = make(folds ? "details" : "div", "qwen-part", folds ? "<summary></summary><div></div>" : "");
  const named = name || (folds ? "a tool" : text);
  const long = size ? `, ${sized(size)}` : "";
  (box.firstChild ?? box).textContent = `${PARTS[kind] ?? kind}${named && " "}${named}${long}`;
  box.prepend(...(kind === "image" ? picture(thumbnail) : []));
  if (folds) box.lastChild.textContent = text;
  return box;
}

// A prompt; of a long one, such as what was pasted, the beginning, from which it is unfolded.
function folded(text) {
  const lines = text.split("\n");
  if (lines.length <= LONG_PROMPT.lines && text.length <= LONG_PROMPT.characters) return text;
  const box = make("details", "qwen-folded", "<summary></summary><div></div>");
  const size = lines.length > 1 ? `${lines.length} lines` : `${text.length} characters`;
  box.firstChild.textContent = `${lines.slice(0, 3).join("\n").slice(0, 300)} \u2026 (${size})`;
  box.lastChild.textContent = text;
  return box;
}

export class Turn {
  constructor(panel, data) {
    Object.assign(this, { panel, data: {}, element: make("article", "qwen-turn", TURN) });
    [this.pieces, this.drawn] = [[], []]; // the answer's elements, and the HTML that each was made of
    this.element.dataset.key = data.key;
    this.element.tabIndex = -1;
    this.box = boxes(this.element);
    this.buttons = Array.from(this.box.actions.querySelectorAll("button"));
    this.update({ body: { thinking: "", thought: "", blocks: [] }, ...data });
  }

  update({ body, ...changed }) {
    const data = Object.assign(this.data, changed);
    const [number, count] = data.version;
    const thinking = body && make("template", "", body.thinking).content.textContent;
    if (body) Object.assign(this, body, { thinking, tail: "" });
    this.draw();
    Object.assign(this.element.dataset, { state: data.state, ending: data.ending });
    this.element.ariaBusy = String(data.state === "streaming");
    this.element.ariaLabel = `Asked${data.from_cell ? " in a cell" : ""}: ${data.prompt.slice(0, 80)}`;
    this.drawParts(data);
    show(this.box.origin, data.from_cell ? "asked in a cell" : "");
    show(this.box.whole, data.system ? `System: ${data.system}\n\n${data.sent || data.prompt}` : data.sent);
    show(this.box.facts, data.facts.join("\n"));
    show(this.box.version, count > 1 ? `${number}/${count}` : "");
    this.box.sent.hidden = this.box.whole.hidden;
    this.box.prompt.hidden = Boolean(this.editor);
    for (const one of this.buttons) {
      const { act, step = 0 } = one.dataset;
      if (act === "version") one.hidden = count < 2 || data.state === "streaming";
      else one.hidden = act === "copy" ? !data.text : !data.can.includes(act);
      one.disabled = number + Number(step) < 1 || number + Number(step) > count;
    }
  }

  // What was saved by an earlier version has neither parts nor steps.
  drawParts({ prompt, parts = [], steps = [] }) {
    const wanted = JSON.stringify([prompt, parts, steps]);
    if (this.drawnParts === wanted) return; // what is unfolded stays so
    this.drawnParts = wanted;
    this.box.prompt.replaceChildren(...(parts.length > 0 ? parts.map((part) => partBox(part)) : [folded(prompt)]));
    this.box.steps.replaceChildren(...steps.map((part) => partBox(part)));
  }

  // Let the answer grow; `keep` counts UTF-16 units, as strings here do.
  grow({ restart, blocks, keep, add, thinking, status, steps }) {
    if (restart) [this.blocks, this.tail] = [[], ""];
    this.blocks = [...this.blocks, ...blocks];
    this.tail = (blocks.length > 0 ? "" : this.tail.slice(0, keep)) + add;
    if (thinking) this.thinking = this.thinking.slice(0, thinking.keep) + thinking.add;
    this.thought = thinking?.thought ?? this.thought;
    this.data.status = status ?? this.data.status;
    if (steps) this.drawParts(Object.assign(this.data, { steps }));
  }

  // Bring the page to it; what is the same is left alone. The tail's element becomes the next block's: its nodes stay.
  draw() {
    show(this.box.status, this.data.status);
    show(this.box.thought, this.thought || "thinking");
    show(this.box.thoughts, this.thinking);
    this.box.thinking.hidden = !this.thinking;
    const wanted = [...this.blocks, this.tail];
    while (this.pieces.length > wanted.length) this.pieces.pop().remove();
    for (const [index, html] of wanted.entries()) {
      const before = this.drawn[index] ?? "";
      const name = index < this.blocks.length ? "qwen-block" : "qwen-tail";
      const piece = (this.pieces[index] ??= make("div", ""));
      if (piece.className !== name) piece.className = name;
      if (!piece.parentNode) this.box.body.append(piece);
      if (before !== html && !growCode(piece, before, html)) morph(piece, parse(html));
    }
    this.drawn = wanted;
  }

  // What assistive technology is told once: that it was asked, and the answer when it has come to its end.
  told(was) {
    const { state, ending, facts } = this.data;
    if (state === "streaming") return was === "streaming" ? "" : "Asked.";
    if (was !== "streaming") return "";
    const why = ending === "error" ? facts.at(-1) : ""; // what went wrong; before it stands who answered
    const words = [this.spoken(), why].filter(Boolean).join(" ");
    return `Answer ${ENDINGS[ending] ?? "finished"}${words ? `: ${words}` : "."}`;
  }
  spoken() {
    const copy = this.box.body.cloneNode(true);
    for (const tools of copy.querySelectorAll(".qwen-tools")) tools.remove();
    for (const block of copy.querySelectorAll("p, li, pre, td, th, h1, h2, h3, h4, h5, h6")) block.append(" ");
    const words = copy.textContent.replaceAll(/\s+/gu, " ").trim();
    const cut = words.slice(0, MOST_SPOKEN).replace(/\s\S*$/u, "");
    return words.length > MOST_SPOKEN ? `${cut} \u2026 The rest is in the transcript.` : words;
  }

  // Let the prompt be written anew, where it stands.
  edit() {
    if (this.editor) return;
    this.editor = make("div", "qwen-editor", EDITOR);
    this.box.asked.append(this.editor);
    this.box.prompt.hidden = true;
    write(this.editor.firstChild, () => this.endEditing(true));
    this.editor.firstChild.focus();
    document.execCommand("insertText", false, this.data.prompt);
  }

  endEditing(sends) {
    const text = this.editor.firstChild.value;
    if (sends && !text.trim()) return;
    if (sends) this.panel.tell({ action: "edit", key: this.data.key, text });
    if (sends) this.panel.last = text; // where it is refused, the up arrow brings it back
    this.editor = this.editor.remove();
    this.box.prompt.hidden = false;
    this.buttons.find((one) => one.dataset.act === "edit").focus({ preventScroll: true });
  }
}
