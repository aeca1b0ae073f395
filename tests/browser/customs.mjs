// Visits /customs as an office, as the owner's unit and as another client, and writes down what there was to see:
//   node customs.mjs <hub> <chromium> <folder for screenshots> <folder of keys> <instrument> <user> <day>
// What must hold is said in test_customs.py.
import { cells, close, enter, faults, open, overflow, seen, settled, texts } from "./visit.mjs";

const [base, , pictures, files, instrument, user, day] = process.argv.slice(2);
const WIDE = { width: 1280, height: 900 }, PHONE = { width: 390, height: 844 };
const page = await open(base, { locale: "zh-CN", viewport: WIDE, path: "/customs" });
const picture = (name) => page.screenshot({ path: `${pictures}/customs_desk_${name}.png`, fullPage: true });

const come = (client) => enter(page, client, `${files}/${client}.pem`);

const items = async () => ({
  session: await page.innerText("#session"), shown: await page.isVisible("#desk"), figures: await texts(page, "#figures li"),
  rows: await cells(page, "#items tbody tr"),
  services: await cells(page, "#services tbody tr"),
  servicesTold: await page.innerText("#services-told"),
  strips: await page.locator("#items svg").evaluateAll((plots) => plots.map((plot) => [plot.getAttribute("aria-label"), plot.lastChild.getAttribute("width")])),
  errors: await texts(page, "#errors .error"),
});

async function answered(button) {
  await page.click(button);
  await settled(page);
  return {
    answer: await page.innerText("#answer"), question: await page.innerText("#question"), way: await texts(page, "#way li"), late: await texts(page, "#way li.late"),
    validity: await page.innerText("#validity"), estimate: await page.innerText("#estimate"), evidence: await texts(page, "#evidence tbody tr"),
    focus: await page.evaluate(() => document.activeElement.id), errors: await texts(page, "#errors .error"),
    canKeep: await page.isVisible("#keep"), told: await texts(page, "#answers li"),
  };
}

async function ask(use) {
  for (const [name, value] of Object.entries(use)) {
    if (["purpose", "district", "agreement"].includes(name)) await page.selectOption(`#${name}`, value);
    else await page.fill(`#${name}`, value);
  }
  return answered("#ask");
}

async function dispose(kind, value) {
  await page.fill("#disposed", instrument);
  await page.selectOption("#kind", kind);
  await page.fill("#on", day);
  await page.fill("#value", value);
  return answered("#dispose");
}

await come("office");
seen.office = await items();
seen.officeFaults = await faults(page);
await picture("office");

await come("unit");
seen.unit = await items();
const use = { instrument, user, purpose: "RESEARCH", from: day, until: day, agreement: "yes" };
seen.allowed = await ask(use);
seen.allowedFaults = await faults(page);
await picture("allowed");
seen.moved = await ask({ district: "NANJING", place: "苏州校区" });
await picture("denied");
seen.disposed = await dispose("TRANSFER", "3600000");
seen.disposedFaults = await faults(page);
await picture("disposed");
await page.emulateMedia({ media: "print" });
seen.printed = { form: await page.isVisible("#asking"), heads: await page.isVisible("#items th button"), question: await page.isVisible("#question"), way: await page.isVisible("#way") };
await picture("printed");
await page.emulateMedia({ media: "screen", colorScheme: "dark" });
seen.darkFaults = await faults(page, ["color-contrast"]);
await page.setViewportSize(PHONE);
seen.phone = await overflow(page);
await picture("phone");
await page.emulateMedia({ colorScheme: "light" });
await page.setViewportSize(WIDE);

await page.reload();
await settled(page);
await come("narrow");
seen.narrow = await items();

await page.reload();
await settled(page);
await come("other");
seen.other = await items();
seen.unknown = await ask({ ...use, agreement: "" });
seen.stated = await ask({ agreement: "yes" });
await picture("unknown");
await close();
console.log(JSON.stringify(seen));
