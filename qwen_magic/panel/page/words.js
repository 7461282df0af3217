// What the page says, and how long it waits before it does.

export const OTHER = "The panel was updated: reload the page; if that changes nothing, restart the kernel.";
export const OFFLINE = "Not connected to a kernel: this is the saved transcript. To go on, run %qwen panel again.";
export const EMPTY = "Not connected to a kernel, and nothing was said here yet. To begin, run %qwen panel again.";
export const RESTARTED =
  "The kernel was restarted or has ended: run %qwen panel in a cell to go on. Your draft stays here.";
export const BUSY = "The kernel is busy: it answers when the running cell ends.";
export const GONE = "The Jupyter server does not answer: start it, then reload this page. Your draft stays here.";
export const ASK = "Ask Qwen \u2026";
export const ASK_WITH_VARIABLES = "Ask Qwen \u2026 {variables} are filled in";
export const PATIENCE = 5000; // milliseconds without a word from the kernel
export const LOOK_EVERY = 2000; // milliseconds between two looks for what other kernels have written
export const ENDINGS = { "": "finished", interrupted: "stopped", error: "failed", length: "finished at its token limit",
  filtered: "cut off by a content filter" };
export const MOST_SPOKEN = 1000; // characters of an answer that are told to assistive technology by themselves
export const MOST_FILES = 10; // that go along with a prompt
export const MOST_BYTES = 20 * 2 ** 20; // of one of them
export const PIECE = 768 * 2 ** 10; // bytes of a file in one message
// What is completed, before the cursor: a command or a template, a name.
export const COMPLETED = /^\/(?:[\p{L}\p{N}_-]{0,50}|model [^\n]{0,200})$|(?<=^|\s)@[^\s@]{0,200}$/u;
