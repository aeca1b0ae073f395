// Visits /vouchers as the issuer's office, as the enterprise, as the provider and as a stranger, and writes down what there was to see:
//   node vouchers.mjs <hub> <chromium> <folder for screenshots> <folder of keys> <invoice> <voucher>
// What must hold is said in test_vouchers.py.
import { readFile } from "node:fs/promises";
import { cells, close, enter, faults, open, overflow, seen, settled, texts } from "./visit.mjs";

const [base, , pictures, files, invoice, voucher] = process.argv.slice(2);
const WIDE = { width: 1280, height: 900 }, PHONE = { width: 390, height: 844 };
let page = await open(base, { locale: "zh-CN", viewport: WIDE, path: "/vouchers" });
const picture = (name) => page.screenshot({ path: `${pictures}/vouchers_${name}.png`, fullPage: true });

const come = (client) => enter(page, client, `${files}/${client}.pem`);

const desk = async () => ({
  session: await page.innerText("#session"), figures: await texts(page, "#figures li"), claims: await cells(page, "#claims tbody tr"),
  vouchers: await cells(page, "#vouchers tbody tr"), errors: await texts(page, "#errors .error"),
});

const shown = async () => ({
  verdict: await page.innerText("#verdict"), facts: await texts(page, "#stations dd"), named: await page.innerText("#named"), wrong: await texts(page, "#wrong li"), late: await texts(page, "#wrong .late"),
  checks: await cells(page, "#checks tbody tr"), checksTold: await page.innerText("#checks-told"), stations: await texts(page, "#stations h4"), missing: await texts(page, "#stations .late"),
  ledger: await page.locator("#ledger svg").evaluateAll((plots) => plots.map((plot) => plot.getAttribute("aria-label"))),
  parts: await page.locator("#ledger svg rect[y='0']").evaluateAll((parts) => parts.map((part) => [part.getAttribute("class"), part.getAttribute("width")])),
  moneyTold: await page.innerText("#money-told"), movements: await cells(page, "#movements tbody tr"), records: await cells(page, "#records tbody tr"),
  parameters: await cells(page, "#parameters tbody tr"), choices: await page.isVisible("#deciding") ? await texts(page, "#choices button") : [],
  decided: await page.isVisible("#decided") ? await page.innerText("#decided") : "", errors: await texts(page, "#errors .error"),
  focus: await page.evaluate(() => document.activeElement.id),
});

async function find(text, by = "") {
  await page.fill("#text", text);
  await page.selectOption("#by", by);
  await page.press("#text", "Enter");
  await settled(page);
  return { told: await page.innerText("#found-told"), rows: await cells(page, "#found tbody tr"), errors: await texts(page, "#errors .error"), isShown: await page.isVisible("#case") };
}

async function decide(name) {
  await page.click(`#choices button:text-is("${name}")`);
  if (await page.isVisible("#sure")) {
    seen.sure ??= [await page.innerText("#sure-text"), await page.evaluate(() => document.activeElement.id)];
    await page.keyboard.press("Enter");
    await settled(page);
  }
  return shown();
}

await come("office");
seen.office = await desk();
seen.officeFaults = await faults(page);
await picture("office");
seen.all = await find(voucher);
await picture("found");
seen.byInvoice = await find(invoice, "INVOICE");
seen.case = await shown();
seen.caseFaults = await faults(page);
await picture("case");
const [download] = await Promise.all([page.waitForEvent("download"), page.click("#pack")]);
seen.pack = { name: download.suggestedFilename(), head: (await readFile(await download.path())).subarray(0, 4).toString("latin1") };
seen.receipts = [];
page.on("download", (each) => seen.receipts.push(each.suggestedFilename()));
await page.click("#records tbody tr:last-child button");
await settled(page);

seen.county = await decide("区县审核通过");
seen.city = await decide("市级审核通过");
seen.settled = await decide("兑付");
await picture("settled");
await page.locator("#claims button", { hasText: "/ B" }).click();
await settled(page);
seen.held = await shown();
seen.noReason = await decide("解除暂缓");
await page.fill("#reason", "两次服务实为先后进行");
seen.cleared = await decide("解除暂缓");
seen.nothing = await find("没有这个编号");
seen.badInvoice = await find("12", "INVOICE");
await page.emulateMedia({ colorScheme: "dark" });
seen.darkFaults = await faults(page, ["color-contrast"]);
await page.setViewportSize(PHONE);
seen.phone = await overflow(page);
await picture("phone");

page = await open(base, { locale: "en-US", viewport: WIDE, path: "/vouchers?lang=en" });
await come("enterprise");
seen.enterprise = await desk();
await page.locator("#claims tbody button").first().click();
await settled(page);
seen.own = await shown();
seen.ownFaults = await faults(page);
await picture("enterprise");
await page.setViewportSize(PHONE);
seen.ownPhone = await overflow(page);
await page.setViewportSize(WIDE);

await come("proposer");
await find(voucher);
await page.locator("#found tbody tr").first().locator("button").first().click();
await settled(page);
await page.fill("#reason", "checked");
seen.proposer = await decide("Reject");

await come("stranger");
seen.stranger = { ...await desk(), found: await find(voucher), shown: await page.isVisible("#case") };
await close();
console.log(JSON.stringify(seen));
