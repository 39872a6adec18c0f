/* What the pages need beyond HTML and htmx: the menu of a phone, the search, the theme, dialogs, forms that were changed.
   Everything is found by a data attribute, so that pieces that htmx brings later work as well. */
(() => {
  "use strict";

  const root = document.documentElement;

  const openSearch = () => {
    const dialog = document.querySelector("[data-search]");
    if (!dialog || dialog.open) return;
    dialog.showModal();
    dialog.querySelector("input").select();
  };

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openSearch();
    }
    const dialog = event.target.closest?.("[data-search]");
    if (dialog && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      const stops = [dialog.querySelector("input"), ...dialog.querySelectorAll(".search__found a")];
      const place = stops.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
      event.preventDefault();
      stops[(place + stops.length) % stops.length].focus();
    }
    if (event.key === "Escape") {
      document.querySelector(".menu.is-open")?.classList.remove("is-open");
      document.querySelectorAll("details.menu-button[open]").forEach((menu) => menu.removeAttribute("open"));
    }
  });

  document.addEventListener("click", (event) => {
    const on = (name) => event.target.closest(`[${name}]`);
    if (on("data-open-search")) {
      event.preventDefault();
      openSearch();
    }
    if (on("data-toggle-menu")) {
      const isOpen = document.getElementById("menu").classList.toggle("is-open");
      on("data-toggle-menu").setAttribute("aria-expanded", String(isOpen));
      if (isOpen) document.querySelector("#menu a").focus();
    } else if (!event.target.closest("#menu")) {
      document.querySelector(".menu.is-open")?.classList.remove("is-open");
    }
    if (on("data-close")) event.target.closest("dialog").close();
    if (event.target.matches("dialog[open]")) event.target.close();
    document.querySelectorAll("details.menu-button[open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.removeAttribute("open");
    });
    const copied = on("data-copy");
    if (copied) {
      navigator.clipboard?.writeText(document.getElementById(copied.dataset.copy).textContent.trim());
      copied.textContent = copied.dataset.done;
    }
  });

  document.addEventListener("change", (event) => {
    const themes = event.target.closest("[data-themes]");
    if (themes) {
      root.dataset.theme = event.target.value;
      document.cookie = `dotbridge_theme=${event.target.value}; path=/; max-age=31536000; samesite=lax`;
    }
    if (event.target.matches("[data-choose-all]")) {
      event.target.form.querySelectorAll("[data-choose]").forEach((box) => { box.checked = event.target.checked; });
    }
    if (event.target.matches("[data-choose], [data-choose-all]")) {
      const { form } = event.target;
      const number = form.querySelectorAll("[data-choose]:checked").length;
      form.querySelectorAll("[data-bulk]").forEach((bar) => { bar.hidden = number === 0; });
      form.querySelectorAll("[data-chosen]").forEach((place) => { place.textContent = String(number); });
    }
    if (event.target.matches("input[type=file][data-most]")) {
      const isTooLarge = [...event.target.files].some((file) => file.size > Number(event.target.dataset.most));
      event.target.setCustomValidity(isTooLarge ? event.target.dataset.tooLarge : "");
      event.target.reportValidity();
    }
  });

  /* A form that was changed and not sent asks before it is left, also by sending another one of the page; one that was
     sent is not sent twice. */
  const changed = new Set();
  let sending = null;
  const hasChanges = () => [...changed].some((form) => form.isConnected && form !== sending);
  const stay = () => {
    sending = null;
    document.querySelectorAll("form[data-sent]").forEach((form) => { delete form.dataset.sent; });
  };
  const noteChange = (form) => {
    if (!form) return;
    changed.add(form);
    form.querySelectorAll("[data-when-changed]").forEach((place) => { place.hidden = false; });
    form.querySelectorAll("[data-until-changed]").forEach((place) => { place.hidden = true; });
  };
  document.addEventListener("input", (event) => noteChange(event.target.closest("form[data-asks]")));
  document.addEventListener("rule-changed", (event) => noteChange(event.target.closest("form[data-asks]")));
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.hasAttribute("hx-post")) { changed.delete(form); return; }
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    sending = form;
  });
  window.addEventListener("pageshow", stay);
  document.addEventListener("dotbridge-session-ended", () => {
    if (hasChanges()) document.querySelector("[data-session-ended]").hidden = false;
    else window.location.reload();
  });
  window.addEventListener("beforeunload", (event) => {
    if (!hasChanges()) return;
    event.preventDefault();
    // Runs for whoever answers that they stay: then nothing was sent.
    setTimeout(stay);
  });

  const openSheets = (scope) => scope.querySelectorAll("dialog[data-opens]").forEach((sheet) => {
    if (!sheet.open) sheet.showModal();
  });
  document.addEventListener("htmx:afterSwap", (event) => openSheets(event.target.ownerDocument));
  /* A sheet that stands in the page with an address of its own leads back when it is closed. */
  document.addEventListener("close", (event) => {
    const back = event.target.dataset?.back;
    if (back) window.location.assign(back);
  }, true);
  openSheets(document);

  /* The tab one is on is in sight, also where the screen is too narrow for all of them. */
  document.querySelectorAll(".tabs").forEach((tabs) => {
    const current = tabs.querySelector("[aria-current]");
    if (current) tabs.scrollLeft = current.offsetLeft - (tabs.clientWidth - current.offsetWidth) / 2;
  });
})();
