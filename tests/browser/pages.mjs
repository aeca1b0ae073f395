// Visits the pages that need no key, in both languages, wide and on a phone, and checks a receipt:
//   node pages.mjs <hub> <chromium> <folder for screenshots> <folder of a receipt and its record>
// What must hold is said in test_pages.py.
import { close, faults, open, overflow, seen, settled } from "./visit.mjs";

const [base, , pictures, files] = process.argv.slice(2);
const WIDE = { width: 1280, height: 900 }, PHONE = { width: 390, height: 844 };
const PAGES = { front: "/", explorer: "/explore", submit: "/submit", verify: "/verify", customs: "/customs", attestation: "/attestation", guide: "/guide", quickstart: "/guide/partners/quickstart" };
const STILL = new Set(["guide", "quickstart"]); // pages without a script

seen.pages = {};
for (const [name, path] of Object.entries(PAGES)) {
  const page = await open(base, { locale: "zh-CN", path, isStill: STILL.has(name), viewport: WIDE });
  const picture = (look) => page.screenshot({ path: `${pictures}/${name}_${look}.png`, fullPage: !STILL.has(name) });
  const found = { lang: await page.getAttribute("html", "lang"), heading: await page.locator("h1").first().innerText(), faults: await faults(page), wide: await overflow(page) };
  await picture("wide");
  await page.emulateMedia({ colorScheme: "dark" });
  found.darkFaults = await faults(page, ["color-contrast"]);
  await picture("dark");
  await page.setViewportSize(PHONE);
  found.phone = await overflow(page);
  await picture("phone");
  seen.pages[name] = found;
  await page.context().close();
}

// The front page: figures, plots, doors.
const front = await open(base, { path: "/", locale: "zh-CN", viewport: WIDE });
const text = (selector) => front.locator(selector).allInnerTexts();
seen.front = {
  figures: await text("#figures li"), provinces: await front.getAttribute("#provinces svg", "aria-label"),
  classes: await front.getAttribute("#classes svg", "aria-label"), sources: await text("#sources tbody tr"),
  doors: await front.locator(".doors a").evaluateAll((links) => links.map((link) => link.getAttribute("href"))), told: await front.innerText("#told"),
};
await front.click("#sources th:nth-child(5) button");
seen.front.sorted = await text("#sources tbody tr td:first-child");
await front.keyboard.press("Enter");
seen.front.sortedBack = await text("#sources tbody tr td:first-child");
seen.front.order = await front.getAttribute("#sources th:nth-child(5)", "aria-sort");

// The first keys of a page: past the navigation, to the language, which is kept.
await front.reload();
await settled(front);
seen.tabbed = [];
for (let n = 0; n < 14; n++) {
  await front.keyboard.press("Tab");
  seen.tabbed.push(await front.evaluate(() => document.activeElement.getAttribute("href") ?? document.activeElement.tagName));
}
await front.click('a[hreflang="en"]');
await settled(front);
seen.english = { lang: await front.getAttribute("html", "lang"), heading: await front.innerText("h1"), figures: await text("#figures li") };
await front.goto(`${base}/submit`);
seen.kept = await front.getAttribute("html", "lang");
await front.goto(`${base}/guide`);
seen.keptInGuide = await front.innerText("h1");
seen.cookies = await front.context().cookies();

// A receipt, as it is and changed in every way that a page can tell apart.
const verifier = await open(base, { path: "/verify", locale: "zh-CN", viewport: WIDE });
seen.verdicts = {};
const SENT = [];
verifier.on("request", (request) => SENT.push(`${request.method()} ${request.url().replace(base, "")}`));
for (const [name, receipt, record, policy] of [
  ["good", "good.tlog-proof", "good.json"], ["pinned", "good.tlog-proof", "good.json", "policy"],
  ["record", "good.tlog-proof", "changed.json"], ["reformatted", "good.tlog-proof", "reformatted.json"],
  ["salt", "salt.tlog-proof", "good.json"], ["path", "path.tlog-proof", "good.json"], ["index", "index.tlog-proof", "good.json"],
  ["root", "root.tlog-proof", "good.json"], ["cut", "cut.tlog-proof", "good.json"], ["none", "good.json", "good.json"],
  ["other log", "good.tlog-proof", "good.json", "other_policy"], ["party", "party.tlog-proof", "good.json"],
]) {
  await verifier.setInputFiles("#receipt", `${files}/${receipt}`);
  await verifier.setInputFiles("#record", `${files}/${record}`);
  await verifier.setInputFiles("#policy", policy ? `${files}/${policy}` : []);
  await verifier.click("#check");
  await settled(verifier);
  seen.verdicts[name] = { verdict: await verifier.innerText("#verdict"), facts: await verifier.innerText("#facts") };
  if (name === "good") await verifier.screenshot({ path: `${pictures}/verified.png`, fullPage: true });
}
seen.sentByVerifier = SENT;
await close();
console.log(JSON.stringify(seen));
