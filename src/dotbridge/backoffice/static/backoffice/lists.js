/* The forms of a list: what belongs to a type is shown with it, and the lines of its columns are added, removed and
   moved, by buttons and by dragging. */
(() => {
  "use strict";

  const showForType = (form) => {
    const chosen = form.querySelector("[data-list-type]:checked")?.value;
    form.querySelectorAll("[data-for-type]").forEach((place) => {
      place.hidden = !place.dataset.forType.split(" ").includes(chosen);
    });
  };
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-list-type]")) showForType(event.target.form);
  });
  /* The browser brings back what was chosen before one went elsewhere. */
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form:has([data-list-type])").forEach(showForType);
  });

  const form = document.querySelector("[data-columns]");
  if (!form) return;
  const lines = form.querySelector("[data-lines]");
  const pattern = form.querySelector("template[data-line]");
  const said = form.querySelector("[data-said]");
  const add = form.querySelector("[data-add]");
  const all = () => [...lines.children];
  const nameOf = (line) => line.querySelector("[data-field]").selectedOptions[0]?.textContent ?? "";

  const changed = (text) => {
    add.disabled = all().length >= Number(form.dataset.most);
    said.textContent = text;
    form.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const placeOf = (line) => `${nameOf(line)}: ${all().indexOf(line) + 1} / ${all().length}`;

  add.addEventListener("click", () => {
    lines.append(pattern.content.cloneNode(true));
    lines.lastElementChild.querySelector("[data-field]").focus();
    changed("");
  });

  lines.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    const line = event.target.closest("li");
    if (!button || !line) return;
    if (button.hasAttribute("data-remove")) {
      const next = line.nextElementSibling ?? line.previousElementSibling;
      const name = nameOf(line);
      line.remove();
      (next?.querySelector("[data-remove]") ?? add).focus();
      changed(`− ${name}`);
    } else if (button.dataset.move === "-1" && line.previousElementSibling) {
      line.previousElementSibling.before(line);
      button.focus();
      changed(placeOf(line));
    } else if (button.dataset.move === "1" && line.nextElementSibling) {
      line.nextElementSibling.after(line);
      button.focus();
      changed(placeOf(line));
    }
  });

  let dragged = null;
  lines.addEventListener("dragstart", (event) => {
    /* Text in a field is marked by the mouse, not dragged with its line. */
    if (event.target.matches?.("input, select")) { event.preventDefault(); return; }
    dragged = event.target.closest("li");
    dragged?.classList.add("is-dragged");
    event.dataTransfer.effectAllowed = "move";
  });
  lines.addEventListener("dragover", (event) => {
    const over = event.target.closest("li");
    if (!dragged || !over) return;
    event.preventDefault();
    if (over === dragged) return;
    const box = over.getBoundingClientRect();
    if (event.clientY < box.top + box.height / 2) over.before(dragged); else over.after(dragged);
  });
  lines.addEventListener("drop", (event) => event.preventDefault());
  lines.addEventListener("dragend", () => {
    if (!dragged) return;
    dragged.classList.remove("is-dragged");
    changed(placeOf(dragged));
    dragged = null;
  });
})();
