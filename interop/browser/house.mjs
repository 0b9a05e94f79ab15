// Houses and a browser for the length of a check: all are ours, all are gone afterwards.

import { execFile, spawn } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request as plainly } from "node:http";
import { request as securely } from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { connect } from "node:tls";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

const PATIENCE_MS = 60_000;
const FLAGS = [
  "--no-sandbox", // Chromium refuses to run as root with it; every page here is our own.
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--no-proxy-server",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A colour that can be read on neither paper as it is, and a logo that has no size of its own. */
export const THEME = { accent: "#ffe600", name: "関所商店" };
const LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 8"><rect width="24" height="8" fill="#0b57d0"/></svg>';

/** Starts `sekisho demo` on free ports; gives what demo.json says. */
export async function openDemo(binary, ...more) {
  const dir = await mkdtemp(join(tmpdir(), "sekisho-browser-"));
  const ports = ["gateway", "identity", "operations"].flatMap((name) => [`--${name}-port`, "0"]);
  const running = start(binary, ["demo", ...ports, "--data", dir, ...more], dir);
  const text = await running.until(() => readFile(join(dir, "demo.json"), "utf8").catch(() => null));
  const manifest = JSON.parse(text);
  const { certificate_authority: file } = manifest;
  const authority = file && (await readFile(file));
  const { client_id: client } = manifest.clients.find(({ kind }) => kind === "public");
  const password = (name) => manifest.users.find((user) => user.name === name).password;
  return { ...manifest, brand: "Sekisho", client, password, authority, close: running.close };
}

/** Starts `sekisho serve` with identity alone, whose pages wear a theme; these people can sign in. */
export async function openThemed(binary, people) {
  const dir = await mkdtemp(join(tmpdir(), "sekisho-browser-"));
  const port = await freePort();
  const [config, logo] = [join(dir, "sekisho.yaml"), join(dir, "logo.svg")];
  await writeFile(logo, LOGO);
  const theme = { ...THEME, logo };
  const identity = { listen: `127.0.0.1:${port}`, public_url: `http://localhost:${port}`, realms: { main: { theme } } };
  // JSON is YAML.
  await writeFile(config, JSON.stringify({ data: join(dir, "data"), operations: { listen: "127.0.0.1:0" }, identity }));
  const running = start(binary, ["serve", "--config", config], dir);
  const issuer = `http://localhost:${port}/realms/main`;
  const metadata = `${issuer}/.well-known/openid-configuration`;
  await running.until(() => fetch(metadata).then(({ ok }) => ok, () => false));
  const password = (name) => `the password of ${name}`;
  try {
    const scopes = ["--scopes", "openid profile orders:read", "--config", config];
    const redirect = ["--redirect-uri", "http://127.0.0.1/callback", "--audience", "orders"];
    await command(binary, ["client", "create", "public", "--kind", "public", ...redirect, ...scopes]);
    for (const name of people) await command(binary, ["user", "create", name, ...scopes], password(name));
  } catch (error) {
    await running.close();
    throw error;
  }
  return { issuer, brand: THEME.name, client: "public", password, close: running.close };
}

/** POSTs a form as a program does; over TLS the house's own authority is the only one that is trusted. */
export async function post(house, path, fields) {
  const url = new URL(`${house.issuer}${path}`);
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const asked = (url.protocol === "https:" ? securely : plainly)(url, { method: "POST", headers, ca: house.authority });
  asked.end(`${new URLSearchParams(fields)}`);
  const [answer] = await once(asked, "response");
  const text = (await answer.toArray()).join("");
  return { status: answer.statusCode, text };
}

/** Starts Chromium with a profile of its own. It trusts what these houses show, and no other authority is asked about them. */
export async function openBrowser(...secured) {
  const keys = await Promise.all(secured.map(shownKey));
  const pinned = keys.length ? [`--ignore-certificate-errors-spki-list=${keys.join(",")}`] : [];
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: [...FLAGS, ...pinned], headless: true });
}

/** The digest of the key that identity shows, after Node has checked its certificate against the house's authority. */
async function shownKey({ issuer, authority }) {
  const { hostname, port } = new URL(issuer);
  const socket = connect({ host: "127.0.0.1", servername: hostname, port, ca: authority });
  await once(socket, "secureConnect");
  const { publicKey } = new X509Certificate(socket.getPeerCertificate().raw);
  socket.destroy();
  return createHash("sha256").update(publicKey.export({ type: "spki", format: "der" })).digest("base64");
}

function start(binary, args, dir) {
  const child = spawn(binary, args, { stdio: ["ignore", "ignore", "inherit"], env: { SEKISHO_LOG: "warn", ...process.env } });
  const gone = once(child, "exit");
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill); // However the check ends, nothing of it goes on.
  const close = async () => {
    process.off("exit", kill);
    child.kill("SIGTERM");
    await gone;
    await rm(dir, { recursive: true, force: true });
  };
  const until = async (found) => {
    for (const began = Date.now(); Date.now() - began < PATIENCE_MS && child.exitCode === null; await pause(20)) {
      const value = await found();
      if (value) return value;
    }
    await close();
    throw new Error(`sekisho ${args[0]} did not start`);
  };
  return { close, until };
}

async function command(binary, args, input = "") {
  const done = promisify(execFile)(binary, args);
  done.child.stdin.end(input);
  await done;
}

/** Nobody can promise that it stays free, but the kernel does not give it to the next one who asks for any. */
async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}
