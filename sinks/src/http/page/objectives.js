// The objectives on the live page: what /v1/objectives says, by names that /v1/roster gives, what needs attention first. It judges
// nothing: state, urgency and figures are the server's. Every text is set as text.
"use strict";

// By what it takes: first what can still be mended, then what is past, then what goes well, then what can't be judged.
const STATES = ["out_of_reach", "at_risk", "missed", "on_pace", "met", "pending", "no_value"];
const FEW = 8;
const MOST = 300;
const ICONS = {
  out_of_reach: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM3.8 3.8l8.4 8.4",
  at_risk: "M8 2.2 14.4 13.4H1.6zM8 6.4v3.2M8 11.4v.3",
  missed: "M4 4l8 8M12 4l-8 8",
  on_pace: "M2 11.5 6 7.5l2.6 2.6L13.5 5M10 4.5h4v4",
  met: "M2.8 8.6 6.3 12 13.2 4.4",
  pending: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 4.6V8l2.3 1.6",
  no_value: "M3.5 8h9",
};

const wanted = { rows: [], incomplete: null, unjudged: [], problem: "", roster: { teams: [], people: [] }, people: new Map(), teams: new Map(), whose: "", state: "", all: false };

async function askObjectives() {
  const answer = await fetch("/v1/objectives", { cache: "no-cache", signal: AbortSignal.timeout(15000) });
  const body = await answer.json();
  wanted.problem = answer.ok || body.freshness ? "" : body.detail || String(answer.status);
  if (!answer.ok) return;
  wanted.rows = body.objectives;
  wanted.incomplete = body.incomplete || null;
  wanted.unjudged = body.unconvertible || [];
}

async function askRoster() {
  const roster = await (await fetch("/v1/roster", { cache: "no-cache", signal: AbortSignal.timeout(15000) })).json();
  wanted.roster = roster;
  wanted.people = new Map(roster.people.map((person) => [person.rep, person]));
  wanted.teams = new Map(roster.teams.map((team) => [team.team, team]));
}

// What people call a rep.
const personName = (rep) => (rep === NOBODY ? say.names.unassigned : wanted.people.get(rep)?.name ?? rep);

function whoName(row) {
  if (row.rep !== undefined) return personName(row.rep);
  if (row.team !== undefined) return wanted.teams.get(row.team)?.name ?? row.team;
  return wanted.roster.company || say.company;
}

const zoneOf = (row) => wanted.people.get(row.rep)?.time_zone ?? known.zone;

// A team and the teams that hold it.
function within(team, other) {
  for (let steps = 0; team !== null && team !== undefined && steps < 100; steps++) {
    if (team === other) return true;
    team = wanted.teams.get(team)?.parent;
  }
  return false;
}

function isWanted(row) {
  const [by, name] = [wanted.whose.slice(0, 4), wanted.whose.slice(5)];
  if (by === "rep:") return row.rep === wanted.whose.slice(4);
  if (by === "team") return row.team !== undefined ? within(row.team, name) : row.rep !== undefined && within(wanted.people.get(row.rep)?.team, name);
  return true;
}

// Urgent and important, urgent, important, neither; then by state; then what is furthest behind.
function attention(row) {
  const isBehind = row.state === "out_of_reach" || row.state === "at_risk";
  const rank = isBehind ? (row.urgent ? 0 : 2) + (row.importance === "high" ? 0 : 1) : 4 + STATES.indexOf(row.state);
  const reached = row.attained === null || !row.expected || Number(row.expected) === 0 ? 1 : Number(row.attained) / Number(row.expected);
  return [rank, row.importance === "high" ? 0 : 1, row.direction === "at_most" ? -reached : reached, row.end];
}

function byAttention(a, b) {
  const [x, y] = [attention(a), attention(b)];
  for (let at = 0; at < x.length; at++) if (x[at] !== y[at]) return x[at] < y[at] ? -1 : 1;
  return whoName(a).localeCompare(whoName(b), locale);
}

// Formats -------------------------------------------------------------------------------------------------------------

function money(value, currency) {
  const digits = Math.abs(value) >= 1000 ? 0 : 2;
  return format(`€${currency}${digits}`, () => new Intl.NumberFormat(locale, { style: "currency", currency, maximumFractionDigits: digits, minimumFractionDigits: 0 })).format(value);
}

// A value with its unit; of money per day and the like too.
function amount(value, row) {
  if (value === null || value === undefined) return "–";
  const number = Number(value);
  switch (row.unit) {
    case "money": return money(number, row.currency);
    case "money per day": return say.perDay(money(number, row.currency));
    case "ratio": return format("%1", () => new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 })).format(number);
    case "seconds": {
      const minutes = Math.floor(number / 60);
      return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")} h`;
    }
    case "days": return say.inDays(decimal(1).format(number));
    default: return decimal(number >= 100 ? 0 : 1).format(number);
  }
}

function days(row) {
  const zone = zoneOf(row);
  const [first, last] = [new Date(row.start), new Date(Date.parse(row.end) - 1)];
  const shape = format(`range ${zone}`, () => new Intl.DateTimeFormat(locale, { timeZone: zone, day: "numeric", month: "short" }));
  const range = shape.formatRange(first, last);
  return zone === known.zone ? range : `${range} (${zone.split("/").pop().replaceAll("_", " ")})`;
}

function until(row) {
  const now = Date.now();
  const [start, end] = [Date.parse(row.start), Date.parse(row.end)];
  const relative = format("relative", () => new Intl.RelativeTimeFormat(locale, { numeric: "always" }));
  const away = (at) => {
    const hours = (at - now) / 3600000;
    return Math.abs(hours) < 48 ? relative.format(Math.trunc(hours), "hour") : relative.format(Math.trunc(hours / 24), "day");
  };
  if (now < start) return say.begins(away(start));
  return now < end ? say.ends(away(end)) : say.ended(away(end));
}

// Drawing -------------------------------------------------------------------------------------------------------------

function icon(state, parent) {
  const space = "http://www.w3.org/2000/svg";
  const image = document.createElementNS(space, "svg");
  image.setAttribute("viewBox", "0 0 16 16");
  image.setAttribute("aria-hidden", "true");
  image.append(document.createElementNS(space, "path"));
  image.firstChild.setAttribute("d", ICONS[state] || ICONS.no_value);
  if (parent) parent.append(image);
  return image;
}

// As `set`, for words: a change of them is no news.
function put(element, text, title) {
  if (element.textContent !== text) element.textContent = text;
  if (title !== undefined && element.title !== title) element.title = title;
}

function newLine() {
  const line = { element: make("li", "objective") };
  const state = make("div", "state", line.element);
  line.state = make("p", "badge", state);
  line.tags = make("p", "tags", state);
  const what = make("div", "what", line.element);
  line.who = make("strong", "who", what);
  line.who.dir = "auto";
  line.kpi = make("span", "kpi", what);
  line.period = make("span", "period", what);
  line.reason = make("span", "reason", what);
  const progress = make("div", "progress", line.element);
  const sum = make("p", "sum", progress);
  line.attained = make("span", "attained", sum);
  line.target = make("span", "target", sum);
  line.bar = make("div", "track", progress);
  line.fill = make("i", "fill", line.bar);
  line.mark = make("i", "mark", line.bar);
  line.bar.setAttribute("aria-hidden", "true");
  const figures = make("dl", "figures", line.element);
  for (const figure of ["expected", "forecast", "chance", "needed"]) {
    const pair = make("div", "", figures);
    make("dt", "", pair).textContent = say[figure];
    line[figure] = make("dd", "", pair);
    line[`has ${figure}`] = pair;
  }
  return line;
}

function fillLine(line, row) {
  const element = line.element;
  element.dataset.state = row.state;
  element.dataset.objective = row.objective;
  element.classList.toggle("incomplete", !row.complete);
  if (line.shown !== row.state) {
    line.shown = row.state;
    line.state.replaceChildren(icon(row.state));
    make("span", "", line.state).textContent = say.states[row.state] || row.state;
  }
  const words = [row.importance === "high" && say.high, row.urgent && say.urgent].filter(Boolean).join(", ");
  put(line.tags, words);
  put(line.who, whoName(row), row.rep ?? row.team ?? "");
  put(line.kpi, nameOf(row.kpi), known.about.get(row.kpi) || "");
  put(line.period, [row.name, `${say.periods[row.period] || row.period} ${days(row)}`, until(row)].join(" · "), `${row.start} – ${row.end}`);
  const missing = wanted.incomplete && wanted.incomplete.behind ? say.behind : say.silent(((wanted.incomplete && wanted.incomplete.silent) || []).map((kind) => say.kinds[kind] || kind).join(", "));
  put(line.reason, row.complete ? say.because[row.state] || "" : missing);
  line.reason.hidden = line.reason.textContent === "";
  const phrase = row.direction === "at_most" ? say.atMost : row.unit === "ratio" ? say.atLeastRate : say.of;
  const [attained, target] = phrase(amount(row.attained, row), amount(row.target, row));
  const parts = row.denominator === undefined || row.denominator === null ? "" : ` = ${row.numerator} ÷ ${row.denominator}`;
  set(line.attained, attained, `${row.attained ?? "–"}${parts}`);
  set(line.target, target, String(row.target));
  const [a, t, e] = [row.attained, row.target, row.expected].map((value) => Math.max(0, Number(value) || 0));
  const whole = Math.max(a, t, e) || 1;
  line.fill.style.width = `${(100 * a) / whole}%`;
  line.mark.hidden = row.expected === null;
  line.mark.style.left = `${(100 * e) / whole}%`;
  set(line.expected, amount(row.expected, row), String(row.expected ?? ""));
  set(line.forecast, amount(row.forecast, row), String(row.forecast ?? ""));
  set(line.chance, row.chance === null ? "–" : percent.format(row.chance), String(row.chance ?? ""));
  set(line.needed, amount(row.needed_per_day, row), String(row.needed_per_day ?? ""));
  for (const [figure, value] of [["expected", row.expected], ["forecast", row.forecast], ["chance", row.chance], ["needed", row.needed_per_day]]) {
    line[`has ${figure}`].classList.toggle("none", value === null);
  }
}

const objectiveLines = new Map();
const lineKey = (row) => JSON.stringify([row.objective, row.rep, row.team, row.start]);

function drawObjectives() {
  $("objectives").hidden = wanted.rows.length === 0 && !wanted.problem && wanted.unjudged.length === 0;
  if ($("objectives").hidden) return;
  drawWhose();
  const whose = wanted.rows.filter(isWanted).sort(byAttention);
  drawStates(whose);
  const rows = whose.filter((row) => !wanted.state || row.state === wanted.state);
  const visible = rows.slice(0, wanted.all ? MOST : FEW);
  visible.forEach((row, at) => {
    const key = lineKey(row);
    const line = objectiveLines.get(key) || newLine();
    objectiveLines.set(key, line);
    fillLine(line, row);
    if ($("wanted").children[at] !== line.element) $("wanted").insertBefore(line.element, $("wanted").children[at] || null);
  });
  const kept = new Set(visible.map(lineKey));
  for (const [key, line] of objectiveLines) {
    if (!kept.has(key)) {
      line.element.remove();
      objectiveLines.delete(key);
    }
  }
  const told = [wanted.problem, ...wanted.unjudged.map((one) => say.unjudged(one.objective, one.error)), rows.length ? "" : say.none].filter(Boolean).join(" ");
  $("unjudged").hidden = !told;
  if ($("unjudged").textContent !== told) $("unjudged").textContent = told;
  $("all").hidden = rows.length <= FEW;
  $("all").textContent = wanted.all ? say.few : say.all(rows.length);
  $("all").setAttribute("aria-expanded", String(wanted.all));
}

const chips = new Map();
function drawStates(rows) {
  for (const state of STATES) {
    if (!chips.has(state)) {
      const button = make("button", "chip", $("states"));
      button.type = "button";
      button.dataset.state = state;
      icon(state, button);
      const count = make("b", "", button);
      make("span", "", button).textContent = say.states[state];
      button.addEventListener("click", () => {
        wanted.state = wanted.state === state ? "" : state;
        drawObjectives();
      });
      chips.set(state, { button, count });
    }
    const chip = chips.get(state);
    const count = rows.filter((row) => row.state === state).length;
    set(chip.count, decimal(0).format(count));
    chip.button.hidden = count === 0 && wanted.state !== state;
    chip.button.setAttribute("aria-pressed", String(wanted.state === state));
  }
}

let offered = "";
function drawWhose() {
  const { teams, people } = wanted.roster;
  const signature = JSON.stringify([teams, people]);
  if (signature === offered) return;
  offered = signature;
  const option = (value, text, parent) => {
    const element = make("option", "", parent);
    element.value = value;
    element.textContent = text;
  };
  const group = (label) => {
    const element = make("optgroup", "");
    element.label = label;
    return element;
  };
  const depth = (team) => (team.parent && wanted.teams.has(team.parent) && team.parent !== team.team ? 1 + depth(wanted.teams.get(team.parent)) : 0);
  const all = group(say.teams);
  for (const team of teams) option(`team:${team.team}`, "\u2003".repeat(depth(team)) + team.name, all);
  const own = [...teams, { team: null, name: say.unrostered }].map((team) => {
    const members = group(team.name);
    for (const person of people.filter((person) => person.team === team.team)) option(`rep:${person.rep}`, person.name, members);
    return members;
  });
  const everyone = make("option", "");
  everyone.value = "";
  everyone.textContent = say.everyone;
  $("whose").replaceChildren(everyone, ...[all, ...own].filter((members) => members.children.length > 0));
  // Somebody whom the roster doesn't know is nobody's choice; the answers to what is asked about him say so.
  $("whose").value = wanted.whose;
}

// Whose numbers these are, where they aren't the company's.
function scopeName() {
  const [by, name] = [wanted.whose.slice(0, 5), wanted.whose.slice(5)];
  if (by === "team:") return wanted.teams.get(name)?.name ?? (name === "unrostered" ? say.unrostered : name);
  return wanted.whose ? personName(wanted.whose.slice(4)) : "";
}

// Whose numbers and objectives are shown is in the address too, so that it can be sent to somebody: ?team=paris, ?rep=marie.
function choose(whose) {
  wanted.whose = whose;
  $("whose").value = whose;
  const at = whose.indexOf(":");
  const query = whose ? `?${new URLSearchParams({ [whose.slice(0, at)]: whose.slice(at + 1) })}` : "";
  history.replaceState(null, "", location.pathname + query + location.hash);
}

function startObjectives() {
  const asked = new URLSearchParams(location.search);
  for (const by of ["team", "rep"]) if (asked.has(by)) wanted.whose = `${by}:${asked.get(by)}`;
  $("whose").setAttribute("aria-label", say.whose);
  $("states").setAttribute("aria-label", say.byState);
  $("mark").textContent = say.mark;
  $("whose").addEventListener("change", () => {
    choose($("whose").value);
    // Nobody's numbers stand under another's name; his own come with the next answer.
    known.company = new Map();
    known.reps = new Map();
    known.problem = "";
    draw();
  });
  $("all").addEventListener("click", () => {
    wanted.all = !wanted.all;
    drawObjectives();
  });
}
