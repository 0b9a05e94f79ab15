// A demo and a browser for the length of a check: both are ours, both are gone afterwards.

import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
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

/** Starts `sekisho demo` on free ports; gives what demo.json says. */
export async function openDemo(binary) {
  const dir = await mkdtemp(join(tmpdir(), "sekisho-browser-"));
  const ports = ["gateway", "identity", "operations"].flatMap((name) => [`--${name}-port`, "0"]);
  const child = spawn(binary, ["demo", ...ports, "--data", dir], { stdio: ["ignore", "ignore", "inherit"] });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  const close = async () => {
    child.kill("SIGTERM");
    await gone;
    await rm(dir, { recursive: true, force: true });
  };
  for (const began = Date.now(); Date.now() - began < PATIENCE_MS; await pause(20)) {
    if (child.exitCode !== null) break;
    const text = await readFile(join(dir, "demo.json"), "utf8").catch(() => null);
    if (text) return { ...JSON.parse(text), close };
  }
  await close();
  throw new Error("the demo did not start");
}

/** Starts Chromium with a profile of its own. */
export function openBrowser() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: FLAGS, headless: true });
}
