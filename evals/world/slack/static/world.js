// What the other scripts share: what is known now, whom it is about, how nodes are made, how the server is asked.
// Everything is built from text nodes, so nothing a message says can become markup.
const query = new URLSearchParams(location.search);

export const now = {
  user: query.get("user") || localStorage.getItem("pretend-user") || "U0ADA000001",
  channel: query.get("channel") || localStorage.getItem("pretend-channel") || "C0INCIDENTS",
  thread: query.get("thread"), home: query.has("home"), target: query.get("ts"), state: null,
  // Notes older than this page are gone, as they are in Slack after a reload.
  since: null,
};

export const $ = (id) => document.getElementById(id);

export function h(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== "" && child !== false));
  return node;
}

// Nodes that stay are not touched: they keep their focus, their selection and what was typed into them.
export function reconcile(box, nodes) {
  const wanted = new Set(nodes);
  for (const node of [...box.childNodes]) if (!wanted.has(node)) node.remove();
  nodes.forEach((node, index) => { if (box.childNodes[index] !== node) box.insertBefore(node, box.childNodes[index] || null); });
}

export const person = (id) => now.state.users.find((user) => user.id === id);
export const nameOf = (id) => { const user = person(id); return user ? user.real_name : id; };
export const channels = () => [...now.state.channels, ...now.state.directs];
export const channelName = (id) => { const found = now.state.channels.find((channel) => channel.id === id); return found ? found.name : id; };

export function kindOf(user) {
  if (!user) return null;
  if (user.is_bot) return "APP";
  if (user.deleted) return "deactivated";
  return user.is_stranger ? "partner" : user.is_restricted ? "guest" : null;
}

export function face(id) {
  const user = person(id);
  if (user && user.id === now.state.app.user) return h("span", { class: "face app", "aria-hidden": "true" }, "☾");
  const letters = (user ? user.real_name : id).split(" ").map((part) => part[0]).slice(0, 2).join("");
  const shade = [...String(id)].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 7;
  return h("span", { class: `face f${shade}`, "aria-hidden": "true" }, letters);
}

export async function ask(act, details) {
  try {
    const answer = await fetch(`/page/api/${act}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ user: now.user, ...details }) });
    return await answer.json();
  } catch { return { ok: false, error: "unreachable" }; }
}

const REASONS = {
  app_did_not_respond: "The app did not respond. Nothing is known to have happened; try again.",
  unreachable: "The pretend Slack cannot be reached.",
  account_inactive: "This account is deactivated: it can do nothing here.",
  not_in_channel: "You are not in this channel.",
  action_not_found: "This button is no longer there.",
  message_not_found: "This message is no longer there.",
  view_not_found: "This form is no longer open.",
  trouble_connecting: "The app answered with a form that Slack refuses.",
  refused_by_app: "The app refused the form.",
  messages_tab_disabled: "Sending messages to this app is turned off.",
};
export const trouble = (answer) => REASONS[answer.error] || `Slack says: ${answer.error}`;

let toastTimer;
export function toast(words) {
  $("toast").textContent = words;
  $("toast").hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { $("toast").hidden = true; }, 6000);
}
