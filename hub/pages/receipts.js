// The receipts of what was submitted from this browser, which keeps the list.
import { at, bodyOf, button, element, localTime, reasonOf, saveAs } from "/pages/dom.js";
import { PagedTable } from "/pages/table.js";
import { t } from "/pages/words.js";

const STORE = "hub.receipts";
const KEPT_MAX = 5000; // the oldest go
const LOOKED_MAX = 100; // at once
const SAVED_MAX = 500; // in one file
const BESIDE = 4; // questions to the hub

export class ReceiptList {
  #session; #table; #list;

  constructor(session) {
    this.#session = session;
    this.#table = new PagedTable(at("receipts"), {
      label: t("submit.receipts_label"),
      columns: [
        { title: t("submit.time"), cell: (one) => localTime(one.at), value: (one) => one.at },
        { title: t("submit.record"), cell: (one) => `${one.type} ${one.key}`, value: (one) => `${one.type} ${one.key}` },
        { title: t("kit.source"), cell: (one) => one.source, value: (one) => one.source },
        { title: t("submit.row"), cell: (one) => `${one.file} · ${one.row}`, value: (one) => one.row },
        { title: t("submit.state"), cell: (one) => this.#state(one), value: (one) => one.state ?? "" },
        { title: t("submit.kept"), cell: (one) => this.#files(one) },
      ],
    });
    at("look").addEventListener("click", () => this.look());
    at("save-receipts").addEventListener("click", () => this.#save());
    at("clear-receipts").addEventListener("click", () => {
      if (confirm(t("submit.forget_sure"))) this.#keep([]);
    });
    this.#list = ReceiptList.#read();
    this.#show(this.#list);
  }

  static #read() {
    try {
      return JSON.parse(localStorage.getItem(STORE) ?? "[]");
    } catch {
      return []; // a list that cannot be read is none
    }
  }

  #keep(list) {
    this.#list = list.slice(0, KEPT_MAX);
    try {
      localStorage.setItem(STORE, JSON.stringify(this.#list));
    } catch {
      this.#tell(t("submit.not_kept"));
    }
    this.#show(this.#list);
  }

  #show(list) {
    at("receipt-acts").hidden = list.length === 0;
    if (list.length) this.#table.show(list);
    else at("receipts").replaceChildren(element("p", t("submit.no_receipts"), "soft"));
  }

  // `entries`: of an answer of the hub. The same entry again stays one.
  add(entries, facts) {
    // Another tab may have added some.
    this.#list = [...new Map([...ReceiptList.#read(), ...this.#list].map((one) => [one.entryId, one])).values()];
    const known = new Set(this.#list.map((one) => one.entryId));
    const more = entries.filter((each) => !known.has(each.entryId)).map((each) => ({ ...each, ...facts }));
    if (more.length) this.#keep([...more, ...this.#list]);
  }

  #state(one) {
    if (one.state === undefined) return t("submit.receipt_unknown");
    if (one.state === "waiting") return t("submit.receipt_waiting");
    if (one.state === "ready") return element("span", t("submit.receipt_ready"), "OK");
    return element("span", t("submit.receipt_none", { code: one.state }), "bad");
  }

  #files(one) {
    const name = `${one.type}-${one.entryId}`;
    const save = (kind, file, type) => button(t(kind === "receipts" ? "submit.receipt_file" : "submit.record_file"), async () => {
      const bytes = await this.#bytes(kind, one);
      if (bytes) saveAs(file, bytes, type);
    });
    return element("span", [save("receipts", `${name}.tlog-proof`, "text/plain"), " ", save("records", `${name}.json`, "application/json")]);
  }

  #tell(text) { at("receipts-told").textContent = text; }

  // Every question to the hub; what it refuses is said below the list.
  async #ask(kind, one) {
    if (!this.#session.client) {
      this.#tell(t("submit.no_session"));
      return null;
    }
    try {
      const answer = await this.#session.request("GET", `/${kind}/${one.entryId}`);
      if (answer.status === 200 || answer.status === 202) return answer;
      const { code } = await bodyOf(answer);
      this.#tell(code === "SCOPE_MISSING" ? t("submit.no_receipt_scope") : t("submit.receipt_none", { code }));
      one.state = code;
    } catch (error) {
      this.#tell(t("submit.failed", { why: reasonOf(error) }));
    }
    return null;
  }

  async #bytes(kind, one) {
    this.#tell("");
    const answer = await this.#ask(kind, one);
    if (answer?.status === 202) this.#tell(t("submit.receipt_waiting"));
    return answer?.status === 200 ? new Uint8Array(await answer.arrayBuffer()) : null;
  }

  // Asks for those that are not known to be in the log, the newest first.
  async look() {
    this.#tell("");
    const list = this.#list;
    const open = list.filter((one) => one.state !== "ready").slice(0, LOOKED_MAX);
    await inTurns(open, async (one) => {
      const answer = await this.#ask("receipts", one);
      if (answer) one.state = answer.status === 200 ? "ready" : "waiting";
    });
    this.#keep(list);
    return open.every((one) => one.state !== "waiting");
  }

  async #save() {
    this.#tell("");
    const list = this.#list.slice(0, SAVED_MAX).map((one) => ({ ...one }));
    await inTurns(list, async (one) => {
      for (const [kind, member] of [["receipts", "receipt"], ["records", "record"]]) {
        const answer = await this.#ask(kind, one);
        if (answer?.status === 200) one[member] = await answer.text();
      }
    });
    saveAs("receipts.json", JSON.stringify({ hub: location.origin, receipts: list }, null, 1), "application/json");
  }
}

async function inTurns(list, act) {
  const rest = [...list];
  const work = async () => { while (rest.length) await act(rest.shift()); };
  await Promise.all(Array.from({ length: BESIDE }, work));
}
