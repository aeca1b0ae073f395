// Submits tables at /submit as a clerk does, and writes down what there was to see, as JSON:
//   node submit.mjs <hub> <chromium> <folder for screenshots> <folder of files>
// The folder holds university.pem, reader.pem and the tables. What must hold is said in test_submit.py.
import { readFile } from "node:fs/promises";
import { close, enter, faults, open, overflow, seen, settled, texts } from "./visit.mjs";

const [base, , pictures, files] = process.argv.slice(2);
const wide = { locale: "zh-CN", viewport: { width: 1280, height: 900 }, path: "/submit", acceptDownloads: true };
const page = await open(base, wide);

async function press(place, id) {
  await place.click(`#${id}`);
  await settled(place);
}

async function choose(place, name) {
  await place.setInputFiles("#file", `${files}/${name}`);
  await place.waitForFunction(() => document.getElementById("chosen").textContent || document.querySelector("#errors .error"));
}

const look = async (place) => ({
  title: await place.innerText("#result-title"),
  verdict: await place.innerText("#verdict"),
  figures: await texts(place, "#figures li"),
  errors: await texts(place, "#errors .error"),
  rows: await place.locator("#sheets table.sheet tbody tr").evaluateAll((rows) => rows.map((row) => ({
    kind: row.className, told: row.cells[1].innerText,
    cells: [...row.querySelectorAll("input")].map((input) => input.value),
    bad: [...row.querySelectorAll(".refused-cell input")].map((input) => input.getAttribute("aria-label")),
    doubted: [...row.querySelectorAll(".doubted-cell input")].map((input) => input.getAttribute("aria-label")),
  }))),
  buttons: await texts(place, "#result button:visible"),
  taken: await place.locator("#sheets details.taken tbody tr").evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent))),
  overflow: await overflow(place),
});

seen.stranger = { session: await page.innerText("#session"), canCheck: await page.isEnabled("#check"), overflow: await overflow(page) };
await page.screenshot({ path: `${pictures}/submit_stranger.png`, fullPage: true });

await enter(page, "reader", `${files}/reader.pem`);
seen.reader = { session: await page.innerText("#session"), lacking: await page.innerText("#lacking"), sources: await texts(page, "#source option") };
await page.screenshot({ path: `${pictures}/submit_reader.png`, fullPage: true });

await enter(page, "university", `${files}/university.pem`);
seen.university = { session: await page.innerText("#session"), lacking: await page.innerText("#lacking"), sources: await texts(page, "#source option") };

// The monthly workbook: a dry run, the cells corrected by keyboard, submitted twice by a double click.
const posts = [];
page.on("request", (request) => { if (request.method() === "POST" && request.url().includes("/files?")) posts.push(request.url().replace(base, "")); });
await choose(page, "monthly.xlsx");
await page.focus("#file");
await page.keyboard.press("Tab");
seen.afterFile = await page.evaluate(() => document.activeElement.id);
await page.keyboard.press("Enter");
await settled(page);
seen.checked = await look(page);
seen.checked.faults = await faults(page);
await page.screenshot({ path: `${pictures}/submit_checked.png`, fullPage: true });
const bad = page.locator(".refused-cell input").first();
await bad.focus();
seen.described = await bad.evaluate((input) => document.getElementById(input.getAttribute("aria-describedby")).textContent);
seen.hint = await page.innerText(".hint-line");
await page.screenshot({ path: `${pictures}/submit_hint.png` });
const [download] = await Promise.all([page.waitForEvent("download"), page.click("#marked")]);
seen.marked = { name: download.suggestedFilename(), head: (await readFile(await download.path())).subarray(0, 2).toString() };
const corrections = { "name.zh": "透射电子显微镜", status: "在用", "originalValue.amount": "3200000" };
for (const label of seen.checked.rows.flatMap((row) => row.bad)) {
  await page.locator(`input[aria-label="${label}"]`).focus();
  await page.keyboard.press("Control+A");
  await page.keyboard.type(corrections[label.split(" ")[0]]);
}
seen.edited = await look(page);
await page.locator("#submit").click();
await settled(page);
seen.unchecked = await texts(page, "#errors .error");
await press(page, "recheck");
seen.rechecked = await look(page);
await page.screenshot({ path: `${pictures}/submit_rechecked.png`, fullPage: true });
seen.dry = [...posts];
posts.length = 0;
await page.locator("#submit").dblclick();
await settled(page);
seen.submitted = await look(page);
seen.posted = [...posts];
await page.waitForFunction(() => [...document.querySelectorAll("#receipts tbody tr")].length > 0
  && [...document.querySelectorAll("#receipts tbody tr")].every((row) => row.cells[4].innerText === "已在日志中"));
seen.receipts = await texts(page, "#receipts tbody tr");
await page.screenshot({ path: `${pictures}/submit_submitted.png`, fullPage: true });
const saved = async (selector) => {
  const [file] = await Promise.all([page.waitForEvent("download"), page.click(selector)]);
  return { name: file.suggestedFilename(), text: await readFile(await file.path(), "utf-8") };
};
seen.receiptFile = await saved("#receipts tbody tr:first-child button:first-of-type");
seen.recordFile = await saved("#receipts tbody tr:first-child button:last-of-type");
seen.allReceipts = await saved("#save-receipts");
seen.submittedFaults = await faults(page);

// Loaded again, the list is there, and the same file is written once.
await page.reload();
await settled(page);
seen.reloaded = { session: await page.innerText("#session"), receipts: await texts(page, "#receipts tbody tr") };
await enter(page, "university", `${files}/university.pem`);
await choose(page, "monthly.xlsx");
await press(page, "check");
await press(page, "submit");
seen.again = await look(page);
await press(page, "anew");
seen.anew = await look(page);

// A table of the university's own: a draft, wrong and right, kept at the hub.
await choose(page, "ledger.csv");
await press(page, "check");
seen.unknown = { errors: await texts(page, "#errors .error"), draft: await page.inputValue("#mapping-text"), name: await page.inputValue("#mapping-name") };
await page.screenshot({ path: `${pictures}/submit_draft.png`, fullPage: true });
await page.fill("#mapping-text", seen.unknown.draft.replace("localNo =", "number ="));
await press(page, "keep-mapping");
seen.wrongMapping = await texts(page, "#mapping-errors .error");
await page.fill("#mapping-text", await readFile(`${files}/ledger.toml`, "utf-8"));
await press(page, "keep-mapping");
seen.mapped = { ...await look(page), readings: await texts(page, "#reading option"), chosen: await page.locator("#reading option:checked").innerText() };
await page.locator('.refused-cell input').first().fill("待修");
await press(page, "recheck");
seen.mappedRechecked = await look(page);
await press(page, "submit");
seen.mappedSubmitted = await look(page);

// What cannot be read, and what is too large.
seen.refused = {};
for (const name of ["empty.csv", "page.xls", "header.xlsx", "personal.xlsx", "large.csv", "markup.xlsx"]) {
  await page.selectOption("#reading", { index: 0 });
  await choose(page, name);
  if (await page.isEnabled("#check")) await press(page, "check");
  seen.refused[name] = { errors: await texts(page, "#errors .error"), rows: await texts(page, "#sheets table.sheet tbody tr"), notes: await texts(page, "#sheets .note"), cells: await page.locator("#sheets input").evaluateAll((all) => all.map((each) => each.value)), made: await page.locator("#sheets img, #sheets script, #sheets b").count() };
}

// A column of another unit, told before anything is written; many rows, on pages; a header that stands low.
await choose(page, "units.xlsx");
await press(page, "check");
seen.units = { errors: await texts(page, "#errors .error"), box: await page.isVisible("#units") };
await page.check("#units");
await press(page, "check");
seen.unitsMeant = await look(page);
await choose(page, "台账 一月 (1)+.csv");
await page.selectOption("#reading", "m:low");
await press(page, "check");
const pager = async () => ({ rows: await texts(page, "#sheets table.sheet tbody tr td:first-child"), told: await texts(page, "#sheets .pager span") });
seen.many = { ...await look(page), pages: [await pager()] };
await page.locator("#sheets .pager button", { hasText: "下一页" }).first().focus();
for (let n = 0; n < 2; n++) {
  await page.keyboard.press("Enter");
  seen.many.pages.push(await pager());
}
await page.locator(".refused-cell input").last().fill("在用");
await press(page, "recheck");
seen.manyRechecked = await look(page);
await press(page, "submit");
seen.manySubmitted = await look(page);
await page.locator(".refused-cell input").first().fill("闲置");
await press(page, "recheck");
posts.length = 0;
await press(page, "submit");
seen.manyAfterwards = { ...await look(page), posted: [...posts] };

// A row that is at home at a hub that cannot be reached: checked, sent, and sent again as it is.
await page.selectOption("#reading", { index: 0 });
await choose(page, "elsewhere.xlsx");
await press(page, "check");
seen.elsewhere = { checked: await look(page) };
await press(page, "submit");
seen.elsewhere.submitted = await look(page);
const [marked] = await Promise.all([page.waitForEvent("download"), page.click("#marked")]);
seen.elsewhere.marked = (await readFile(await marked.path())).toString("base64");
await page.screenshot({ path: `${pictures}/submit_elsewhere.png`, fullPage: true });
posts.length = 0;
await press(page, "submit");
seen.elsewhere.again = { ...await look(page), posted: [...posts] };

// Between page and hub: no network, a proxy's page, a key that was revoked.
seen.between = {};
const answers = {
  "no network": (route) => route.abort("connectionrefused"),
  "a proxy": (route) => route.fulfill({ status: 502, contentType: "text/html", body: "<h1>Bad gateway</h1>" }),
  revoked: (route) => route.fulfill({ status: 401, json: { code: "TOKEN_REVOKED" } }),
};
for (const [name, answer] of Object.entries(answers)) {
  await page.route("**/files?*", answer);
  await press(page, "check");
  seen.between[name] = await texts(page, "#errors .error");
  await page.unroute("**/files?*");
}
await page.evaluate(() => { document.title = "still here"; });
await choose(page, "monthly.xlsx");
await page.selectOption("#reading", "");
await press(page, "check");
await page.locator(".refused-cell input").first().fill("x");
page.once("dialog", (dialog) => { seen.leaving = dialog.type(); dialog.dismiss(); });
await page.click('a[hreflang="en"]', { noWaitAfter: true });
await page.waitForTimeout(300);
seen.stayed = await page.title();

// On a phone, in the dark, in English, and a file that is dropped.
const phone = await open(base, { ...wide, viewport: { width: 390, height: 844 }, colorScheme: "dark", path: "/submit?lang=en" });
seen.phone = { session: await phone.innerText("#session"), overflow: await overflow(phone) };
await enter(phone, "university", `${files}/university.pem`);
const bytes = [...await readFile(`${files}/doubted.xlsx`)];
await phone.evaluate((content) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([Uint8Array.from(content)], "doubted.xlsx"));
  document.getElementById("drop").dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
}, bytes);
await phone.waitForFunction(() => document.getElementById("chosen").textContent);
await press(phone, "check");
seen.dropped = await look(phone);
seen.dropped.faults = await faults(phone);
await phone.screenshot({ path: `${pictures}/submitted_phone.png`, fullPage: true });
await close();
console.log(JSON.stringify(seen));
