// What is held against every page: axe-core finds nothing, and without its style sheet it says the same in the same order.

import assert from "node:assert/strict";
import axe from "axe-core";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const GRAPHIC_PX_MAX = { width: 400, height: 64 };
const LABEL_GAP_PX_MAX = 40;

/** axe-core finds nothing on the page as it is. */
export async function accessible(page, name) {
  await evaluate(page, axe.source);
  const options = JSON.stringify({ runOnly: { type: "tag", values: RULES }, resultTypes: ["violations"] });
  const found = JSON.parse(await evaluate(page, `axe.run(document, ${options}).then((r) => JSON.stringify(r.violations))`));
  const told = found.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(" ")}`);
  assert.deepEqual(told, [], `${name}: axe-core finds something`);
}

/**
 * Takes the page's styles away, and compares: nothing appears that they hid, nothing is missing that they said, and what is
 * left can be read from top to bottom. The page stays without them. `reads` must be found on it in this order.
 */
export async function readableWithoutStyles(page, name, reads = []) {
  const styled = await survey(page);
  assert.ok(styled.sheets > 0, `${name}: there are no styles to take away`);
  assert.deepEqual(styled.generated, [], `${name}: the styles say something that the page does not`);
  inOrder(styled, `${name}, with styles`);
  await evaluate(page, `(${bare})()`);
  const plain = await survey(page);
  assert.equal(plain.sheets, 0, `${name}: there are styles left`);
  assert.deepEqual(words(plain), words(styled), `${name}: with and without styles it is not the same page`);
  inOrder(plain, `${name}, without styles`);
  outlined(plain, name);
  labelled(plain, name);
  for (const { what, box } of plain.things.filter(({ kind }) => kind === "graphic")) {
    const [width, height] = [box.right - box.left, box.bottom - box.top];
    const fits = width <= GRAPHIC_PX_MAX.width && height <= GRAPHIC_PX_MAX.height;
    assert.ok(fits, `${name}: ${what} fills ${width} × ${height} pixels without styles`);
  }
  assert.ok(plain.scrolls <= 0, `${name}: ${plain.scrolls} pixels are beyond the right edge without styles`);
  const rest = words(plain);
  for (const expected of reads) {
    const at = rest.indexOf(expected);
    assert.ok(at >= 0, `${name}: ${JSON.stringify(expected)} is not where it should be read: ${JSON.stringify(words(plain))}`);
    rest.splice(0, at + 1);
  }
}

/** Runs a text in the page by the debugger, which our policy (no script at all) does not stop. */
export async function evaluate(page, expression) {
  const session = await page.context().newCDPSession(page);
  const asked = { expression, awaitPromise: true, returnByValue: true };
  const { result, exceptionDetails } = await session.send("Runtime.evaluate", asked);
  await session.detach();
  assert.equal(exceptionDetails, undefined, JSON.stringify(exceptionDetails));
  return result.value;
}

async function survey(page) {
  return JSON.parse(await evaluate(page, `JSON.stringify((${surveyed})())`));
}

function words({ things }) {
  return things.map(({ what }) => what);
}

/** What stands later in the document is never above or left of what stands before it, where the two share a column or line. */
function inOrder({ things }, name) {
  const shared = ([a, b], [c, d]) => Math.min(b, d) - Math.max(a, c) > Math.min(b - a, d - c) / 2;
  for (const [index, { what, box }] of things.entries()) {
    const before = things[index - 1];
    if (!before) continue;
    const column = shared([box.left, box.right], [before.box.left, before.box.right]);
    const line = shared([box.top, box.bottom], [before.box.top, before.box.bottom]);
    const above = column && box.bottom <= before.box.top;
    const left = line && box.right <= before.box.left;
    assert.ok(!above && !left, `${name}: ${JSON.stringify(what)} is seen before ${JSON.stringify(before.what)}`);
  }
}

/** One heading of the first level, before all others; none skips a level. */
function outlined({ headings }, name) {
  const levels = headings.map(({ level }) => level);
  assert.equal(levels[0], 1, `${name}: the first heading: ${JSON.stringify(headings)}`);
  assert.equal(levels.filter((level) => level === 1).length, 1, `${name}: ${JSON.stringify(headings)}`);
  for (const [index, { text, level, bold }] of headings.entries()) {
    assert.ok(text && bold, `${name}: ${JSON.stringify(text)} does not look like a heading without styles`);
    assert.ok(index === 0 || level <= levels[index - 1] + 1, `${name}: ${JSON.stringify(headings)}`);
  }
}

/** Each field has its label before it, on its line or the one above. */
function labelled({ things }, name) {
  for (const { what, box, label } of things.filter(({ kind }) => kind === "field")) {
    assert.ok(label?.text, `${name}: ${what} has no label that can be seen`);
    const line = label.box.bottom > box.top && label.box.top < box.bottom;
    const gap = line ? box.left - label.box.right : box.top - label.box.bottom;
    const beside = label.before && gap >= -1 && gap <= LABEL_GAP_PX_MAX;
    assert.ok(beside, `${name}: the label ${JSON.stringify(label.text)} is not beside ${what}`);
  }
}

/** Runs in the page: takes every style away. */
function bare() {
  for (const element of document.querySelectorAll("style, link[rel~=stylesheet]")) element.remove();
  for (const element of document.querySelectorAll("[style]")) element.removeAttribute("style");
  document.adoptedStyleSheets = [];
}

/** Runs in the page: everything that can be seen, in the order of the document, and where. */
function surveyed() {
  const box = ({ left, top, right, bottom }) => ({ left, top, right, bottom });
  const tiny = (element) => {
    const { width, height } = element.getBoundingClientRect();
    return getComputedStyle(element).overflow !== "visible" && (width <= 1 || height <= 1);
  };
  const seen = (element) => {
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return false;
    for (let at = element; at && at !== document.body; at = at.parentElement) if (tiny(at)) return false;
    return true;
  };
  const onPage = ({ left, top, right, bottom }) => right > 0 && bottom > 0 && right - left > 1 && bottom - top > 1;
  const around = (node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    return box(range.getBoundingClientRect());
  };
  const labelOf = (field) => {
    const label = field.labels?.[0];
    if (!label || !seen(label) || !onPage(around(label))) return null;
    const before = Boolean(label.compareDocumentPosition(field) & Node.DOCUMENT_POSITION_FOLLOWING);
    return { text: label.textContent.trim(), box: around(label), before };
  };
  const things = [];
  const add = (kind, what, where, more) => onPage(where) && things.push({ kind, what, box: where, ...more });
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.nodeType === Node.TEXT_NODE) {
      const text = node.data.trim().replace(/\s+/g, " ");
      if (text && seen(node.parentElement)) add("text", text, around(node));
    } else if (seen(node) && node.matches("input, select, textarea")) {
      add("field", `${node.localName} ${node.name}`, box(node.getBoundingClientRect()), { label: labelOf(node) });
    } else if (seen(node) && node.matches("img, svg, canvas, video, object, embed, iframe")) {
      add("graphic", node.localName, box(node.getBoundingClientRect()));
    }
  }
  const generated = [];
  for (const element of document.querySelectorAll("body, body *")) {
    for (const pseudo of ["::before", "::after"]) {
      const { content } = getComputedStyle(element, pseudo);
      if (!["none", "normal", '""'].includes(content)) generated.push(`${element.localName}${pseudo}: ${content}`);
    }
    const { backgroundImage } = getComputedStyle(element);
    if (backgroundImage.includes("url(")) generated.push(`${element.localName}: ${backgroundImage}`);
  }
  const headings = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter(seen).map((heading) => ({
    level: Number(heading.localName[1]),
    text: heading.textContent.trim(),
    bold: Number(getComputedStyle(heading).fontWeight) >= 600,
  }));
  const sheets = document.styleSheets.length + document.adoptedStyleSheets.length;
  const { scrollWidth, clientWidth } = document.documentElement;
  return { things, generated, headings, sheets, scrolls: scrollWidth - clientWidth };
}
