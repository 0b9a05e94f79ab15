// The pages in a real browser.
//
// Every page, in both languages and both colour schemes: axe-core finds nothing, the content security policy stops nothing,
// the page speaks the language it says. Then the things that only a browser shows: the keyboard alone is enough, and
// everything works with JavaScript switched off.
//
//   node check.mjs BINARY      with SHOTS=DIR it leaves a picture of each page there

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import axe from "axe-core";
import { openBrowser, openDemo } from "./house.mjs";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const CALLBACK = "http://127.0.0.1:9/callback"; // Nobody listens there; the address is what counts.
const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"; // RFC 7636, appendix B
const CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1";

const LANGUAGES = {
  en: { signIn: "Sign in", cancel: "Cancel", signOut: "Sign out", error: "Error: ", change: "Change password" },
  ja: { signIn: "サインイン", cancel: "キャンセル", signOut: "サインアウト", error: "エラー：", change: "パスワードを変更" },
};

const demo = await openDemo(process.argv[2]);
const browser = await openBrowser();
try {
  await theCheckCanFail();
  for (const language of Object.keys(LANGUAGES)) {
    for (const colorScheme of ["light", "dark"]) await everyPage(language, colorScheme);
  }
  await keyboardAlone();
  await withoutJavaScript();
  await startPage();
  console.log("browser: every page is accessible in both languages and colour schemes; keyboard and no JavaScript suffice");
} finally {
  await browser.close();
  await demo.close();
}

/** Walks over every page of identity and checks each. */
async function everyPage(language, colorScheme) {
  const words = LANGUAGES[language];
  const context = await browser.newContext({ locale: language, colorScheme, viewport: { width: 1000, height: 760 } });
  const page = await context.newPage();
  const stopped = [];
  page.on("console", (message) => /Content Security Policy/.test(message.text()) && stopped.push(message.text()));
  const look = async (name, title) => {
    assert.deepEqual(stopped, [], `${name}: the policy stops something of our own`);
    assert.equal(await page.locator("html").getAttribute("lang"), language, name);
    if (title) assert.ok((await page.title()).startsWith(title), `${name}: ${await page.title()}`);
    await accessible(page, `${name}, ${language}, ${colorScheme}`);
    await picture(page, `${name}-${language}-${colorScheme}`);
  };

  await page.goto(authorize({ client_id: "nobody" }));
  await look("unknown-client", words.error);
  await page.goto(authorize({ prompt: "login consent" }));
  await look("login", words.signIn);
  await fill(page, { username: "alice", password: "a guess" });
  await press(page, words.signIn);
  await look("login-wrong", words.error);
  await fill(page, { username: "alice", password: password("alice") });
  await press(page, words.signIn);
  await look("consent");
  await redeem(await leave(page, () => page.locator("main button").first().click()));
  await otherDevice();
  await page.goto(`${demo.issuer}/account`);
  assert.equal(await page.locator("button[name=revoke]").count(), 1, "the application is listed");
  await look("account");
  await page.locator("button[name=end]").first().click();
  await page.getByRole("status").waitFor();
  await look("account-ended");
  await page.getByRole("link", { name: LANGUAGES[language].change.slice(0, 5) }).click();
  await look("password");
  await fill(page, { current: "a guess", new: "a new password", again: "a new password" });
  await press(page, words.change);
  await look("password-wrong", words.error);
  await page.setViewportSize({ width: 360, height: 740 });
  await page.goto(`${demo.issuer}/account`);
  await look("account-narrow");
  await page.goto(`${demo.issuer}/oauth2/logout`);
  await look("logout");
  await press(page, words.signOut);
  await look("signed-out");
  await context.close();
}

/** Another device of alice's, so that there is something to see and to end. */
async function otherDevice() {
  const context = await browser.newContext({ userAgent: IPHONE });
  const page = await context.newPage();
  await signIn(page, "alice");
  await context.close();
}

/** Signs in, looks, and signs out without a mouse; the focus can always be seen. */
async function keyboardAlone() {
  const context = await browser.newContext({ locale: "en" });
  const page = await context.newPage();
  const focused = async (selector) => {
    assert.equal(await page.locator(`${selector}:focus-visible`).count(), 1, `${selector} has the focus`);
    const outline = await evaluate(page, "getComputedStyle(document.activeElement).outlineStyle");
    assert.equal(outline, "solid", `${selector} shows that it has the focus`);
  };
  await page.goto(authorize({ prompt: "consent" }));
  await focused("#username");
  await page.keyboard.type("alice");
  await page.keyboard.press("Tab");
  await focused("#password");
  await page.keyboard.type(password("alice"));
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
async function withoutJavaScript() {
  const [desk, phone] = await Promise.all([1, 2].map(() => browser.newContext({ javaScriptEnabled: false, locale: "en" })));
  const [page, other] = [await desk.newPage(), await phone.newPage()];
  await signIn(other, "carol");
  await signIn(page, "carol");
  assert.equal(await page.locator("button[name=end]").count(), 1);
  await page.getByRole("link", { name: "Change password" }).click();
  await fill(page, { current: password("carol"), new: "carol's new password", again: "carol's new password" });
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
async function startPage() {
  for (const colorScheme of ["light", "dark"]) {
    const context = await browser.newContext({ locale: "en", colorScheme });
    const page = await context.newPage();
    const call = async (status) => {
      await page.getByRole("button", { name: "via /opaque" }).click();
      const answer = page.locator("#answer").filter({ hasText: "/opaque/orders/1" });
      await answer.filter({ hasText: `${status}` }).waitFor();
    };
    await page.goto(demo.gateway);
    await page.getByLabel("User").selectOption("alice");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.locator("#held li").waitFor();
    await call(200);
    await accessible(page, `start page, ${colorScheme}`);
    await picture(page, `start-${colorScheme}`);
    await page.getByRole("button", { name: "Log out" }).first().click();
    await call(401);
    await accessible(page, `start page after logout, ${colorScheme}`);
    await context.close();
  }
}

/** A check that cannot fail is worse than none. */
async function theCheckCanFail() {
  const page = await browser.newPage();
  await page.setContent("<title>x</title><input>");
  await assert.rejects(accessible(page, "a field without a label"), /axe-core finds something/);
  await page.close();
}

async function signIn(page, name) {
  await page.goto(`${demo.issuer}/account`);
  await fill(page, { username: name, password: password(name) });
  await press(page, "Sign in");
  await page.getByRole("heading", { name: "Your account" }).waitFor();
}

/** Does what leads to the application, and waits until the browser has gone there with a code. */
async function leave(page, action) {
  const back = page.waitForRequest((request) => request.url().startsWith(CALLBACK));
  await action();
  const code = new URL((await back).url()).searchParams.get("code");
  assert.ok(code, "a code");
  return code;
}

/** What the application does with the code, so that it stands in the account's list. */
async function redeem(code) {
  const { client_id } = publicClient();
  const fields = { grant_type: "authorization_code", client_id, code, redirect_uri: CALLBACK, code_verifier: VERIFIER };
  const answer = await fetch(`${demo.issuer}/oauth2/token`, { method: "POST", body: new URLSearchParams(fields) });
  assert.equal(answer.status, 200, await answer.text());
}

async function accessible(page, name) {
  await evaluate(page, axe.source);
  const options = JSON.stringify({ runOnly: { type: "tag", values: RULES }, resultTypes: ["violations"] });
  const found = JSON.parse(await evaluate(page, `axe.run(document, ${options}).then((r) => JSON.stringify(r.violations))`));
  const told = found.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(" ")}`);
  assert.deepEqual(told, [], `${name}: axe-core finds something`);
}

/** Runs a text in the page by the debugger, which our policy (no script at all) does not stop. */
async function evaluate(page, expression) {
  const session = await page.context().newCDPSession(page);
  const asked = { expression, awaitPromise: true, returnByValue: true };
  const { result, exceptionDetails } = await session.send("Runtime.evaluate", asked);
  await session.detach();
  assert.equal(exceptionDetails, undefined, JSON.stringify(exceptionDetails));
  return result.value;
}

async function fill(page, fields) {
  for (const [name, value] of Object.entries(fields)) await page.locator(`input[name=${name}]`).fill(value);
}

async function press(page, name) {
  await page.getByRole("button", { name, exact: true }).click();
}

async function picture(page, name) {
  const dir = process.env.SHOTS;
  if (!dir) return;
  await mkdir(dir, { recursive: true });
  await page.screenshot({ path: join(dir, `${name}.png`), fullPage: true });
}

function authorize(more) {
  const usual = {
    response_type: "code",
    client_id: publicClient().client_id,
    redirect_uri: CALLBACK,
    scope: "openid profile orders:read",
    code_challenge: CHALLENGE,
    code_challenge_method: "S256",
  };
  return `${demo.issuer}/oauth2/authorize?${new URLSearchParams({ ...usual, ...more })}`;
}

function publicClient() {
  return demo.clients.find((client) => client.kind === "public");
}

function password(name) {
  return demo.users.find((user) => user.name === name).password;
}
