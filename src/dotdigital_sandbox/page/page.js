"use strict";

const TABS = [
  ["books", "Address books"],
  ["contacts", "Contacts"],
  ["imports", "Imports"],
  ["campaigns", "Campaigns"],
  ["calls", "Calls"],
  ["switches", "Switches"],
];
const FAULTS = ["status", "reset", "cut", "malformed", "delay", "duplicate", "reorder"];
const ENDS = ["RejectedByWatchdog", "Failed", "InvalidFileFormat", "ExceedsAllowedContactLimit", "Unknown", "Finished"];
const REFRESH = 2000;
const byId = (id) => document.getElementById(id);
let current = "books";
let state = null;
let shown = {};

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") element.addEventListener("click", value);
    else if (value !== false && value !== null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(
    ...children.filter((child) => child !== null).map((child) => (child instanceof Node ? child : String(child))),
  );
  return element;
}

function toast(text) {
  const box = byId("toast");
  box.textContent = text;
  box.classList.add("shown");
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => box.classList.remove("shown"), 3500);
}

async function ask(path) {
  const response = await fetch("/_sandbox/" + path);
  if (!response.ok) throw new Error((await response.json()).message);
  return response.json();
}

async function tell(method, path, body = {}, said = "Done.") {
  try {
    const response = await fetch("/_sandbox/" + path, {
      method,
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const answer = await response.json();
    toast(response.ok ? said : answer.message);
  } catch (error) {
    toast("The sandbox does not answer: " + error.message);
  }
  await refresh(true);
}

const number = (value) => Number(value || 0).toLocaleString("en-GB");
const date = (text) => (text ? text.slice(0, 19).replace("T", " ") : "–");
const GOOD = new Set(["Subscribed", "Finished", "Sent", "Completed"]);
const WARN = new Set(["NotFinished", "PendingOptIn", "Sending", "SoftBounced", "Unsent"]);
const pill = (text) =>
  make("span", { class: "pill " + (GOOD.has(text) ? "good" : WARN.has(text) ? "warn" : "bad") }, text);

function table(caption, columns, rows, nothing) {
  if (!rows.length) return make("div", { class: "card" }, make("p", { class: "empty" }, nothing));
  const head = columns.map(([title, , numeric]) =>
    make(
      "th",
      { scope: "col", class: numeric === true ? "num" : null },
      numeric === "unseen-head" ? make("span", { class: "unseen" }, title) : title,
    ),
  );
  const body = rows.map((row) =>
    make(
      "tr",
      {},
      ...columns.map(([, cell, kind]) => make("td", { class: kind === true ? "num" : kind || null }, cell(row) ?? "")),
    ),
  );
  return make(
    "div",
    { class: "card", role: "group", "aria-label": caption },
    make(
      "table",
      {},
      make("caption", {}, caption),
      make("thead", {}, make("tr", {}, ...head)),
      make("tbody", {}, ...body),
    ),
  );
}

/* A part is drawn anew only when what it shows has changed, so that nobody loses the focus or a selection. */
function draw(id, data, build) {
  const text = JSON.stringify(data);
  if (shown[id] === text) return;
  shown[id] = text;
  const focused = byId(id).contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
  byId(id).replaceChildren(...[build(data)].flat());
  if (focused) refocus(byId(id), focused);
  markScrollable();
}

/* What can be scrolled sideways must be reachable by keyboard; what cannot would only be in the way. */
function markScrollable() {
  for (const card of document.querySelectorAll(".card")) {
    if (card.scrollWidth > card.clientWidth) card.tabIndex = 0;
    else card.removeAttribute("tabindex");
  }
}

/* Back to the control of the same name; where it is gone, to the part itself, so that the next tab stop is near. */
function refocus(part, label) {
  const same = [...part.querySelectorAll("[aria-label]")].find((each) => each.getAttribute("aria-label") === label);
  if (same) return same.focus();
  part.tabIndex = -1;
  part.focus({ preventScroll: true });
}

function drawTiles() {
  const contacts = state.contacts;
  const gone = Object.entries(contacts)
    .filter(([name]) => name !== "Subscribed")
    .reduce((sum, [, count]) => sum + count, 0);
  const active = state.imports.filter((each) => each.status === "NotFinished").length;
  const tiles = [
    [contacts.Subscribed, "mailable contacts"],
    [gone, "suppressed"],
    [state.books.filter((each) => each.kind === "book").length, "address books"],
    [active, state.held ? "imports held" : "imports active"],
    [state.campaigns.length, "campaigns"],
    [state.calls.total, "calls"],
  ];
  draw("tiles", tiles, (list) =>
    list.map(([count, label]) => make("div", { class: "tile" }, make("b", {}, number(count)), make("span", {}, label))),
  );
}

function drawBooks() {
  draw("books", state.books, (books) =>
    table(
      "Address books and segments",
      [
        ["Name", (row) => row.name],
        ["Kind", (row) => (row.kind === "segment" ? "Segment" : row.writable ? row.visibility : "System")],
        ["Id", (row) => row.id, true],
        ["Contacts", (row) => number(row.contacts), true],
        ["Left it", (row) => number(row.gone), true],
      ],
      books,
      "No address books.",
    ),
  );
  const select = byId("search").elements.book;
  const known = state.books.map((each) => each.id + each.name).join();
  if (select.dataset.known === known) return;
  select.dataset.known = known;
  const chosen = select.value;
  select.replaceChildren(
    make("option", { value: 0 }, "any"),
    ...state.books.map((each) => make("option", { value: each.id }, each.name)),
  );
  select.value = chosen || "0";
}

function contactActions(row) {
  const act = (label, path, said) =>
    make(
      "button",
      {
        type: "button",
        "aria-label": label + " " + row.email,
        onclick: () => tell("POST", "contacts/" + path, { email: row.email }, said),
      },
      label,
    );
  if (row.status === "PendingOptIn" || row.status === "Unsubscribed")
    return make("div", { class: "actions" }, act("Confirm", "complete-challenge", "Open confirmation links clicked."));
  if (row.status !== "Subscribed") return null;
  return make(
    "div",
    { class: "actions" },
    act("Unsubscribe", "unsubscribe", "Unsubscribed."),
    act("Bounce", "bounce", "Bounced."),
    act("Complain", "complain", "Complained."),
  );
}

async function drawContacts() {
  const form = byId("search").elements;
  const rows = await ask("contacts?q=" + encodeURIComponent(form.q.value) + "&book=" + form.book.value);
  draw("found", rows, (list) =>
    table(
      "Contacts",
      [
        [
          "Address",
          (row) =>
            make(
              "span",
              {},
              row.email,
              make("small", {}, [row.data.FIRSTNAME, row.data.LASTNAME].filter(Boolean).join(" ")),
            ),
        ],
        ["Status", (row) => pill(row.status)],
        ["Opt-in", (row) => row.opt_in],
        ["Books", (row) => row.books || "–"],
        ["Changed", (row) => date(row.modified), "when"],
        ["Actions", contactActions, "unseen-head"],
      ],
      list,
      "Nobody found.",
    ),
  );
}

function counters(row) {
  const counted = Object.entries(row.counters)
    .filter(([, count]) => count)
    .map(([name, count]) => number(count) + " " + name.replace(/[A-Z]/g, (letter) => " " + letter.toLowerCase()));
  return counted.join(", ") || "–";
}

function drawImports() {
  const names = Object.fromEntries(state.books.map((each) => [each.id, each.name]));
  byId("hold").textContent = state.held ? "Release imports" : "Hold imports";
  byId("hold").classList.toggle("on", state.held);
  draw("import-list", state.imports, (list) =>
    table(
      "Imports",
      [
        ["Given", (row) => date(row.created), "when"],
        ["Into", (row) => row.book_ids.map((id) => names[id] || id).join(", ") || "Account"],
        ["Status", (row) => pill(row.status)],
        ["Result", counters],
        ["Id", (row) => make("small", {}, row.guid)],
      ],
      list,
      "No imports yet.",
    ),
  );
}

function drawCampaigns() {
  draw("campaigns", state.campaigns, (list) =>
    table(
      "Campaigns",
      [
        ["Campaign", (row) => make("span", {}, row.name, make("small", {}, row.subject))],
        ["Status", (row) => pill(row.status)],
        ["Sent", (row) => number(row.sent), true],
        ["Opens", (row) => number(row.opens), true],
        ["Clicks", (row) => number(row.clicks), true],
        ["Bounces", (row) => number(row.bounces), true],
        ["Left", (row) => number(row.gone), true],
        ["On", (row) => date(row.sent_date), "when"],
        [
          "Actions",
          (row) =>
            row.status === "Sending"
              ? null
              : make(
                  "button",
                  {
                    type: "button",
                    "aria-label": "Send " + row.name,
                    onclick: () =>
                      window.confirm("Send “" + row.name + "” to all contacts?") &&
                      tell("POST", "campaigns/send", { campaignId: row.id }, "Sent."),
                  },
                  "Send",
                ),
          "unseen-head",
        ],
      ],
      list,
      "No campaigns yet: POST /v2/campaigns makes one.",
    ),
  );
}

async function drawCalls() {
  const log = await ask("calls?last=500");
  draw(
    "fault-list",
    state.faults.filter((each) => each.times === null || each.done < each.times),
    (list) =>
      list.length
        ? table(
            "Faults ordered",
            [
              ["Fault", (row) => pill(row.kind)],
              ["Path", (row) => row.path || "any", "path"],
              ["Done", (row) => row.done + " of " + (row.times ?? "∞"), true],
            ],
            list,
            "",
          )
        : [],
  );
  draw("call-list", log.calls, (list) =>
    table(
      "The latest 500 calls",
      [
        ["At", (row) => row.at.slice(11, 23), "when"],
        ["Call", (row) => row.method + " " + row.path, "path"],
        [
          "Status",
          (row) =>
            make(
              "span",
              { class: "pill " + (row.status < 300 ? "good" : row.status < 500 ? "warn" : "bad") },
              row.status,
            ),
        ],
        ["Tier", (row) => row.tier || "–"],
        ["ms", (row) => row.milliseconds.toFixed(1), true],
        ["Fault", (row) => row.fault || ""],
      ],
      list.slice().reverse(),
      "Nobody has called yet.",
    ),
  );
}

/* The controls stay where they are, so that nobody is disturbed in typing; only their values follow the account. */
function drawSwitches() {
  const names = state.switches.map((each) => each.name);
  draw("switches", names, () => switchTable(state.switches));
  for (const control of byId("switches").querySelectorAll("select, input")) {
    const row = state.switches[names.indexOf(control.getAttribute("aria-label"))];
    if (control !== document.activeElement) control.value = String(row.value);
  }
}

function switchTable(list) {
  return table(
    "Switches",
    [
      ["Switch", (row) => make("span", {}, make("code", {}, row.name), make("small", {}, row.meaning))],
      ["Value", switchControl],
      ["Default", (row) => row.default],
    ],
    list,
    "",
  );
}

function switchControl(row) {
  const choices = row.may.includes("|") ? row.may.split("|") : null;
  const control = choices
    ? make("select", { "aria-label": row.name }, ...choices.map((each) => make("option", { value: each }, each)))
    : make("input", { "aria-label": row.name, class: "short" });
  control.value = String(row.value);
  control.addEventListener("change", () =>
    tell("PATCH", "switches", { [row.name]: control.value }, row.name + " is now " + control.value + "."),
  );
  return control;
}

const PARTS = {
  books: drawBooks,
  contacts: drawContacts,
  imports: drawImports,
  campaigns: drawCampaigns,
  calls: drawCalls,
  switches: drawSwitches,
};

async function refresh(now = false) {
  if (document.hidden && !now) return;
  try {
    state = await ask("state");
    byId("now").textContent = date(state.now) + " UTC";
    byId("where").textContent = location.origin + " · region r" + state.region + " · " + state.shape + " shape";
    byId("freeze").textContent = state.frozen ? "Unfreeze" : "Freeze";
    byId("freeze").classList.toggle("on", state.frozen);
    drawTiles();
    drawBooks();
    await PARTS[current]();
  } catch (error) {
    toast("The sandbox does not answer: " + error.message);
  }
}

function show(name) {
  current = name;
  history.replaceState(null, "", "#" + name);
  for (const [id] of TABS) {
    byId(id).hidden = id !== name;
    const tab = byId("tab-" + id);
    tab.setAttribute("aria-selected", id === name);
    tab.tabIndex = id === name ? 0 : -1;
  }
  refresh(true);
}

function moveTab(event) {
  const names = TABS.map(([id]) => id);
  const at = names.indexOf(current);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  const next = names[(to + names.length) % names.length];
  show(next);
  byId("tab-" + next).focus();
}

function wire() {
  byId("tabs").append(
    ...TABS.map(([id, title]) =>
      make(
        "button",
        { type: "button", role: "tab", id: "tab-" + id, "aria-controls": id, onclick: () => show(id) },
        title,
      ),
    ),
  );
  byId("tabs").addEventListener("keydown", moveTab);
  byId("forced").append(...ENDS.map((each) => make("option", {}, each)));
  byId("fault").elements.kind.append(...FAULTS.map((each) => make("option", {}, each)));
  byId("freeze").addEventListener("click", () =>
    tell(
      "POST",
      state.frozen ? "clock/unfreeze" : "clock/freeze",
      {},
      state.frozen ? "The clock runs." : "The clock stands still.",
    ),
  );
  for (const button of document.querySelectorAll("[data-advance]"))
    button.addEventListener("click", () =>
      tell("POST", "clock/advance", { seconds: Number(button.dataset.advance) }, "The clock was moved."),
    );
  byId("hold").addEventListener("click", () => tell("POST", state.held ? "imports/release" : "imports/hold"));
  byId("finish").addEventListener("click", () => tell("POST", "imports/finish", {}, "All imports have ended."));
  byId("force").addEventListener("click", () =>
    tell("POST", "imports/finish-as", { status: byId("forced").value }, "Ordered."),
  );
  byId("clear-faults").addEventListener("click", () => tell("DELETE", "faults"));
  byId("clear-calls").addEventListener("click", () => tell("DELETE", "calls"));
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    drawContacts();
  });
  byId("fault").addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.target.elements;
    tell(
      "POST",
      "faults",
      {
        kind: form.kind.value,
        path: form.path.value,
        times: Number(form.times.value),
        status: Number(form.status.value),
        seconds: Number(form.seconds.value),
        late: form.late.checked,
      },
      "Ordered.",
    );
  });
  const wanted = location.hash.slice(1);
  show(PARTS[wanted] ? wanted : "books");
  window.addEventListener("resize", markScrollable);
  setInterval(refresh, REFRESH);
}

wire();
