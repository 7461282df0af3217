// The keyboard in the transcript: one turn is in the order of tabs, and the others are reached from it with the arrows.

import { isComposing } from "./fields.js";

const FOCUSABLE = "a[href], button:enabled, summary, textarea:enabled, input:enabled, select, [tabindex='0']";
const STEPS = { ArrowUp: (now) => Math.max(0, now - 1), ArrowDown: (now, count) => Math.min(count - 1, now + 1),
  Home: () => 0, End: (_, count) => count - 1 };

const focusable = (element) => Array.from(element.querySelectorAll(FOCUSABLE)).filter((one) => one.checkVisibility());

// Where a key leads from what has the focus, or undefined where that is the browser's matter.
function stepped(panel, { key, shiftKey, target }, here) {
  const { log, turns } = panel.box;
  const within = [here, ...focusable(here)];
  const below = (one) => turns.compareDocumentPosition(one) === Node.DOCUMENT_POSITION_FOLLOWING;
  if (key === "Tab" && shiftKey) {
    if (target === here) return log;
    if (target === within[1]) return here;
    return target === focusable(panel.root).find((one) => below(one)) ? within.at(-1) : undefined;
  }
  if (key === "Tab" && target === log) return here;
  if (key === "Tab") return target === within.at(-1) && !panel.prompt.disabled ? panel.prompt : undefined;
  const all = Array.from(turns.children);
  return target === here && key in STEPS ? all[STEPS[key](all.indexOf(here), all.length)] : undefined;
}

// Move the focus where a key leads.
export function walk(panel, event) {
  const { current, box: { turns } } = panel;
  const here = event.target.closest(".qwen-turn") ?? (current?.isConnected ? current : turns.lastElementChild);
  if (!here || isComposing(event)) return;
  panel.current = here;
  const next = stepped(panel, event, here);
  if (!next) return;
  event.preventDefault();
  next.focus();
}
