// What a voucher's issuer decides about a claim: the next steps of its state, asked twice, signed once.
import { at, button } from "/pages/dom.js";
import { nonce } from "/pages/session.js";
import { fenOf, yuan } from "/pages/voucher_money.js";
import { t } from "/pages/words.js";

const CLAIM_SCOPE = "voucher:claim";
// By state of a claim: what may be decided; a hold is lifted before anything else.
const NEXT = { CONSUMED: ["REJECT"], SUBMITTED: ["COUNTY", "REJECT"], COUNTY_OK: ["CITY", "REJECT"], CITY_OK: ["SETTLE", "REJECT"], SETTLED: ["CLAW_BACK"] };
const WORDS = { CLEAR: "do_clear", COUNTY: "do_county", CITY: "do_city", SETTLE: "do_settle", REJECT: "do_reject", CLAW_BACK: "do_claw_back" };
const WITH_REASON = ["REJECT", "CLEAR", "CLAW_BACK"];
const WITH_FEN = ["SETTLE", "CLAW_BACK"];
const DOCUMENT = { SETTLE: "settle", CLAW_BACK: "clawBack" };

export class Deciding {
  #page; #open; #claim; #chosen = null; #key = null;

  constructor(page) {
    this.#page = page;
    at("yes").addEventListener("click", () => page.working(() => this.#send()));
    at("back").addEventListener("click", () => this.#forget());
  }

  // `me`: party and scopes of the reader. Buttons are for the issuer, whose claim is in hand.
  show(open, me, { case: claim }) {
    [this.#open, this.#claim] = [open, claim];
    this.#forget();
    const isIssuer = Boolean(claim.claim) && me.party === open.issuer;
    const may = isIssuer && me.scopes.includes(CLAIM_SCOPE);
    const held = claim.heldFor.length > 0 && claim.claimState === "CONSUMED";
    const choices = [...(held ? ["CLEAR"] : []), ...(NEXT[claim.claimState] ?? [])];
    at("deciding").hidden = !isIssuer || choices.length === 0;
    at("decide-how").textContent = may ? t("vouchers.decide_how") : t("vouchers.no_scope", { scope: CLAIM_SCOPE });
    at("choices").replaceChildren(...(may ? choices.map((each, n) => button(t(`vouchers.${WORDS[each]}`), () => this.#choose(each), n === 0 ? "main" : "")) : []));
    at("fen-field").hidden = !choices.some((each) => WITH_FEN.includes(each));
    at("fen").value = claim.claimFen === null ? "" : (claim.claimFen / 100).toFixed(2);
    at("reason").value = "";
  }

  #forget() {
    [this.#chosen, this.#key] = [null, null];
    at("sure").hidden = true;
  }

  #choose(decision) {
    this.#page.showErrors();
    at("decided").hidden = true;
    if (WITH_REASON.includes(decision) && !at("reason").value.trim()) return this.#tell(t("vouchers.reason_first"), "reason");
    const fen = fenOf(at("fen").value);
    if (WITH_FEN.includes(decision) && !fen) return this.#tell(t("vouchers.fen_first"), "fen");
    [this.#chosen, this.#key] = [decision, `page-voucher-${nonce()}`];
    const what = t(`vouchers.${WORDS[decision]}`), amount = WITH_FEN.includes(decision) ? yuan(fen) : "";
    at("sure-text").textContent = t("vouchers.sure", { what, claim: `${this.#open.code} / ${this.#open.claimNo}`, amount });
    at("sure").hidden = false;
    at("yes").focus();
  }

  #tell(words, focus) {
    at("decided").textContent = words;
    at("decided").hidden = false;
    if (focus) at(focus).focus();
  }

  // The key stays until there is an answer: whoever presses again after a broken line decides once.
  async #send() {
    const decision = this.#chosen;
    if (!decision) return;
    const about = { issuer: this.#open.issuer, code: this.#open.code, claimNo: this.#open.claimNo, reason: at("reason").value.trim() };
    const input = DOCUMENT[decision] ? { ...about, fen: fenOf(at("fen").value) } : { ...about, decision };
    const { data, problems } = await this.#page.send(DOCUMENT[decision] ?? "decide", input, this.#key);
    const [payload] = Object.values(data);
    if (!payload) return this.#page.showErrors(...this.#page.lines(problems));
    if (payload.userErrors.length) {
      this.#forget();
      return this.#page.showErrors(...this.#page.lines(payload.userErrors.map(({ code, message }) => ({ code, detail: message }))));
    }
    const words = this.#words(payload);
    await this.#page.again();
    this.#tell(words);
    at("decided").scrollIntoView({ block: "nearest" });
  }

  #words(payload) {
    const { told, checkWords } = this.#page;
    if (payload.state) return t("vouchers.done", { state: told.states[payload.state] ?? payload.state });
    const wrong = payload.checks.filter(({ result }) => result !== "PASS").map(checkWords).join(" · ");
    const why = payload.refused ? told.refused[payload.refused] ?? payload.refused : told.missing[payload.missing] ?? payload.missing;
    return t("vouchers.not_done", { why: wrong ? `${why}: ${wrong}` : why });
  }
}
