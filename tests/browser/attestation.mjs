// Visits /attestation as the holder of a voucher and as a stranger, and writes down what there was to see:
//   node attestation.mjs <hub> <chromium> <folder for screenshots> <folder of keys> <issuer> <code> <claim>
// What must hold is said in test_attestation.py.
import { close, faults, open, overflow, seen, settled } from "./visit.mjs";

const [base, , pictures, files, issuer, code, claim] = process.argv.slice(2);
const PHONE = { width: 390, height: 844 };
const page = await open(base, { locale: "zh-CN", viewport: { width: 1280, height: 900 }, path: "/attestation" });
const texts = (selector) => page.locator(selector).allInnerTexts();

async function enter(client) {
  await page.evaluate(() => { document.getElementById("own").open = true; });
  await page.fill("#client", client);
  await page.setInputFiles("#key", `${files}/${client}.pem`);
  await page.click("#use");
  await page.waitForFunction(() => !document.getElementById("own").open || document.getElementById("refused").textContent);
  await settled(page);
  for (const [name, value] of Object.entries({ issuer, code, claim })) await page.fill(`#${name}`, value);
}

async function answered(button) {
  await page.click(button);
  await settled(page);
  return { told: await page.innerText("#told"), checks: await texts("#checks tbody tr"), errors: await texts("#errors .error") };
}

seen.links = {};
for (const link of await page.locator("main a[href]").evaluateAll((all) => all.map((each) => each.getAttribute("href")))) {
  seen.links[link] = (await page.request.get(base + link)).status();
}
await enter("holder");
seen.attested = await answered("#attest");
await page.screenshot({ path: `${pictures}/attestation_refused.png`, fullPage: true });
seen.faults = await faults(page);
seen.state = await answered("#now");
await page.setViewportSize(PHONE);
seen.phone = await overflow(page);
await enter("stranger");
seen.stranger = await answered("#now");
console.log(JSON.stringify(seen));
await close();
