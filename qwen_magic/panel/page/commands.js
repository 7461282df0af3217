// What is written in the composer and is no prompt: /new, /clear, /stop, /model NAME, /system TEXT.

const ALONE = new Set(["new", "clear", "stop"]);
const WITH_TEXT = { model: "NAME", system: "TEXT" };

// Do what a command says; tell whether the text was one, and so is not sent. In an app there are none.
export function command(panel, text) {
  const [, word, rest = ""] = /^\/([a-z]+)(?:\s+([^]*))?$/u.exec(text.trim()) ?? [];
  if (!word || panel.model.get("settings").surroundings === "app") return false;
  const alone = ALONE.has(word) && !rest;
  const withText = word in WITH_TEXT;
  if (!alone && !withText && rest) return false;
  if (!alone && !withText) return say(panel, `There is no command /${word}: type / to list the commands.`, "error");
  if (withText && !rest) return say(panel, `Write it after the command: /${word} ${WITH_TEXT[word]}`, "error");
  const { hidden, dataset: { kind } } = panel.box.notice;
  if (word === "clear" && (hidden || kind !== "clear")) {
    return say(panel, "This deletes all turns of the conversation: press Enter once more to do it.", "clear");
  }
  panel.note("");
  panel.tell(alone ? { action: word } : { action: "set", name: word, value: rest.trim() });
  panel.fill("");
  panel.keepDraft();
  panel.announce(alone ? `/${word}` : `${word}: ${rest.trim()}`);
  return true;
}

function say(panel, why, kind) {
  panel.note(why, kind);
  panel.announce(why);
  return true;
}
