// Opens the explorer of a hub that is no sandbox and answers nobody without a key, and uses one's own:
//   node own_key.mjs <hub> <chromium> <folder for screenshots> <client id> <folder of key files>
// What must hold is said in test_own_key.py.
import { ask, close, open, seen, settled, shown } from "./visit.mjs";

const [base, , pictures, client, keys] = process.argv.slice(2);
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
  await page.evaluate(() => { document.getElementById("own").open = true; });
  await page.fill("#client", id);
  if (file) await page.setInputFiles("#key", `${keys}/${file}`);
  await page.click("#use");
  await page.waitForFunction(() => !document.getElementById("use").disabled);
  await page.waitForFunction(() => document.getElementById("refused").textContent || !document.getElementById("own").open);
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
await close();
console.log(JSON.stringify(seen));
