// Opens the explorer of a hub that is no sandbox and answers nobody without a key, and uses one's own:
//   node own_key.mjs <hub> <chromium> <folder for screenshots> <client id> <folder of key files> <python>
// Then asks for a registration with a key that the browser makes; the operator's command approves it.
// What must hold is said in test_own_key.py.
import { execFileSync } from "node:child_process";
import { ask, close, enter, open, seen, settled, shown } from "./visit.mjs";

const [base, , pictures, client, keys, python] = process.argv.slice(2);
const page = await open(base, { locale: "zh-CN", viewport: { width: 1280, height: 860 } });
const sent = [];
page.on("request", (request) => sent.push(`${request.url()} ${request.postData() ?? ""}`));
seen.without = { ...await shown(page), panel: await page.locator("#own").getAttribute("open") };
await page.screenshot({ path: `${pictures}/without_key.png` });

await page.click("#docs summary");
await page.waitForSelector("#schema h3");
seen.types = await page.locator("#schema h3").allInnerTexts();
seen.typesSent = sent.filter((line) => line.includes("/graphql"));

// Every key that signs is looked at.
await page.evaluate(() => {
  const { sign } = SubtleCrypto.prototype;
  window.extractable = [];
  SubtleCrypto.prototype.sign = function (how, key, data) {
    window.extractable.push(key.extractable);
    return sign.call(this, how, key, data);
  };
});

async function use(file, id = client) {
  await enter(page, id, file && `${keys}/${file}`);
  return page.innerText("#refused");
}

seen.refused = {};
for (const file of ["", "public.jwk", "other.pem", "encrypted.pem", "sec1.pem", "rsa.pem", "broken.json", "text.pem"]) {
  seen.refused[file] = await use(file);
}
seen.refused.unknown = await use("key.pem", "nobody-knows-me");
seen.still = await page.innerText("#session");

for (const file of ["key.pem", "key.jwk"]) {
  seen[file] = { told: await use(file) };
  await settled(page);
  seen[file] = { ...seen[file], ...await shown(page), panel: await page.locator("#own").getAttribute("open") };
}
await page.screenshot({ path: `${pictures}/own_key.png` });
seen.asked = await ask(page, "{ me { clientId } sources { id asOf } }");
seen.local = await page.locator("#data [data-local]").evaluateAll((parts) => parts.map((part) => [part.innerText, part.dataset.local]));
seen.sent = sent;
seen.extractable = await page.evaluate(() => window.extractable);

// What the page holds can sign and cannot be taken out, and a page that is loaded again has forgotten it.
seen.kept = await page.evaluate(() => [...Object.values(localStorage), ...Object.values(sessionStorage), document.cookie].join(""));
await page.reload();
await settled(page);
seen.reloaded = await shown(page);

// No key yet: one is made here, its public half goes to the operator, and the browser keeps it.
const desk = await open(base, { path: "/submit", locale: "zh-CN", viewport: { width: 1280, height: 900 } });
const asked = [];
desk.on("request", (request) => { if (request.url().endsWith("/clients")) asked.push(request.postData()); });
desk.on("dialog", (dialog) => dialog.accept());
await desk.click("#none > summary");
async function apply(id, name) {
  await desk.fill("#new-client", id);
  await desk.fill("#new-name", name);
  await desk.fill("#new-source", "zju-push");
  await desk.evaluate(() => { document.getElementById("applied").textContent = ""; });
  await desk.click("#apply");
  await desk.waitForFunction(() => document.getElementById("applied").textContent && !document.getElementById("apply").disabled);
  return desk.innerText("#applied");
}
seen.applied = { badId: await apply("ZJU 1", "x"), noName: await apply("zju-desk", ""), good: await apply("zju-desk", "浙江大学设备处") };
seen.application = JSON.parse(asked.at(-1));
await desk.screenshot({ path: `${pictures}/applied.png`, fullPage: true });
const enterKept = async () => {
  await desk.evaluate(() => { document.getElementById("own").open = true; });
  await desk.click("#kept li button >> nth=0");
  await desk.waitForFunction(() => document.getElementById("refused").textContent || !document.getElementById("own").open);
  return desk.innerText("#refused");
};
seen.tooEarly = await enterKept();
const request = /reg-\S+?(?=、|,|，| )/.exec(seen.applied.good)[0];
execFileSync(python, ["-c", "from hub.cli.main import main; main()", "client", "approve", request,
  "--party", "uscc:12100000470095016Q", "--kind", "UNIVERSITY", "--scope", "records:push", "--source", "zju-push"]);
await desk.reload();
await settled(desk);
for (let n = 0; n < 20 && (await enterKept()); n++) await desk.waitForTimeout(500); // until every worker has heard
seen.entered = { session: await desk.innerText("#session"), sources: await desk.locator("#source option").allInnerTexts() };
seen.keptKey = await desk.evaluate(() => new Promise((done) => {
  const opening = indexedDB.open("hub", 1);
  opening.onsuccess = () => {
    const all = opening.result.transaction("keys").objectStore("keys").getAll();
    all.onsuccess = () => { opening.result.close(); done(all.result.map(({ clientId, privateKey }) => [clientId, privateKey.extractable])); };
  };
}));
await desk.evaluate(() => { document.getElementById("own").open = true; });
await desk.click("#kept li button >> nth=1");
await desk.waitForFunction(() => document.getElementById("kept").hidden);
await close();
console.log(JSON.stringify(seen));
