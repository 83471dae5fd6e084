// Files as Slack shows them: text with numbered lines, pictures, and a viewer for the whole.
import { $, h, toast } from "./world.js";

const FEW = 9;

export const size = (bytes) => (bytes < 1000 ? `${bytes} bytes` : bytes < 1e6 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
const place = (file) => `/files/${encodeURIComponent(file.id)}`;
const picture = (file) => /^image\//.test(file.mimetype || "");

function numbered(lines) {
  const shaped = lines.some((line) => /^(?:diff |--- |\+\+\+ |@@ )/.test(line));
  const kind = (line) => (!shaped ? "" : /^\+(?!\+\+)/.test(line) ? "add" : /^-(?!--)/.test(line) ? "del" : "");
  return h("pre", { class: "lines", tabindex: 0 }, lines.map((line) => h("span", { class: kind(line) }, line || " ")));
}

const split = (text) => text.replace(/\n$/, "").split("\n");

async function view(file) {
  const inside = h("div", { class: "inside" });
  const dialog = h("dialog", { class: "viewer", "aria-label": file.title, onclose: () => dialog.remove() },
    h("header", null, h("h2", null, file.title), h("span", { class: "soft" }, size(file.size)), h("a", { class: "btn", href: place(file), target: "_blank", rel: "noopener noreferrer" }, "Raw"),
      h("button", { type: "button", class: "icon", "aria-label": "Close", onclick: () => dialog.close() }, "✕")), inside);
  if (picture(file)) inside.append(h("img", { class: "picture", src: place(file), alt: file.title }));
  $("dialogs").append(dialog);
  dialog.showModal();
  if (picture(file)) return;
  try {
    const answer = await fetch(place(file));
    if (!answer.ok) throw new Error(String(answer.status));
    inside.append(numbered(split(await answer.text())));
  } catch { toast("The file could not be fetched."); dialog.close(); }
}

export function fileCard(file) {
  const lines = file.preview === undefined ? null : split(file.preview);
  const more = lines && (file.lines > FEW || file.preview_is_truncated);
  const open = () => view(file);
  const about = [lines ? "Text" : picture(file) ? "Picture" : "Binary", size(file.size), more ? `${file.lines} lines` : null].filter(Boolean).join(" · ");
  return h("div", { class: "file" },
    h("header", null, h("span", { class: "sheet", "aria-hidden": "true" }, picture(file) ? "▣" : "≡"), h("div", null, h("strong", null, file.title), h("small", null, about)),
      h("button", { type: "button", class: "btn", "aria-label": `Open ${file.title}`, onclick: open }, "Open")),
    lines ? numbered(lines.slice(0, FEW)) : null,
    more ? h("button", { type: "button", class: "whole", onclick: open }, `Show all ${file.lines} lines`) : null,
    picture(file) ? h("button", { type: "button", class: "bare", "aria-label": `Open ${file.title}`, onclick: open },
      h("img", { class: "picture", src: place(file), alt: file.title, width: file.original_w, height: file.original_h })) : null);
}
