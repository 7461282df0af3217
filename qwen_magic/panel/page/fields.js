// What buttons and fields have in common.

// Whether an input method composes; of its last key Safari has the code alone.
export const isComposing = (event) => event.isComposing || event.keyCode === 229;

// The page's own elements within one, by their class.
export function boxes(element) {
  const own = Array.from(element.querySelectorAll("[class^=qwen-]"));
  return Object.fromEntries(own.map((one) => [one.className.slice("qwen-".length), one]));
}

export function rename(pressed, name, word) {
  pressed.title = pressed.ariaLabel = name;
  pressed.lastChild.textContent = word;
}

// Let a button ask again before it acts; tell whether it has.
export function confirmed(pressed, panel) {
  const { title, lastChild, dataset } = pressed;
  if (title === dataset.ask) return pressed.dispatchEvent(new Event("blur"));
  pressed.addEventListener("blur", rename.bind(null, pressed, title, lastChild.textContent), { once: true });
  rename(pressed, dataset.ask, dataset.ask);
  pressed.focus({ preventScroll: true });
  panel.announce(dataset.ask); // of a button that has the focus already a new name is not told
  return false;
}

// Send with Enter; Shift+Enter breaks the line. And let the area be as high as its text.
export function write(area, send) {
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
