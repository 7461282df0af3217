// The chat panel's page: it shows what the kernel tells it, and tells the kernel what the user does (see panel.py).
// HTML is what a delta adds, a body's `blocks` and its `thinking`; all else that comes is text, and set as such.

/**
 * What the kernel and the page tell each other: the types of protocol.py by the same names, and its version.
 *
 * @typedef {{ thinking: string, thought: string, blocks: string[] }} Body
 * @typedef {{ kind: "text" | "image" | "file" | "call" | "result" | "failure", name: string, mime: string,
 *   size: number, text: string }} PagePart
 * @typedef {{ key: string, prompt: string, parts: PagePart[], sent: string, from_cell: boolean, system: string,
 *   steps: PagePart[], facts: string[], status: string, state: "streaming" | "done", ending: string,
 *   version: number[], can: string[], body?: Body, text?: string }} PageTurn
 * @typedef {{ order: number, turn: PageTurn }} SavedTurn
 * @typedef {{ op: "reset", view: string, version: number, turns: PageTurn[] }} ResetOp
 * @typedef {{ op: "turn", turn: PageTurn, before: string }} TurnOp
 * @typedef {{ op: "drop", key: string }} DropOp
 * @typedef {{ keep: number, add: string, thought: string }} ThinkingGrowth
 * @typedef {{ op: "delta", key: string, blocks: string[], keep: number, add: string, restart?: boolean,
 *   thinking?: ThinkingGrowth, status?: string }} DeltaOp
 * @typedef {{ op: "say", text: string, kind: "info" | "error" | "version", view?: string }} SayOp
 * @typedef {{ op: "file", view: string, name: string, text: string }} FileOp
 * @typedef {ResetOp | TurnOp | DropOp | DeltaOp | SayOp | FileOp} Op
 * @typedef {{ action: "ready", view: string, version: number }} ReadyAction
 * @typedef {{ action: "send", text: string }} SendAction
 * @typedef {{ action: "edit", key: string, text: string }} EditAction
 * @typedef {{ action: "continue" | "regenerate" | "delete", key: string }} TurnAction
 * @typedef {{ action: "version", key: string, step: number }} VersionAction
 * @typedef {{ action: "stop" | "hurry" | "new" | "clear" }} PanelAction
 * @typedef {{ action: "unqueue", index: number }} UnqueueAction
 * @typedef {"conversation" | "system" | "target" | "model" | "temperature" | "max_tokens"} Setting
 * @typedef {{ action: "set", name: Setting, value: string | number | null }} SetAction
 * @typedef {{ action: "export", view: string }} ExportAction
 * @typedef {{ action: "code", text: string, language: string }} CodeAction
 * @typedef {ReadyAction | SendAction | EditAction | TurnAction | VersionAction | PanelAction | UnqueueAction
 *   | SetAction | ExportAction | CodeAction} Action
 * @typedef {{ id: number, name: string, turns: number }} ConversationChoice
 * @typedef {{ id: number | null, name: string }} CurrentConversation
 * @typedef {{ target: string, default_target: string, targets: string[], model: string, models: string[],
 *   temperature: number | null, max_tokens: number | null }} PromptSettings
 * @typedef {"all" | "plain" | "app"} Offers
 * @typedef {PromptSettings & { system: string, conversation: CurrentConversation,
 *   conversations: ConversationChoice[], pinned: boolean, offers: Offers }} PanelSettings
 * @typedef {{ streaming: boolean, queue: string[], stop: "now" | "later" }} Activity
 * @typedef {{ saved: number, settings: PanelSettings, activity: Activity, height: number,
 *   draft: string }} PanelState
 */
const VERSION = 1;
const OTHER = "The panel was updated: reload the page; if that changes nothing, restart the kernel.";
const OFFLINE = "Not connected to a kernel: this is the saved transcript. To go on, run %qwen panel again.";
const EMPTY = "Not connected to a kernel, and nothing was said here yet. To begin, run %qwen panel again.";
const RESTARTED = "The kernel was restarted or has ended: run %qwen panel in a cell to go on. Your draft stays here.";
const BUSY = "The kernel is busy: it answers when the running cell ends.";
const GONE = "The Jupyter server does not answer: start it, then reload this page. Your draft stays here.";
const PATIENCE = 5000; // milliseconds without a word from the kernel
const ENDINGS = { "": "finished", interrupted: "stopped", error: "failed", length: "finished at its token limit",
  filtered: "cut off by a content filter" };
const PARTS = { image: "image", file: "file", call: "calls", result: "result of", failure: "failure of" };
const ICONS = {
  again: "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3", new: "M8 3v10M3 8h10",
  copy: "M5.5 5.5h7v8h-7zM10.5 3h-7v8", close: "M4.5 4.5l7 7M11.5 4.5l-7 7",
  earlier: "M10 4L6 8l4 4", later: "M6 4l4 4-4 4",
  edit: "M3 13l.6-2.6L11 3l2 2-7.4 7.4z", end: "M8 3v9.5M4 8.5l4 4 4-4",
  more: "M4 4l4 4-4 4M8.5 4l4 4-4 4", send: "M8 13V3.5M4 7.5l4-4 4 4",
  remove: "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5", stop: "M5 5h6v6H5z",
  settings: "M3 5h5.5M12 5h1M10.2 3.3v3.4M3 11h1M7.5 11H13M5.8 9.3v3.4",
};
// A second barrier after the kernel's own: the elements and attributes that its HTML is made of.
const KNOWN =
  "a,blockquote,br,code,div,em,h1,h2,h3,h4,h5,h6,hr,input,li,ol,p,pre,s,span,strong,table,tbody,td,th,thead,tr,ul," +
  "abbr,b,big,cite,del,details,dfn,i,ins,kbd,mark,q,rp,rt,ruby,samp,small,sub,summary,sup,u,var,wbr," +
  "math,menclose,mfrac,mi,mmultiscripts,mn,mo,mover,mpadded,mphantom,mprescripts,mroot,mrow,mspace,msqrt,mstyle,msub," +
  "msubsup,msup,mtable,mtd,mtext,mtr,munder,munderover";
const REFUSED = /^on|src|action|^(background|data|id|is|name|ping|poster|slot)$|^xlink/u;

// A button; the page does `act` when it is pressed. All that is given is the page's own.
function button(act, name, icon = "", word = "", attributes = "") {
  const picture = icon && `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${ICONS[icon]}"/></svg>`;
  return `<button type="button" data-act="${act}" aria-label="${name}" title="${name}" ${attributes}>
    ${picture}<span>${word}</span></button>`;
}

const PANEL = `
  <div class="qwen-bar"><select aria-label="Conversation" data-set="conversation"></select>
    ${button("new", "New conversation", "new")}
    ${button("unfold", "Settings", "settings", "", 'aria-expanded="false"')}</div>
  <div class="qwen-settings" hidden>
    <label><span>Target</span><input data-set="target" list="VIEW-targets" spellcheck="false"></label>
    <label><span>Model</span><input data-set="model" list="VIEW-models" spellcheck="false"></label>
    <label class="qwen-long"><span>System prompt</span><textarea data-set="system" rows="2"></textarea></label>
    <label><span>Temperature</span><input data-set="temperature" type="number" min="0" step="0.1"></label>
    <label><span>Max tokens</span><input data-set="max_tokens" type="number" min="1"></label>
    <div class="qwen-long">${button("export", "Export as Markdown", "", "Export as Markdown")}
      ${button("clear", "Clear conversation", "", "Clear conversation", 'data-ask="Really clear?"')}</div>
    <datalist id="VIEW-targets"></datalist><datalist id="VIEW-models"></datalist>
  </div>
  <div class="qwen-middle">
    <div class="qwen-log" tabindex="0" role="group" aria-label="Transcript"><div class="qwen-turns"></div></div>
    ${button("end", "To the end", "end", "", 'class="qwen-end" hidden')}</div>
  <div class="qwen-notice" hidden><span></span>${button("dismiss", "Dismiss", "close")}</div>
  <div class="qwen-queue" role="group" aria-label="Queue" hidden></div>
  <div class="qwen-composer">
    <textarea aria-label="Prompt" rows="1"></textarea>
    ${button("stop", "Stop", "stop", "Stop", "hidden")}
    ${button("send", "Send", "send", "Send", 'class="qwen-main"')}</div>
  <div class="qwen-live" role="status" aria-live="polite"></div>`;
const TURN = `
  <div class="qwen-asked"><div class="qwen-prompt"></div></div><div class="qwen-origin"></div>
  <details class="qwen-sent"><summary>as it was sent</summary><div class="qwen-whole"></div></details>
  <div class="qwen-answer">
    <details class="qwen-thinking"><summary class="qwen-thought"></summary><div class="qwen-thoughts"></div></details>
    <div class="qwen-steps"></div><div class="qwen-body"></div>
    <div class="qwen-status"></div><div class="qwen-facts"></div>
  </div>
  <div class="qwen-actions">
    ${button("copy", "Copy answer", "copy")} ${button("regenerate", "Regenerate", "again")}
    ${button("edit", "Edit prompt", "edit")} ${button("continue", "Continue", "more", "Continue")}
    ${button("delete", "Delete turn", "remove", "", 'data-ask="Really delete?"')}
    ${button("version", "Earlier version", "earlier", "", 'data-step="-1"')}
    <span class="qwen-version"></span> ${button("version", "Later version", "later", "", 'data-step="1"')}</div>`;
const EDITOR = `<textarea aria-label="Edited prompt" rows="1"></textarea>
  ${button("cancel", "Cancel", "", "Cancel")} ${button("resend", "Send again", "", "Send again", 'class="qwen-main"')}`;
const TOOLS = `<div class="qwen-tools"><span></span>
  ${button("copy", "Copy code", "", "Copy code")} ${button("code", "To a cell", "", "To a cell")}</div>`;

const make = (tag, className, innerHTML = "") => Object.assign(document.createElement(tag), { className, innerHTML });
const isComposing = (event) => event.isComposing || event.keyCode === 229; // Safari has the code alone for the last key

// The page's own elements within one, by their class.
function boxes(element) {
  const own = Array.from(element.querySelectorAll("[class^=qwen-]"));
  return Object.fromEntries(own.map((one) => [one.className.slice("qwen-".length), one]));
}

// The nodes of the kernel's HTML, with the tools for code and the boxes in which wide things scroll.
function parse(html) {
  const { content } = make("template", "", html); // inert: nothing is loaded or run in it
  for (const strange of content.querySelectorAll(`:not(${KNOWN}), input:not([type="checkbox"])`)) strange.remove();
  for (const element of content.querySelectorAll("*")) {
    for (const { name, value } of Array.from(element.attributes)) {
      const link = element.localName === "a" && /^(https?:|mailto:|#)/iu.test(value);
      const strange = name === "href" ? !link : REFUSED.test(name) || (name === "style" && !element.closest("math"));
      if (strange) element.removeAttribute(name);
    }
  }
  for (const wide of content.querySelectorAll("pre, table, div.qm-math")) {
    const code = wide.localName === "pre";
    const box = code ? make("div", "qwen-code", TOOLS) : make("div", "qwen-wide");
    if (code) box.querySelector("span").textContent = wide.dataset.language ?? "";
    else Object.assign(box, { role: "group", ariaLabel: wide.rows ? "Table" : "Formula", tabIndex: 0 });
    wide.replaceWith(box);
    box.append(wide);
  }
  return content;
}

// Give `old` the children of `fresh`, and touch only what differs, so that what is selected stays selected.
function morph(old, fresh) {
  const [before, after] = [Array.from(old.childNodes), Array.from(fresh.childNodes)];
  for (const [index, next] of after.entries()) {
    const had = before[index];
    if (!had) old.append(next);
    else if (index < after.length - 1 && had.isEqualNode(next)) continue;
    else if (had.nodeType === Node.TEXT_NODE && next.nodeType === Node.TEXT_NODE) setText(had, next.data);
    else if (had.cloneNode(false).isEqualNode(next.cloneNode(false))) morph(had, next);
    else had.replaceWith(next);
  }
  for (const rest of before.slice(after.length)) rest.remove();
}

// Change a text node, or an element's text, from where it differs.
function setText(node, text) {
  let same = text.startsWith(node.data) ? node.length : 0;
  while (same < node.length && node.data[same] === text[same]) same += 1;
  if (same < node.length || same < text.length) node.replaceData(same, node.length - same, text.slice(same));
}
function show(element, text) {
  if (!element.firstChild) element.append("");
  setText(element.firstChild, text);
  element.hidden = !text;
}

// A part of a message, which is text alone: a line for a picture or a file; what tools are told and give, folded.
function partBox({ kind, name, size, text }) {
  if (kind === "text") return text;
  const power = Math.min(2, Math.floor(Math.log10(size || 1) / 3));
  const sized = size ? `, ${Math.round(size / 1000 ** power)} ${["B", "KB", "MB"][power]}` : "";
  const folds = kind !== "image" && kind !== "file";
  const box = make(folds ? "details" : "div", "qwen-part", folds ? "<summary></summary><div></div>" : "");
  const named = name || (folds ? "a tool" : text);
  (box.firstChild ?? box).textContent = `${PARTS[kind] ?? kind}${named && " "}${named}${sized}`;
  if (folds) box.lastChild.textContent = text;
  return box;
}
function rename(pressed, name, word) {
  pressed.title = pressed.ariaLabel = name;
  pressed.lastChild.textContent = word;
}

// Let a button ask again before it acts; tell whether it has.
function confirmed(pressed) {
  const { title, lastChild, dataset } = pressed;
  if (title === dataset.ask) return pressed.dispatchEvent(new Event("blur"));
  pressed.addEventListener("blur", rename.bind(null, pressed, title, lastChild.textContent), { once: true });
  rename(pressed, dataset.ask, dataset.ask);
  pressed.focus({ preventScroll: true });
  return false;
}

// Send with Enter; Shift+Enter breaks the line. And let the area be as high as its text.
function write(area, send) {
  area.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
    event.preventDefault();
    send();
  });
  area.addEventListener("input", () => {
    if (CSS.supports("field-sizing", "content")) return;
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight + 2}px`;
  });
}

class Turn {
  constructor(panel, data) {
    Object.assign(this, { panel, data: {}, element: make("article", "qwen-turn", TURN) });
    [this.pieces, this.drawn] = [[], []]; // the answer's elements, and the HTML that each was made of
    this.element.dataset.key = data.key;
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
    this.box.prompt.replaceChildren(...(parts.length > 0 ? parts.map((part) => partBox(part)) : [prompt]));
    this.box.steps.replaceChildren(...steps.map((part) => partBox(part)));
  }

  // Let the answer grow; `keep` counts UTF-16 units, as strings here do.
  grow({ restart, blocks, keep, add, thinking, status }) {
    if (restart) [this.blocks, this.tail] = [[], ""];
    this.blocks = [...this.blocks, ...blocks];
    this.tail = (blocks.length > 0 ? "" : this.tail.slice(0, keep)) + add;
    if (thinking) this.thinking = this.thinking.slice(0, thinking.keep) + thinking.add;
    this.thought = thinking?.thought ?? this.thought;
    this.data.status = status ?? this.data.status;
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
      const name = index < this.blocks.length ? "qwen-block" : "qwen-tail";
      const piece = (this.pieces[index] ??= make("div", ""));
      if (piece.className !== name) piece.className = name;
      if (!piece.parentNode) this.box.body.append(piece);
      if (this.drawn[index] !== html) morph(piece, parse(html));
    }
    this.drawn = wanted;
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

// Whether the server that the page came from is there; a page that came from none has nobody to ask.
function serverAnswers() {
  const config = document.querySelector("#jupyter-config-data");
  if (!config) return Promise.resolve(true);
  const base = new URL(JSON.parse(config.textContent).baseUrl ?? "/", location.href);
  return fetch(new URL("api", base), { cache: "no-store" }).then(() => true, () => false);
}

class Panel {
  constructor(model, place) {
    Object.assign(this, { model, turns: new Map(), changed: new Set(), timers: {}, following: true });
    this.view = `qwen${Math.random().toString(36).slice(2)}`;
    this.root = make("div", "qwen-panel", PANEL.replaceAll("VIEW", this.view));
    Object.assign(this.root, { role: "region", ariaLabel: "Qwen chat" }).dataset.lmSuppressShortcuts = "true";
    this.box = boxes(this.root);
    [this.prompt, this.stop] = this.box.composer.children;
    this.fields = Array.from(this.root.querySelectorAll("[data-set]"));
    this.prompt.value = model.get("draft");
    this.listen();
    place.append(this.root);
    this.showSaved();
    this.showSettings();
    this.showActivity();
    this.connect();
  }

  listen() {
    this.heard = {
      "msg:custom": (op) => this.hear(op),
      "change:saved": () => this.connected || this.showSaved(),
      "change:settings": () => (this.connected && this.heardFrom(), this.showSettings()),
      "change:activity": () => (this.connected && this.heardFrom(), this.showActivity()),
      "change:height": () => this.showActivity(),
      comm_live_update: () => this.connect(), // another kernel
    };
    for (const [name, act] of Object.entries(this.heard)) this.model.on(name, act);
    this.root.addEventListener("click", ({ target }) => this.press(target));
    this.root.addEventListener("change", ({ target }) => this.set(target));
    for (const name of ["keydown", "keypress", "keyup"]) {
      this.root.addEventListener(name, (event) => {
        event.stopPropagation(); // the front end has shortcuts
        if (name === "keydown" && !isComposing(event)) this.key(event);
      });
    }
    write(this.prompt, () => this.send());
    this.prompt.addEventListener("input", () => {
      this.timers.draft ??= setTimeout(() => this.keepDraft(), 500);
    });
    this.box.log.addEventListener("scroll", () => this.look(), { passive: true });
    // Sizes are read where they are known: after the layout, before the page is painted.
    this.sizes = new ResizeObserver(() => (this.following ? this.toEnd() : this.look()));
    for (const element of [this.box.log, this.box.turns]) this.sizes.observe(element);
  }

  close = () => {
    if (this.timers.draft) this.keepDraft();
    for (const [name, act] of Object.entries(this.heard)) this.model.off(name, act);
    for (const name of ["answer", "again"]) clearTimeout(this.timers[name]);
    this.sizes.disconnect();
    this.root.remove();
  };

  /** Say something to the kernel; whether it was taken. @param {Action} action */
  tell = (action) => {
    if (this.parted) return false;
    try {
      this.model.send(action);
    } catch { // the kernel that this panel belonged to is no more
      this.setConnected(false, RESTARTED);
      return false;
    }
    this.timers.answer ??= setTimeout(() => this.explain(), PATIENCE);
    return true;
  };
  // The kernel is silent: say why, as far as a page can know.
  async explain() {
    const answers = await serverAnswers();
    if (this.timers.answer === undefined) return; // the kernel has answered meanwhile
    const { unheard } = this;
    if (!answers) {
      this.setConnected(false, GONE);
      this.lookAgain();
      if (unheard && !this.prompt.value) this.fill(unheard);
    } else if (this.connected) this.note(BUSY, "busy");
    else this.setConnected(false, this.met ? BUSY : undefined);
  }
  lookAgain() {
    this.timers.again = setTimeout(async () => ((await serverAnswers()) ? this.connect() : this.lookAgain()), PATIENCE);
  }
  heardFrom() {
    this.unheard = "";
    clearTimeout(this.timers.answer);
    this.timers.answer = undefined;
    if (this.box.notice.dataset.kind === "busy") this.note("");
  }
  turnOf = (element) => this.turns.get(element.closest(".qwen-turn")?.dataset.key);

  press(target) {
    if (target.closest("summary")) this.following = false; // what is unfolded stays in sight
    const pressed = target.closest("button");
    if (!pressed || (pressed.dataset.ask && !confirmed(pressed))) return;
    const { act, step } = pressed.dataset;
    const [turn, pre] = [this.turnOf(pressed), pressed.closest(".qwen-code")?.lastChild];
    const here = {
      cancel: () => turn.endEditing(false),
      code: () => this.tell({ action: act, text: pre.textContent, language: pre.dataset.language ?? "" }),
      copy: () => this.copy(pre ? pre.textContent : turn.data.text, pressed),
      dismiss: () => this.note(""),
      edit: () => turn.edit(),
      end: () => this.toEnd(),
      export: () => this.tell({ action: act, view: this.view }),
      resend: () => turn.endEditing(true),
      send: () => this.send(),
      unfold: () => (pressed.ariaExpanded = String(this.box.settings.toggleAttribute("hidden") === false)),
      unqueue: () => this.tell({ action: act, index: Array.from(this.box.queue.children).indexOf(pressed.parentNode) }),
      version: () => this.tell({ action: act, key: turn.data.key, step: Number(step) }),
    };
    this.keepFocus(here[act] ?? (() => this.tell(turn ? { action: act, key: turn.data.key } : { action: act })));
  }

  key(event) {
    const { key, target } = event;
    const last = this.last ?? Array.from(this.turns.values()).at(-1)?.data.prompt;
    if (key === "Escape" && target.closest(".qwen-editor")) this.turnOf(target).endEditing(false);
    else if (key === "Escape" && !this.stop.hidden) this.tell({ action: "stop" });
    if (key !== "ArrowUp" || target !== this.prompt || target.value || !last) return;
    event.preventDefault();
    this.fill(last);
  }

  // Ask for the transcript as it is; until it comes, the one that was saved is shown.
  connect() {
    this.heardFrom();
    this.connected = this.parted = false;
    this.tell({ action: "ready", view: this.view, version: VERSION });
  }
  setConnected(connected, why = this.turns.size > 0 ? OFFLINE : EMPTY) {
    this.heardFrom();
    this.connected = connected;
    this.met ||= connected;
    this.prompt.disabled = this.box.main.disabled = !connected;
    if (!connected || this.box.notice.dataset.kind === "offline") this.note(connected ? "" : why, "offline");
  }
  // A kernel of another version: the user is told what to do, and the kernel nothing more.
  part(why) {
    this.setConnected(false, why);
    this.announce(why);
    this.parted = true;
  }

  /** @param {Op} op */
  hear(op) {
    if (this.connected) this.heardFrom();
    if (op.view && op.view !== this.view) return;
    if (op.op === "reset" && op.version !== VERSION) return this.part(OTHER);
    if (op.kind === "version") return this.part(op.text);
    if (op.op === "reset") this.setConnected(true);
    if (op.op === "say" || op.op === "file" || this.connected) this.keepFocus(() => this[op.op](op));
  }
  say({ text, kind }) {
    this.note(text, kind);
    this.announce(text);
    this.showSettings(); // what was refused does not stay in its field
  }
  file({ name, text }) {
    const href = URL.createObjectURL(new Blob([text], { type: "text/markdown" }));
    Object.assign(make("a", ""), { href, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(href), 10_000);
  }

  // Show the transcript that was saved: each turn is a trait of its own.
  showSaved() {
    const found = [];
    for (let slot = 0; this.model.get(`turn_${slot}`); slot += 1) found.push(this.model.get(`turn_${slot}`));
    const saved = found.filter(({ turn }) => turn).toSorted((one, other) => one.order - other.order);
    this.reset({ turns: saved.map(({ turn }) => turn) });
  }

  // Show these turns and no others.
  reset({ turns }) {
    const keys = new Set(turns.map(({ key }) => key));
    for (const key of Array.from(this.turns.keys()).filter((one) => !keys.has(one))) this.drop({ key });
    for (const [index, turn] of turns.entries()) this.put(turn, this.box.turns.children[index]);
  }
  put(turn, before = null) {
    if (this.turns.has(turn.key)) return this.turns.get(turn.key).update(turn);
    this.turns.set(turn.key, new Turn(this, turn));
    this.box.turns.insertBefore(this.turns.get(turn.key).element, before);
  }
  turn({ turn, before }) {
    const was = this.turns.get(turn.key)?.data.state;
    this.put(turn, this.turns.get(before)?.element);
    if (this.following) this.toEnd();
    if (!was && turn.state === "streaming") this.announce("Asked.");
    if (was === "streaming" && turn.state === "done") this.announce(`Answer ${ENDINGS[turn.ending] ?? "finished"}.`);
  }
  drop({ key }) {
    this.changed.delete(this.turns.get(key));
    this.turns.get(key)?.element.remove();
    this.turns.delete(key);
  }

  delta({ key, ...delta }) {
    if (!this.turns.has(key)) return;
    this.turns.get(key).grow(delta);
    this.changed.add(this.turns.get(key));
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      for (const turn of this.changed) turn.draw();
      this.changed.clear();
    });
  }

  // Where what has the focus goes away, the composer gets it.
  keepFocus(act) {
    const { activeElement: focused } = this.root.getRootNode();
    const had = this.root.contains(focused);
    act();
    const gone = had && (!focused.isConnected || focused.closest(".qwen-panel [hidden]"));
    if (gone) this.prompt.focus({ preventScroll: true });
  }
  look() {
    const { scrollHeight, clientHeight, scrollTop } = this.box.log;
    this.following = this.box.end.hidden = scrollHeight - clientHeight - scrollTop < 24; // pixels
  }
  toEnd() {
    this.following = this.box.end.hidden = true;
    this.box.log.scrollTop = this.box.log.scrollHeight;
  }

  async copy(text, pressed) {
    const word = pressed.closest(".qwen-tools") ? pressed.title : "";
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = Object.assign(make("textarea", "qwen-live"), { value: text }); // an insecure page has no clipboard
      this.root.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      pressed.focus({ preventScroll: true });
    }
    rename(pressed, pressed.title, "Copied");
    setTimeout(rename, 1500, pressed, pressed.title, word);
    this.announce("Copied.");
  }
  announce(text) {
    show(this.box.live, this.box.live.textContent === text ? `${text}\u00A0` : text); // or it would not be told again
  }
  note(text, kind = "") {
    show(this.box.notice.firstChild, text);
    Object.assign(this.box.notice, { hidden: !text }).dataset.kind = kind;
  }
  fill(text) {
    this.prompt.value = text;
    this.prompt.dispatchEvent(new Event("input"));
  }
  send() {
    const text = this.prompt.value;
    if (!text.trim() || !this.connected) return;
    this.last = text;
    if (!this.tell({ action: "send", text })) return;
    this.unheard = text;
    this.note("");
    this.fill("");
    this.keepDraft();
    this.toEnd();
    this.prompt.focus({ preventScroll: true });
  }
  keepDraft() {
    clearTimeout(this.timers.draft);
    this.timers.draft = undefined;
    this.model.set("draft", this.prompt.value);
    try {
      this.model.save_changes();
    } catch { // no kernel: the page has it, and the notebook when it is saved
    }
  }
  set({ value, type, dataset: { set: name } }) {
    if (!name || (name === "conversation" && !value)) return;
    const number = value && (name === "conversation" || type === "number");
    this.tell({ action: "set", name, value: number ? Number(value) : value });
  }

  showSettings() {
    const { conversations = [], conversation, targets = [], models = [], ...chosen } = this.model.get("settings");
    const known = conversations.some(({ id }) => id === conversation?.id);
    const all = known ? conversations : [{ id: "", name: "New conversation" }, ...conversations];
    const [picker, target, model] = this.fields;
    const [ofTargets, ofModels] = this.root.querySelectorAll("datalist");
    picker.replaceChildren(...all.map(({ id, name, turns }) => new Option(turns ? `${name} (${turns})` : name, id)));
    ofTargets.replaceChildren(...targets.map((value) => new Option(value)));
    ofModels.replaceChildren(...models.map((value) => new Option(value)));
    const { activeElement } = this.root.getRootNode();
    for (const field of this.fields) if (field !== activeElement) field.value = chosen[field.dataset.set] ?? "";
    Object.assign(picker, { value: known ? conversation.id : "", disabled: Boolean(chosen.pinned) });
    this.root.dataset.offers = chosen.offers ?? "all";
    const filled = this.root.dataset.offers === "all" ? " {variables} are filled in" : "";
    this.prompt.placeholder = `Ask Qwen \u2026${filled}`;
    [target.placeholder, model.placeholder] = [chosen.default_target ?? "", models[0] ?? ""];
  }

  showActivity() {
    const { streaming = false, queue = [], stop = "now" } = this.model.get("activity");
    this.root.style.height = `${this.model.get("height")}px`;
    this.stop.title = stop === "now" ? "Stop (Escape)" : "Stop (Escape): it acts when the running cell ends";
    this.box.main.lastChild.textContent = streaming ? "Queue" : "Send";
    const hurry = streaming ? "Stop and send now" : "Send now";
    const row = `<div><span></span>${button("unqueue", "Remove", "close")}</div>`;
    const rows = make("div", "", row.repeat(queue.length) + button("hurry", hurry, "", hurry));
    for (const [index, text] of queue.entries()) rows.children[index].firstChild.textContent = text;
    this.keepFocus(() => {
      [this.stop.hidden, this.box.queue.hidden] = [!streaming, queue.length === 0];
      morph(this.box.queue, rows);
    });
  }
}

export default { render: ({ model, el }) => new Panel(model, el).close };
