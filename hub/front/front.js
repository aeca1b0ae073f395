// The front page's figures, from /figures.json: what everybody may know.
import { age, at, count, element, localTime } from "/pages/dom.js";
import { bars, tiles } from "/pages/plot.js";
import { PagedTable } from "/pages/table.js";
import { known, language, t } from "/pages/words.js";

// Where the provinces lie to each other, in tiles.
const LAID_OUT = {
  ANHUI: { x: 0, y: 0.5, width: 1.5, height: 1.5 },
  JIANGSU: { x: 1.5, y: 0, width: 1.5, height: 1.25 },
  SHANGHAI: { x: 3, y: 0.75, width: 1, height: 1 },
  ZHEJIANG: { x: 1.5, y: 1.25, width: 1.5, height: 1.5 },
};

const figure = (value, name) => element("li", [element("b", value), t(name)]);
const secondsSince = (instant, now) => (Date.parse(now) - Date.parse(instant)) / 1000;

function showFigures({ institutions, instruments, log, at: now }) {
  const listed = [[institutions, "front.institutions"], [instruments, "front.instruments"], [log?.entries, "front.entries"]]
    .filter(([value]) => value !== undefined)
    .map(([value, name]) => figure(count(value), name));
  if (log) listed.push(figure(log.signedAt ? age(secondsSince(log.signedAt, now)) : t("front.no_checkpoint"), "front.checkpoint"));
  at("figures").replaceChildren(...listed);
  at("figures").hidden = false;
}

function showPlots({ provinces, classes }) {
  const named = (each) => ({ name: each[language] ?? each.zh, value: each.count });
  const laid = Object.entries(LAID_OUT).map(([code, place]) => {
    const found = provinces.find((each) => each.code === code);
    return { ...place, ...named(found) };
  });
  at("provinces").replaceChildren(tiles(t("front.by_province"), laid));
  at("classes").replaceChildren(classes.length
    ? bars(t("front.by_class"), classes.map((each) => ({ ...named(each), name: `${each.zh} ${each.code}` })))
    : element("p", t("front.no_instruments"), "soft"));
  at("plots").hidden = false;
}

function showSources(sources, now) {
  const title = (source) => (language === "en" && source.titleEn) || source.title;
  const since = (source) => (source.asOf ? secondsSince(source.asOf, now) : Infinity);
  const state = (source) => known(`state.${source.status}`) ?? source.status;
  const time = (source) => {
    if (!source.asOf) return "—";
    const made = element("time", age(since(source)), undefined, { datetime: source.asOf });
    made.title = localTime(source.asOf);
    return made;
  };
  new PagedTable(at("sources"), {
    label: t("front.sources"),
    columns: [
      { title: t("kit.source"), cell: title, value: title },
      { title: t("kit.status"), cell: (source) => element("span", state(source), source.status), value: state },
      { title: t("kit.age"), cell: time, value: since },
      { title: t("front.promised"), cell: (source) => age(source.promisedFreshnessS), value: (source) => source.promisedFreshnessS },
      { title: t("kit.rows"), cell: (source) => count(source.rows), value: (source) => source.rows, className: "number" },
    ],
  }).show(sources);
  at("sources-part").hidden = false;
}

async function start() {
  at("told").textContent = t("front.loading");
  let figures;
  try {
    const answer = await fetch("/figures.json");
    if (!answer.ok) throw new Error(String(answer.status));
    figures = await answer.json();
  } catch {
    at("told").textContent = t("front.unavailable");
    return;
  }
  at("told").textContent = figures.open ? t("front.as_of", { time: localTime(figures.countedAt) }) : t("front.closed");
  showFigures(figures);
  if (!figures.open) return;
  if (figures.provinces) showPlots(figures); // left out where counting them takes too long
  showSources(figures.sources, figures.at);
}

await start();
document.body.dataset.state = "ready";
