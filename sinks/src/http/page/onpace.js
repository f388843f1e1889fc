// The live page: asks /v1/kpis every second and shows what it says; beside texts.js and objectives.js. It computes no KPI of its own,
// loads nothing from elsewhere, and sets every text as text.
"use strict";

const COLUMNS = ["calls_made", "calls_connected", "talk_time_s", "meetings_held", "emails_sent", "deals_won", "revenue_won", "win_rate", "open_deals", "open_pipeline"];
const CARDS = ["revenue_won", "deals_won", "win_rate", "open_pipeline", "calls_made", "meetings_held"];
// How things stand at the end of the window: the same today and this month, so shown once.
const LEVELS = ["open_deals", "open_pipeline"];
const NOBODY = "unassigned";
const EVERY_MS = 1000;
const ROWS = 300;
// Who is called what is asked for at every so many rounds.
const ROUNDS = 5;

const $ = (id) => document.getElementById(id);

document.documentElement.lang = language;
for (const element of document.querySelectorAll("[data-text]")) element.textContent = say[element.dataset.text];
$("find").placeholder = say.find;
$("find").setAttribute("aria-label", say.find);

// Formats -------------------------------------------------------------------------------------------------------------

const formats = new Map();
const format = (key, make) => formats.get(key) || formats.set(key, make()).get(key);
const decimal = (digits) => format(`d${digits}`, () => new Intl.NumberFormat(locale, { maximumFractionDigits: digits }));
const percent = format("%", () => new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 }));

function shown(row) {
  if (!row || row.value === null || row.value === undefined) return "–";
  const value = Number(row.value);
  switch (row.unit) {
    case "ratio": return percent.format(value);
    case "seconds": {
      const minutes = Math.floor(value / 60);
      return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`;
    }
    case "count": return decimal(0).format(value);
    case "days": return decimal(1).format(value);
    default: return decimal(Math.abs(value) >= 1000 ? 0 : 2).format(value);
  }
}

function precise(row) {
  if (!row) return "";
  const parts = [row.value === null ? "–" : String(row.value)];
  if (row.currency) parts.push(row.currency);
  else if (row.unit !== "count") parts.push(row.unit);
  if (row.denominator !== undefined && row.denominator !== null) parts.push(`= ${row.numerator} ÷ ${row.denominator}`);
  return parts.join(" ");
}

const nameOf = (kpi) => say.names[kpi] || kpi.replaceAll("_", " ");
const keyOf = (row) => (row.currency ? `${row.kpi} ${row.currency}` : row.kpi);
const unitOf = (row) => row.currency || say.units[row.unit] || (row.unit in say.units ? "" : row.unit);

function instant(text, zone, options) {
  try {
    return new Intl.DateTimeFormat(locale, { timeZone: zone, ...options }).format(new Date(text));
  } catch {
    return text;
  }
}

function elapsed(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 5) return say.now;
  const [amount, unit] = seconds < 90 ? [seconds, "second"] : seconds < 5400 ? [Math.round(seconds / 60), "minute"] : seconds < 172800 ? [Math.round(seconds / 3600), "hour"] : [Math.round(seconds / 86400), "day"];
  return say.ago(format(`u${unit}`, () => new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "narrow" })).format(amount));
}

// What is known -------------------------------------------------------------------------------------------------------

const known = { state: "loading", reason: "", problem: "", asOf: null, zone: "UTC", about: new Map(), columns: [], reps: new Map(), company: new Map(), starts: {}, drawn: false };
let sort = { column: "", down: false };

// Whose numbers are asked for is what the address says: everybody's, a team's, a person's.
function scope(by) {
  const at = wanted.whose.indexOf(":");
  const [of, name] = at < 0 ? ["", ""] : [wanted.whose.slice(0, at), wanted.whose.slice(at + 1)];
  return of ? { by: by === "company" ? of : by, [of]: name } : { by };
}

async function ask(by) {
  const query = new URLSearchParams(scope(by));
  for (const window of ["today", "month"]) query.append("window", window);
  for (const kpi of new Set(by === "rep" ? COLUMNS : CARDS)) query.append("kpi", kpi);
  const answer = await fetch(`/v1/kpis?${query}`, { cache: "no-cache", signal: AbortSignal.timeout(15000) });
  const body = await answer.json();
  if (!answer.ok && !body.freshness) throw Object.assign(new Error(body.detail || answer.status), { refused: answer.status === 400 });
  return body;
}

function take(company, reps) {
  known.problem = "";
  const freshness = company.freshness;
  known.state = freshness.state;
  known.reason = freshness.reason || "";
  known.zone = company.time_zone || known.zone;
  if (freshness.as_of) known.asOf = Date.parse(freshness.as_of);
  if (!company.values || !reps.values) return;
  known.company = tabled(company.values, () => "").get("") || new Map();
  known.reps = tabled(reps.values, (row) => row.rep ?? "");
  const columns = new Map();
  for (const row of reps.values.concat(company.values)) {
    if (COLUMNS.includes(row.kpi) && !columns.has(keyOf(row))) columns.set(keyOf(row), row);
    known.starts[row.window] = row.start;
  }
  const place = (row) => `${String(COLUMNS.indexOf(row.kpi)).padStart(3, "0")} ${row.currency || ""}`;
  known.columns = [...columns.values()].sort((a, b) => (place(a) < place(b) ? -1 : 1));
}

function tabled(rows, owner) {
  const owners = new Map();
  for (const row of rows) {
    const whose = owner(row);
    if (!owners.has(whose)) owners.set(whose, new Map());
    const cells = owners.get(whose);
    const key = keyOf(row);
    if (!cells.has(key)) cells.set(key, {});
    cells.get(key)[row.window] = row;
  }
  return owners;
}

// Drawing: elements are kept and changed in place, so that focus and scroll stay and a change can be seen ----------------

function set(element, text, title) {
  if (title !== undefined && element.title !== title) element.title = title;
  if (element.textContent === text) return;
  const first = element.textContent === "";
  element.textContent = text;
  if (first || !known.drawn) return;
  element.classList.remove("changed");
  void element.offsetWidth;
  element.classList.add("changed");
}

function make(tag, className, parent) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (parent) parent.append(element);
  return element;
}

function figures(parent, kpi) {
  const figure = (className, window) => {
    const line = make("span", "", parent);
    make("span", "unseen", line).textContent = `${window} `;
    return make("span", className, line);
  };
  if (LEVELS.includes(kpi)) return { now: figure("now", say.level) };
  return { now: figure("now", say.today), then: figure("then", say.month) };
}

function fill(cell, windows) {
  for (const [part, window] of [["now", "today"], ["then", "month"]]) {
    if (!cell[part]) continue;
    const row = windows && windows[window];
    set(cell[part], shown(row), precise(row));
    cell[part].classList.toggle("nought", !row || row.value === null || Number(row.value) === 0);
  }
}

const cards = new Map();
function drawCards() {
  const rows = [...known.company.values()].map((windows) => windows.today || windows.month).filter((row) => row && CARDS.includes(row.kpi));
  rows.sort((a, b) => CARDS.indexOf(a.kpi) - CARDS.indexOf(b.kpi) || (keyOf(a) < keyOf(b) ? -1 : 1));
  for (const row of rows) {
    const key = keyOf(row);
    if (!cards.has(key)) {
      const card = make("div", "", $("cards"));
      make("dt", "", card).textContent = nameOf(row.kpi) + (row.currency ? ` · ${row.currency}` : "");
      const now = make("dd", "now", card);
      const then = make("dd", "then", card);
      const level = LEVELS.includes(row.kpi);
      cards.set(key, { card, now: make("span", "", now), then: level ? null : make("span", "", then) });
      then.append(level ? say.level : ` ${say.month}`);
    }
    fill(cards.get(key), known.company.get(key));
  }
  for (const [key, card] of cards) {
    if (!known.company.has(key)) {
      card.card.remove();
      cards.delete(key);
    }
  }
  for (const row of rows) {
    const { card } = cards.get(keyOf(row));
    if ($("cards").children[rows.indexOf(row)] !== card) $("cards").insertBefore(card, $("cards").children[rows.indexOf(row)]);
  }
}

let headed = "";
function drawHead() {
  const signature = JSON.stringify([known.columns.map(keyOf), sort]);
  if (signature === headed) return;
  headed = signature;
  const focused = document.activeElement && document.activeElement.dataset.column;
  const line = make("tr");
  for (const column of [null, ...known.columns]) {
    const key = column ? keyOf(column) : "";
    const cell = make("th", "", line);
    cell.scope = "col";
    cell.setAttribute("aria-sort", sort.column === key ? (sort.down ? "descending" : "ascending") : "none");
    const button = make("button", "", cell);
    button.type = "button";
    button.dataset.column = key;
    button.title = column ? known.about.get(column.kpi) || "" : "";
    make("span", "name", button).textContent = column ? nameOf(column.kpi) : say.rep;
    make("span", "unit", button).textContent = column ? unitOf(column) || "\u00a0" : "\u00a0";
    button.addEventListener("click", () => {
      sort = { column: key, down: sort.column === key ? !sort.down : key !== "" };
      draw();
    });
  }
  $("head").replaceChildren(line);
  if (focused !== undefined && focused !== null) {
    for (const button of $("head").querySelectorAll("button")) if (button.dataset.column === focused) button.focus();
  }
}

const lines = new Map();
let lined = "";
function drawBody() {
  const columns = known.columns.map(keyOf);
  if (lined !== columns.join("|")) {
    lined = columns.join("|");
    lines.clear();
    $("body").replaceChildren();
  }
  const weight = (rep, window) => {
    const cell = known.reps.get(rep).get(sort.column);
    const row = cell && cell[window];
    return row && row.value !== null ? Number(row.value) : -Infinity;
  };
  const compare = (a, b) => {
    if (sort.column) {
      for (const window of ["today", "month"]) {
        const [x, y] = [weight(a, window), weight(b, window)];
        if (x !== y) return (x < y ? -1 : 1) * (sort.down ? -1 : 1);
      }
    }
    // What belongs to nobody comes last.
    if ((a === NOBODY) !== (b === NOBODY)) return a === NOBODY ? 1 : -1;
    return personName(a).localeCompare(personName(b), locale) * (sort.column || !sort.down ? 1 : -1);
  };
  const sought = $("find").value.trim().toLocaleLowerCase(locale);
  const reps = [...known.reps.keys()].filter((rep) => `${personName(rep)} ${rep}`.toLocaleLowerCase(locale).includes(sought)).sort(compare);
  const visible = reps.slice(0, ROWS);
  visible.forEach((rep, at) => {
    let line = lines.get(rep);
    if (!line) {
      line = { element: make("tr"), cells: new Map() };
      line.name = make("th", "", line.element);
      line.name.scope = "row";
      line.name.dir = "auto";
      line.name.title = rep;
      for (const column of known.columns) line.cells.set(keyOf(column), figures(make("td", "", line.element), column.kpi));
      lines.set(rep, line);
    }
    if (line.name.textContent !== personName(rep)) line.name.textContent = personName(rep);
    for (const column of columns) fill(line.cells.get(column), known.reps.get(rep).get(column));
    if ($("body").children[at] !== line.element) $("body").insertBefore(line.element, $("body").children[at] || null);
  });
  const kept = new Set(visible);
  for (const [rep, line] of lines) {
    if (!kept.has(rep)) {
      line.element.remove();
      lines.delete(rep);
    }
  }
  $("find").hidden = known.reps.size <= 15;
  $("more").hidden = reps.length <= ROWS;
  $("more").textContent = say.more(visible.length, reps.length);
}

function drawStatus() {
  document.body.dataset.state = known.state;
  const bare = known.reps.size === 0 && !wanted.whose;
  document.body.toggleAttribute("data-empty", bare);
  const state = bare && known.state === "fresh" ? "empty" : known.state;
  const text = say[state] || state;
  // Only when it changes, or a screen reader would repeat it every second.
  if ($("state").textContent !== text) $("state").textContent = text;
  $("age").textContent = known.asOf ? say.asOf(instant(known.asOf, known.zone, { timeStyle: "medium" }), elapsed(Date.now() - known.asOf)) : "";
  const notice = known.problem || [say.notices[state], known.reason].filter(Boolean).join(" ");
  $("notice").hidden = !notice || (state === "fresh" && !known.problem);
  if ($("notice").textContent !== notice) $("notice").textContent = notice;
  $("when").textContent = `${instant(Date.now(), known.zone, { dateStyle: "full" })} · ${known.zone}`;
  const since = (window, options) => (known.starts[window] ? instant(known.starts[window], known.zone, options) : "…");
  $("legend").textContent = say.legend(since("today", { hour: "2-digit", minute: "2-digit" }), since("month", { day: "numeric", month: "long" }));
  $("edge").textContent = say.edge(known.zone);
  document.title = known.state === "fresh" ? "onpace" : `onpace · ${text}`;
}

function draw() {
  drawStatus();
  const whose = scopeName();
  for (const [title, text] of [["company-title", whose || say.company], ["reps-title", whose ? `${say.reps} · ${whose}` : say.reps]]) {
    if ($(title).textContent !== text) $(title).textContent = text;
  }
  drawObjectives();
  drawCards();
  drawHead();
  drawBody();
  known.drawn = known.reps.size > 0;
}

// What each KPI means, in words, as the tip of its heading. The page does without if it can't be had.
async function explain() {
  try {
    const { kpis } = await (await fetch("/v1/catalogue")).json();
    for (const kpi of kpis) known.about.set(kpi.kpi, kpi[language] || kpi.en);
    headed = "";
  } catch {
    setTimeout(explain, 10 * EVERY_MS);
  }
}

let round = 0;
async function refresh() {
  const began = performance.now();
  const whose = wanted.whose;
  try {
    const asked = [ask("company"), ask("rep"), askObjectives()];
    if (round++ % ROUNDS === 0) asked.push(askRoster());
    const [company, reps] = await Promise.all(asked);
    // Somebody else may have been chosen meanwhile.
    if (whose === wanted.whose) take(company, reps);
  } catch (error) {
    if (error.refused) {
      if (whose === wanted.whose) known.problem = error.message;
    } else {
      known.state = "offline";
      known.reason = "";
    }
  }
  draw();
  const took = performance.now() - began;
  setTimeout(refresh, Math.max(document.hidden ? 10 * EVERY_MS : EVERY_MS, 4 * took));
}

$("find").addEventListener("input", draw);
document.addEventListener("visibilitychange", () => document.hidden || drawStatus());
setInterval(drawStatus, EVERY_MS);
startObjectives();
explain();
refresh();
