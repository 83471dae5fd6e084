// What a page can do beyond plain links and forms. Everything on it works without this file.
"use strict";

// Ages: "3 min ago" must not stay so for an hour.
function span(seconds) {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) {
    const minutes = Math.floor((seconds % 3600) / 60);
    return `${Math.floor(seconds / 3600)} h${minutes ? ` ${minutes} min` : ""}`;
  }
  return `${Math.floor(seconds / 86400)} d`;
}

function freshen() {
  for (const time of document.querySelectorAll("time[data-age]")) {
    const seconds = Math.trunc((Date.now() - Date.parse(time.dateTime)) / 1000);
    const words = span(Math.abs(seconds));
    const said = Math.abs(seconds) < 5 ? "just now" : seconds < 0 ? `in ${words}` : `${words} ago`;
    if (time.textContent !== said) time.textContent = said;
  }
}
setInterval(freshen, 1000);

// Live: whether the page hears of changes is said, and never guessed.
function tell(state, words) {
  const live = document.getElementById("live");
  if (!live || live.dataset.state === state) return;
  live.dataset.state = state;
  live.textContent = words;
}
document.addEventListener("htmx:sseOpen", () => tell("on", "live"));
// A stream that ends comes again by itself, and that is no error; one that is refused is tried again by htmx.
htmx.createEventSource = (address) => {
  const source = new EventSource(address);
  Object.defineProperty(source, "onerror", {
    set(refused) {
      source.addEventListener("error", (event) => {
        tell("off", "connecting again");
        if (source.readyState === EventSource.CLOSED) refused(event);
      });
    },
  });
  return source;
};

// What somebody opened or stands on survives an update of the page.
let opened = [];
let stood = null;
document.addEventListener("htmx:beforeSwap", () => {
  opened = [...document.querySelectorAll("details[id]")].filter((one) => one.open).map((one) => one.id);
  stood = document.activeElement && document.activeElement.id;
});
// After settling and not after the swap: htmx sets the attributes of what has an id once more in between.
document.addEventListener("htmx:afterSettle", () => {
  for (const id of opened) {
    const one = document.getElementById(id);
    if (one) one.open = true;
  }
  if (here) mark(document.getElementById(here));
  if (stood && document.activeElement === document.body) document.getElementById(stood)?.focus({ preventScroll: true });
  freshen();
});

// Evidence: a link to a closed one opens it.
function reveal() {
  const aim = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const folded = aim && aim.closest("details");
  if (folded && !folded.open) {
    folded.open = true;
    aim.scrollIntoView();
  }
}
addEventListener("hashchange", reveal);
addEventListener("DOMContentLoaded", () => { reveal(); freshen(); });

// Keys: j and k go through the rows of a list, Enter opens one, / goes to the search.
let here = null;
function mark(row) {
  document.querySelectorAll("tr.here").forEach((one) => one.classList.remove("here"));
  if (!row) return;
  here = row.id;
  row.classList.add("here");
}
function step(by) {
  const rows = [...document.querySelectorAll("tr[id]")];
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.id === here);
  const next = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
  mark(next);
  next.scrollIntoView({ block: "nearest" });
  next.querySelector("a")?.focus({ preventScroll: true });
}
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, select, textarea")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key === "j" || event.key === "k") step(event.key === "j" ? 1 : -1);
  else if (event.key === "/") {
    const search = document.querySelector("input[type=search]");
    if (!search) return;
    search.focus();
    search.select();
  } else return;
  event.preventDefault();
});
