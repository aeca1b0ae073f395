// What the scripts of this folder share: a browser that reaches this machine only, and notes what it met.
import { chromium } from "playwright-core";

const TIMEOUT = 15_000;
export const seen = { requests: [], console: [], failures: [] };

// Only the hub's own page is opened, so the browser's sandbox, which containers often lack, may be off.
const browser = await chromium.launch({
  executablePath: process.argv[3],
  args: ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"],
});

export async function open(origin, options) {
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
  const response = await page.goto(`${origin}/explore`);
  seen.policy ??= response.headers()["content-security-policy"];
  await settled(page);
  return page;
}

export const settled = (page) =>
  page.waitForFunction(() => ["answered", "failed"].includes(document.body.dataset.state));

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

export const close = () => browser.close();
