// From the mark of a footnote to the note within the same answer, and back to the mark that was left.

const MARK = "#qm-mark-";
const NOTE = "#qm-note-";

// Follow a mark, or the way back from a note. Ends are found by what they lead to, for several answers are on a page.
export function jump(panel, event) {
  const from = event.target.closest(".qwen-body :is(.qm-mark, .qm-back)");
  if (!from) return;
  event.preventDefault();
  const href = from.getAttribute("href");
  const marked = href.startsWith(NOTE);
  const wanted = marked ? href.replace(NOTE, MARK) : href.replace(MARK, NOTE);
  const ends = Array.from(from.closest(".qwen-body").querySelectorAll(marked ? ".qm-back" : ".qm-mark"));
  const found = ends.filter((one) => one.getAttribute("href") === wanted);
  const to = found.find((one) => one === panel.left) ?? found[0];
  if (!to) return panel.note(`${from.ariaLabel} is not in this answer.`);
  panel.left = from;
  panel.following = false; // what was asked for stays in sight
  to.focus({ preventScroll: true });
  to.closest("p, li, td, th, h1, h2, h3, h4, h5, h6")?.scrollIntoView({ block: "nearest" });
}
