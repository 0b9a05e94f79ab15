// A walk over every page of identity, as one person in one language and colour scheme; each page is judged.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { post } from "./house.mjs";
import { accessible, evaluate, readableWithoutStyles } from "./judge.mjs";

const CALLBACK = "http://127.0.0.1:9/callback"; // Nobody listens there; the address is what counts.
const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"; // RFC 7636, appendix B
const CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1";
const TRIES_MAX = 12;

const LANGUAGES = {
  en: {
    signIn: "Sign in",
    name: "User name",
    password: "Password",
    wrong: "Name or password is wrong.",
    cancel: "Cancel",
    allow: "Allow",
    refuse: "Do not allow",
    signOut: "Sign out",
    error: "Error: ",
    change: "Change password",
    other: "日本語",
  },
  ja: {
    signIn: "サインイン",
    name: "ユーザー名",
    password: "パスワード",
    wrong: "ユーザー名またはパスワードが正しくありません。",
    cancel: "キャンセル",
    allow: "許可する",
    refuse: "許可しない",
    signOut: "サインアウト",
    error: "エラー：",
    change: "パスワードを変更",
    other: "English",
  },
};

/** `how`: who walks (`name`), in which `language` and `colorScheme`; `shows` is asked about each page besides. */
export async function everyPage(browser, house, how) {
  const { name, language, colorScheme } = how;
  const words = LANGUAGES[language];
  const context = await browser.newContext({ locale: language, colorScheme, viewport: { width: 1000, height: 760 } });
  const page = await context.newPage();
  const look = judge(page, house, how);

  await page.goto(authorize(house, { client_id: "nobody" }));
  await look("unknown-client", words.error);
  await page.goto(authorize(house, { prompt: "login consent" }));
  const fields = [words.name, "input username", words.password, "input password", words.signIn, words.cancel, words.other];
  await look("login", words.signIn, [house.brand, words.signIn, ...fields]);
  // A form that was not made for this browser.
  await evaluate(page, "document.querySelector('input[name=token]').value = 'x'");
  await fill(page, { username: name, password: house.password(name) });
  assert.equal(await answered(page, () => press(page, words.signIn)), 403);
  await look("foreign-form", words.error);
  await throttled(page, house, how, look);

  await page.goto(authorize(house, { prompt: "login consent" }));
  await fill(page, { username: name, password: "a guess" });
  assert.equal(await answered(page, () => press(page, words.signIn)), 401);
  await look("login-wrong", words.error, [words.signIn, words.wrong, ...fields]);
  await fill(page, { username: name, password: house.password(name) });
  await press(page, words.signIn);
  await page.getByRole("button", { name: words.refuse, exact: true }).waitFor();
  await look("consent", undefined, ["orders:read", words.allow, words.refuse, words.other]);
  const allow = () => page.getByRole("button", { name: words.allow, exact: true }).click();
  await redeem(house, await leave(page, allow));
  await otherDevice(browser, house, name);
  await account(page, house, words, look);
  await page.goto(`${house.issuer}/oauth2/logout`);
  await look("logout");
  await press(page, words.signOut);
  await look("signed-out");
  await context.close();
}

/** Her account: what is signed in, what has access, and the password. */
async function account(page, house, words, look) {
  await page.goto(`${house.issuer}/account`);
  assert.equal(await page.locator("button[name=revoke]").count(), 1, "the application is listed");
  await look("account", undefined, [words.signOut, "127.0.0.1", words.other]);
  await page.locator("button[name=end]").first().click();
  await page.getByRole("status").waitFor();
  await look("account-ended");
  await page.getByRole("link", { name: words.change.slice(0, 5) }).click();
  await look("password");
  await fill(page, { current: "a guess", new: "a new password", again: "a new password" });
  await press(page, words.change);
  await look("password-wrong", words.error);
  await page.setViewportSize({ width: 360, height: 740 });
  await page.goto(`${house.issuer}/account`);
  await look("account-narrow");
}

/** Guesses until it is told to wait: nobody's name, so that nobody has to. */
async function throttled(page, house, { name, language, colorScheme }, look) {
  const words = LANGUAGES[language];
  await page.goto(authorize(house, { prompt: "login" }));
  const guess = async () => {
    await fill(page, { username: `nobody like ${name} ${colorScheme}`, password: "a guess" });
    return answered(page, () => press(page, words.signIn));
  };
  let tries = 0;
  while ((await guess()) !== 429) assert.ok(++tries < TRIES_MAX, "guessing is never slowed down");
  await look("login-throttled", words.error, [words.signIn, words.name, words.password]);
}

/** Judges the page that is open. It has no styles afterwards, so that the walk goes on as somebody does who has none. */
function judge(page, house, { language, colorScheme, shows }) {
  const stopped = [];
  page.on("console", (message) => /Content Security Policy/.test(message.text()) && stopped.push(message.text()));
  return async (what, title, reads) => {
    const name = `${house.brand}: ${what}, ${language}, ${colorScheme}`;
    assert.deepEqual(stopped, [], `${name}: the policy stops something of our own`);
    assert.equal(await page.locator("html").getAttribute("lang"), language, name);
    if (title) assert.ok((await page.title()).startsWith(title), `${name}: ${await page.title()}`);
    assert.ok((await page.title()).endsWith(house.brand), `${name}: ${await page.title()}`);
    await shows?.(page, name);
    await accessible(page, name);
    await picture(page, `${house.brand}-${what}-${language}-${colorScheme}`);
    await readableWithoutStyles(page, name, reads);
  };
}

/** Another device of theirs, so that there is something to see and to end. */
async function otherDevice(browser, house, name) {
  const context = await browser.newContext({ userAgent: IPHONE, locale: "en" });
  const page = await context.newPage();
  await signIn(page, house, name);
  await context.close();
}

export async function signIn(page, house, name) {
  await page.goto(`${house.issuer}/account`);
  await fill(page, { username: name, password: house.password(name) });
  await press(page, "Sign in");
  await page.getByRole("heading", { name: "Your account" }).waitFor();
}

/** Does what leads to the application, and waits until the browser has gone there with a code. */
async function leave(page, action) {
  const [back] = await Promise.all([page.waitForRequest((request) => request.url().startsWith(CALLBACK)), action()]);
  const code = new URL(back.url()).searchParams.get("code");
  assert.ok(code, "a code");
  return code;
}

/** What the application does with the code, so that it stands in the account's list. */
async function redeem(house, code) {
  const { client: client_id } = house;
  const fields = { grant_type: "authorization_code", client_id, code, redirect_uri: CALLBACK, code_verifier: VERIFIER };
  const { status, text } = await post(house, "/oauth2/token", fields);
  assert.equal(status, 200, text);
}

export async function fill(page, fields) {
  for (const [name, value] of Object.entries(fields)) await page.locator(`input[name=${name}]`).fill(value);
}

export async function press(page, name) {
  await page.getByRole("button", { name, exact: true }).click();
}

/** The status of the page that an action leads to. */
async function answered(page, action) {
  const leads = (response) => response.request().isNavigationRequest();
  const [answer] = await Promise.all([page.waitForResponse(leads), action()]);
  await page.waitForLoadState();
  return answer.status();
}

export async function picture(page, name) {
  const dir = process.env.SHOTS;
  if (!dir) return;
  await mkdir(dir, { recursive: true });
  await page.screenshot({ path: join(dir, `${name}.png`), fullPage: true });
}

export function authorize(house, more) {
  const usual = {
    response_type: "code",
    client_id: house.client,
    redirect_uri: CALLBACK,
    scope: "openid profile orders:read",
    code_challenge: CHALLENGE,
    code_challenge_method: "S256",
  };
  return `${house.issuer}/oauth2/authorize?${new URLSearchParams({ ...usual, ...more })}`;
}
