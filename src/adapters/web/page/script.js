// Keeps the page as the daemon is: it ticks, and is loaded again when an event comes.
"use strict";
const REFRESH = 20000; // Between events, for the next polls and last answers.
const HIDDEN_REFRESH = 60000; // For the title of a tab that is not seen.
const TIMEOUT = 10000; // The daemon takes less, or says that it is stuck.
const STALE = 45000; // Without an answer, what is shown may be wrong.
const BURST = 400; // Events that come together are shown together.
const RETRY = 10000;

const connection = document.getElementById("connection");
const news = document.getElementById("news");
const main = document.getElementById("main");
let last = main.dataset.last;
let ahead = Date.now() - Date.parse(main.dataset.now);
let answered = Date.now();
let shown = new Map();
let source, ticking, refreshing, waiting, retrying, loading = false, again = false;

const sections = (root) => root.querySelectorAll("main > section[id]");
for (const section of sections(document)) shown.set(section.id, section.innerHTML);

function say(text, state) {
  if (connection.textContent !== text) connection.textContent = text;
  connection.className = state;
  // What may be old must not look well.
  document.body.classList.toggle("stale", state === "lost");
}

function lost() {
  const as_of = document.querySelector("footer time:last-of-type");
  say(`The daemon does not answer: this page is as of ${as_of.textContent}. Trying again …`, "lost");
  document.title = "no answer – restore-watch";
}

// The words of the server, which are those of its commands.
function running(s) {
  const two = (n) => String(n).padStart(2, "0");
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${two(s % 60)}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h ${two(Math.floor((s % 3600) / 60))}m`;
  return `${Math.floor(s / 86400)}d ${two(Math.floor((s % 86400) / 3600))}h`;
}

function ago(s) {
  if (s < 60) return `${s}s ago`;
  if (s < 3600) return `${Math.floor(s / 60)}m ago`;
  if (s < 86400) return `${Math.floor(s / 3600)}h ago`;
  return `${Math.floor(s / 86400)}d ago`;
}

function words(kind, seconds) {
  if (kind === "in") return seconds > 0 ? `in ${running(Math.ceil(seconds))}` : "now";
  const passed = Math.max(0, Math.floor(seconds));
  return kind === "run" ? running(passed) : ago(passed);
}

function tick() {
  // A stream of events that is silent looks like one that is cut off.
  if (Date.now() - answered > STALE) lost();
  const now = Date.now() - ahead;
  for (const time of document.querySelectorAll("time[class]")) {
    const passed = (now - Date.parse(time.dateTime)) / 1000;
    const text = words(time.className, time.className === "in" ? -passed : passed);
    if (time.textContent !== text) time.textContent = text;
    const bar = time.className === "run" && time.closest("td")?.querySelector(".bar");
    if (bar) {
      const part = Math.min(1, Math.max(0, passed / bar.dataset.full));
      bar.querySelector(".fill").setAttribute("width", (160 * part).toFixed(1));
    }
  }
}

// What has the focus, as it is found again in another version of its section.
function focused(section) {
  const element = document.activeElement;
  if (!section.contains(element) || element === section) return null;
  const place = [...section.querySelectorAll(element.tagName)].indexOf(element);
  return { tag: element.tagName, text: element.textContent, place };
}

function focus(section, was) {
  const alike = [...section.querySelectorAll(was.tag)];
  const element = alike.find((one) => one.textContent === was.text) || alike[was.place] || section;
  element.focus({ preventScroll: true });
}

function replace(page) {
  // What is at the top of the window stays there.
  const all = [...sections(document)];
  const anchor = all.find((section) => section.getBoundingClientRect().bottom > 0);
  const top = anchor?.getBoundingClientRect().top;
  for (const section of all) {
    const next = page.getElementById(section.id);
    if (!next || shown.get(section.id) === next.innerHTML) continue;
    shown.set(section.id, next.innerHTML);
    const was = focused(section);
    section.className = next.className;
    section.replaceChildren(...document.importNode(next, true).childNodes);
    for (const name of ["aria-label", "aria-labelledby"]) {
      const value = next.getAttribute(name);
      if (value === null) section.removeAttribute(name); else section.setAttribute(name, value);
    }
    if (was) focus(section, was);
  }
  if (anchor && scrollY > 0) scrollBy(0, anchor.getBoundingClientRect().top - top);
  document.title = page.title;
  const footer = page.querySelector("footer");
  if (footer) document.querySelector("footer")?.replaceChildren(...document.importNode(footer, true).childNodes);
}

async function load() {
  if (loading) {
    again = true;
    return;
  }
  loading = true;
  again = false;
  try {
    const url = new URL(location.href);
    url.hash = "";
    url.searchParams.set("after", last);
    const answer = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT) });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = page.getElementById("main").dataset;
    answered = Date.now();
    last = next.last;
    ahead = Date.now() - Date.parse(next.now);
    const sentences = page.getElementById("news").textContent.trim();
    if (sentences) news.textContent = sentences;
    replace(page);
    tick();
    if (source?.readyState === EventSource.OPEN) say("Live", "live");
    else say("Not live: updated now and then", "");
  } catch (error) {
    lost();
  } finally {
    loading = false;
    if (again) soon();
  }
}

function soon() {
  if (!waiting) waiting = setTimeout(() => { waiting = 0; load(); }, BURST);
}

function follow() {
  source = new EventSource(`v1/events?after=${last}`);
  for (const type of main.dataset.types.split(" ")) source.addEventListener(type, soon);
  source.onopen = () => {
    if (connection.className === "lost") soon(); else say("Live", "live");
  };
  source.onerror = () => {
    if (connection.className === "live") say("Connecting …", "");
    soon(); // Whether the daemon answers shows then.
    // The browser tries again by itself, but not after an answer that is an error.
    if (source.readyState === EventSource.CLOSED) retrying = setTimeout(follow, RETRY);
  };
}

function rest() {
  clearInterval(ticking);
  clearInterval(refreshing);
  clearTimeout(retrying);
  source?.close();
}

function watch() {
  rest();
  refreshing = setInterval(load, document.hidden ? HIDDEN_REFRESH : REFRESH);
  // A browser has six connections to a server: tabs that are not seen leave them to those that are.
  if (document.hidden) return;
  tick();
  ticking = setInterval(tick, 1000);
  follow();
}

function wake() {
  watch();
  if (!document.hidden) load();
}

document.addEventListener("visibilitychange", wake);
addEventListener("pagehide", rest);
addEventListener("pageshow", (event) => { if (event.persisted) wake(); });

say("Connecting …", "");
watch();
