// Uses the explorer as a person does and writes down what there was to see, as JSON:
//   node drive.mjs <hub> <chromium> <folder for screenshots>
// What must hold is said in test_explorer.py. Requests to other hosts are refused and noted.
import { ask, close, open, seen, settled, shown } from "./visit.mjs";

const [base, , pictures] = process.argv.slice(2);

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

const dark = { path: "/explore?lang=en", locale: "en-US", viewport: { width: 420, height: 860 }, colorScheme: "dark" };
const narrow = await open(base.replace("127.0.0.1", "localhost"), dark);
seen.narrow = await shown(narrow);
seen.wrongInEnglish = await ask(narrow, "{ nothing }");
await narrow.screenshot({ path: `${pictures}/narrow.png`, fullPage: true });

await close();
console.log(JSON.stringify(seen));
