// The page with the sessions. All texts of the platform are set with `textContent`, so no name and no
// log can become HTML. The token is only in this module: no storage and no URL contains it.

const POLL_MILLISECONDS = 2000;
const RETRY_MILLISECONDS = 4000;
const TIMEOUT_MILLISECONDS = 10000;
const MOST_NEWS = 3;

const byId = (id) => document.getElementById(id);
const [list, gate, message, rows, filter] = ["list", "gate", "message", "rows", "filter"].map(byId);
const [details, confirmation] = ["details", "confirm"].map(byId);

let token = null;
let pollTimer = 0;
let ageTimer = 0;
let pollNumber = 0;
let isLost = false;

// The table: an entry for each session, with its row. `listTag` names the state that it shows.
const entries = new Map();
let listTag = null;

// The dialog of a session. `openKey` is `null` while the dialog is closed.
let openKey = null;
let detailsTag = null;
let shownLog = "";

let endKey = null;

// Requests.

class Refused extends Error {}

async function send(method, path, secret, tag = null) {
  const headers = { Authorization: `Bearer ${secret}` };
  if (tag !== null) {
    headers["If-None-Match"] = tag;
  }
  const response = await fetch(path, {
    method,
    headers,
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
    signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
  });
  if (response.status === 401) {
    throw new Refused((await response.json()).error);
  }
  if (!response.ok && ![304, 404, 507].includes(response.status)) {
    throw new Error(`status ${response.status}`);
  }
  return response;
}

const pathOf = (session) =>
  `sessions/${encodeURIComponent(session.id)}?app=${encodeURIComponent(session.app)}`;

// The code of the URL and the token.

async function enter() {
  const code = location.hash.slice(1);
  if (code === "") {
    if (token === null) {
      showGate("");
    }
    return;
  }
  history.replaceState(null, "", location.pathname);
  try {
    const response = await send("POST", "token", code);
    token = (await response.json()).token;
  } catch (error) {
    const text = error instanceof Refused ? error.message : "The platform does not respond.";
    if (token === null) {
      showGate(text);
    } else {
      say(text, true);
    }
    return;
  }
  gate.hidden = true;
  list.hidden = false;
  listTag = null;
  say("");
  poll();
}

function showGate(text) {
  token = null;
  openKey = null;
  details.close();
  confirmation.close();
  list.hidden = true;
  gate.hidden = false;
  say(text, true);
}

function say(text, isProblem = false) {
  message.classList.toggle("problem", isProblem);
  setText(message, text);
}

// Polling. A hidden page does nothing.

async function poll() {
  clearTimeout(pollTimer);
  if (token === null || document.hidden) {
    return;
  }
  pollNumber += 1;
  const current = pollNumber;
  let pause = POLL_MILLISECONDS;
  try {
    const news = await refreshList(current);
    if (isLost) {
      isLost = false;
      news.unshift("The platform responds again.");
    }
    if (news.length > 0) {
      say(news.join(" "));
    }
    await refreshDetails();
  } catch (error) {
    if (error instanceof Refused) {
      showGate(error.message);
      return;
    }
    pause = RETRY_MILLISECONDS;
    isLost = true;
    say(
      "The platform does not respond. This page tries again. If the platform was stopped," +
        " run `skaha local open`.",
      true,
    );
  }
  if (current === pollNumber) {
    pollTimer = setTimeout(poll, pause);
  }
}

function startOrPause() {
  clearInterval(ageTimer);
  if (document.hidden) {
    clearTimeout(pollTimer);
  } else {
    ageTimer = setInterval(showAges, 1000);
    showAges();
    poll();
  }
}

// The table.

// Show the sessions that the platform has now. Return the sentences to say about the changes.
async function refreshList(current) {
  const response = await send("GET", "sessions", token, listTag);
  const content = response.status === 200 ? await response.json() : null;
  // A response that is older than a later request may show a session that was ended meanwhile.
  if (content === null || current !== pollNumber) {
    return [];
  }
  const isFirst = listTag === null;
  listTag = response.headers.get("ETag");
  const news = showSessions(content.sessions);
  if (isFirst) {
    return [];
  }
  return news.length > MOST_NEWS ? [`${number(news.length)} sessions have changed.`] : news;
}

// Show the sessions, and return a sentence for each change. The order never changes: each new session
// comes first.
function showSessions(sessions) {
  const news = [];
  const current = new Map(sessions.map((session) => [keyOf(session), session]));
  for (const [key, entry] of entries) {
    if (!current.has(key)) {
      removeRow(key);
      news.push(`${entry.session.name} is gone.`);
    }
  }
  let next = rows.firstElementChild;
  for (const [key, session] of current) {
    let entry = entries.get(key);
    if (entry === undefined) {
      entry = createRow(key);
      entries.set(key, entry);
    }
    if (entry.session?.status !== session.status) {
      news.push(`${session.name} is ${session.status}.`);
    }
    const fields = JSON.stringify(session);
    if (entry.fields !== fields) {
      Object.assign(entry, { session, fields });
      fillRow(entry);
    }
    if (entry.row === next) {
      next = next.nextElementSibling;
    } else {
      rows.insertBefore(entry.row, next);
    }
  }
  showAges();
  applyFilter();
  return news;
}

const keyOf = (session) => `${session.id} ${session.app}`;

function createRow(key) {
  const name = element("button", "link");
  name.type = "button";
  name.setAttribute("aria-haspopup", "dialog");
  name.addEventListener("click", () => openDetails(key));
  const end = element("button");
  end.type = "button";
  end.setAttribute("aria-haspopup", "dialog");
  end.addEventListener("click", () => ask(key));
  const heading = element("th", "name");
  heading.scope = "row";
  heading.append(name);
  const action = element("td");
  action.append(end);
  const cells = {
    id: element("td", "id wide"),
    kind: element("td", "medium"),
    status: element("td"),
    age: element("td", "number"),
    cores: element("td", "number medium"),
    memory: element("td", "number medium"),
    image: element("td", "image wide"),
  };
  const row = element("tr");
  row.append(heading, ...Object.values(cells), action);
  return { session: null, fields: "", row, name, end, cells, words: "" };
}

function fillRow(entry) {
  const { session, name, end, cells } = entry;
  setText(name, session.name);
  setText(cells.id, session.id);
  setText(cells.kind, session.kind);
  showStatus(cells.status, session.status);
  setText(cells.cores, used(session.coresInUse, session.cores, ""));
  setText(cells.memory, used(session.memoryInUse, session.memory, " GiB"));
  setText(cells.image, session.image);
  setText(end, endWord(session));
  end.setAttribute("aria-label", `${endWord(session)} session ${session.name}, ${session.id}`);
  const { id, kind, status, image } = session;
  entry.words = [session.name, id, kind, status, image].join(" ").toLowerCase();
}

// Remove a row. If it has the focus, the focus moves to the next row, or else to the previous row.
function removeRow(key) {
  const { row } = entries.get(key);
  const other = nearest(row, "nextElementSibling") ?? nearest(row, "previousElementSibling");
  const hasFocus = row.contains(document.activeElement);
  row.remove();
  entries.delete(key);
  if (hasFocus) {
    (other?.querySelector("button") ?? filter).focus();
  }
}

function nearest(row, direction) {
  let other = row[direction];
  while (other?.hidden) {
    other = other[direction];
  }
  return other;
}

function applyFilter() {
  const wanted = filter.value.toLowerCase().split(/\s+/);
  const counts = new Map();
  let shown = 0;
  for (const { row, words, session } of entries.values()) {
    const isHidden = !wanted.every((word) => words.includes(word));
    if (row.hidden !== isHidden) {
      row.hidden = isHidden;
    }
    shown += isHidden ? 0 : 1;
    counts.set(session.status, (counts.get(session.status) ?? 0) + 1);
  }
  const all = entries.size;
  const parts = [...counts].sort().map(([status, count]) => `${number(count)} ${status}`);
  const total = `${number(all)} session${all === 1 ? "" : "s"}`;
  const first = shown === all ? total : `${number(shown)} of ${total}`;
  setText(byId("count"), all === 0 ? "" : `${first}: ${parts.join(", ")}`);
  byId("empty").hidden = shown > 0;
  setText(byId("empty"), all === 0 ? "No sessions." : "No session contains these words.");
}

function showAges() {
  const now = Date.now() / 1000;
  for (const { session, cells } of entries.values()) {
    setText(cells.age, duration(now - session.created));
  }
}

// The dialog with the details, the events and the log.

function openDetails(key) {
  openKey = key;
  detailsTag = null;
  shownLog = "";
  byId("log").replaceChildren();
  byId("events").replaceChildren();
  byId("fields").replaceChildren();
  for (const id of ["details-message", "log-note"]) {
    setText(byId(id), "");
  }
  const { session } = entries.get(key);
  setText(byId("details-name"), session.name);
  setText(byId("details-end"), `${endWord(session)} session`);
  byId("details-end").disabled = false;
  details.showModal();
  poll();
}

async function refreshDetails() {
  const key = openKey;
  const entry = entries.get(key);
  if (entry === undefined) {
    if (key !== null) {
      showGone();
    }
    return;
  }
  const response = await send("GET", pathOf(entry.session), token, detailsTag);
  const content = response.status === 200 ? await response.json() : null;
  if (key !== openKey) {
    return;
  }
  if (response.status === 404) {
    showGone();
  } else if (content !== null) {
    detailsTag = response.headers.get("ETag");
    showDetails(content);
  }
}

function showGone() {
  setText(byId("details-message"), "The session does not exist any more.");
  byId("details-end").disabled = true;
}

function showDetails({ session, events, log, omitted }) {
  setText(byId("details-end"), `${endWord(session)} session`);
  const status = element("span");
  showStatus(status, session.status);
  const fields = {
    Id: session.id,
    App: session.app,
    Kind: session.kind,
    Status: status,
    Image: session.image,
    Cores: limited(session.cores, session.coresLimit, ""),
    "Cores in use": inUse(session.coresInUse, ""),
    Memory: limited(session.memory, session.memoryLimit, " GiB"),
    "Memory in use": inUse(session.memoryInUse, " GiB"),
    Launched: time(session.created),
    [session.ended === null ? "Expires" : "Ended"]: time(session.ended ?? session.expiry),
  };
  const shown = Object.entries(fields).filter(([, value]) => value !== "");
  byId("fields").replaceChildren(
    ...shown.flatMap(([name, value]) => {
      const description = element("dd");
      description.append(value);
      return [element("dt", "", name), description];
    }),
  );
  byId("no-events").hidden = events.length > 0;
  byId("event-table").parentElement.hidden = events.length === 0;
  byId("events").replaceChildren(
    ...events.map((event) => {
      const row = element("tr");
      const moment = element("td");
      moment.append(time(event.time));
      row.append(
        moment,
        element("td", event.type === "Warning" ? "Warning" : "", event.type),
        element("td", "", event.reason),
        element("td", "message", event.message),
      );
      return row;
    }),
  );
  showLog(log, omitted, session.id);
}

function showLog(log, omitted, sessionId) {
  const pre = byId("log");
  const isAtEnd = pre.scrollTop + pre.clientHeight >= pre.scrollHeight - 8;
  if (shownLog !== "" && log.startsWith(shownLog)) {
    // The selection of a reader stays.
    pre.append(log.slice(shownLog.length));
  } else if (log !== shownLog) {
    pre.textContent = log;
  }
  shownLog = log;
  if (isAtEnd) {
    pre.scrollTop = pre.scrollHeight;
  }
  const megabytes = (omitted / 1e6).toFixed(1);
  const text = `The first ${megabytes} MB are not shown. \`skaha logs ${sessionId}\` shows all.`;
  setText(byId("log-note"), log === "" ? "The log is empty." : omitted > 0 ? text : "");
}

// The end of a session.

function ask(key) {
  endKey = key;
  const { session } = entries.get(key);
  setText(byId("confirm-title"), `${endWord(session)} session ${session.name}?`);
  const start = session.ended ? "The session has ended." : "Its processes end.";
  const text = `${start} Its log and its events are deleted. Its id is ${session.id}.`;
  setText(byId("confirm-text"), text);
  setText(byId("confirm-error"), "");
  setText(byId("confirm-yes"), `${endWord(session)} session`);
  byId("confirm-yes").disabled = false;
  confirmation.showModal();
}

async function end() {
  const key = endKey;
  const entry = entries.get(key);
  if (entry !== undefined) {
    byId("confirm-yes").disabled = true;
    let problem = "";
    try {
      const response = await send("DELETE", pathOf(entry.session), token);
      problem = response.status === 507 ? (await response.json()).error : "";
    } catch (error) {
      if (error instanceof Refused) {
        showGate(error.message);
        return;
      }
      problem = "The platform does not respond. Try again.";
    }
    if (problem !== "") {
      setText(byId("confirm-error"), problem);
      byId("confirm-yes").disabled = false;
      return;
    }
  }
  if (endKey === key) {
    confirmation.close();
  }
  if (openKey === key) {
    details.close();
  }
  if (entries.has(key)) {
    removeRow(key);
    applyFilter();
  }
  const done = entry && `${entry.session.name} is ${entry.session.ended ? "removed" : "ended"}.`;
  say(done ?? "The session does not exist any more.");
  // The list that is shown is not a list that the platform sent.
  listTag = "";
  poll();
}

const endWord = (session) => (session.ended ? "Remove" : "End");

// Texts.

function element(tag, className = "", text = "") {
  const created = document.createElement(tag);
  created.className = className;
  created.textContent = text;
  return created;
}

function setText(target, text) {
  // A change of a text costs time, and a screen reader reads it.
  if (target.textContent !== text) {
    target.textContent = text;
  }
}

function showStatus(target, status) {
  setText(target, status);
  target.className = "status";
  if (/^[A-Za-z]+$/.test(status)) {
    target.classList.add(status);
  }
}

function time(seconds) {
  if (seconds === null) {
    return "";
  }
  const moment = new Date(seconds * 1000);
  const shown = element("time", "", moment.toLocaleString());
  shown.dateTime = moment.toISOString();
  return shown;
}

function duration(total) {
  const seconds = Math.max(0, Math.floor(total));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (days > 0) {
    return `${days}d ${hours % 24}h`;
  }
  if (hours > 0) {
    return `${hours}h ${minutes % 60}m`;
  }
  return minutes > 0 ? `${minutes}m` : `${seconds}s`;
}

const number = (value) => value.toLocaleString("en");
const amount = (value) => String(Number(value.toFixed(3)));

const inUse = (value, unit) => (value === null ? "" : `${amount(value)}${unit}`);

function used(value, requested, unit) {
  const text = `${amount(requested)}${unit}`;
  return value === null ? text : `${amount(value)} of ${text}`;
}

function limited(value, limit, unit) {
  const text = `${amount(value)}${unit}`;
  return limit > value ? `${text} (up to ${amount(limit)}${unit})` : text;
}

// Events of the browser.

filter.addEventListener("input", applyFilter);
byId("details-close").addEventListener("click", () => details.close());
byId("details-end").addEventListener("click", () => openKey !== null && ask(openKey));
details.addEventListener("close", () => {
  openKey = null;
  if (document.activeElement === document.body && !list.hidden) {
    filter.focus();
  }
});
byId("confirm-no").addEventListener("click", () => confirmation.close());
byId("confirm-yes").addEventListener("click", end);
document.addEventListener("visibilitychange", startOrPause);
window.addEventListener("hashchange", enter);
startOrPause();
enter();
