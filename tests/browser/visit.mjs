// What the scripts of this folder share: a browser that reaches this machine only, and notes what it met.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const TIMEOUT = 15_000;
export const seen = { requests: [], console: [], failures: [] };

// Only the hub's own page is opened, so the browser's sandbox, which containers often lack, may be off.
const browser = await chromium.launch({
  executablePath: process.argv[3],
  args: ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"],
});

// `path`: the page; `isStill`: it has no script; everything else is Playwright's.
export async function open(origin, { path = "/explore", isStill = false, ...options }) {
  const context = await browser.newContext({ timezoneId: "Asia/Shanghai", ...options });
  context.setDefaultTimeout(TIMEOUT);
  await context.route("**/*", (route) => {
    const { hostname } = new URL(route.request().url());
    seen.requests.push(hostname);
    return ["127.0.0.1", "localhost"].includes(hostname) ? route.continue() : route.abort();
  });
  const page = await context.newPage();
  page.on("console", (line) => seen.console.push(`${line.type()}: ${line.text()}`));
  page.on("pageerror", (error) => seen.failures.push(String(error)));
  const response = await page.goto(origin + path);
  seen.policy ??= response.headers()["content-security-policy"];
  if (!isStill) await settled(page);
  return page;
}

export const settled = (page) =>
  page.waitForFunction(() => ["answered", "failed", "ready"].includes(document.body.dataset.state));

// Enters as a client with a key from a file; without `file` none is chosen. Ends when the page has taken it or says why not.
export async function enter(page, client, file) {
  await page.evaluate(() => { document.getElementById("own").open = true; });
  await page.fill("#client", client);
  if (file) await page.setInputFiles("#key", file);
  await page.click("#use");
  await page.waitForFunction(() => !document.getElementById("use").disabled);
  await page.waitForFunction(() => !document.getElementById("own").open || document.getElementById("refused").textContent);
  await settled(page);
}

export const texts = (page, selector) => page.locator(selector).allInnerTexts();

// The texts of the cells of rows.
export const cells = (page, selector) =>
  page.locator(selector).evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.innerText)));

// Everything that the page shows of an answer.
export const shown = (page) => page.evaluate(() => {
  const text = (id) => document.getElementById(id).innerText;
  const data = text("data");
  return {
    state: document.body.dataset.state,
    session: text("session"),
    facts: text("facts"),
    errors: [...document.querySelectorAll("#errors .error")].map((line) => line.innerText),
    sources: [...document.querySelectorAll("#sources tbody tr")].map((row) => [...row.cells].map((cell) => cell.innerText)),
    data: data ? JSON.parse(data) : null,
    images: document.images.length,
    overflow: document.documentElement.scrollWidth - innerWidth,
  };
});

export async function ask(page, document, variables = "") {
  await page.fill("#document", document);
  await page.fill("#variables", variables);
  await page.click("#run");
  await settled(page);
  return shown(page);
}

export const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

// What axe-core finds that matters, by all its rules or those named: id, impact and where. A page's policy admits no script of others,
// so that it is run by the browser's own tools.
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
export async function faults(page, rules) {
  if (!await page.evaluate(() => "axe" in globalThis)) await page.evaluate(await readFile(AXE, "utf-8"));
  const { violations } = await page.evaluate((runOnly) => globalThis.axe.run(document, runOnly ? { runOnly } : {}), rules);
  return violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 120)).join(" | ")}`);
}

export const close = () => browser.close();
