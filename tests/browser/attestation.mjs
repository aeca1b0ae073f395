// Visits /attestation as the holder of a voucher and as a stranger, and writes down what there was to see:
//   node attestation.mjs <hub> <chromium> <folder for screenshots> <folder of keys> <issuer> <code> <claim>
// What must hold is said in test_attestation.py.
import { close, enter, faults, open, overflow, seen, settled, texts } from "./visit.mjs";

const [base, , pictures, files, issuer, code, claim] = process.argv.slice(2);
const PHONE = { width: 390, height: 844 };
const page = await open(base, { locale: "zh-CN", viewport: { width: 1280, height: 900 }, path: "/attestation" });

async function come(client) {
  await enter(page, client, `${files}/${client}.pem`);
  for (const [name, value] of Object.entries({ issuer, code, claim })) await page.fill(`#${name}`, value);
}

async function answered(button) {
  await page.click(button);
  await settled(page);
  return { told: await page.innerText("#told"), checks: await texts(page, "#checks tbody tr"), errors: await texts(page, "#errors .error") };
}

seen.links = {};
for (const link of await page.locator("main a[href]").evaluateAll((all) => all.map((each) => each.getAttribute("href")))) {
  seen.links[link] = (await page.request.get(base + link)).status();
}
await come("holder");
seen.attested = await answered("#attest");
await page.screenshot({ path: `${pictures}/attestation_refused.png`, fullPage: true });
seen.faults = await faults(page);
seen.state = await answered("#now");
await page.setViewportSize(PHONE);
seen.phone = await overflow(page);
await come("stranger");
seen.stranger = await answered("#now");
console.log(JSON.stringify(seen));
await close();
