// The demo's start page: it talks to the gateway as any single-page application would, and asks the recorder what
// travelled meanwhile. All texts go in as text, never as HTML.

const parties = ["client", "gateway", "identity", "orders", "stock"];
const by = (id) => document.getElementById(id);

// What was handed to us at login, by pattern: `opaque`, `jwt`.
const held = new Map();

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// === 1. log in, log out ===

function fillPassword() {
  by("password").value = by("user").selectedOptions[0].dataset.password ?? "";
  by("password").placeholder = by("password").value ? "" : "printed where the demo was started";
}

async function logIn(event) {
  event.preventDefault();
  const chosen = document.querySelector("input[name=pattern]:checked");
  const keeper = document.querySelector("input[name=keeper]:checked").value;
  const [username, password] = [by("user").value, by("password").value];
  const url = `${chosen.dataset.prefix}/login${keeper === "page" ? "?delivery=body" : ""}`;
  const answer = await travel("POST", url, null, {
    method: "POST",
    credentials: keeper === "page" ? "omit" : "same-origin",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ username, password }),
  });
  if (answer?.ok) {
    held.set(chosen.value, { username, keeper, prefix: chosen.dataset.prefix, token: answer.json?.access_token, ended: false });
    showHeld();
  }
}

async function logOut(pattern) {
  const one = held.get(pattern);
  const answer = await travel("POST", `${one.prefix}/logout`, one, { method: "POST" });
  if (answer?.ok) {
    one.ended = true;
    showHeld();
  }
}

function showHeld() {
  by("held").replaceChildren(...[...held].map(([pattern, one]) => {
    const where = one.keeper === "page" ? "this page" : "a cookie";
    const state = !one.ended ? `signed in, kept in ${where}`
      : one.keeper === "page" ? "logged out; this page still has the old credential: call again"
      : "logged out; the cookie is gone";
    const item = make("li", {}, make("span", {}, make("b", {}, `${pattern}: ${one.username}`), ` ${state}`));
    if (!one.ended) {
      const button = make("button", { type: "button", class: "plain" }, "Log out", make("span", { class: "unseen" }, ` of ${pattern}`));
      button.addEventListener("click", () => logOut(pattern));
      item.append(button);
    }
    return item;
  }));
}

// === 2. call ===

async function call(event) {
  event.preventDefault();
  const route = event.submitter;
  const [method, path] = by("request").value.split(" ");
  const init = { method };
  if (method === "POST") {
    init.headers = { "content-type": "application/json" };
    init.body = JSON.stringify({ item: "tea", quantity: 2 });
  }
  await travel(method, route.value + path, held.get(route.dataset.pattern), init);
}

/** Sends a request, shows the answer, then what travelled on the legs meanwhile. */
async function travel(method, url, one, init) {
  const headers = new Headers(init.headers);
  // Without a cookie when the page keeps the credential: two that disagree would be refused.
  let credentials = init.credentials ?? "same-origin";
  if (one?.keeper === "page") {
    credentials = "omit";
    headers.set("authorization", `Bearer ${one.token}`);
  }
  try {
    const from = (await (await fetch("/demo/mark")).json()).next;
    const response = await fetch(url, { ...init, headers, credentials, cache: "no-store" });
    const text = await response.text();
    const answer = { ok: response.ok, status: response.status, statusText: response.statusText, text, json: parsed(text) };
    await showAnswer(method, url, answer);
    last = from;
    await showLegs();
    return answer;
  } catch (error) {
    by("answer").replaceChildren(make("p", { class: "status bad" }, "No answer"), make("p", {}, String(error)));
    return null;
  }
}

function parsed(text) {
  try { return JSON.parse(text); } catch { return null; }
}

// === 3. the answer ===

async function showAnswer(method, url, answer) {
  const colour = answer.ok ? "good" : answer.status < 500 ? "bad" : "other";
  const parts = [make("p", { class: `status ${colour}` }, `${answer.status} ${answer.statusText}`),
    make("p", { class: "quiet" }, `${method} ${url}`)];
  const { reason, id } = answer.json ?? {};
  if (!answer.ok && reason) {
    const why = await (await fetch(`/demo/why/${encodeURIComponent(reason)}`)).text();
    const list = make("dl", {}, make("dt", {}, "reason"), make("dd", {}, make("code", {}, reason)),
      make("dt", {}, "that is"), make("dd", {}, why));
    if (id) {
      list.append(make("dt", {}, "id"), make("dd", {}, make("code", {}, id)), make("dt", {}, "ask"),
        make("dd", {}, make("code", {}, `${document.querySelector("footer code").textContent.replace(/ID$/, id)}`)));
    }
    parts.push(list);
  }
  if (answer.text) parts.push(make("pre", { tabindex: "0", "aria-label": "Body of the answer" }, pretty(answer)));
  by("answer").replaceChildren(...parts);
}

function pretty(answer) {
  if (!answer.json) return answer.text;
  const short = (key, value) => key === "access_token" ? `${value.slice(0, 8)}…${value.slice(-4)}` : value;
  return JSON.stringify(answer.json, short, 2);
}

// === what travelled ===

let last = null;

async function showLegs() {
  if (last === null) return;
  const feed = by("feed").checked ? "shown" : "hidden";
  const legs = await (await fetch(`/demo/legs?from=${last}&feed=${feed}`)).json();
  const start = legs[0]?.at_us ?? 0;
  by("legs").replaceChildren(...legs.map((leg) => legRow(leg, start)));
}

function legRow(leg, start) {
  const [a, b] = [parties.indexOf(leg.from), parties.indexOf(leg.to)];
  const answered = leg.in_answer_to !== null;
  const status = answered ? Number(leg.title.split(" ")[1]) : 0;
  const side = a < b ? "right" : "left";
  const kind = `${answered ? "answer" : "request"}${status >= 400 ? " refused" : ""}`;
  const arrow = make("span", { class: `arrow ${side} ${kind}` },
    make("span", { class: "unseen" }, `${leg.from} to ${leg.to}: `),
    make("b", {}, leg.title.replace(/ HTTP\/1\.[01]$|^HTTP\/1\.[01] /, "")),
    make("small", {}, make("i", {}, credential(leg)), make("time", {}, `+${((leg.at_us - start) / 1000).toFixed(1)} ms`)));
  // Lifelines stand at the middle of five equal columns, that is at every second line of ten.
  arrow.style.gridColumn = `${2 * Math.min(a, b) + 2} / ${2 * Math.max(a, b) + 2}`;
  const text = [leg.title, leg.head, "", leg.body].join("\n").trimEnd();
  return make("li", {}, make("details", {}, make("summary", {}, arrow), make("pre", { tabindex: "0" }, text)));
}

/** The credential in a message, as the recorder shortened it. */
function credential(leg) {
  const header = /^(?:authorization|cookie|set-cookie): ([^;\n]*)/im.exec(leg.head);
  const member = /"?\b(access_token|authorization_code|subject_token|token|code)"?[:=]\s*"?([^"&\s,]+)/.exec(leg.body);
  if (header) return header[1];
  return member ? `${member[1]} ${member[2]}` : "";
}

by("user").addEventListener("change", fillPassword);
by("login").addEventListener("submit", logIn);
by("call").addEventListener("submit", call);
by("feed").addEventListener("change", showLegs);
fillPassword();
