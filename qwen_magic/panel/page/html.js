// Text and the kernel's HTML as nodes, and how nodes become others.

import { TOOLS } from "./templates.js";

// A second barrier after the kernel's own: the elements and attributes that its HTML is made of.
const KNOWN =
  "a,blockquote,br,code,div,em,h1,h2,h3,h4,h5,h6,hr,input,li,ol,p,pre,s,span,strong,table,tbody,td,th,thead,tr,ul," +
  "abbr,b,big,cite,del,details,dfn,i,ins,kbd,mark,q,rp,rt,ruby,samp,small,sub,summary,sup,u,var,wbr," +
  "math,menclose,mfrac,mi,mmultiscripts,mn,mo,mover,mpadded,mphantom,mprescripts,mroot,mrow,mspace,msqrt,mstyle,msub," +
  "msubsup,msup,mtable,mtd,mtext,mtr,munder,munderover";

const REFUSED = /^on|src|action|^(background|data|id|is|name|ping|poster|slot)$|^xlink/u;
export const make = (tag, className, innerHTML = "") =>
  Object.assign(document.createElement(tag), { className, innerHTML });

// A thumbnail of the kernel's own making, if there is one; what it is of stands beside it.
export const picture = (url = "") =>
  /^data:image\/(png|jpeg);base64,[\w+/=]+$/u.test(url) ? [Object.assign(make("img", ""), { src: url, alt: "" })] : [];

// The nodes of the kernel's HTML, with the tools for code and the boxes in which wide things scroll.
export function parse(html) {
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
export function morph(old, fresh) {
  morphNodes(old, 0, Array.from(fresh.childNodes));
}

// Do so with its children from the one at `from` on.
export function morphNodes(old, from, nodes) {
  let had = old.childNodes[from];
  for (const [index, next] of nodes.entries()) {
    const following = had?.nextSibling;
    if (!had) old.append(next);
    else if (index === nodes.length - 1 || !had.isEqualNode(next)) morphNode(had, next);
    had = following;
  }
  while (had) {
    const rest = had;
    had = had.nextSibling;
    rest.remove();
  }
}

function morphNode(had, next) {
  if (had.nodeType === Node.TEXT_NODE && next.nodeType === Node.TEXT_NODE) setText(had, next.data);
  else if (had.cloneNode(false).isEqualNode(next.cloneNode(false))) morph(had, next);
  else had.replaceWith(next);
}

// Change a text node, or an element's text, from where it differs.
function setText(node, text) {
  let same = text.startsWith(node.data) ? node.length : 0;
  while (same < node.length && node.data[same] === text[same]) same += 1;
  if (same < node.length || same < text.length) node.replaceData(same, node.length - same, text.slice(same));
}

export function show(element, text) {
  if (!element.firstChild) element.append("");
  setText(element.firstChild, text);
  element.hidden = !text;
}
