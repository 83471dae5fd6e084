// The pretend Slack's page. One state per person, fetched when the server says that something changed.
import { blocks, place, whenTroubled } from "./blocks.js";
import { anchored, fill, forget, isReply, scrolled } from "./messages.js";
import { drawViews } from "./modals.js";
import { composed } from "./text.js";
import { $, ask, channels, face, h, kindOf, nameOf, now, person, reconcile, toast, trouble } from "./world.js";

const query = new URLSearchParams(location.search);
const seen = new Map(JSON.parse(localStorage.getItem("pretend-seen") || "[]")); // person and channel -> newest ts looked at
let shown = ""; // which conversation the list holds
let unreadFrom = 0;
let homeDrawn = "";

const seenKey = (channel) => `${now.user} ${channel.id}`;
const newest = (channel) => Number((channel.messages.at(-1) || { ts: 0 }).ts);
const channelNow = () => channels().find((channel) => channel.id === now.channel) || now.state.channels[0];
const isDirect = (channel) => now.state.directs.includes(channel);
const visible = (channel) => channel.messages.filter((message) => !message.is_ephemeral || Number(message.ts) > now.since);

function draw() {
  const state = now.state;
  if (!state) return;
  $("team").textContent = state.team.name;
  const on = state.mode === "http" || state.connections > 0;
  $("link").className = on ? "on" : "off";
  $("link").textContent = state.mode === "http" ? "HTTP" : on ? "app on" : "app off";
  const channel = channelNow();
  if (channel && !now.home) look(channel);
  drawSide(state);
  drawMe(state);
  drawHead(state, channel);
  $("compose").hidden = now.home || !channel;
  if (now.home || !channel) drawHome(state);
  else drawChannel(channel);
  drawThread(channel);
  drawViews();
}

// --- side -------------------------------------------------------------------------------------------------------
function look(channel) {
  const conversation = `${now.user} ${channel.id}`;
  if (shown !== conversation) unreadFrom = seen.get(conversation) || 0;
  if (document.hidden || seen.get(conversation) === newest(channel)) return;
  seen.set(conversation, newest(channel));
  localStorage.setItem("pretend-seen", JSON.stringify([...seen]));
}

function unread(channel) {
  // Whoever comes for the first time has read what is there.
  if (!seen.has(seenKey(channel))) seen.set(seenKey(channel), newest(channel));
  return visible(channel).filter((message) => Number(message.ts) > seen.get(seenKey(channel)) && message.user !== now.user).length;
}

const entries = new Map();
function entry(key, sign, label, look) {
  const json = JSON.stringify([sign, label, look.current, look.unread]);
  if (entries.has(key) && entries.get(key).json === json) return entries.get(key).node;
  const node = h("li", { class: look.unread ? "unread" : "" }, h("button", { type: "button", "aria-current": String(look.current), onclick: look.open },
    h("span", { class: "sign", "aria-hidden": "true" }, sign), h("span", { class: "label" }, label), look.unread ? h("b", { "aria-label": `${look.unread} unread` }, look.unread) : null));
  entries.set(key, { json, node });
  return node;
}

function drawSide(state) {
  const current = (channel) => !now.home && channel === channelNow();
  reconcile($("channels"), state.channels.map((channel) => entry(`${now.user}${channel.id}`, channel.shared ? "⇄" : "#", channel.name,
    { current: current(channel), unread: current(channel) ? 0 : unread(channel), open: () => go({ channel: channel.id, home: false, thread: null }) })));
  const direct = state.directs[0];
  const count = direct && !current(direct) ? unread(direct) : 0;
  reconcile($("apps"), direct ? [entry(`${now.user}${direct.id}`, "☾", state.app.name, { current: now.home || current(direct), unread: count, open: count ? () => openMessages(direct) : openHome })] : []);
  $("no-apps").hidden = Boolean(direct);
}

const openHome = () => { go({ home: true, thread: null }); ask("open_home", {}); };
const openMessages = (direct) => go({ channel: direct.id, home: false, thread: null });

// --- who I am -----------------------------------------------------------------------------------------------------
function role(user) {
  const kind = kindOf(user);
  return [kind ? h("span", { class: "tag" }, kind) : null, now.state.oncall.includes(user.id) ? h("span", { class: "tag on" }, "@oncall") : null];
}

function drawMe(state) {
  const about = (user) => h("span", { class: "about" }, h("strong", null, user.real_name), h("small", null, user.profile.title));
  $("me").replaceChildren(face(now.user), about(state.me), h("span", { "aria-hidden": "true" }, "⌄"));
  const pick = (user) => h("button", { type: "button", role: "menuitemradio", "aria-checked": String(user.id === now.user), "data-user": user.id, onclick: () => become(user.id) }, face(user.id), about(user), role(user));
  const key = JSON.stringify([state.users, state.oncall, now.user]);
  if ($("people").dataset.key === key) return;
  $("people").dataset.key = key;
  $("people").replaceChildren(h("p", null, "Act as"), ...state.users.filter((user) => !user.is_bot).map(pick));
}

async function become(user) {
  $("people").hidePopover();
  localStorage.setItem("pretend-user", user);
  go({ user, thread: null });
  await load();
  if (now.home) ask("open_home", {});
}

// --- the middle ---------------------------------------------------------------------------------------------------
function drawHead(state, channel) {
  const direct = now.home || (channel && isDirect(channel));
  const sign = channel && channel.shared ? "⇄ " : "# ";
  $("title").textContent = direct || !channel ? state.app.name : sign + channel.name;
  document.title = `${$("title").textContent} · Pretend Slack`;
  $("topic").textContent = direct ? "App" : channel ? channel.topic : "";
  $("members").textContent = direct || !channel ? "" : `${channel.members.length} members`;
  $("members").title = direct || !channel ? "" : channel.members.map(nameOf).join(", ");
  $("tabs").hidden = !direct;
  $("tab-home").setAttribute("aria-selected", String(now.home));
  $("tab-messages").setAttribute("aria-selected", String(!now.home));
  const gone = state.me.deleted;
  $("banner").hidden = !gone;
  $("banner").textContent = gone ? "This account is deactivated. Slack lets it do nothing; whatever is clicked here is refused." : "";
}

function drawChannel(channel) {
  const off = isDirect(channel) && !now.state.writable;
  const area = $("compose").querySelector("textarea");
  area.placeholder = off ? "Sending messages to this app is turned off." : isDirect(channel) ? `Message ${now.state.app.name}` : `Message #${channel.name}`;
  for (const node of $("compose").elements) node.disabled = off || now.state.me.deleted;
  const conversation = `${now.user} ${channel.id}`;
  const jump = shown !== conversation;
  if (jump) { forget($("log")); $("below").hidden = true; }
  shown = conversation;
  homeDrawn = "";
  scrolled($("log"), () => fill($("log"), visible(channel).filter((message) => !isReply(message)), { channel: channel.id, open: openThread, unread: unreadFrom }), jump);
}

function drawHome(state) {
  const key = JSON.stringify([state.home, now.user]);
  if (homeDrawn === key) return;
  homeDrawn = key;
  shown = "";
  forget($("log"));
  const inside = state.home ? blocks(state.home.blocks, { view_id: state.home.id }) : null;
  $("log").replaceChildren(inside ? h("div", { class: "home", "data-values": "" }, inside) : h("p", { class: "empty" }, "The app has not published a home for you."));
  $("log").scrollTop = 0;
  $("below").hidden = true;
}

let threadShown = "";
function drawThread(channel) {
  const parent = channel && now.thread && !now.home ? channel.messages.find((message) => message.ts === now.thread) : null;
  $("thread").hidden = !parent;
  document.body.classList.toggle("threaded", Boolean(parent));
  if (!parent) { threadShown = ""; return; }
  $("thread-where").textContent = isDirect(channel) ? now.state.app.name : `# ${channel.name}`;
  for (const node of $("reply").elements) node.disabled = now.state.me.deleted;
  const replies = visible(channel).filter((message) => isReply(message) && message.thread_ts === now.thread);
  const jump = threadShown !== now.thread;
  threadShown = now.thread;
  if (jump) forget($("replies"));
  scrolled($("replies"), () => fill($("replies"), [parent, ...replies], { channel: channel.id, replies: replies.filter((m) => !m.is_ephemeral).length }), jump);
}

// --- where ----------------------------------------------------------------------------------------------------------
function go(change) {
  Object.assign(now, change, { target: null });
  localStorage.setItem("pretend-channel", now.channel);
  const next = new URLSearchParams({ user: now.user, channel: now.channel });
  if (query.get("theme")) next.set("theme", query.get("theme"));
  if (now.thread) next.set("thread", now.thread);
  if (now.home) next.set("home", "1");
  history.replaceState(null, "", "?" + next);
  drawer(false);
  draw();
}

function openThread(ts) { go({ thread: ts }); $("reply").querySelector("textarea").focus(); }

function closeThread() {
  const from = now.thread;
  go({ thread: null });
  const opener = $("log").querySelector(`[data-thread="${from}"]`);
  if (opener) opener.focus({ preventScroll: true });
}

function drawer(open) {
  $("side").classList.toggle("open", open);
  $("veil").hidden = !open;
  $("menu").setAttribute("aria-expanded", String(open));
}

// --- the server -----------------------------------------------------------------------------------------------------
let loading = null, again = false;
function load() {
  if (loading) { again = true; return loading; }
  loading = fetched().finally(() => { loading = null; if (again) { again = false; load(); } });
  return loading;
}

async function fetched() {
  try {
    const user = now.user;
    const state = await (await fetch(`/page/api/state?user=${encodeURIComponent(user)}`)).json();
    if (user !== now.user) { again = true; return; }
    if (!state.ok) { if (now.user !== "U0ADA000001") { now.user = "U0ADA000001"; again = true; } return; }
    if (now.since === null) now.since = Number(state.latest);
    now.state = state;
    draw();
  } catch { offline(true); }
}

function offline(is) { $("offline").hidden = !is; }

// Firefox gives up on a stream that is refused (others try again by themselves), so it is opened anew until the server is back.
function listen() {
  const stream = new EventSource("/page/api/events");
  stream.onopen = () => offline(false);
  stream.onmessage = () => load();
  stream.onerror = () => {
    offline(true);
    if (stream.readyState === EventSource.CLOSED) { stream.close(); setTimeout(listen, 1000); }
  };
}

function composer(form, thread) {
  const area = form.querySelector("textarea");
  const grow = () => { area.style.height = "auto"; area.style.height = `${Math.min(area.scrollHeight, 160)}px`; };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = area.value.trim();
    if (!text) return;
    area.value = "";
    grow();
    const command = text.startsWith("/") && !thread();
    const answer = await ask(command ? "slash" : "say", { channel: channelNow().id, text: command ? text : composed(text), thread_ts: thread() });
    if (!answer.ok) { toast(trouble(answer)); area.value = area.value || text; grow(); }
  });
  area.addEventListener("input", grow);
  area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
  });
}

function setTheme(name) { document.documentElement.dataset.theme = name; localStorage.setItem("pretend-theme", name); }

const chosenTheme = query.get("theme") || localStorage.getItem("pretend-theme");
if (chosenTheme) document.documentElement.dataset.theme = chosenTheme;
$("theme").addEventListener("click", () => {
  const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  setTheme(dark ? "light" : "dark");
});
$("menu").addEventListener("click", () => drawer(!$("side").classList.contains("open")));
$("veil").addEventListener("click", () => drawer(false));
$("thread-close").addEventListener("click", closeThread);
$("tab-home").addEventListener("click", openHome);
$("tab-messages").addEventListener("click", () => openMessages(now.state.directs[0]));
$("below").addEventListener("click", () => { $("log").scrollTop = $("log").scrollHeight; $("below").hidden = true; });
$("log").addEventListener("scroll", () => { if ($("log").scrollHeight - $("log").scrollTop - $("log").clientHeight < 60) $("below").hidden = true; }, { passive: true });
$("people").addEventListener("toggle", (event) => {
  if (event.newState !== "open") return;
  place($("people"), $("me"));
  ($("people").querySelector("[aria-checked=true]") || $("people").querySelector("button")).focus();
});
document.addEventListener("keydown", (event) => {
  const popup = document.querySelector(":popover-open");
  if (popup && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    const items = [...popup.querySelectorAll("button")];
    const step = event.key === "ArrowDown" ? 1 : items.length - 1;
    items[(items.indexOf(document.activeElement) + step) % items.length].focus();
    event.preventDefault();
  }
  if (event.key !== "Escape" || popup || document.querySelector("dialog[open]")) return;
  if (!$("veil").hidden) drawer(false); else if (now.thread) closeThread();
});
document.addEventListener("visibilitychange", draw);
whenTroubled(draw);
anchored($("log"));
anchored($("replies"));
composer($("compose"), () => null);
composer($("reply"), () => now.thread);
listen();
load().then(() => { if (now.home) ask("open_home", {}); });
