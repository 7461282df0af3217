// The chat panel's page: it shows what the kernel tells it, and tells the kernel what the user does (see panel.py).
// HTML is what a delta adds, a body's `blocks` and its `thinking`; all else that comes is text, and set as such.

import { Attaching } from "./attaching.js";
import { command } from "./commands.js";
import { boxes, confirmed, isComposing, rename, write } from "./fields.js";
import { Conversations } from "./conversations.js";
import { jump } from "./footnotes.js";
import { DOCK, PYTHON, insertCell, serverAnswers } from "./front_end.js";
import { make, morph, show } from "./html.js";
import { VERSION } from "./protocol.js";
import { Settings } from "./settings.js";
import { Suggesting } from "./suggesting.js";
import { PANEL, button } from "./templates.js";
import { Turn } from "./turn.js";
import { walk } from "./walking.js";
import {
  ASK, ASK_WITH_VARIABLES, BUSY, EMPTY, GONE, LOOK_EVERY, OFFLINE, OTHER, PATIENCE, RESTARTED,
} from "./words.js";

class Panel {
  constructor(model, place) {
    Object.assign(this, { model, turns: new Map(), changed: new Set(), timers: {}, following: true });
    this.view = `qwen${Math.random().toString(36).slice(2)}`;
    this.root = make("div", "qwen-panel", PANEL.replaceAll("VIEW", this.view));
    Object.assign(this.root, { role: "region", ariaLabel: "Qwen chat" }).dataset.lmSuppressShortcuts = "true";
    this.box = boxes(this.root);
    [this.prompt, , this.stop] = this.box.composer.children;
    this.settings = new Settings(this);
    this.list = new Conversations(this);
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
    this.root.addEventListener("click", (event) => jump(this, event));
    this.root.addEventListener("change", ({ target }) => this.settings.set(target));
    for (const name of ["keydown", "keypress", "keyup"]) {
      this.root.addEventListener(name, (event) => {
        event.stopPropagation(); // the front end has shortcuts
        if (name === "keydown" && !isComposing(event)) this.key(event);
      });
    }
    this.root.addEventListener("focusin", () => this.look());
    // Before `write`: a key that chooses a suggestion sends nothing.
    Object.assign(this, { suggesting: new Suggesting(this), attaching: new Attaching(this) });
    write(this.prompt, () => this.send());
    this.prompt.addEventListener("input", () => {
      this.timers.draft ??= setTimeout(() => this.keepDraft(), 500);
    });
    this.box.log.addEventListener("scroll", () => this.follow(), { passive: true });
    // Sizes are read where they are known: after the layout, before the page is painted.
    this.sizes = new ResizeObserver(() => (this.following ? this.toEnd() : this.follow()));
    for (const element of [this.box.log, this.box.turns]) this.sizes.observe(element);
    this.root.addEventListener("pointerup", () => this.keepHeight());
    this.docked = new ResizeObserver(() => (this.dock || this.root.closest(DOCK)) && this.fit());
    this.docked.observe(this.root);
  }

  close = () => {
    if (this.timers.draft) this.keepDraft();
    for (const [name, act] of Object.entries(this.heard)) this.model.off(name, act);
    for (const name of ["answer", "again"]) clearTimeout(this.timers[name]);
    this.sizes.disconnect();
    this.docked.disconnect();
    this.root.remove();
  };

  /** Say something to the kernel; whether it was taken. @param {Action} action */
  tell = (action, awaits = true) => {
    if (this.parted) return false;
    try {
      this.model.send(action);
    } catch { // the kernel that this panel belonged to is no more
      this.setConnected(false, RESTARTED);
      return false;
    }
    if (awaits) this.timers.answer ??= setTimeout(() => this.explain(), PATIENCE);
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
    } else if (this.connected) {
      this.note(BUSY, "busy");
      this.announce(BUSY);
    } else this.setConnected(false, this.met ? BUSY : undefined);
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
  // Another kernel may have written into the conversation: the kernel looks, and speaks if there is something new.
  look() {
    if (!this.connected || Date.now() - (this.lookedAt ?? 0) < LOOK_EVERY) return;
    this.lookedAt = Date.now();
    this.tell({ action: "look" }, false);
  }
  turnOf = (element) => this.turns.get(element.closest(".qwen-turn")?.dataset.key);

  press(target) {
    if (this.list.box.contains(target)) return this.keepFocus(() => this.list.press(target));
    if (target.closest("summary")) this.following = false; // what is unfolded stays in sight
    const pressed = target.closest("button");
    if (!pressed || (pressed.dataset.ask && !confirmed(pressed, this))) return;
    const { act, step } = pressed.dataset;
    const [turn, pre] = [this.turnOf(pressed), pressed.closest(".qwen-code")?.lastChild];
    const here = {
      attach: () => this.box.chosen.click(),
      cancel: () => turn.endEditing(false),
      conversations: () => this.list.toggle(),
      code: () => this.toCell(pre.textContent, pre.dataset.language ?? ""),
      copy: () => this.copy(pre ? pre.textContent : turn.data.text, pressed),
      detach: () => this.attaching.remove(pressed.parentNode.dataset.id),
      dismiss: () => this.note(""),
      edit: () => turn.edit(),
      end: () => this.toEnd(),
      export: () => this.tell({ action: act, view: this.view }),
      resend: () => turn.endEditing(true),
      resume: () => this.tell({ action: "set", name: "conversation", value: this.model.get("settings").earlier.id }),
      send: () => this.send(),
      unfold: () => this.unfold(this.box.settings.hidden),
      unqueue: () => this.tell({ action: act, index: Array.from(this.box.queue.children).indexOf(pressed.parentNode) }),
      version: () => this.tell({ action: act, key: turn.data.key, step: Number(step) }),
    };
    this.keepFocus(here[act] ?? (() => this.tell(turn ? { action: act, key: turn.data.key } : { action: act })));
  }

  // Show the settings, or fold them up; there is room for them or for the list.
  unfold(open) {
    this.box.settings.hidden = !open;
    this.root.querySelector("[data-act=unfold]").ariaExpanded = String(open);
    if (open) this.list.close();
  }

  // Make a cell of code below the notebook's current one, where the front end lets a page do so; it is not run.
  async toCell(text, language) {
    const put = PYTHON.includes(language) && (await insertCell(this.root, text.trimEnd()));
    if (put) this.announce("Put into a new cell.");
    else this.tell({ action: "code", text, language });
  }

  key(event) {
    const { key, target } = event;
    if (this.list.key(event)) return;
    walk(this, event);
    const last = this.last ?? Array.from(this.turns.values()).at(-1)?.data.prompt;
    if (key === "Escape" && target.closest(".qwen-editor")) this.turnOf(target).endEditing(false);
    else if (key === "Escape" && !this.stop.hidden) this.tell({ action: "stop" });
    else if (key === "Escape") this.prompt.focus({ preventScroll: true });
    if (key !== "ArrowUp" || target !== this.prompt || target.value || !last) return;
    event.preventDefault();
    this.fill(last);
  }

  // Ask for the transcript as it is; until it comes, the one that was saved is shown.
  connect() {
    this.heardFrom();
    this.attaching.forget();
    this.connected = this.parted = false;
    this.tell({ action: "ready", view: this.view, version: VERSION });
  }
  setConnected(connected, why = this.turns.size > 0 ? OFFLINE : EMPTY) {
    this.heardFrom();
    this.connected = connected;
    this.met ||= connected;
    this.prompt.disabled = this.box.main.disabled = this.box.attach.disabled = !connected;
    if (!connected || this.box.notice.dataset.kind === "offline") this.note(connected ? "" : why, "offline");
    if (!connected) this.announce(why);
    if (connected && this.early && this.early === this.prompt.value) this.send();
    this.early = "";
  }
  // A kernel of another version: the user is told what to do, and the kernel nothing more.
  part(why) {
    this.setConnected(false, why);
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
  say({ text, kind, setting, unsent }) {
    if (!text) return this.box.notice.dataset.kind === kind && this.note(""); // what was said is done
    if (unsent && unsent === this.last && !this.prompt.value) this.fill(unsent); // this page has sent it
    this.note(text, kind);
    this.announce(text);
    this.settings.refuse(setting);
    this.list.refuse(setting);
  }
  attached = (op) => this.attaching.attached(op);
  suggest = (op) => this.suggesting.suggest(op);
  // The panel was opened just now: who types somewhere else is left alone.
  focus({ view }) {
    if (view !== this.view) return;
    const focused = document.activeElement;
    const writes = focused?.closest("input, textarea, [contenteditable=true]");
    if (!writes || (writes.isContentEditable && !writes.textContent.trim())) this.prompt.focus();
  }
  found({ words, conversations, more }) {
    this.list.found({ words, conversations, more });
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
    const told = this.turns.get(turn.key).told(was);
    if (told) this.announce(told);
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

  // Where what has the focus goes away, and gives it to nothing else here, the composer gets it.
  keepFocus(act) {
    const { activeElement: focused } = this.root.getRootNode();
    const had = this.root.contains(focused);
    act();
    const { activeElement: now } = this.root.getRootNode();
    const gone = had && (!focused.isConnected || focused.closest(".qwen-panel [hidden]"));
    if (gone && (now === focused || !this.root.contains(now))) this.prompt.focus({ preventScroll: true });
  }
  follow() {
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
    // In one piece: what is changed within it is told twice, and what is the same not at all.
    this.box.live.replaceChildren(this.box.live.textContent === text ? `${text}\u00A0` : text);
  }
  note(text, kind = "") {
    show(this.box.notice.firstChild, text);
    Object.assign(this.box.notice, { hidden: !text }).dataset.kind = kind;
  }
  fill(text) {
    Object.assign(this.prompt, { value: text }).dispatchEvent(new Event("input"));
  }
  send() {
    const text = this.prompt.value;
    this.early = this.connected ? "" : text; // it is sent when the kernel has answered, unless it is changed
    if (!this.connected || command(this, text) || this.attaching.waits()) return;
    if (!text.trim()) return this.attaching.files.length > 0 && this.note("Write a prompt for the attached files.");
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
    this.save();
  }
  save() {
    try {
      this.model.save_changes();
    } catch { // no kernel: the page has it, and the notebook when it is saved
    }
  }
  showSettings() {
    const { earlier, surroundings = "notebook" } = this.model.get("settings");
    this.root.dataset.surroundings = surroundings;
    this.box.resume.hidden = !earlier;
    if (earlier) {
      const size = earlier.turns === 1 ? "1 turn" : `${earlier.turns} turns`;
      rename(this.box.resume, `Go on with '${earlier.name}' (${size})`, `Go on with '${earlier.name}' (${size})`);
    }
    this.prompt.placeholder = surroundings === "notebook" ? ASK_WITH_VARIABLES : ASK;
    this.settings.show();
    this.list.refresh();
  }

  // In a view of its own, beside the notebook, the panel fills it; else it is as high as was wished.
  fit() {
    const dock = this.root.closest(DOCK);
    this.root.classList.toggle("qwen-docked", Boolean(dock));
    if (dock && !this.dock) this.docked.observe(dock);
    this.dock = dock;
    const above = dock ? this.root.getBoundingClientRect().top - dock.getBoundingClientRect().top + dock.scrollTop : 0;
    this.root.style.height = `${dock ? Math.max(120, dock.clientHeight - above - 8) : this.model.get("height")}px`;
  }
  // What was dragged holds for all views of the panel, and for when the notebook is opened again.
  keepHeight() {
    const height = Math.round(this.root.offsetHeight);
    if (this.dock || this.root.style.height === `${this.model.get("height")}px`) return;
    this.model.set("height", height);
    this.save();
  }

  showActivity() {
    const { streaming = false, queue = [], stop = "now" } = this.model.get("activity");
    this.fit();
    this.stop.title = stop === "now" ? "Stop (Escape)" : "Stop (Escape): takes effect when the running cell ends";
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
