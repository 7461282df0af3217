// The page's own HTML: the panel, a turn, and the buttons.

const ICONS = {
  attach: "M12.5 7.5l-4.8 4.8a2.6 2.6 0 0 1-3.7-3.7l5-5a1.8 1.8 0 0 1 2.5 2.5l-4.9 4.9a.8.8 0 0 1-1.1-1.1l4.3-4.3",
  again: "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3", new: "M8 3v10M3 8h10",
  copy: "M5.5 5.5h7v8h-7zM10.5 3h-7v8", close: "M4.5 4.5l7 7M11.5 4.5l-7 7",
  earlier: "M10 4L6 8l4 4", later: "M6 4l4 4-4 4",
  edit: "M3 13l.6-2.6L11 3l2 2-7.4 7.4z", end: "M8 3v9.5M4 8.5l4 4 4-4",
  more: "M4 4l4 4-4 4M8.5 4l4 4-4 4", send: "M8 13V3.5M4 7.5l4-4 4 4",
  remove: "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5", stop: "M5 5h6v6H5z",
  list: "M6 4h7M6 8h7M6 12h7M3 4h.5M3 8h.5M3 12h.5", pin: "M5.5 3h5l-.7 4 1.7 2.2h-7L6.2 7zM8 9.2V14",
  settings: "M3 5h5.5M12 5h1M10.2 3.3v3.4M3 11h1M7.5 11H13M5.8 9.3v3.4",
};

// A button; the page does `act` when it is pressed. All that is given is the page's own.
export function button(act, name, icon = "", word = "", attributes = "") {
  const picture = icon && `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${ICONS[icon]}"/></svg>`;
  return `<button type="button" data-act="${act}" aria-label="${name}" title="${name}" ${attributes}>
    ${picture}<span>${word}</span></button>`;
}

const combobox = (name, label, many) => `<div class="qwen-pick"><label for="VIEW-${name}">${label}</label>
  <input id="VIEW-${name}" data-set="${name}" role="combobox" aria-expanded="false" aria-autocomplete="list"
    aria-controls="VIEW-${name}s" autocomplete="off" spellcheck="false">
  <ul id="VIEW-${name}s" class="qwen-options" role="listbox" aria-label="${many}" hidden></ul>
  <div class="qwen-hint" hidden></div></div>`;

export const PANEL = `
  <div class="qwen-bar">
    ${button("conversations", "Conversations: search, rename, pin, delete", "list", "", 'aria-expanded="false"')}
    <select aria-label="Conversation" data-set="conversation"></select>
    ${button("new", "New conversation", "new")}
    ${button("unfold", "Settings", "settings", "", 'aria-expanded="false"')}</div>
  <div class="qwen-list" hidden>
    <input class="qwen-words" type="search" aria-label="Search conversations" placeholder="Names and texts \u2026">
    <div class="qwen-grid" role="grid" aria-label="Conversations"></div><div class="qwen-note" hidden></div></div>
  <div class="qwen-settings" hidden>
    ${combobox("target", "Target", "Targets")} ${combobox("model", "Model", "Models")}
    <label class="qwen-long"><span>System prompt</span><textarea data-set="system" rows="2"></textarea></label>
    <label><span>Temperature</span>
      <input data-set="temperature" type="number" min="0" step="0.1" placeholder="default"></label>
    <label><span>Max tokens</span><input data-set="max_tokens" type="number" min="1" placeholder="default"></label>
    <label><span>Thinking</span><select data-set="thinking">
      <option value="">the model's default</option><option value="on">on</option><option value="off">off</option>
    </select></label>
    <div class="qwen-long">${button("export", "Export as Markdown", "", "Export as Markdown")}
      ${button("clear", "Clear conversation", "", "Clear conversation", 'data-ask="Really clear?"')}</div>
  </div>
  <div class="qwen-middle">
    <div class="qwen-log" tabindex="0" role="group" aria-label="Transcript"><div class="qwen-turns"></div>
      ${button("resume", "Go on with the last conversation", "", "", 'class="qwen-resume" hidden')}</div>
    ${button("end", "To the end", "end", "", 'class="qwen-end" hidden')}</div>
  <div class="qwen-notice" hidden><span></span>${button("dismiss", "Dismiss", "close")}</div>
  <div class="qwen-queue" role="group" aria-label="Queue" hidden></div>
  <div class="qwen-composer">
    <textarea aria-label="Prompt" rows="1" aria-autocomplete="list" aria-controls="VIEW-suggestions"></textarea>
    ${button("attach", "Attach files", "attach", "", 'class="qwen-attach"')}
    ${button("stop", "Stop", "stop", "Stop", "hidden")}
    ${button("send", "Send", "send", "Send", 'class="qwen-main"')}
    <div class="qwen-files" role="list" aria-label="Attached files" hidden></div>
    <input class="qwen-chosen" type="file" multiple hidden aria-label="Files to attach">
    <div class="qwen-suggestions" id="VIEW-suggestions" role="listbox" aria-label="Suggestions" tabindex="0"
      hidden></div></div>
  <div class="qwen-live" role="status" aria-live="polite"></div>`;

export const TURN = `
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

// A conversation that was found, and the field for its name.
const cell = (inner) => `<span role="gridcell">${inner}</span>`;
export const FOUND = `${cell(`<button type="button" data-act="open" tabindex="-1"><b></b><small></small><span></span>
  </button>`)}${cell(button("pin", "Pin", "pin", "", 'tabindex="-1" aria-pressed="false"'))}
  ${cell(button("name", "Rename", "edit", "", 'tabindex="-1"'))}
  ${cell(button("remove", "Delete", "remove", "", 'tabindex="-1" data-ask="Really delete?"'))}`;
export const NAME = '<input maxlength="100" spellcheck="false">';

export const EDITOR = `<textarea aria-label="Edited prompt" rows="1"></textarea>
  ${button("cancel", "Cancel", "", "Cancel")} ${button("resend", "Send again", "", "Send again", 'class="qwen-main"')}`;

export const TOOLS = `<div class="qwen-tools"><span></span>
  ${button("copy", "Copy code", "", "Copy code")} ${button("code", "To a cell", "", "To a cell")}</div>`;
