// Block Kit as nodes: every block and element that Slack has in messages, modals and on the home tab. What cannot be
// drawn is shown by its type and content, never dropped.
import { emoji } from "./emoji.js";
import { fileCard } from "./files.js";
import { confirmed } from "./modals.js";
import { link, mrkdwn, rich, textOf } from "./text.js";
import { ask, channels, h, nameOf, now, toast, trouble } from "./world.js";

export const troubles = new Map(); // message ts -> what went wrong with the last click
let redraw = () => {};
export const whenTroubled = (work) => { redraw = work; };

// --- what is chosen and typed -----------------------------------------------------------------------------------
const nameFor = (block, element) => `${block.block_id}\n${element.action_id}`;

const taken = new WeakMap(); // input of an external menu -> the option taken

function valueOf(node) {
  if (node.list) return taken.get(node) || "";
  if (node.type === "checkbox") return null;
  if (node.type === "datetime-local") return node.value ? Math.floor(new Date(node.value).getTime() / 1000) : "";
  return node.value;
}

// What stands in all inputs beneath a node: block id -> action id -> value.
export function valuesOf(root) {
  const values = {};
  for (const node of root.querySelectorAll("[name]")) {
    if (!node.name.includes("\n")) continue;
    const [blockId, actionId] = node.name.split("\n");
    const block = (values[blockId] ||= {});
    if (node.type === "checkbox") { block[actionId] ||= []; if (node.checked) block[actionId].push(node.value); }
    else if (node.type !== "radio" || node.checked) block[actionId] = valueOf(node);
  }
  return values;
}

export function setValue(node, value) {
  if (node.list) { taken.set(node, value); node.value = value ? value.text.text : ""; }
  else if (node.type === "checkbox") node.checked = value.includes(node.value);
  else if (node.type === "radio") node.checked = node.value === value;
  else if (node.type === "datetime-local") node.value = local(value) || "";
  else node.value = value;
}

export async function press(element, value, at, node) {
  if (element.confirm && !(await confirmed(element.confirm))) return;
  const root = node.closest("[data-values]");
  node.classList.add("busy");
  node.setAttribute("aria-busy", "true");
  const answer = await ask("click", { ...at, action_id: element.action_id, value, confirmed: true, values: root ? valuesOf(root) : {} });
  node.classList.remove("busy");
  node.removeAttribute("aria-busy");
  if (at.ts) { if (answer.ok) troubles.delete(at.ts); else troubles.set(at.ts, trouble(answer)); redraw(); }
  else if (!answer.ok) toast(trouble(answer));
}

// --- elements -------------------------------------------------------------------------------------------------
const same = (one, other) => Boolean(one && one.value === other.value);
const option = (o, on) => h("option", { value: o.value, selected: on }, emoji(o.text.text));

// Menus of people and places are filled by Slack's client and not by the app.
function listed(element) {
  const people = () => now.state.users.filter((user) => !user.deleted).map((user) => ({ value: user.id, text: { text: user.real_name } }));
  const places = () => now.state.channels.map((channel) => ({ value: channel.id, text: { text: "#" + channel.name } }));
  if (/users_select$/.test(element.type)) return people();
  if (/channels_select$/.test(element.type)) return places();
  return [...places(), ...now.state.directs.map((direct) => ({ value: direct.id, text: { text: nameOf(now.state.app.user) } }))];
}

const offered = (element) => (/(?:users|channels|conversations)_select$/.test(element.type) ? listed(element) : element.options || []);

function chosenFirst(element) {
  const single = element.initial_option ? element.initial_option.value : element.initial_user || element.initial_channel || element.initial_conversation;
  const many = element.initial_options ? element.initial_options.map((o) => o.value) : element.initial_users || element.initial_channels || element.initial_conversations;
  const current = element.default_to_current_conversation && !single ? now.channel : single;
  return many || (current ? [current] : []);
}

function menu(element, name, changed) {
  const first = chosenFirst(element);
  const label = element.placeholder ? element.placeholder.text : "Choose…";
  const groups = (element.option_groups || []).map((group) => h("optgroup", { label: group.label.text }, group.options.map((o) => option(o, first.includes(o.value)))));
  return h("select", { name, class: "pick", "aria-label": label, "data-action": element.action_id, onchange: changed },
    h("option", { value: "" }, label), offered(element).map((o) => option(o, first.includes(o.value))), groups);
}

function choices(element, name, kind, changed) {
  const first = chosenFirst(element);
  const all = [...offered(element), ...(element.option_groups || []).flatMap((group) => group.options)];
  const boxes = all.map((o) => h("label", { class: "choice" }, h("input", { type: kind, name, value: o.value, checked: first.includes(o.value), onchange: changed }),
    h("span", null, textOf({ type: "plain_text", ...o.text }), o.description ? h("small", null, emoji(o.description.text)) : null)));
  return h("div", { class: element.type.startsWith("multi_") ? "choices many" : "choices", role: kind === "radio" ? "radiogroup" : "group", "data-action": element.action_id }, boxes);
}

function local(stamp) {
  if (!stamp) return null;
  const at = new Date(stamp * 1000);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

function typed(element, name, changed) {
  const common = { name, placeholder: element.placeholder && element.placeholder.text, "data-action": element.action_id, autofocus: element.focus_on_load, onchange: changed };
  const initial = typeof element.initial_value === "string" ? element.initial_value : null;
  if (element.multiline || element.type === "rich_text_input") return h("textarea", { ...common, rows: 4, maxlength: element.max_length }, initial || "");
  const kinds = { datepicker: ["date", element.initial_date], timepicker: ["time", element.initial_time],
    datetimepicker: ["datetime-local", local(element.initial_date_time)], url_text_input: ["url", initial], email_text_input: ["email", initial] };
  const [type, value] = kinds[element.type] || ["text", initial];
  return h("input", { ...common, type, value, autocomplete: "off", class: type === "text" ? null : "pick", inputmode: element.type === "number_input" ? "decimal" : null });
}

let lists = 0;
// A menu that the app fills while somebody types.
function external(element, name, changed, at) {
  const id = `offer-${(lists += 1)}`;
  const list = h("datalist", { id });
  let options = [], timer;
  const search = async (typed) => {
    const answer = await ask("suggest", { ...at, action_id: element.action_id, value: typed });
    if (!answer.ok) { toast(trouble(answer)); return; }
    options = answer.options;
    list.replaceChildren(...options.map((o) => h("option", { value: o.text.text })));
  };
  const input = h("input", { name, type: "text", class: "pick", list: id, autocomplete: "off", "data-action": element.action_id, role: "combobox",
    placeholder: element.placeholder ? element.placeholder.text : "Search…", value: element.initial_option && element.initial_option.text.text });
  if (element.initial_option) taken.set(input, element.initial_option);
  input.addEventListener("input", (event) => {
    const found = options.find((o) => o.text.text === input.value);
    taken.set(input, found || null);
    clearTimeout(timer);
    if (found) { if (changed) changed(event); return; }
    const least = element.min_query_length === undefined ? 3 : element.min_query_length;
    if (input.value.length >= least) timer = setTimeout(() => search(input.value), 200);
  });
  return h("span", { class: "external" }, input, list);
}

// An element that holds a value, alone or in an input block. `changed` is told when a person has chosen.
export function entry(element, name, changed, at) {
  if (element.type === "external_select") return external(element, name, changed, at);
  if (element.type === "checkboxes" || element.type.startsWith("multi_")) return choices(element, name, "checkbox", changed);
  if (element.type === "radio_buttons") return choices(element, name, "radio", changed);
  if (/select$/.test(element.type)) return menu(element, name, changed);
  return /(?:_input|picker)$/.test(element.type) ? typed(element, name, changed) : unknown(element);
}

function button(element, at) {
  const props = { class: `btn ${element.style || ""}`, "data-action": element.action_id, "aria-label": element.accessibility_label,
    onclick: (event) => press(element, element.value, at, event.currentTarget) };
  const words = emoji(element.text.text);
  // A button with an address opens it, and the app is told as well.
  if (element.url && /^https?:\/\//.test(element.url)) return h("a", { ...props, href: element.url, target: "_blank", rel: "noopener noreferrer" }, words);
  return h("button", { ...props, type: "button" }, words);
}

let popovers = 0;
function overflow(element, at) {
  const id = `overflow-${(popovers += 1)}`;
  const choose = (o) => (event) => { list.hidePopover(); press(element, o.value, at, opener); event.stopPropagation(); };
  const list = h("div", { id, class: "popup", popover: "auto", role: "menu" }, element.options.map((o) =>
    h("button", { type: "button", role: "menuitem", onclick: choose(o) }, emoji(o.text.text), o.description ? h("small", null, o.description.text) : null)));
  const opener = h("button", { type: "button", class: "btn dots", "aria-label": "More actions", "aria-haspopup": "menu", "data-action": element.action_id, popovertarget: id }, "⋯");
  list.addEventListener("toggle", (event) => { if (event.newState === "open") { place(list, opener); list.querySelector("button").focus(); } });
  return h("span", { class: "overflow" }, opener, list);
}

export function place(list, opener) {
  const spot = opener.getBoundingClientRect();
  list.style.left = `${Math.max(8, Math.min(spot.left, innerWidth - list.offsetWidth - 8))}px`;
  const below = spot.bottom + 4 + list.offsetHeight < innerHeight;
  list.style.top = `${below ? spot.bottom + 4 : Math.max(8, spot.top - list.offsetHeight - 4)}px`;
}

function control(element, block, at) {
  if (element.type === "image") return picture(element, "thumb");
  if (element.type === "button") return button(element, at);
  if (element.type === "overflow") return overflow(element, at);
  if (element.type === "workflow_button") return h("button", { type: "button", class: "btn", disabled: true, title: "There are no workflows here" }, emoji(element.text.text));
  const changed = (event) => {
    const group = event.target.closest(".choices");
    const value = valuesOf(group || event.target.parentNode)[block.block_id][element.action_id];
    if (value !== "") press(element, value, at, group || event.target);
  };
  return entry(element, nameFor(block, element), changed, at);
}

// --- blocks ---------------------------------------------------------------------------------------------------
function field(object) {
  // A first line standing alone reads as the label of what follows, as it does in Slack with a bold one.
  const [first, ...rest] = object.text.split("\n");
  if (!rest.length) return h("div", null, textOf(object));
  const label = object.type === "mrkdwn" ? mrkdwn(first) : [emoji(first)];
  return h("div", null, h("span", { class: "first" }, label), textOf({ ...object, text: rest.join("\n") }));
}

// Pictures of this server are shown; others are named and never fetched: this page asks nobody else for anything.
function picture(block, size) {
  const file = block.slack_file ? block.slack_file.id || String(block.slack_file.url).split("/").pop() : null;
  const own = file || (block.image_url && block.image_url.startsWith(location.origin + "/files/") ? block.image_url.split("/").pop() : null);
  return own ? h("img", { class: `picture ${size || ""}`, src: `/files/${encodeURIComponent(own)}`, alt: block.alt_text })
    : h("span", { class: "image", title: block.image_url }, `Picture: ${block.alt_text}`);
}

function unknown(block) {
  return h("div", { class: "block unknown" }, h("strong", null, `“${block.type}” is not drawn here.`), h("pre", { tabindex: 0 }, JSON.stringify(block, null, 1)));
}

function inputBlock(block, at) {
  const dispatched = (event) => { const value = valuesOf(event.target.parentNode)[block.block_id][block.element.action_id]; press(block.element, value, at, event.target); };
  const made = entry(block.element, nameFor(block, block.element), block.dispatch_action ? dispatched : null, at);
  const id = `wrong-${block.block_id}`;
  const inner = made.matches(".external") ? made.firstChild : made.matches("input, textarea, select") ? made : null;
  if (inner) inner.setAttribute("aria-describedby", id);
  return h(inner ? "label" : "fieldset", { class: "field", "data-block": block.block_id },
    h(inner ? "span" : "legend", { class: "label" }, emoji(block.label.text), block.optional ? h("i", null, " (optional)") : null), made,
    block.hint ? h("p", { class: "hint" }, emoji(block.hint.text)) : null, h("p", { class: "wrong", role: "alert", id }));
}

const BLOCKS = {
  header: (b) => h("h3", { class: "block b-header" }, emoji(b.text.text)),
  divider: () => h("hr", { class: "block b-divider" }),
  context: (b) => h("div", { class: "block b-context" }, b.elements.map((e) => (e.type === "image" ? picture(e, "icon-size") : h("span", null, textOf(e))))),
  section: (b, at) => h("div", { class: "block b-section" },
    h("div", null, b.text ? h("div", { class: "say" }, textOf(b.text)) : null, b.fields ? h("div", { class: "fields" }, b.fields.map(field)) : null),
    b.accessory ? h("div", { class: "accessory" }, control(b.accessory, b, at)) : null),
  actions: (b, at) => h("div", { class: "block b-actions" }, b.elements.map((e) => control(e, b, at))),
  rich_text: (b) => h("div", { class: "block b-rich" }, b.elements.map(rich)),
  image: (b) => h("figure", { class: "block" }, b.title ? h("figcaption", null, emoji(b.title.text)) : null, picture(b)),
  input: inputBlock,
  markdown: (b) => h("div", { class: "block say" }, b.text),
  file: (b) => h("div", { class: "block image" }, `Remote file ${b.external_id}`),
  video: (b) => h("div", { class: "block image" }, h("strong", null, link(b.title_url || b.video_url, b.title.text)), ` Video: ${b.alt_text}`),
};

export const blocks = (list, at) => (list || []).map((b) => (BLOCKS[b.type] ? BLOCKS[b.type](b, at) : unknown(b)));
export { fileCard };
