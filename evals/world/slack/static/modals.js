// Confirm dialogs and modals. The topmost modal is shown; what was typed into one survives its update, as in Slack.
import { blocks, setValue, valuesOf } from "./blocks.js";
import { textOf } from "./text.js";
import { $, ask, h, now, toast, trouble } from "./world.js";

const shown = new Map(); // view id -> {hash, dialog}

export function confirmed(words) {
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

function restore(form, values) {
  for (const node of form.querySelectorAll("[name]")) {
    const [blockId, actionId] = node.name.split("\n");
    const value = (values[blockId] || {})[actionId];
    if (value !== undefined) setValue(node, value);
  }
}

function complain(dialog, errors) {
  for (const node of dialog.querySelectorAll(".field")) {
    const wrong = errors[node.dataset.block] || "";
    node.classList.toggle("bad", Boolean(wrong));
    node.querySelector(".wrong").textContent = wrong;
    for (const entry of node.querySelectorAll("input, textarea, select")) entry.toggleAttribute("aria-invalid", Boolean(wrong));
  }
  const bad = dialog.querySelector(".bad input, .bad textarea, .bad select");
  if (bad) bad.focus();
  return Boolean(bad);
}

async function submit(event, view, dialog) {
  event.preventDefault();
  const button = dialog.querySelector("button[type=submit]");
  if (button.disabled) return;
  button.disabled = true;
  button.classList.add("busy");
  const answer = await ask("submit", { view_id: view.id, values: valuesOf(event.target) });
  button.disabled = false;
  button.classList.remove("busy");
  if (!complain(dialog, answer.errors || {}) && !answer.ok) toast(trouble(answer));
}

function modal(view) {
  const leave = (everything) => async () => { const answer = await ask("close_view", { view_id: view.id, everything }); if (!answer.ok) toast(trouble(answer)); };
  const dialog = h("dialog", { class: "modal", "data-view": view.id, "aria-label": view.title.text, oncancel: (event) => { event.preventDefault(); leave(false)(); } });
  dialog.append(h("form", { novalidate: true, onsubmit: (event) => submit(event, view, dialog) },
    h("header", null, h("span", { class: "face app", "aria-hidden": "true" }, "☾"), h("h2", null, view.title.text),
      h("button", { type: "button", class: "icon", "aria-label": "Close", onclick: leave(true) }, "✕")),
    h("div", { class: "inside", "data-values": "" }, blocks(view.blocks, { view_id: view.id })),
    h("footer", null, h("button", { type: "button", class: "btn", onclick: leave(false) }, view.close ? view.close.text : view.submit ? "Cancel" : "Close"),
      view.submit ? h("button", { type: "submit", class: "btn primary full" }, view.submit.text) : null)));
  return dialog;
}

function drop(id) {
  const { dialog } = shown.get(id);
  dialog.close();
  dialog.remove();
  shown.delete(id);
}

export function drawViews() {
  const views = now.state.views;
  for (const id of [...shown.keys()]) if (!views.some((view) => view.id === id)) drop(id);
  for (const view of views) {
    const old = shown.get(view.id);
    if (old && old.hash === view.hash) continue;
    const dialog = modal(view);
    if (old) { restore(dialog, valuesOf(old.dialog)); drop(view.id); }
    $("dialogs").append(dialog);
    shown.set(view.id, { hash: view.hash, dialog });
  }
  views.forEach((view, index) => {
    const { dialog } = shown.get(view.id);
    if (index < views.length - 1) { if (dialog.open) dialog.close(); return; }
    if (dialog.open) return;
    dialog.showModal();
    const first = dialog.querySelector("[autofocus]") || dialog.querySelector(".field input, .field textarea, .field select");
    if (first) first.focus();
  });
}
