// A partner's program: what its compiler must accept, and what it must refuse.
import type { FreeInstrumentsQuery, InstrumentBy } from "./work/generated/graphql";
import { FreeInstrumentsDocument } from "./work/generated/graphql";
import type { ResultOf, VariablesOf } from "@graphql-typed-document-node/core";

export const asked: VariablesOf<typeof FreeInstrumentsDocument> = {
  class: "010101",
  from: "2026-12-01T00:00:00+08:00",
  until: "2026-12-02T00:00:00+08:00",
  hours: "4",
  audience: "ENTERPRISE",
};

export function cheapest(answer: ResultOf<typeof FreeInstrumentsDocument>): string | null {
  const prices = (answer.instruments?.nodes ?? [])
    .map((node) => node?.priceEstimate?.amount?.amount ?? null)
    .filter((amount): amount is string => amount !== null);
  return prices.sort((a, b) => Number(a) - Number(b))[0] ?? null;
}

export const same: (answer: FreeInstrumentsQuery) => string | null = cheapest;

export const byKey: InstrumentBy = { key: "moe:10335/T1" };
// @ts-expect-error exactly one member of a @oneOf input
export const byBoth: InstrumentBy = { key: "moe:10335/T1", id: "instr_x" };
// @ts-expect-error an audience that the standard does not have
export const nobody: VariablesOf<typeof FreeInstrumentsDocument>["audience"] = "NOBODY";
