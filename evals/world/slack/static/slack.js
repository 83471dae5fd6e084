// The pretend Slack's page. One state per person, fetched when the server says that something changed; everything
// is built from text nodes, so nothing a message says can become markup.
"use strict";

const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const now = {
  user: query.get("user") || localStorage.getItem("pretend-user") || "U0ADA000001",
  channel: query.get("channel") || "C0INCIDENTS",
  thread: query.get("thread"), home: query.has("home"), target: query.get("ts"), state: null,
};
const drawn = new Map(); // container id -> Map(message key -> {json, node})
const troubles = new Map(); // message ts -> what went wrong with the last click
const seen = new Map(); // channel id -> newest ts this viewer has looked at
const EMOJI = { warning: "⚠️", rotating_light: "🚨", white_check_mark: "✅", x: "❌", eyes: "👀", fire: "🔥",
  hourglass: "⏳", hourglass_flowing_sand: "⏳", tada: "🎉", "+1": "👍", thumbsup: "👍", bell: "🔔", lock: "🔒",
  mag: "🔍", bug: "🐛", wrench: "🔧", rewind: "⏪", clipboard: "📋", no_entry: "⛔", zzz: "💤", moon: "🌙",
  large_green_circle: "🟢", red_circle: "🔴", large_yellow_circle: "🟡", white_circle: "⚪", link: "🔗" };

function h(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

// --- text -----------------------------------------------------------------------------------------------------
const emoji = (text) => text.replace(/:([a-z0-9_+-]+):/g, (all, name) => EMOJI[name] || all);
const unescaped = (text) => text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
const person = (id) => now.state.users.find((user) => user.id === id);
const nameOf = (id) => { const user = person(id); return user ? user.real_name : id; };

function link(url, label) {
  // Only addresses a person could safely open; anything else stays text.
  return /^https?:\/\//.test(url) ? h("a", { href: url, rel: "noopener noreferrer", target: "_blank" }, label || url)
    : document.createTextNode(label || url);
}

const SPANS = [
  [/```\n?([\s\S]*?)\n?```/, (m) => h("pre", null, unescaped(m[1]))],
  [/`([^`\n]+)`/, (m) => h("code", null, unescaped(m[1]))],
  [/<@([A-Z0-9]+)(?:\|[^>]*)?>/, (m) => h("span", { class: "mention" }, "@" + nameOf(m[1]))],
  [/<#([A-Z0-9]+)(?:\|([^>]*))?>/, (m) => h("span", { class: "mention" }, "#" + (m[2] || m[1]))],
  [/<!(here|channel|everyone)[^>]*>/, (m) => h("span", { class: "mention" }, "@" + m[1])],
  [/<(https?:[^|>]+)(?:\|([^>]*))?>/, (m) => link(unescaped(m[1]), m[2] && unescaped(m[2]))],
  [/(?<![\w*])\*(\S(?:[^*\n]*\S)?)\*(?![\w*])/, (m) => h("strong", null, mrkdwn(m[1]))],
  [/(?<!\w)_(\S(?:[^_\n]*\S)?)_(?!\w)/, (m) => h("em", null, mrkdwn(m[1]))],
  [/(?<!\w)~(\S(?:[^~\n]*\S)?)~(?!\w)/, (m) => h("s", null, mrkdwn(m[1]))],
  [/(?:^|(?<=\n))((?:&gt;[^\n]*(?:\n|$))+)/, (m) => h("blockquote", null, mrkdwn(m[1].replace(/^&gt; ?/gm, "")))],
];

function mrkdwn(text) {
  let first = null;
  for (const [pattern, make] of SPANS) {
    const match = pattern.exec(text);
    if (match && (first === null || match.index < first.match.index)) first = { match, make };
  }
  if (first === null) return [emoji(unescaped(text))];
  const { match, make } = first;
  return [emoji(unescaped(text.slice(0, match.index))), make(match), ...mrkdwn(text.slice(match.index + match[0].length))];
}

const textOf = (object) => (object.type === "mrkdwn" ? mrkdwn(object.text) : [emoji(object.text)]);

// --- rich text ------------------------------------------------------------------------------------------------
function span(element) {
  const style = element.style || {};
  const made = {
    text: () => element.text, link: () => link(element.url, element.text),
    emoji: () => EMOJI[element.name] || `:${element.name}:`,
    user: () => h("span", { class: "mention" }, "@" + nameOf(element.user_id)),
    usergroup: () => h("span", { class: "mention" }, "@" + element.usergroup_id),
    channel: () => h("span", { class: "mention" }, "#" + element.channel_id),
    broadcast: () => h("span", { class: "mention" }, "@" + element.range),
    date: () => element.fallback || new Date(element.timestamp * 1000).toLocaleString(),
  }[element.type];
  let node = made ? made() : "";
  for (const [name, tag] of [["code", "code"], ["bold", "strong"], ["italic", "em"], ["strike", "s"], ["underline", "u"]]) {
    if (style[name]) node = h(tag, null, node);
  }
  return node;
}

function preformatted(element) {
  const text = element.elements.map((part) => part.text || part.url || "").join("");
  const lines = text.split("\n");
  const shaped = lines.every((line) => line === "" || " +-@".includes(line[0]));
  const isDiff = element.language === "diff" || (shaped && lines.some((line) => line[0] === "+" || line[0] === "-"));
  if (!isDiff) return h("pre", { tabindex: 0 }, text);
  const kind = (line) => (line[0] === "+" ? "add" : line[0] === "-" ? "del" : "ctx");
  return h("pre", { tabindex: 0, "aria-label": "Difference" }, lines.map((line) => h("span", { class: kind(line) }, line || " ")));
}

function rich(element) {
  const spans = () => element.elements.map(span);
  if (element.type === "rich_text_preformatted") return preformatted(element);
  if (element.type === "rich_text_quote") return h("blockquote", { class: "say" }, spans());
  if (element.type === "rich_text_list") {
    return h(element.style === "ordered" ? "ol" : "ul", null, element.elements.map((item) => h("li", { class: "say" }, item.elements.map(span))));
  }
  return h("div", { class: "say" }, spans());
}

// --- blocks ---------------------------------------------------------------------------------------------------
function field(object) {
  // A first line standing alone reads as the label of what follows, as it does in Slack with a bold one.
  const [first, ...rest] = object.text.split("\n");
  if (!rest.length) return h("div", null, textOf(object));
  const label = object.type === "mrkdwn" ? mrkdwn(first) : [emoji(first)];
  return h("div", null, h("span", { class: "first" }, label), textOf({ ...object, text: rest.join("\n") }));
}

const BLOCKS = {
  header: (b) => h("h3", { class: "block b-header" }, emoji(b.text.text)),
  divider: () => h("hr", { class: "block b-divider" }),
  context: (b) => h("div", { class: "block b-context" }, b.elements.map((e) => (e.type === "image" ? h("span", null, `[${e.alt_text}]`) : h("span", null, textOf(e))))),
  section: (b, at) => h("div", { class: "block b-section" },
    h("div", null, b.text ? h("div", { class: "say" }, textOf(b.text)) : null, b.fields ? h("div", { class: "fields" }, b.fields.map(field)) : null),
    b.accessory ? h("div", null, control(b.accessory, at)) : null),
  actions: (b, at) => h("div", { class: "block b-actions" }, b.elements.map((e) => control(e, at))),
  rich_text: (b) => h("div", { class: "block b-rich" }, b.elements.map(rich)),
  // Images are named, never fetched: this page asks no other server for anything.
  image: (b) => h("div", { class: "block image" }, `Image: ${b.alt_text}`),
  input: (b) => inputBlock(b),
};

const blocks = (list, at) => (list || []).map((b) => (BLOCKS[b.type] ? BLOCKS[b.type](b, at) : null));

function control(element, at) {
  if (element.type === "image") return h("span", { class: "image" }, element.alt_text);
  if (element.type === "button") {
    return h("button", { type: "button", class: `btn ${element.style || ""}`, "data-action": element.action_id,
      "aria-label": element.accessibility_label, onclick: (event) => press(element, element.value, at, event.currentTarget) }, emoji(element.text.text));
  }
  const options = allOptions(element);
  const label = element.placeholder ? element.placeholder.text : element.type === "overflow" ? "⋯" : "Choose…";
  return h("select", { class: "pick", "aria-label": label, onchange: (event) => press(element, event.target.value, at, event.target) },
    h("option", { value: "" }, label), options.map((o) => h("option", { value: o.value, selected: same(element.initial_option, o) }, o.text.text)));
}

const allOptions = (element) => [...(element.options || []), ...(element.option_groups || []).flatMap((group) => group.options)];
const same = (one, other) => Boolean(one && one.value === other.value);

async function press(element, value, at, node) {
  if (element.confirm && !(await confirmed(element.confirm))) return;
  node.disabled = true;
  const answer = await ask("click", { ...at, action_id: element.action_id, value, confirmed: true });
  node.disabled = false;
  if (at.ts) { answer.ok ? troubles.delete(at.ts) : troubles.set(at.ts, trouble(answer)); draw(); }
  else if (!answer.ok) toast(trouble(answer));
}

const trouble = (answer) => ({
  app_did_not_respond: "The app did not respond. Nothing is known to have happened; try again.",
  unreachable: "The pretend Slack cannot be reached.",
}[answer.error] || `Slack says: ${answer.error}`);

function confirmed(words) {
  return new Promise((settle) => {
    const dialog = h("dialog", { "aria-label": words.title.text, onclose: () => { dialog.remove(); settle(dialog.returnValue === "yes"); } },
      h("form", { method: "dialog" }, h("header", null, h("h2", null, words.title.text)),
        h("div", { class: "inside say" }, textOf(words.text)),
        h("footer", null, h("button", { class: "btn", value: "no" }, words.deny.text),
          h("button", { class: `btn ${words.style || "primary"} full`, value: "yes" }, words.confirm.text))));
    $("dialogs").append(dialog);
    dialog.showModal();
  });
}

// --- modals ---------------------------------------------------------------------------------------------------
function inputBlock(block) {
  const e = block.element;
  const common = { name: `${block.block_id}\n${e.action_id}`, placeholder: e.placeholder && e.placeholder.text };
  let entry;
  if (e.type === "plain_text_input") {
    entry = e.multiline ? h("textarea", { ...common, rows: 4 }, e.initial_value || "") : h("input", { ...common, type: "text", value: e.initial_value, autocomplete: "off" });
  } else if (e.type === "static_select") {
    entry = h("select", { ...common, class: "pick" }, h("option", { value: "" }, common.placeholder || "Choose…"),
      allOptions(e).map((o) => h("option", { value: o.value, selected: same(e.initial_option, o) }, o.text.text)));
  } else {
    const kind = e.type === "checkboxes" ? "checkbox" : "radio";
    const on = (o) => same(e.initial_option, o) || (e.initial_options || []).some((i) => same(i, o));
    entry = h("div", null, e.options.map((o) => h("label", { class: "choice" }, h("input", { type: kind, name: common.name, value: o.value, checked: on(o) }),
      h("span", null, textOf(o.text), o.description ? h("small", null, o.description.text) : null))));
  }
  return h(entry.tagName === "DIV" ? "div" : "label", { class: "field", "data-block": block.block_id },
    h("span", null, block.label.text, block.optional ? h("i", null, " (optional)") : null), entry,
    block.hint ? h("p", { class: "hint" }, block.hint.text) : null, h("p", { class: "wrong", role: "alert" }));
}

function valuesOf(form) {
  const values = {};
  for (const node of form.elements) {
    if (!node.name || !node.name.includes("\n")) continue;
    const [blockId, actionId] = node.name.split("\n");
    const block = (values[blockId] ||= {});
    if (node.type === "checkbox") { block[actionId] ||= []; if (node.checked) block[actionId].push(node.value); }
    else if (node.type !== "radio") block[actionId] = node.value;
    else if (node.checked) block[actionId] = node.value;
  }
  return values;
}

async function submitView(event, view, dialog) {
  event.preventDefault();
  const button = dialog.querySelector("button[type=submit]");
  button.disabled = true;
  const answer = await ask("submit", { view_id: view.id, values: valuesOf(event.target) });
  button.disabled = false;
  for (const node of dialog.querySelectorAll(".field")) {
    const wrong = (answer.errors || {})[node.dataset.block] || "";
    node.classList.toggle("bad", Boolean(wrong));
    node.querySelector(".wrong").textContent = wrong;
  }
  const bad = dialog.querySelector(".bad input, .bad textarea, .bad select");
  if (bad) bad.focus();
  else if (!answer.ok) toast(trouble(answer));
}

function drawViews() {
  const wanted = new Map(now.state.views.map((view) => [view.id + view.hash, view]));
  for (const dialog of document.querySelectorAll("dialog[data-view]")) {
    if (!wanted.has(dialog.dataset.view)) { dialog.gone = true; dialog.close(); dialog.remove(); }
  }
  for (const [key, view] of wanted) {
    if (document.querySelector(`dialog[data-view="${CSS.escape(key)}"]`)) continue;
    const leave = () => { if (!dialog.gone) ask("close_view", { view_id: view.id }); };
    const dialog = h("dialog", { "data-view": key, "aria-label": view.title.text, oncancel: (event) => { event.preventDefault(); leave(); } },
      h("form", { novalidate: true, onsubmit: (event) => submitView(event, view, dialog) },
        h("header", null, h("span", { class: "face app", "aria-hidden": "true" }, "☾"), h("h2", null, view.title.text),
          h("button", { type: "button", class: "icon", "aria-label": "Close", onclick: leave }, "✕")),
        h("div", { class: "inside" }, blocks(view.blocks, { view_id: view.id })),
        h("footer", null, h("button", { type: "button", class: "btn", onclick: leave }, view.close ? view.close.text : "Cancel"),
          view.submit ? h("button", { type: "submit", class: "btn primary" }, view.submit.text) : null)));
    $("dialogs").append(dialog);
    dialog.showModal();
    const first = dialog.querySelector(".field input, .field textarea, .field select");
    if (first) first.focus();
  }
}

// --- messages -------------------------------------------------------------------------------------------------
const clock = (ts) => new Date(ts * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
const isApp = (id) => id === now.state.app.user;

function face(id) {
  if (isApp(id)) return h("span", { class: "face app", "aria-hidden": "true" }, "☾");
  const letters = nameOf(id).split(" ").map((word) => word[0]).slice(0, 2).join("");
  const shade = [...id].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 7;
  return h("span", { class: `face f${shade}`, "aria-hidden": "true" }, letters);
}

function kindOf(user) {
  if (!user) return null;
  if (user.is_bot) return "APP";
  return user.deleted ? "left" : user.is_stranger ? "partner" : user.is_restricted ? "guest" : null;
}

function fileCard(file) {
  return h("div", { class: "file" }, h("header", null, h("strong", null, link(file.permalink, file.title)), h("span", null, `${file.size} bytes`)),
    file.preview ? h("pre", { tabindex: 0 }, file.preview) : null);
}

function messageNode(message, inThread) {
  const kind = kindOf(person(message.user));
  const at = { channel: now.channel, ts: message.ts };
  const spoken = message.blocks && message.blocks.length ? blocks(message.blocks, at) : message.text ? [h("div", { class: "say" }, mrkdwn(message.text))] : [];
  return h("article", { class: `msg ${message.is_ephemeral ? "note" : ""} ${message.ts === now.target ? "target" : ""}`, "data-ts": message.ts },
    message.is_ephemeral ? h("p", { class: "only" }, "Only visible to you") : null, face(message.user),
    h("div", { class: "body" },
      h("div", { class: "by" }, h("strong", null, nameOf(message.user)), kind ? h("span", { class: "tag" }, kind) : null,
        h("time", { title: new Date(message.ts * 1000).toLocaleString() }, clock(message.ts)),
        message.edited ? h("span", { class: "edited" }, "(edited)") : null),
      spoken, (message.files || []).map(fileCard),
      troubles.has(message.ts) ? h("p", { class: "trouble", role: "alert" }, "⚠ " + troubles.get(message.ts)) : null,
      message.reactions ? h("div", { class: "react" }, message.reactions.map((r) => h("span", null, `${EMOJI[r.name] || ":" + r.name + ":"} ${r.count}`))) : null,
      !inThread && message.reply_count ? h("button", { type: "button", class: "more", onclick: () => openThread(message.ts) },
        (message.reply_users || []).slice(0, 3).map(face), `${message.reply_count} ${message.reply_count === 1 ? "reply" : "replies"}`,
        h("small", null, `last at ${clock(message.latest_reply)}`)) : null,
      !inThread && !message.reply_count && !message.is_ephemeral ? h("button", { type: "button", class: "more quiet", onclick: () => openThread(message.ts) }, "Reply") : null));
}

// Only what differs is redrawn, so that a button keeps its focus while something else changes.
function fill(box, messages, inThread) {
  const old = drawn.get(box.id) || new Map();
  const fresh = new Map();
  const low = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  const nodes = [];
  let day = "";
  for (const message of messages) {
    const on = new Date(message.ts * 1000).toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" });
    if (on !== day && !inThread) nodes.push(h("div", { class: "day" }, on));
    day = on;
    const json = JSON.stringify([message, troubles.get(message.ts), now.user, inThread]);
    const kept = old.get(message.ts);
    const entry = kept && kept.json === json ? kept : { json, node: messageNode(message, inThread) };
    fresh.set(message.ts, entry);
    nodes.push(entry.node);
  }
  const focused = document.activeElement;
  box.replaceChildren(...(nodes.length ? nodes : [h("p", { class: "empty" }, "Nothing has been said here yet.")]));
  if (focused && box.contains(focused)) focused.focus({ preventScroll: true });
  drawn.set(box.id, fresh);
  const mark = box.querySelector(".msg.target");
  if (mark && !box.marked) { box.marked = true; mark.scrollIntoView({ block: "center" }); }
  else if (low) box.scrollTop = box.scrollHeight;
}

// --- the whole ------------------------------------------------------------------------------------------------
const channelNow = () => now.state.channels.find((channel) => channel.id === now.channel) || now.state.channels[0];
const isReply = (message) => message.thread_ts && message.thread_ts !== message.ts;

function draw() {
  const state = now.state;
  if (!state) return;
  $("team").textContent = state.team.name;
  const on = state.mode === "http" || state.connections > 0;
  $("link").className = on ? "on" : "off";
  $("link").textContent = state.mode === "http" ? "HTTP" : on ? "app on" : "app off";
  drawSide(state);
  const channel = channelNow();
  $("compose").hidden = now.home || !channel;
  if (now.home || !channel) drawHome(state, channel);
  else drawChannel(channel);
  drawThread(channel);
  drawViews();
}

function drawSide(state) {
  const entry = (sign, label, current, open, unread) => h("li", { class: unread ? "unread" : "" },
    h("button", { type: "button", "aria-current": String(current), onclick: open }, h("span", { class: "sign", "aria-hidden": "true" }, sign), label, unread ? h("b", null, unread) : null));
  const list = state.channels.map((channel) => {
    const shown = !now.home && channel.id === channelNow().id;
    const news = channel.messages.filter((m) => Number(m.ts) > (seen.get(channel.id) || 0)).length;
    if (shown || !seen.has(channel.id)) seen.set(channel.id, Number((channel.messages.at(-1) || { ts: 0 }).ts));
    return entry(channel.shared ? "⇄" : "#", channel.name, shown, () => go({ channel: channel.id, home: false, thread: null }), shown ? 0 : news);
  });
  $("channels").replaceChildren(...list);
  $("apps").replaceChildren(entry("☾", state.app.name, now.home, () => { go({ home: true, thread: null }); ask("open_home", {}); }, 0));
  const people = state.users.filter((user) => !user.is_bot && !user.deleted);
  const options = people.map((user) => h("option", { value: user.id, selected: user.id === now.user }, user.real_name + (kindOf(user) ? ` (${kindOf(user)})` : "")));
  $("me").replaceChildren(...options);
}

function drawChannel(channel) {
  const sign = channel.shared ? "⇄ " : "# ";
  $("title").textContent = sign + channel.name;
  document.title = `${sign}${channel.name} · Pretend Slack`;
  $("topic").textContent = channel.topic;
  $("members").textContent = `${channel.members} members`;
  $("compose").firstElementChild.placeholder = `Message #${channel.name}, or /${now.state.app.name.toLowerCase()} …`;
  fill($("log"), channel.messages.filter((message) => !isReply(message)), false);
}

function drawHome(state) {
  $("title").textContent = state.app.name;
  $("topic").textContent = "App Home";
  $("members").textContent = "";
  const key = JSON.stringify([state.home, now.user]);
  const box = $("log");
  if (drawn.get("home") === key && !drawn.has("log")) return;
  drawn.set("home", key);
  drawn.delete("log");
  const inside = state.home ? blocks(state.home.blocks, { view_id: state.home.id }) : "The app has not published a home for you.";
  box.replaceChildren(h("div", { class: state.home ? "msg home" : "empty" }, state.home ? [h("span"), h("div", { class: "body" }, inside)] : inside));
}

function drawThread(channel) {
  const parent = channel && now.thread && !now.home ? channel.messages.find((message) => message.ts === now.thread) : null;
  $("thread").hidden = !parent;
  if (!parent) return;
  $("thread-where").textContent = `# ${channel.name}`;
  fill($("replies"), [parent, ...channel.messages.filter((m) => isReply(m) && m.thread_ts === now.thread)], true);
}

function go(change) {
  Object.assign(now, change, { target: null });
  const next = new URLSearchParams({ user: now.user, channel: now.channel });
  if (query.get("theme")) next.set("theme", query.get("theme"));
  if (now.thread) next.set("thread", now.thread);
  if (now.home) next.set("home", "1");
  history.replaceState(null, "", "?" + next);
  drawer(false);
  draw();
}

function openThread(ts) { go({ thread: ts }); $("reply").firstElementChild.focus(); }

function drawer(open) {
  $("side").classList.toggle("open", open);
  $("veil").hidden = !open;
  $("menu").setAttribute("aria-expanded", String(open));
}

let toastTimer;
function toast(words) {
  $("toast").textContent = words;
  $("toast").hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { $("toast").hidden = true; }, 6000);
}

// --- the server -----------------------------------------------------------------------------------------------
async function ask(act, details) {
  try {
    const answer = await fetch(`/page/api/${act}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ user: now.user, ...details }) });
    return await answer.json();
  } catch { return { ok: false, error: "unreachable" }; }
}

let loading = false, again = false;
async function load() {
  if (loading) { again = true; return; }
  loading = true;
  try {
    do {
      again = false;
      const answer = await fetch(`/page/api/state?user=${encodeURIComponent(now.user)}`);
      const state = await answer.json();
      if (state.ok) { now.state = state; draw(); }
      else if (now.user !== "U0ADA000001") { now.user = "U0ADA000001"; again = true; }
    } while (again);
  } catch { $("link").className = "off"; $("link").textContent = "page offline"; }
  loading = false;
}

function composer(form, thread) {
  const area = form.firstElementChild;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = area.value.trim();
    if (!text) return;
    area.value = "";
    const name = text.startsWith("/") ? "slash" : "say";
    const answer = await ask(name, { channel: channelNow().id, text, thread_ts: thread() });
    if (!answer.ok) { toast(trouble(answer)); area.value = text; }
  });
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
$("thread-close").addEventListener("click", () => go({ thread: null }));
$("me").addEventListener("change", (event) => { localStorage.setItem("pretend-user", event.target.value); go({ user: event.target.value }); load(); });
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
  if (!$("veil").hidden) drawer(false); else if (now.thread) go({ thread: null });
});
composer($("compose"), () => null);
composer($("reply"), () => now.thread);
const stream = new EventSource("/page/api/events");
stream.onmessage = load;
stream.onerror = () => { $("link").className = "off"; $("link").textContent = "page offline"; };
load();
