// One message as a row, and a list of them: grouped by who speaks, parted by days, drawn anew only where it differs.
import { blocks, fileCard, troubles } from "./blocks.js";
import { emojiNamed } from "./emoji.js";
import { mrkdwn } from "./text.js";
import { ask, face, h, kindOf, nameOf, now, person, reconcile, toast, trouble } from "./world.js";

const TOGETHER_S = 300;
const drawn = new Map(); // container id -> Map(message ts -> {json, node})
const days = new Map(); // container id and day -> its line

const clock = (ts) => new Date(ts * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
export const isReply = (message) => Boolean(message.thread_ts && message.thread_ts !== message.ts);

function dayOf(ts) {
  const at = new Date(ts * 1000);
  const today = new Date();
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
  if (at.toDateString() === today.toDateString()) return "Today";
  if (at.toDateString() === yesterday.toDateString()) return "Yesterday";
  return at.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" });
}

async function react(at, name) {
  const answer = await ask("react", { ...at, name });
  if (!answer.ok) toast(trouble(answer));
}

function reactions(message, at) {
  if (!message.reactions || !message.reactions.length) return null;
  return h("div", { class: "react" }, message.reactions.map((r) => h("button", { type: "button", class: r.users.includes(now.user) ? "mine" : "",
    "aria-pressed": String(r.users.includes(now.user)), title: r.users.map(nameOf).join(", "), "aria-label": `${r.name}, ${r.count}`, onclick: () => react(at, r.name) }, `${emojiNamed(r.name)} ${r.count}`)));
}

function tools(message, at, open) {
  if (message.is_ephemeral) return null;
  const copy = async () => {
    const link = `${location.origin}/archives/${at.channel}/p${message.ts.replace(".", "")}${isReply(message) ? `?thread_ts=${message.thread_ts}&cid=${at.channel}` : ""}`;
    try { await navigator.clipboard.writeText(link); toast("Link copied."); } catch { toast(link); }
  };
  const tool = (label, sign, work) => h("button", { type: "button", title: label, "aria-label": label, onclick: work }, sign);
  return h("div", { class: "tools" }, tool("React with ✅", "✅", () => react(at, "white_check_mark")), tool("React with 👀", "👀", () => react(at, "eyes")),
    open ? tool("Reply in thread", "💬", () => open(message.ts)) : null, tool("Copy link", "🔗", copy));
}

function summary(message, open) {
  if (!open || !message.reply_count) return null;
  return h("button", { type: "button", class: "more", "data-thread": message.ts, onclick: () => open(message.ts) }, (message.reply_users || []).slice(0, 3).map(face),
    h("span", null, `${message.reply_count} ${message.reply_count === 1 ? "reply" : "replies"}`), h("small", null, `last at ${clock(message.latest_reply)}`));
}

function head(message) {
  const kind = kindOf(person(message.user));
  return h("div", { class: "by" }, h("strong", null, nameOf(message.user)), kind ? h("span", { class: "tag" }, kind) : null,
    h("time", { title: new Date(message.ts * 1000).toLocaleString() }, clock(message.ts)));
}

function row(message, channel, look) {
  const at = { channel, ts: message.ts };
  const edited = message.edited ? h("span", { class: "edited", title: `Edited at ${clock(message.edited.ts)}` }, "(edited)") : null;
  const said = message.blocks && message.blocks.length ? blocks(message.blocks, at) : message.text ? [h("div", { class: "say" }, mrkdwn(message.text))] : [];
  const left = look.joined ? h("time", { class: "gutter" }, clock(message.ts)) : face(message.user);
  const classes = ["msg", message.is_ephemeral && "note", message.ts === now.target && "target", look.joined && "joined"].filter(Boolean).join(" ");
  return h("article", { class: classes, "data-ts": message.ts, "data-values": "", "aria-label": `${nameOf(message.user)}, ${clock(message.ts)}` },
    message.is_ephemeral ? h("p", { class: "only" }, "👁 Only visible to you") : null, left,
    h("div", { class: "body" }, look.joined ? null : head(message), said, edited, (message.files || []).map(fileCard),
      look.trouble ? h("p", { class: "trouble", role: "alert" }, "⚠ " + look.trouble) : null, reactions(message, at), summary(message, look.open)),
    tools(message, at, look.open));
}

function joins(message, before) {
  return Boolean(before && !message.is_ephemeral && !before.is_ephemeral && before.user === message.user && message.ts - before.ts < TOGETHER_S
    && dayOf(before.ts) === dayOf(message.ts));
}

// Keeps the keyboard where it was when the row under it is drawn anew.
function refocus(old, fresh) {
  const held = document.activeElement;
  if (!old || !old.contains(held) || !held.dataset.action) return;
  const twin = fresh.querySelector(`[data-action="${CSS.escape(held.dataset.action)}"]`);
  if (twin) setTimeout(() => twin.focus({ preventScroll: true }));
}

function line(box, label, kind) {
  const key = `${box.id}\n${kind}\n${label}`;
  if (!days.has(key)) days.set(key, h("div", { class: kind, role: "separator" }, h("span", null, label)));
  return days.get(key);
}

export function forget(box) { drawn.delete(box.id); }

// Draws messages into a box. `look`: channel, open (what a click on replies does), unread (the newest ts seen before), replies (their number).
export function fill(box, messages, look) {
  const old = drawn.get(box.id) || new Map();
  const fresh = new Map();
  const nodes = [];
  let before = null;
  let parted = false;
  for (const message of messages) {
    const day = dayOf(message.ts);
    if (look.open && (!before || dayOf(before.ts) !== day)) nodes.push(line(box, day, "day"));
    const isNew = look.unread && !parted && Number(message.ts) > look.unread;
    if (isNew && before) { nodes.push(line(box, "New", "new")); parted = true; }
    const state = { joined: !isNew && before !== null && joins(message, before) && !(look.replies !== undefined && before === messages[0]), open: look.open, trouble: troubles.get(message.ts) };
    const json = JSON.stringify([message, state.trouble, state.joined, now.user, look.channel, now.target === message.ts]);
    const kept = old.get(message.ts);
    const entry = kept && kept.json === json ? kept : { json, node: row(message, look.channel, state) };
    if (kept && kept !== entry) refocus(kept.node, entry.node);
    fresh.set(message.ts, entry);
    nodes.push(entry.node);
    if (look.replies && message === messages[0]) nodes.push(line(box, `${look.replies} ${look.replies === 1 ? "reply" : "replies"}`, "count"));
    before = message;
  }
  reconcile(box, nodes.length ? nodes : [line(box, look.empty || "Nothing has been said here yet.", "empty")]);
  drawn.set(box.id, fresh);
}

const gap = (box) => box.scrollHeight - box.scrollTop - box.clientHeight;

// Whoever reads the newest words goes on doing so when the room for them changes, as it does beside a thread.
export function anchored(box) {
  let low = true;
  box.addEventListener("scroll", () => { low = gap(box) < 60; }, { passive: true });
  new ResizeObserver(() => { if (low && box.querySelector(".msg")) box.scrollTop = box.scrollHeight; }).observe(box);
}

// Fills, and stays at the bottom only when it was there; `jump` says that another conversation is shown.
export function scrolled(box, work, jump) {
  const low = gap(box) < 60;
  const height = box.scrollHeight;
  work();
  const mark = box.querySelector(".msg.target");
  if (jump && mark) mark.scrollIntoView({ block: "center" });
  else if (low || jump) box.scrollTop = box.scrollHeight;
  const below = box.parentNode.querySelector(".below");
  if (below) below.hidden = below.hidden ? low || jump || box.scrollHeight <= height : gap(box) < 60;
}
