// Text as Slack writes it: mrkdwn, plain_text and rich_text, as nodes.
import { emoji, emojiNamed } from "./emoji.js";
import { channelName, h, nameOf, now } from "./world.js";

const unescaped = (text) => text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
const mention = (text) => h("span", { class: "mention" }, text);
const groupName = (id) => now.state.groups[id] || id;

export function link(url, label) {
  // Only addresses a person could safely open; anything else stays text.
  return /^(?:https?:\/\/|mailto:)/i.test(url)
    ? h("a", { href: url, rel: "noopener noreferrer", target: "_blank" }, label || url.replace(/^mailto:/, "")) : document.createTextNode(label || url);
}

// Slack's date tokens, https://docs.slack.dev/messaging/formatting-message-text#date-formatting
export function dated(stamp, format, fallback) {
  const at = new Date(stamp * 1000);
  if (Number.isNaN(at.getTime())) return fallback || "";
  const day = (options) => at.toLocaleDateString([], options);
  const made = {
    date_num: () => at.toISOString().slice(0, 10), date: () => day({ dateStyle: "long" }), date_short: () => day({ dateStyle: "medium" }),
    date_long: () => day({ dateStyle: "full" }), date_pretty: () => day({ dateStyle: "long" }), date_short_pretty: () => day({ dateStyle: "medium" }),
    date_long_pretty: () => day({ dateStyle: "full" }), time: () => at.toLocaleTimeString([], { timeStyle: "short" }),
    time_secs: () => at.toLocaleTimeString([], { timeStyle: "medium" }), ago: () => at.toLocaleString(),
  };
  return format.replace(/\{(\w+)\}/g, (all, name) => (made[name] ? made[name]() : all));
}

// No pattern looks beyond the next "<", so that a long text without an end to its marks is read in linear time.
const SPANS = [
  [/```\n?([\s\S]*?)\n?```/g, (m) => h("pre", { tabindex: 0 }, unescaped(m[1]))],
  [/`([^`\n]+)`/g, (m) => h("code", null, unescaped(m[1]))],
  [/<@([A-Z0-9]{1,20})(?:\|[^<>]*)?>/g, (m) => mention("@" + nameOf(m[1]))],
  [/<#([A-Z0-9]{1,20})(?:\|([^<>]*))?>/g, (m) => mention("#" + (m[2] || channelName(m[1])))],
  [/<!subteam\^([A-Z0-9]{1,20})(?:\|@?([^<>]*))?>/g, (m) => mention("@" + (m[2] || groupName(m[1])))],
  [/<!date\^(\d{1,12})\^([^|^<>]{1,200})(?:\^[^|<>]{1,3000})?\|([^<>]*)>/g, (m) => h("time", null, dated(Number(m[1]), m[2], m[3]))],
  [/<!(here|channel|everyone)(?:\|[^<>]*)?>/g, (m) => mention("@" + m[1])],
  [/<((?:https?|mailto):[^|<>\s]+)(?:\|([^<>]*))?>/gi, (m) => link(unescaped(m[1]), m[2] && unescaped(m[2]))],
  [/(?<![\w<|])https?:\/\/[^\s<>|]*[^\s<>|.,;:!?)\]}'"*_~`]/g, (m) => link(unescaped(m[0]))],
  [/(?<![\w*])\*([^\s*](?:[^*\n]*[^\s*])?)\*(?![\w*])/g, (m, quoted) => h("strong", null, mrkdwn(m[1], quoted))],
  [/(?<!\w)_([^\s_](?:[^_\n]*[^\s_])?)_(?!\w)/g, (m, quoted) => h("em", null, mrkdwn(m[1], quoted))],
  [/(?<!\w)~([^\s~](?:[^~\n]*[^\s~])?)~(?!\w)/g, (m, quoted) => h("s", null, mrkdwn(m[1], quoted))],
];
// A quote holds no quotes in Slack either; here it also keeps a thousand marks from becoming a thousand levels.
const QUOTES = [
  [/(?:^|(?<=\n))(?:&gt;|>){3} ?([\s\S]+)/g, (m) => h("blockquote", null, mrkdwn(m[1], true))],
  [/(?:^|(?<=\n))((?:(?:&gt;|>)[^\n]*(?:\n|$))+)/g, (m) => h("blockquote", null, mrkdwn(m[1].replace(/^(?:&gt;|>) ?/gm, "").replace(/\n$/, ""), true))],
];

export function mrkdwn(text, quoted) {
  const spans = quoted ? SPANS : [...SPANS, ...QUOTES];
  const made = [];
  // Each pattern's next place is kept until it is passed, so a long text is walked once for each and not once for each span.
  const ahead = spans.map(() => undefined);
  for (let at = 0; ;) {
    let first = -1;
    spans.forEach(([pattern], index) => {
      if (ahead[index] === undefined || (ahead[index] && ahead[index].index < at)) {
        pattern.lastIndex = at;
        ahead[index] = pattern.exec(text);
      }
      if (ahead[index] && (first < 0 || ahead[index].index < ahead[first].index)) first = index;
    });
    if (first < 0) return [...made, emoji(unescaped(text.slice(at)))];
    const match = ahead[first];
    made.push(emoji(unescaped(text.slice(at, match.index))), spans[first][1](match, quoted));
    at = match.index + match[0].length;
  }
}

export const textOf = (object) => (object.type === "mrkdwn" ? mrkdwn(object.text) : [emoji(object.text)]);

// What a person types, as Slack's composer sends it: marks escaped, names turned into mentions.
export function composed(text) {
  let sent = text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  for (const user of now.state.users) {
    for (const name of [user.real_name, user.name]) sent = sent.replace(new RegExp(`(?<![\\w@])@${name.replace(/[^\w ]/g, "\\$&")}(?!\\w)`, "gi"), `<@${user.id}>`);
  }
  for (const channel of now.state.channels) sent = sent.replace(new RegExp(`(?<![\\w#])#${channel.name}(?![\\w-])`, "g"), `<#${channel.id}|${channel.name}>`);
  return sent;
}

// --- rich text ------------------------------------------------------------------------------------------------
const STYLES = [["code", "code"], ["bold", "strong"], ["italic", "em"], ["strike", "s"], ["underline", "u"]];

function span(element) {
  const made = {
    text: () => element.text, link: () => link(element.url, element.text), emoji: () => emojiNamed(element.name),
    user: () => mention("@" + nameOf(element.user_id)), usergroup: () => mention("@" + groupName(element.usergroup_id)),
    channel: () => mention("#" + channelName(element.channel_id)), broadcast: () => mention("@" + element.range),
    date: () => h("time", null, dated(element.timestamp, element.format, element.fallback)),
    color: () => h("code", null, element.value),
  }[element.type];
  let node = made ? made() : h("span", { class: "unknown" }, `[${element.type}]`);
  for (const [name, tag] of STYLES) if ((element.style || {})[name]) node = h(tag, null, node);
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

export function rich(element) {
  const border = element.border ? " border" : "";
  if (element.type === "rich_text_preformatted") return preformatted(element);
  if (element.type === "rich_text_quote") return h("blockquote", { class: "say" }, element.elements.map(span));
  if (element.type === "rich_text_list") {
    const ordered = element.style === "ordered";
    return h(ordered ? "ol" : "ul", { class: `indent${element.indent || 0}${border}`, start: ordered && element.offset ? element.offset + 1 : null },
      element.elements.map((item) => h("li", { class: "say" }, item.elements.map(span))));
  }
  return h("div", { class: "say" }, element.elements.map(span));
}
