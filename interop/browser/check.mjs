// The pages in a real browser.
//
// Every page (`walk`), in both languages and both colour schemes, plain and with a theme, once over TLS: axe-core finds
// nothing, without its styles the page says the same in the same order, the content security policy stops nothing. Then the
// things that only a browser shows: the keyboard alone is enough, and everything works with JavaScript switched off.
//
//   node check.mjs BINARY      with SHOTS=DIR it leaves a picture of each page there

import assert from "node:assert/strict";
import { openBrowser, openDemo, openThemed, THEME } from "./house.mjs";
import { accessible, evaluate, readableWithoutStyles } from "./judge.mjs";
import { authorize, everyPage, fill, picture, press, signIn } from "./walk.mjs";

// One person each: walks go on side by side, and each ends sign-ins of its own.
const WALKS = [
  { name: "alice", language: "en", colorScheme: "light" },
  { name: "bob", language: "ja", colorScheme: "light" },
  { name: "carol", language: "en", colorScheme: "dark" },
  { name: "admin", language: "ja", colorScheme: "dark" },
];
// What a theme changes depends on the paper alone, and on the words: each of both once.
const THEMED = [WALKS[0], WALKS[3]];

const binary = process.argv[2];
const opened = await Promise.allSettled([
  openDemo(binary),
  openDemo(binary, "--tls"),
  openThemed(binary, THEMED.map(({ name }) => name)),
]);
let browser;
try {
  for (const { status, reason } of opened) if (status === "rejected") throw reason;
  const [demo, secured, themed] = opened.map(({ value }) => value);
  browser = await openBrowser(secured);
  await theChecksCanFail();
  await Promise.all(WALKS.map((walk) => everyPage(browser, demo, walk)));
  await Promise.all([
    ...THEMED.map((walk) => everyPage(browser, themed, { ...walk, shows: wearsTheTheme })),
    everyPage(browser, secured, { ...WALKS[0], shows: cameOverTls }),
  ]);
  await keyboardAlone(demo);
  await withoutJavaScript(demo);
  await startPage(demo, ["light", "dark"]);
  await startPage(secured, ["light"]);
  console.log("browser: every page is accessible in both languages and colour schemes, with a theme, over TLS, and without styles; keyboard and no JavaScript suffice");
} finally {
  await browser?.close();
  for (const { value } of opened) await value?.close();
}

/** The logo is there, and the accent is the realm's own: moved until it can be read, which axe-core checks. */
async function wearsTheTheme(page, name) {
  const width = await evaluate(page, "document.querySelector('header img')?.naturalWidth");
  assert.ok(width > 0, `${name}: the logo is not shown`);
  const [accent, button] = JSON.parse(
    await evaluate(
      page,
      `JSON.stringify([getComputedStyle(document.documentElement).getPropertyValue("--accent"),
        getComputedStyle(document.querySelector("main")).borderTopColor])`,
    ),
  );
  const [red, green, blue] = button.match(/\d+/g).map(Number);
  assert.ok(accent && Math.abs(red - green) < 40 && blue < red, `${name}: ${THEME.accent} has become ${accent} (${button})`);
}

/** By HTTP/2, and every cookie is one that browsers protect. */
async function cameOverTls(page, name) {
  assert.equal(await evaluate(page, "performance.getEntriesByType('navigation')[0].nextHopProtocol"), "h2", name);
  const cookies = await page.context().cookies(page.url());
  for (const cookie of cookies) {
    assert.ok(cookie.secure && cookie.httpOnly && /^__(Host|Secure)-/.test(cookie.name), `${name}: ${cookie.name}`);
  }
}

/** Signs in, looks, and signs out without a mouse; the focus can always be seen. */
async function keyboardAlone(demo) {
  const context = await browser.newContext({ locale: "en" });
  const page = await context.newPage();
  const focused = async (selector) => {
    assert.equal(await page.locator(`${selector}:focus-visible`).count(), 1, `${selector} has the focus`);
    const outline = await evaluate(page, "getComputedStyle(document.activeElement).outlineStyle");
    assert.equal(outline, "solid", `${selector} shows that it has the focus`);
  };
  await page.goto(authorize(demo, { prompt: "consent" }));
  await focused("#username");
  await page.keyboard.type("alice");
  await page.keyboard.press("Tab");
  await focused("#password");
  await page.keyboard.type(demo.password("alice"));
  await page.keyboard.press("Tab");
  await focused("button:not(.quiet)");
  await page.keyboard.press("Tab");
  await focused("button[name=cancel]");
  await page.locator("#password").focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Allow" }).waitFor();
  await page.goto(`${demo.issuer}/account`);
  for (const selector of ["a.button", "button[name=sign_out]"]) {
    await page.keyboard.press("Tab");
    await focused(selector);
  }
  await page.keyboard.press("Enter");
  await page.getByText("You are signed out.").waitFor();
  await context.close();
}

/** Changes a password, which ends the sign-in of another browser; no page has a script, and none is missed. */
async function withoutJavaScript(demo) {
  const [desk, phone] = await Promise.all([1, 2].map(() => browser.newContext({ javaScriptEnabled: false, locale: "en" })));
  const [page, other] = [await desk.newPage(), await phone.newPage()];
  await signIn(other, demo, "carol");
  await signIn(page, demo, "carol");
  assert.equal(await page.locator("button[name=end]").count(), 1);
  await page.getByRole("link", { name: "Change password" }).click();
  const fresh = "carol's new password";
  await fill(page, { current: demo.password("carol"), new: fresh, again: fresh });
  await press(page, "Change password");
  await page.getByText("Your password was changed").waitFor();
  assert.equal(await page.locator("button[name=end]").count(), 0, "only this one is left");
  await other.goto(`${demo.issuer}/account`);
  await other.getByText("to see your account").waitFor();
  await page.getByRole("link", { name: "日本語" }).click();
  await page.getByRole("heading", { name: "サインイン中の端末" }).waitFor();
  await press(page, "サインアウト");
  await page.getByText("サインアウトしました。").waitFor();
  await desk.close();
  await phone.close();
}

/** The demo's own start page: log in, call, log out, and be refused. */
async function startPage(demo, colorSchemes) {
  for (const colorScheme of colorSchemes) {
    const context = await browser.newContext({ locale: "en", colorScheme });
    const page = await context.newPage();
    const answered = (path, status) =>
      page.locator("#answer").filter({ hasText: path }).filter({ hasText: `${status}` }).waitFor();
    const call = async (status) => {
      await page.getByRole("button", { name: "via /opaque" }).click();
      await answered("/opaque/orders/1", status);
    };
    await page.goto(demo.gateway);
    await page.getByLabel("User").selectOption("alice");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.locator("#held li").waitFor();
    await call(200);
    await accessible(page, `start page, ${colorScheme}`);
    await picture(page, `start-${colorScheme}`);
    await page.getByRole("button", { name: "Log out" }).first().click();
    // Whoever calls before the logout is answered may still be served.
    await answered("/auth/logout", 204);
    await call(401);
    await accessible(page, `start page after logout, ${colorScheme}`);
    await context.close();
  }
}

/** Checks that cannot fail are worse than none. */
async function theChecksCanFail() {
  const page = await browser.newPage();
  const show = (body, style = "") => page.setContent(`<title>x</title><style>${style}</style><h1>x</h1>${body}`);
  await show("<input>");
  await assert.rejects(accessible(page, "a field without a label"), /axe-core finds something/);
  const field = "<label for=a>Name</label> <input id=a name=a>";
  await show(`<p>Some words</p><p>${field}</p>`, "label { display: block }");
  await readableWithoutStyles(page, "a sound page", ["x", "Some words", "Name", "input a"]);
  for (const [body, style, wrong, reads] of [
    ["<p class=no>secret</p>", ".no { display: none }", /is not the same page/],
    ["<p class=no>secret</p>", ".no { position: absolute; left: -9999px }", /is not the same page/],
    ["<p class=no>secret</p>", ".no { position: absolute; width: 1px; height: 1px; overflow: hidden }", /is not the same page/],
    ["<p class=no>secret</p>", ".no { opacity: 0 }", /is not the same page/],
    ["<p>words</p>", "p::before { content: 'Danger: ' }", /say something that the page does not/],
    ["<p>one</p><p>two</p>", "body { display: flex; flex-direction: column-reverse }", /is seen before/],
    ["<h3>two</h3>", "", /\[\{"level":1/],
    ["<input name=a>", "", /has no label/],
    ["<input id=a name=a><label for=a>Name</label>", "", /is not beside/],
    ["<label for=a>Name</label><p>one</p><p>two</p><p>three</p><input id=a name=a>", "", /is not beside/],
    [`<svg viewBox="0 0 8 8"><rect width="8" height="8"/></svg>`, "svg { width: 2rem }", /fills \d+ × \d+ pixels/],
    ["<p style='width: 3000px'>w</p><table width=3000><td>wide</table>", "", /beyond the right edge/],
    ["<p>two</p><p>one</p>", "", /is not where it should be read/, ["one", "two"]],
  ]) {
    await show(body, style);
    await assert.rejects(readableWithoutStyles(page, "a page that is spoilt", reads), wrong, `${style} ${body}`);
  }
  await page.setContent("<title>x</title><h1>x</h1>");
  await assert.rejects(readableWithoutStyles(page, "nothing to take away"), /no styles to take away/);
  await page.close();
}
