// Uses the explorer as a person does and writes down what there was to see, as JSON:
//   node drive.mjs <hub> <chromium> <folder for screenshots>
// What must hold is said in test_explorer.py. Requests to other hosts are refused and noted.
import { chromium } from "playwright-core";

const [base, executablePath, pictures] = process.argv.slice(2);
const TIMEOUT = 15_000;
const seen = { requests: [], console: [], failures: [] };

// Only the hub's own page is opened, so the browser's sandbox, which containers often lack, may be off.
const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"],
});

async function open(origin, options) {
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

const settled = (page) =>
  page.waitForFunction(() => ["answered", "failed"].includes(document.body.dataset.state));

// Everything that the page shows of an answer.
const shown = (page) => page.evaluate(() => {
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

async function ask(page, document, variables = "") {
  await page.fill("#document", document);
  await page.fill("#variables", variables);
  await page.click("#run");
  await settled(page);
  return shown(page);
}

const page = await open(base, { locale: "zh-CN", viewport: { width: 1280, height: 860 } });
seen.first = await shown(page);
await page.screenshot({ path: `${pictures}/wide.png` });

seen.samples = {};
const samples = await page.evaluate(async () => (await fetch("/explore/samples.json")).json());
for (const [index, sample] of samples.entries()) {
  await page.selectOption("#sample", { index });
  await page.focus("#document");
  await page.keyboard.press("Control+Enter");
  await settled(page);
  seen.samples[sample.name] = await shown(page);
}
seen.consoleOfSamples = [...seen.console];

seen.wrongDocument = await ask(page, "{ nothing }");
seen.brokenDocument = await ask(page, "{ instruments(");
seen.wrongVariables = await ask(page, "{ serviceInfo { version } }", "{ not json");
await page.screenshot({ path: `${pictures}/wrong.png` });
seen.mutation = await ask(page, 'mutation { withdrawRecord(input: {source: "x", type: "Instrument", key: "x", reason: "x"}) { userErrors { code } } }');
seen.markup = await ask(page, "{ instruments(first: 9) { nodes { name { en } } } }");

await page.click("#docs summary");
await page.waitForSelector("#schema h3");
const types = () => page.locator("#schema h3").allInnerTexts();
seen.types = await types();
await page.fill("#find", "longestFreeHours");
seen.typesFound = await types();
await page.click("#schema a >> nth=0");
seen.address = page.url();
await page.fill("#find", "没有这样的字段");
seen.nothingFound = await page.innerText("#schema");
await page.fill("#find", "availability");
await page.locator("#docs").scrollIntoViewIfNeeded();
await page.screenshot({ path: `${pictures}/schema.png` });

const dark = { locale: "en-US", viewport: { width: 420, height: 860 }, colorScheme: "dark" };
const narrow = await open(base.replace("127.0.0.1", "localhost"), dark);
seen.narrow = await shown(narrow);
seen.wrongInEnglish = await ask(narrow, "{ nothing }");
await narrow.screenshot({ path: `${pictures}/narrow.png`, fullPage: true });

await browser.close();
console.log(JSON.stringify(seen));
