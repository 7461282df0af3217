// Code that grows: what is settled of it is neither read nor drawn again.

import { morphNodes, parse } from "./html.js";

const CODE_HEAD = /^<pre[^>]*><code>/u;
const CODE_FOOT = "</code></pre>";
const UNSETTLED = 1000; // so many characters at the end may still change their colours

// Whether a block's HTML is code that begins so, and nothing behind it.
function isCode(html, head) {
  return html.startsWith(head) && html.indexOf(CODE_FOOT) === html.trimEnd().length - CODE_FOOT.length;
}

// The nodes of a part of a code's HTML.
function codeNodes(head, part) {
  return part ? Array.from(parse(head + part).querySelector("code").childNodes) : [];
}

// Where the HTML is settled up to: a line feed that is in no token; `least` where there is none.
function settledEnd(html, least) {
  let end = html.lastIndexOf("\n", html.length - UNSETTLED);
  while (end > least) {
    const token = html.lastIndexOf("<span", end);
    if (token <= html.lastIndexOf("</span>", end)) return end + 1;
    end = html.lastIndexOf("\n", token);
  }
  return least;
}

// Bring `piece`, which shows the HTML `before`, to `html`. Where that is not code which grew, say false and do nothing.
export function growCode(piece, before, html) {
  const head = CODE_HEAD.exec(html)?.[0];
  const { settled } = piece;
  piece.settled = null;
  if (!head || !isCode(before, head) || !isCode(html, head)) return false;
  const same = settled && before.slice(0, settled.at) === html.slice(0, settled.at);
  const { at, count } = same ? settled : { at: head.length, count: 0 };
  const end = settledEnd(html, at);
  const nodes = codeNodes(head, html.slice(at, end));
  morphNodes(piece.querySelector("code"), count, [...nodes, ...codeNodes(head, html.slice(end))]);
  piece.settled = { at: end, count: count + nodes.length };
  return true;
}
