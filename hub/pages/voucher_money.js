// The money of a voucher: where it lies, and how it came there.
import { count, element, localTime } from "/pages/dom.js";
import { shares } from "/pages/plot.js";
import { PagedTable } from "/pages/table.js";
import { t } from "/pages/words.js";

const FEN = 100; // of a yuan
const PLACES = { available: "in_available", reserved: "in_reserved", consumed: "in_consumed", settled: "in_settled", expired: "in_expired", clawedBack: "in_clawed_back" };
const BUCKETS = { AVAILABLE: "available", RESERVED: "reserved", CONSUMED: "consumed", SETTLED: "settled", EXPIRED: "expired", CLAWED_BACK: "clawedBack" };
const placeOf = (name) => t(`vouchers.${PLACES[name]}`);

export function yuan(fen) {
  if (fen === null || fen === undefined) return "—";
  const [whole, rest] = [Math.trunc(fen / FEN), Math.abs(fen % FEN)];
  return `¥${count(whole)}.${String(rest).padStart(2, "0")}`;
}

// Fen of an amount that a person wrote in yuan, or null.
export function fenOf(text) {
  const [, whole, rest = ""] = /^([0-9]{1,11})(?:\.([0-9]{1,2}))?$/.exec(text.trim().replaceAll(",", "")) ?? [];
  return whole === undefined ? null : Number(whole) * FEN + Number(rest.padEnd(2, "0"));
}

export function drawLedger({ balance, fault }, place, line) {
  place.replaceChildren();
  line.textContent = balance ? "" : fault ? t("vouchers.fault", { code: fault }) : t("vouchers.no_balance");
  if (!balance) return;
  const items = Object.keys(PLACES).map((name) => ({ name: placeOf(name), value: balance[name], text: yuan(balance[name]) }));
  const granted = items.reduce((sum, { value }) => sum + value, 0);
  line.textContent = t("vouchers.granted_is", { granted: yuan(granted) });
  place.replaceChildren(shares(t("vouchers.money"), items));
}

export function drawMovements({ nodes, totalCount }, place, told, parties) {
  const moved = ({ source, target, fen }) => `${placeOf(BUCKETS[source])} → ${placeOf(BUCKETS[target])} ${yuan(fen)}`;
  const table = new PagedTable(place, {
    label: t("vouchers.movements"), size: 10, className: "keys",
    columns: [
      { title: t("vouchers.number_of"), cell: (one) => one.number, value: (one) => Number(one.number) },
      { title: t("vouchers.when"), cell: (one) => localTime(one.at), value: (one) => one.at },
      { title: t("vouchers.event"), cell: (one) => told.events[one.event] ?? one.event, value: (one) => one.event },
      { title: t("vouchers.claim"), cell: (one) => one.claimNo ?? "—", value: (one) => one.claimNo ?? "" },
      { title: t("vouchers.how_moved"), cell: (one) => (one.moves.length ? element("span", one.moves.flatMap((each, n) => [n ? element("br") : "", moved(each)])) : t("vouchers.nothing_moved")) },
      { title: t("vouchers.stated_by"), cell: (one) => (one.statedBy ? parties.cell(one.statedBy) : t("vouchers.by_hub")) },
      { title: t("vouchers.reason"), cell: (one) => one.reason ?? "—" },
    ],
  });
  table.show([...nodes].sort((a, b) => Number(b.number) - Number(a.number)));
  if (totalCount > nodes.length) place.append(element("p", t("vouchers.more", { n: count(nodes.length), all: count(totalCount) }), "soft"));
}
